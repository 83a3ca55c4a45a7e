"""Full rankings of models that score pairs: NeuMF, FM, and others without scores of all items.

RecBole's ``predict`` of such a model gets one row for each pair, so that what is the user's is
computed once for each item, and what is the item's once for each user. Here the same ``predict``
gets ``Rows``, of which each is kept, and computed, once.

These scores differ from RecBole's by rounding, which can exchange two items whose scores are next
to each other. Therefore a user with such neighbours among the recommended ones is scored again in
RecBole's way, and the recommended items are RecBole's. So is a model that does what rows cannot
do: some users, the first and others, are scored in both ways.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recbole_ext.patches.functions.pairs import operations  # noqa: F401  fills the table
from recbole_ext.patches.functions.pairs.rows import Pairs, Rows
from recbole_ext.patches.functions.pairs.state import State
from recbole_ext.patches.functions.ranking import users_at_a_time

LARGEST = 2**23  # numbers of the largest tensor of a block of users: 32 MiB in float32
SAFETY = 4  # errors are expected to be at most so many times the largest that has been seen
LOOK = 64  # users: after so many, it is known whether a ranking is worth it
CHECKED = 32  # one batch of RecBole's out of so many is scored in both ways
MOST = 1 / 8  # of the users may need RecBole's scores, too: with more, they are not worth it
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # scores that differ more differ by more than rounding

# What RecBole collects of more than the recommended items.
WHOLE_RANKINGS = ("rec.meanrank", "rec.score")

Scorer = Callable[[Any], Tensor]


def full_sort_batch_eval(
    wrapped: Callable[[Any], Any], trainer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Trainer._full_sort_batch_eval``: the scores of pairs from parts, where that is possible.

    Returns:
        the users, their scores [users, n_items], and of each held-out item its row and its id.
    """

    def theirs(users: Any) -> Any:
        return wrapped((users, None, None, None))[1]

    def score(batched_data: Any) -> Any:
        users, history, *positive = batched_data
        step = users_at_a_time(trainer)
        collector, items = trainer.eval_collector, trainer.item_tensor
        scores = None
        if (
            history is not None
            and len(users) > step
            and not any(map(collector.register.need, WHOLE_RANKINGS))
            and scores_pairs_alone(trainer.model)
        ):
            length = max(collector.topk)
            scores = Ranking(trainer.model, users, items, history, length, step, theirs).scores()
        return wrapped(batched_data) if scores is None else (users, scores, *positive)

    return score(*args, **kwargs)


def scores_pairs_alone(model: Any) -> bool:
    """Whether a model is on the CPU and has no scores of all items of its own."""
    from recbole.model.abstract_recommender import AbstractRecommender

    own = getattr(model.full_sort_predict, "__func__", None)
    on_cpu = all(weight.device.type == "cpu" for weight in model.parameters())
    return own is AbstractRecommender.full_sort_predict and on_cpu


@dataclass(frozen=True)
class Ranking:
    """A full ranking of some users.

    Attributes:
        model: in evaluation.
        users: RecBole's interaction of users, with their features.
        items: that of all items.
        history: what is not ranked, rows of users and ids of items.
        length: how many items of each user are looked at.
        step: how many users RecBole scores at a time.
        theirs: RecBole's scores, [users, items], of some of the users.
    """

    model: Any
    users: Any
    items: Any
    history: tuple[Tensor, Tensor]
    length: int
    step: int
    theirs: Scorer

    def scores(self) -> Tensor | None:
        """[users, items], ``-inf`` where an item is not ranked.

        The first ``length`` items of each user, and one more, are those of RecBole's scores.

        Returns:
            None where the model has to be scored in RecBole's way; nothing has changed then.
        """
        before = State(self.model)
        try:
            scores = self._scores()
        except Exception:  # whatever a model does: RecBole's way shows if the fault is the model's
            scores = None
        if scores is None or before.is_left():
            before.restore()
            return None
        return scores

    def _scores(self) -> Tensor | None:
        first = slice(0, self.step)
        largest, part = self._of_pairs(first)
        theirs = self.theirs(self.users[first])
        if not torch.allclose(part[:, 1:], theirs[:, 1:], RELATIVE, ABSOLUTE):
            return None
        error = Error()
        error.see(part[:, 1:], theirs[:, 1:])
        block = max(1, LARGEST // (largest // self.step))
        parts, start, size = [theirs], self.step, min(block, LOOK)
        while start < len(self.users):
            part = self._of_pairs(slice(start, start + size))[1]
            if not part.isfinite().all():
                return None  # the order of infinite scores is not known from their differences
            parts.append(part)
            if start == self.step:
                scores = self._ranked(torch.cat(parts))
                if _close(scores, self.length, error).float().mean() > MOST:
                    return None
            start, size = start + size, block
        return self._settled(self._ranked(torch.cat(parts)), error)

    def _of_pairs(self, rows: slice) -> tuple[int, Tensor]:
        """Ours of some users, [U, I], and the numbers of the largest tensor on the way."""
        from recbole.data.interaction import Interaction

        users = self.users[rows]
        pairs = Pairs(len(users), len(self.items))
        fields = {name: Rows([x.unsqueeze(1)], pairs) for name, x in users.interaction.items()}
        fields |= {
            name: Rows([x.unsqueeze(0)], pairs) for name, x in self.items.interaction.items()
        }
        scores = self.model.predict(Interaction(fields))
        if isinstance(scores, Rows):
            scores = scores.plain()
        return pairs.largest, scores.reshape(pairs.n_users, pairs.n_items).clone()

    def _ranked(self, scores: Tensor) -> Tensor:
        """The scores of the first users, in place: ``-inf`` where an item is not ranked."""
        rows, items = self.history
        here = rows < len(scores)
        scores[rows[here], items[here]] = -torch.inf
        scores[:, 0] = -torch.inf
        return scores

    def _settled(self, scores: Tensor, error: "Error") -> Tensor | None:
        """The scores, in place: RecBole's, where the order of two items could be another one.

        Users among all are scored in both ways, close or not: the first ones alone could be done
        by other lines of the model, or have smaller errors.
        """
        ranked = scores > -torch.inf
        number = torch.arange(len(scores)) // self.step
        done, due = number == 0, number % CHECKED == 0
        while (due := (due | _close(scores, self.length, error)) & ~done).any():
            for start in number[due].unique().tolist():
                rows = slice(start * self.step, (start + 1) * self.step)
                theirs = torch.where(ranked[rows], self.theirs(self.users[rows]), -torch.inf)
                if not torch.allclose(scores[rows], theirs, RELATIVE, ABSOLUTE):
                    return None
                error.see(scores[rows], theirs)
                scores[rows], done[rows] = theirs, True
        return scores


@dataclass
class Error:
    """The largest error of our scores, of those that have been compared with RecBole's.

    Attributes:
        absolute: a difference of two scores.
        relative: the same as a part of the user's largest score.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def see(self, ours: Tensor, theirs: Tensor) -> None:
        """Look at the scores of some users, [users, items]; ``-inf`` is no score."""
        rounding = torch.finfo(theirs.dtype).eps
        differences = (ours - theirs).nan_to_num(0).abs().amax(1)
        relative = (differences / _largest(theirs)).nan_to_num(0).clamp(min=rounding)
        self.relative = max(self.relative, float(relative.max()))
        absolute = differences.clamp(min=rounding * float(_largest(theirs).max()))
        self.absolute = max(self.absolute, float(absolute.max()))

    def of(self, scores: Tensor) -> Tensor:
        """The largest error that is expected of each user: [users, items] -> [users]."""
        return SAFETY * (self.relative * _largest(scores)).clamp(min=self.absolute)


def _largest(scores: Tensor) -> Tensor:
    """[users, items] -> [users]: of the scores that are ranked, without their signs."""
    return torch.where(scores > -torch.inf, scores.abs(), 0).amax(1)


def _close(scores: Tensor, length: int, error: Error) -> Tensor:
    """Whether two neighbours among the first items of each user may be exchanged: [users]."""
    first = scores.topk(min(length + 1, scores.shape[1]))[0]
    gaps = first[:, :-1] - first[:, 1:]  # not a number between items that are not ranked
    return (gaps <= 2 * error.of(scores)[:, None]).any(1)

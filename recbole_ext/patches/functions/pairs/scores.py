"""Full rankings of models that score pairs: NeuMF, FM, and others without scores of all items.

RecBole's ``predict`` of such a model gets one row for each pair, so that what is the user's is
computed once for each item, and what is the item's once for each user. Here the same ``predict``
gets ``Rows``, of which each is kept, and computed, once.

These scores differ from RecBole's by rounding, which can exchange two items whose scores are next
to each other. Therefore a user with such neighbours among the recommended ones is scored again in
RecBole's way, and the recommended items are RecBole's. So is a model that does what rows cannot
do: the first users are scored in both ways.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recbole_ext.patches.functions.pairs import operations  # noqa: F401  fills the table
from recbole_ext.patches.functions.pairs.rows import Pairs, Rows

LARGEST = 2**23  # numbers of the largest tensor of a block of users: 32 MiB in float32
SAFETY = 4  # errors are expected to be at most so many times the largest that has been seen
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
        step = max(trainer.config["eval_batch_size"] // trainer.tot_item_num, 1)
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
            None where the model has to be scored in RecBole's way.
        """
        before = torch.get_rng_state()
        try:
            scores = self._scores()
            drawn = not torch.equal(torch.get_rng_state(), before)
        except Exception:  # whatever a model does: RecBole's way shows if the fault is the model's
            scores, drawn = None, True
        if drawn:
            torch.set_rng_state(before)
            return None
        return scores

    def _scores(self) -> Tensor | None:
        first = slice(0, self.step)
        largest, part = self._of_pairs(first)
        theirs = self.theirs(self.users[first])
        part[:, 0] = theirs[:, 0]
        if not torch.allclose(part, theirs, RELATIVE, ABSOLUTE):
            return None
        error = _error(part, theirs)
        parts, start, block = [part], self.step, max(1, LARGEST // (largest // self.step))
        while start < len(self.users):
            parts.append(self._of_pairs(slice(start, start + block))[1])
            if start == self.step:
                scores = self._ranked(torch.cat(parts))
                if _close(scores, self.length, error).float().mean() > MOST:
                    return None
            start += block
        scores = self._ranked(torch.cat(parts))
        return None if scores.isnan().any() else self._settled(scores, error)

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

    def _settled(self, scores: Tensor, error: float) -> Tensor:
        """The scores, in place: RecBole's, where the order of two items could be another one."""
        done = torch.zeros(len(scores), dtype=torch.bool)
        ranked = scores > -torch.inf
        while (open_ := _close(scores, self.length, error) & ~done).any():
            for start in (open_.nonzero()[:, 0] // self.step).unique().tolist():
                rows = slice(start * self.step, (start + 1) * self.step)
                theirs = torch.where(ranked[rows], self.theirs(self.users[rows]), -torch.inf)
                error = max(error, _error(scores[rows], theirs))
                scores[rows], done[rows] = theirs, True
        return scores


def _error(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, and at least the rounding of the largest score."""
    ranked = theirs > -torch.inf
    rounding = torch.finfo(theirs.dtype).eps * theirs[ranked].abs().max()
    return max(float((ours - theirs)[ranked].abs().max()), float(rounding))


def _close(scores: Tensor, length: int, error: float) -> Tensor:
    """Whether two neighbours among the first items of each user may be exchanged: [users]."""
    first = scores.topk(min(length + 1, scores.shape[1]))[0]
    gaps = first[:, :-1] - first[:, 1:]  # not a number between items that are not ranked
    return (gaps <= 2 * SAFETY * error).any(1)

"""Full rankings from scores that differ from RecBole's by rounding, with RecBole's lists.

Scores that are computed in another way than RecBole's, or of more users at once, differ from its
scores in the last bits, which can exchange two items whose scores are next to each other.
Therefore a user with such neighbours among the recommended ones is scored again in RecBole's way,
and the recommended items are RecBole's. So is a model whose other scores are not the same: some
users, the first and others, are scored in both ways.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recbole_ext.patches.functions.model_state import State
from recbole_ext.patches.functions.ranking import users_at_a_time

SAFETY = 4  # errors are expected to be at most so many times the largest that has been seen
LOOK = 64  # users: after so many, it is known whether a ranking is worth it
CHECKED = 32  # one batch of RecBole's out of so many is scored in both ways
MOST = 1 / 8  # of the users may need RecBole's scores, too: with more, they are not worth it
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # scores that differ more differ by more than rounding

# What RecBole collects of more than the recommended items.
WHOLE_RANKINGS = ("rec.meanrank", "rec.score")

Scorer = Callable[[Any], Tensor]


def score(
    wrapped: Callable[[Any], Any],
    trainer: Any,
    batched_data: Any,
    ranking: Callable[..., "Ranking"],
) -> Any:
    """A batch of a full ranking, by a ``Ranking`` where that is possible, or by ``wrapped``.

    Args:
        wrapped: ``Trainer._full_sort_batch_eval``.
        trainer: whose it is.
        batched_data: its argument.
        ranking: of the attributes of ``Ranking``.

    Returns:
        the users, their scores [users, n_items], and of each held-out item its row and its id.
    """
    users, history, *positive = batched_data
    collector, step = trainer.eval_collector, users_at_a_time(trainer)
    whole = any(map(collector.register.need, WHOLE_RANKINGS))
    on_cpu = all(weight.device.type == "cpu" for weight in trainer.model.parameters())
    if history is None or len(users) <= step or whole or not on_cpu:
        return wrapped(batched_data)

    def theirs(users: Any) -> Any:
        return wrapped((users, None, None, None))[1]

    length = max(collector.topk)
    scores = ranking(trainer.model, users, history, length, step, theirs).scores()
    return wrapped(batched_data) if scores is None else (users, scores, *positive)


@dataclass(frozen=True)
class Ranking(ABC):
    """A full ranking of some users.

    Attributes:
        model: in evaluation.
        users: RecBole's interaction of users, with their features.
        history: what is not ranked, rows of users and ids of items.
        length: how many items of each user are looked at.
        step: how many users RecBole scores at a time.
        theirs: RecBole's scores, [users, items], of some of the users.
    """

    model: Any
    users: Any
    history: tuple[Tensor, Tensor]
    length: int
    step: int
    theirs: Scorer

    @abstractmethod
    def ours(self, rows: slice) -> Tensor:
        """The scores of some of the users, [rows, items]."""

    @abstractmethod
    def first(self) -> tuple[Tensor, int]:
        """``ours`` of the first users, ``step`` or more, and how many users come at a time then."""

    def scores(self) -> Tensor | None:
        """[users, items], ``-inf`` where an item is not ranked.

        The first ``length`` items of each user, and one more, are those of RecBole's scores.

        Returns:
            None where the model has to be scored in RecBole's way; nothing has changed then.
        """
        before = State(self.model)
        try:
            scores = self._scores(before)
        except Exception:  # whatever a model does: RecBole's way shows if the fault is the model's
            scores = None
        if scores is None:
            before.restore()
        return scores

    def _scores(self, start: State) -> Tensor | None:
        theirs = self.theirs(self.users[slice(0, self.step)])
        if not start.has_same_random_numbers():
            return None  # scores are drawn: the order of the calls decides about them
        before = State(self.model)  # with what the first scores leave in a model, such as a graph's
        scores = self._from_parts(theirs)
        return None if scores is None or before.is_left() else scores

    def _from_parts(self, theirs: Tensor) -> Tensor | None:
        part, block = self.first()
        if not torch.allclose(part[: self.step, 1:], theirs[:, 1:], RELATIVE, ABSOLUTE):
            return None
        error = Error()
        error.see(part[: self.step, 1:], theirs[:, 1:])
        lists = _Lists.of(part, len(self.users), self.length)
        lists.add(part, self.history)
        looked = False
        while lists.n < len(self.users):
            size = block if looked else min(block, LOOK)
            lists.add(self.ours(slice(lists.n, lists.n + size)), self.history)
            if not looked and lists.close(error)[: lists.n].float().mean() > MOST:
                return None
            looked = True
        return self._settled(lists, error) if lists.are_finite else None

    def _settled(self, lists: "_Lists", error: "Error") -> Tensor | None:
        """The scores: RecBole's, where the order of two items could be another one.

        Users among all are scored in both ways, close or not: the first ones alone could be done
        by other lines of the model, or have smaller errors.
        """
        scores = lists.scores
        number = torch.arange(len(scores)) // self.step
        done, due = torch.zeros(len(scores), dtype=torch.bool), number % CHECKED == 0
        while (due := (due | lists.close(error)) & ~done).any():
            for start in number[due].unique().tolist():
                rows = slice(start * self.step, (start + 1) * self.step)
                ranked = scores[rows] > -torch.inf
                theirs = torch.where(ranked, self.theirs(self.users[rows]), -torch.inf)
                if not torch.allclose(scores[rows], theirs, RELATIVE, ABSOLUTE):
                    return None
                error.see(scores[rows], theirs)
                scores[rows], done[rows] = theirs, True
        return scores


@dataclass
class _Lists:
    """Scores as they come, and how far apart the recommended items of each user are.

    Attributes:
        scores: [users, items], ``-inf`` where an item is not ranked.
        gaps: [users, length], between neighbours among the first items; not a number between
            items that are not ranked.
        largest: [users], of the scores of all items, without their signs.
        n: users that are there.
        are_finite: whether all scores are; the order of others is not known from differences.
    """

    scores: Tensor
    gaps: Tensor
    largest: Tensor
    n: int = 0
    are_finite: bool = True

    @classmethod
    def of(cls, part: Tensor, n_users: int, length: int) -> "_Lists":
        """For some users, with scores of the kind of ``part``."""
        n_items = part.shape[1]
        gaps = part.new_zeros(n_users, min(length, n_items - 1))
        return cls(part.new_zeros(n_users, n_items), gaps, part.new_zeros(n_users))

    def add(self, part: Tensor, history: tuple[Tensor, Tensor]) -> None:
        """The scores of the next users, [rows, items]."""
        start, self.n = self.n, self.n + len(part)
        rows = slice(start, self.n)
        low, high = part[:, 1:].aminmax(dim=1)
        self.are_finite &= bool((high - low).isfinite().all())
        self.largest[rows] = torch.maximum(high, -low)
        scores = self.scores[rows]
        scores.copy_(part)
        users, items = history
        here = (users >= start) & (users < self.n)
        scores[users[here] - start, items[here]] = -torch.inf
        scores[:, 0] = -torch.inf
        first = scores.topk(self.gaps.shape[1] + 1)[0]
        self.gaps[rows] = first[:, :-1] - first[:, 1:]

    def close(self, error: "Error") -> Tensor:
        """Whether two neighbours among the first items of each user may be exchanged: [users]."""
        return (self.gaps <= 2 * error.of(self.largest)[:, None]).any(1)


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

    def of(self, largest: Tensor) -> Tensor:
        """The largest error that is expected of each user, by its largest score: [users]."""
        return SAFETY * (self.relative * largest).clamp(min=self.absolute)


def _largest(scores: Tensor) -> Tensor:
    """[users, items] -> [users]: of the scores that are ranked, without their signs."""
    return torch.where(scores > -torch.inf, scores.abs(), 0).amax(1)

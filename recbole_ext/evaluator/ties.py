"""Ties at the cut of a ranking: equal scores at ranks k and k + 1.

How a library sorts then decides which of the tied items are among the first k; the metrics depend
on it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Ties:
    """How many users have a tie at the cut.

    Attributes:
        users: the number of users with a ranking.
        at_rank: rank -> users with equal scores at this rank and the next; ranks without such
            users are left out.
    """

    users: int
    at_rank: dict[int, int]

    @classmethod
    def of(cls, tied: "Tensor", ranks: Iterable[int]) -> "Ties":
        """Count the users.

        Args:
            tied: [users, ranks], as ``at_ranks`` returns it, of all users.
            ranks: the cutoffs.
        """
        counts = zip(ranks, tied.sum(0).tolist(), strict=True)
        return cls(len(tied), {rank: count for rank, count in counts if count})


class Metrics(OrderedDict[str, float]):
    """The metrics of a ranking, as RecBole returns them, with their ties."""

    def __init__(self, metrics: Any = (), ties: Ties | None = None) -> None:
        super().__init__(metrics)
        self.ties = ties

    def __repr__(self) -> str:
        return repr(OrderedDict(self))  # as RecBole prints it


def at_ranks(scores: "Tensor", ranks: Sequence[int]) -> "Tensor":
    """Whether two items with the same score stand at a rank and at the next.

    Args:
        scores: [users, items], ``-inf`` for items that are no candidates: these are never tied.
        ranks: from 1 on.

    Returns:
        [users, ranks], booleans.
    """
    import torch
    from torch.nn import functional

    n_best = max(ranks) + 1
    best = scores.topk(min(n_best, scores.shape[1])).values
    best = functional.pad(best, (0, n_best - best.shape[1]), value=-torch.inf)
    places = torch.tensor(list(ranks), device=scores.device)
    after = best[:, places]
    return (best[:, places - 1] == after) & (after > -torch.inf)


def counts(metrics: Mapping[str, float]) -> dict[str, int]:
    """Rank -> users with a tie at this rank, as results write it; empty without ties."""
    ties = getattr(metrics, "ties", None)
    return {str(rank): users for rank, users in ties.at_rank.items()} if ties else {}


def sentences(parts: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A line for each part with ties, to stand below its metrics.

    Args:
        parts: name, such as ``test`` -> its metrics.
    """
    lines = []
    for name, metrics in parts.items():
        ties = getattr(metrics, "ties", None)
        if ties is not None and ties.at_rank:
            at = " and of ".join(f"rank {rank} for {n}" for rank, n in ties.at_rank.items())
            lines.append(
                f"ties: in {name}, items with equal scores stand on both sides of {at} of "
                f"{ties.users} users; the metrics depend on their order"
            )
    return lines

"""Full rankings of models with scores of all items: of many users at once.

With RecBole's ``eval_batch_size`` a model scores two users of ml-100k at a time, and a call costs
more than its arithmetic. The scores of more users at once differ from RecBole's by rounding:
near_ties.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from recbole_ext.patches.functions import near_ties
from recbole_ext.patches.functions.pairs.scores import scores_pairs_alone
from recbole_ext.patches.functions.ranking import scores_all_items, users_at_a_time

BLOCK = 2**18  # scores: models have tensors of a vector for each, of 64 MiB with 64 numbers


def full_sort_batch_eval(
    wrapped: Callable[[Any], Any], trainer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Trainer._full_sort_batch_eval``: the scores of blocks of users, where that is possible."""

    def score(batched_data: Any) -> Any:
        block = BLOCK // trainer.tot_item_num
        if (
            block <= users_at_a_time(trainer)
            or scores_pairs_alone(trainer.model)
            or scores_all_items(trainer.config)
        ):
            return wrapped(batched_data)
        ranking = partial(BlockRanking, block=block)
        return near_ties.score(wrapped, trainer, batched_data, ranking)

    return score(*args, **kwargs)


@dataclass(frozen=True)
class BlockRanking(near_ties.Ranking):
    """A full ranking by a model's ``full_sort_predict``.

    Attributes:
        block: how many users are scored at once.
    """

    block: int

    def first(self) -> tuple[Tensor, int]:
        return self.ours(slice(0, self.block)), self.block

    def ours(self, rows: slice) -> Tensor:
        return self.theirs(self.users[rows]).clone()

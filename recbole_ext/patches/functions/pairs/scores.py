"""Full rankings of models that score pairs: NeuMF, FM, and others without scores of all items.

RecBole's ``predict`` of such a model gets one row for each pair, so that what is the user's is
computed once for each item, and what is the item's once for each user. Here the same ``predict``
gets ``Rows``, of which each is kept, and computed, once. These scores differ from RecBole's by
rounding: near_ties.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from recbole_ext.patches.functions import near_ties
from recbole_ext.patches.functions.pairs import operations  # noqa: F401  fills the table
from recbole_ext.patches.functions.pairs.rows import Pairs, Rows

LARGEST = 2**23  # numbers of the largest tensor of a block of users: 32 MiB in float32


def full_sort_batch_eval(
    wrapped: Callable[[Any], Any], trainer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Trainer._full_sort_batch_eval``: the scores of pairs from parts, where that is possible."""

    def score(batched_data: Any) -> Any:
        if not scores_pairs_alone(trainer.model):
            return wrapped(batched_data)
        ranking = partial(PairRanking, items=trainer.item_tensor)
        return near_ties.score(wrapped, trainer, batched_data, ranking)

    return score(*args, **kwargs)


def scores_pairs_alone(model: Any) -> bool:
    """Whether a model has no scores of all items of its own."""
    from recbole.model.abstract_recommender import AbstractRecommender

    own = getattr(model.full_sort_predict, "__func__", None)
    return own is AbstractRecommender.full_sort_predict


@dataclass(frozen=True)
class PairRanking(near_ties.Ranking):
    """A full ranking by a model's ``predict``.

    Attributes:
        items: RecBole's interaction of all items.
    """

    items: Any

    def first(self) -> tuple[Tensor, int]:
        largest, part = self._of_pairs(slice(0, self.step))
        return part, max(1, LARGEST // (largest // self.step))

    def ours(self, rows: slice) -> Tensor:
        return self._of_pairs(rows)[1]

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

r"""The vector of a user or an item in NCF: an embedding, and with ``history`` its interactions.

    p_u = own_u + |R(u)|^(-1/2) sum_{j in R(u)} y_j

R(u) are the items of the user's interactions in the training split; for an item, the users. Koren,
"Factorization Meets the Neighborhood", KDD 2008, equation 15, for users; Deng et al., "DeepCF",
AAAI 2019, give a tower the interactions of both. In training each j is left out with a probability,
and what is left scaled up: the interaction that is to be predicted is itself one of R(u), and a
net that always sees it learns to look for it alone.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from recbole_ext.data.rating_matrix import RatingMatrix


def once_each(ids: Tensor, n: int, compute: Callable[[Tensor | None], Tensor]) -> Tensor:
    """``compute(ids)``, which is computed once for those that are equal.

    Args:
        ids: [B], each below ``n``.
        n: with four times as many ids as there can be, nearly all occur: all are computed.
        compute: [distinct] -> [distinct, ...]; None stands for all n.
    """
    if len(ids) >= 4 * n:
        return functional.embedding(ids, compute(None))
    distinct, which = ids.unique(return_inverse=True)
    return functional.embedding(which, compute(distinct))


class Profile(nn.Embedding):
    """A vector for each user, or each item.

    Args:
        n: users or items, the padding id 0 included.
        size: E.
        histories: their interactions; None for none.
        dropout_prob: of each interaction of a history, in [0, 1).
        sparse: whether gradients are of the rows that a batch has, for ``learner: sparse_adam``.
    """

    def __init__(
        self,
        n: int,
        size: int,
        histories: RatingMatrix | None = None,
        dropout_prob: float = 0.0,
        sparse: bool = False,
    ) -> None:
        super().__init__(n, size, sparse=sparse)
        self.histories, self.dropout_prob = histories, dropout_prob
        self.other = None  # y
        if histories is not None:
            self.other = nn.Embedding(histories.n_columns, size, sparse=sparse)

    def forward(self, ids: Tensor | None = None) -> Tensor:
        """[B] -> [B, E]; None for all of them, in their order."""
        everyone = ids is None
        ids = self._all() if ids is None else ids
        own = self.weight if everyone and not self.sparse else super().forward(ids)
        if self.histories is None:
            return own
        return own + once_each(ids, self.num_embeddings, self._histories_of)

    def _all(self) -> Tensor:
        return torch.arange(self.num_embeddings, device=self.weight.device)

    def newcomer(self, others: Tensor) -> Tensor:
        """The vector of one that was not in training: the mean of all own ones, and its history.

        Args:
            others: [|R|], its interactions.

        Returns:
            [1, E].
        """
        own = self.weight[1:].mean(0, keepdim=True)
        if self.other is None:
            return own
        return own + self._history(others, torch.zeros_like(others), 1)

    def without_each(self, id_: int, others: Tensor) -> Tensor:
        """The vectors of one of training, if each of its interactions in turn were not there.

        Args:
            id_: whose they are; its own vector stays.
            others: [|R|], its interactions.

        Returns:
            [|R|, E].
        """
        assert self.other is not None
        y = self.other(others)
        scale = max(len(others) - 1, 1) ** -0.5
        return self.weight[id_] + scale * (y.sum(0) - y)

    def _histories_of(self, ids: Tensor | None) -> Tensor:
        assert self.histories is not None
        ids = self._all() if ids is None else ids
        row, place = self.histories.places(ids)
        return self._history(self.histories.columns[place], row, len(ids))

    def _history(self, others: Tensor, row: Tensor, n: int) -> Tensor:
        """The histories of ``n`` rows; ``row`` says which one each of ``others`` is of."""
        assert self.other is not None
        counts = torch.bincount(row, minlength=n)
        weights = counts.to(self.weight).rsqrt()[row]
        weights = functional.dropout(weights, self.dropout_prob, self.training)
        starts = counts.cumsum(0) - counts
        return functional.embedding_bag(
            others,
            self.other.weight,
            starts,
            mode="sum",
            per_sample_weights=weights,
            sparse=self.sparse,
        )

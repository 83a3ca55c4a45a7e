r"""EASE's score, which our models can add to their own where they rank items.

    z_ui = sum_{j in R(u)} b_ji
    B    = I - P diag(P)^{-1},    P = (X^T X + lambda I)^{-1}

X [users, items] has a 1 for each interaction of training, R(u) are the items of u. B is the ridge
regression of each item on all others, in closed form: Steck, "Embarrassingly Shallow Autoencoders
for Sparse Data", WWW 2019, equation 8. A tower says what a user's items have in common; B says
which single items go together.

    score_ui = s_ui + ease_weight z_ui            s: of the model

The model is trained as if z was not there. Trained together with z, it learns what B leaves over of
the interactions that B was fitted to; in all variants that were tried it then ranked worse, also
where each user had the z of a B that was fitted without the user.

Symbols: I items, the padding id included; B as a size is a number of users.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from torch.nn import functional

from recbole_ext.data.rating_matrix import Cells, RatingMatrix

_BLOCK = 2**22  # scores at a time


class ItemWeights(NamedTuple):
    """B, and the users' items; read-only: copies of a model share it, however deep they are.

    Attributes:
        users: R(u), a row for each user; the values do not matter.
        matrix: [I, I], B times ``ease_weight``; row j is what the item j adds to the scores.
    """

    users: RatingMatrix
    matrix: Tensor

    @classmethod
    def fitted(cls, users: RatingMatrix, weight: float, reg_weight: float) -> "ItemWeights":
        """B of some users' items, computed in float64.

        Args:
            users: R(u).
            weight: ``ease_weight``.
            reg_weight: lambda, above 0.
        """
        starts, columns = users.starts.cpu().numpy(), users.columns.cpu().numpy()
        x = csr_matrix((np.ones(len(columns)), columns, starts), (users.n_rows, users.n_columns))
        gram = (x.T @ x).toarray()  # [I, I]
        gram[np.diag_indices_from(gram)] += reg_weight
        p = np.linalg.inv(gram)
        b = p / -np.diag(p)
        np.fill_diagonal(b, 0.0)
        return cls(users, torch.from_numpy((weight * b).astype(np.float32)).to(users.device))

    def of_baskets(self, baskets: Cells, items: Tensor | slice = slice(None)) -> Tensor:
        """The scores for people, by their items.

        Args:
            baskets: of B people; the values do not matter.
            items: [T], those that are scored; by default all.

        Returns:
            [B, T].
        """
        weights = self.matrix[:, items]
        return functional.embedding_bag(baskets.columns, weights, baskets.starts, mode="sum")

    def of_users(self, users: Tensor) -> Tensor:
        """The scores of every item for users of training: [B] -> [B, I]."""
        return self.of_baskets(self.users.cells(users))

    def of_pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """The scores of single pairs of a user and an item: [n], [n] -> [n]."""
        distinct, which = users.unique(return_inverse=True)
        scores = torch.empty(len(users), device=users.device)
        step = max(1, _BLOCK // self.users.n_columns)
        for start in range(0, len(distinct), step):
            here = ((which >= start) & (which < start + step)).nonzero().ravel()
            block = self.of_users(distinct[start : start + step])
            scores[here] = block[which[here] - start, items[here]]
        return scores

    def __deepcopy__(self, memo: dict[int, Any]) -> "ItemWeights":
        return self

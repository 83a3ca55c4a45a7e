r"""What the numbers of AutoRec's last layer are: ratings, or classes of ratings.

    ratings    h(r)_c = f(s_c),                  error (r_c - h(r)_c)^2
    classes    h(r)_c = sum_k p_k l_k,           error -log p_k of the rating's class k,
               p = softmax(s_c1, ..., s_cK)

s = W g(V r + mu) + b are the scores, one a column or K; l are the K ratings that occur. Both errors
are summed over the observed ratings alone and averaged over the rows of the batch.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.data.rating_matrix import nearest_level


class RatingHead(NamedTuple):
    """One score a column.

    Attributes:
        f: the activation, element by element.
    """

    f: Callable[[Tensor], Tensor]

    @property
    def n_scores(self) -> int:
        """The scores of a column."""
        return 1

    def outputs(self, scores: Tensor) -> Tensor:
        """The outputs that the error compares, the ratings: [..., 1] -> [...]."""
        return self.f(scores.squeeze(-1))

    def ratings(self, outputs: Tensor) -> Tensor:
        """The ratings that ``outputs`` stand for: [...] -> [...]."""
        return outputs

    def error_of_rows(self, outputs: Tensor, rows: Tensor, observed: Tensor) -> Tensor:
        """``observed_squared_error``: [B, C] each -> a scalar."""
        return observed_squared_error(outputs, rows, observed)

    def error_of_cells(self, outputs: Tensor, ratings: Tensor, n_rows: int) -> Tensor:
        """The same of the observed cells of B rows: [n], [n], B -> a scalar."""
        return functional.mse_loss(outputs, ratings, reduction="sum") / n_rows


class ClassHead(NamedTuple):
    """K scores a column.

    Attributes:
        levels: [K], the ratings that occur, ascending.
    """

    levels: Tensor

    @property
    def n_scores(self) -> int:
        """The scores of a column."""
        return len(self.levels)

    def outputs(self, scores: Tensor) -> Tensor:
        """The outputs that the error compares, the scores: [..., K] -> [..., K]."""
        return scores

    def ratings(self, outputs: Tensor) -> Tensor:
        """The means of the classes: [..., K] -> [...]."""
        return outputs.softmax(-1) @ self.levels

    def error_of_rows(self, outputs: Tensor, rows: Tensor, observed: Tensor) -> Tensor:
        """``observed_cross_entropy``: [B, C, K], [B, C], [B, C] -> a scalar."""
        return observed_cross_entropy(outputs, rows, observed, self.levels)

    def error_of_cells(self, outputs: Tensor, ratings: Tensor, n_rows: int) -> Tensor:
        """The same of the observed cells of B rows: [n, K], [n], B -> a scalar."""
        return cross_entropy(outputs, ratings, self.levels) / n_rows


Head = RatingHead | ClassHead


def observed_squared_error(rebuilt: Tensor, rows: Tensor, observed: Tensor) -> Tensor:
    """The squared error of the observed ratings, summed over columns, averaged over rows.

    Args:
        rebuilt, rows: [B, C].
        observed: [B, C], true where there is a rating; a rating may be 0.

    Returns:
        A scalar. What stands in an unobserved cell changes neither it nor its gradient.
    """
    error = torch.where(observed, rebuilt - rows, rebuilt.new_zeros(()))
    return error.square().sum() / len(rows)


def observed_cross_entropy(
    scores: Tensor, rows: Tensor, observed: Tensor, levels: Tensor
) -> Tensor:
    """-log softmax(scores)_k of each observed rating's level k, summed and averaged as above.

    Args:
        scores: [B, C, K].
        rows: [B, C]; observed ratings are among ``levels``, up to rounding.
        observed: [B, C], true where there is a rating.
        levels: [K], ascending.

    Returns:
        A scalar.
    """
    return cross_entropy(scores[observed], rows[observed], levels) / len(rows)


def cross_entropy(scores: Tensor, ratings: Tensor, levels: Tensor) -> Tensor:
    """The sum over ratings of -log softmax(scores)_k: [n, K], [n], [K] -> a scalar.

    Args:
        scores: [n, K], of each rating.
        ratings: [n].
        levels: [K], the ratings that occur, ascending.
    """
    return functional.cross_entropy(scores, nearest_level(ratings, levels), reduction="sum")

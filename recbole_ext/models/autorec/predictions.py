"""From what AutoRec's net rebuilds to ratings: the baseline, the unseen, the range."""

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.models.autorec.centring import Baseline


class RatingScale(NamedTuple):
    """Where the ratings of training lie.

    Attributes:
        baseline: was taken from them.
        low, high: the smallest and the greatest; None where predictions are not clipped.
        unseen_rating: for a row or column without a rating; None for what the net says.
        unseen_rows, unseen_columns: [R] and [C], true without a rating.
        bias_damping: of the baseline's biases; None where it has none.
    """

    baseline: Baseline
    low: float | None
    high: float | None
    unseen_rating: float | None
    unseen_rows: Tensor
    unseen_columns: Tensor
    bias_damping: float | None = None

    @classmethod
    def of(
        cls,
        ratings: RatingMatrix,
        baseline: Baseline,
        clip: bool,
        unseen_rating: float | None,
        bias_damping: float | None = None,
    ) -> "RatingScale":
        """The scale of the training ratings.

        Args:
            ratings: of the training split.
            baseline: of them.
            clip: whether predictions are clipped to their range.
            unseen_rating, bias_damping: see above.
        """
        unseen_columns = ratings.columns.new_ones(ratings.n_columns, dtype=torch.bool)
        unseen_columns[ratings.columns] = False
        return cls(
            baseline,
            float(ratings.values.min()) if clip else None,
            float(ratings.values.max()) if clip else None,
            unseen_rating,
            ratings.starts.diff() == 0,
            unseen_columns,
            bias_damping,
        )

    def restore(self, rebuilt: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Ratings, with the baseline added, and the paper's rule for the unseen.

        Args:
            rebuilt: what the net says of some cells.
            rows, columns: theirs; the two broadcast to the shape of ``rebuilt``.
        """
        ratings = self.baseline.deviation * rebuilt + self.baseline.at(rows, columns)
        if self.unseen_rating is None:
            return ratings
        unseen = self.unseen_rows[rows] | self.unseen_columns[columns]
        return torch.where(unseen, self.unseen_rating, ratings)

    def known(self, ratings: Tensor, unseen: Tensor) -> Tensor:
        """Ratings by new rows or columns, with the paper's rule for the unseen: [.., N], [N]."""
        if self.unseen_rating is None:
            return ratings
        return torch.where(unseen, self.unseen_rating, ratings)

    def new_bias(self, total: Tensor, count: Tensor) -> Tensor:
        """The baseline's biases for new rows or columns, all others being what they are: [...].

        Args:
            total: [...], the sum of their ratings less the mean and the biases of what they rate.
            count: [...], of these ratings; without any the bias is 0.
        """
        if self.bias_damping is None:
            return torch.zeros_like(total)
        return total / (count + self.bias_damping).clamp(min=1e-9)

    def clip(self, ratings: Tensor) -> Tensor:
        """Ratings in the range of the training ratings, where it is asked for."""
        return ratings if self.low is None else ratings.clamp(self.low, self.high)

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
    """

    baseline: Baseline
    low: float | None
    high: float | None
    unseen_rating: float | None
    unseen_rows: Tensor
    unseen_columns: Tensor

    @classmethod
    def of(
        cls, ratings: RatingMatrix, baseline: Baseline, clip: bool, unseen_rating: float | None
    ) -> "RatingScale":
        """The scale of the training ratings.

        Args:
            ratings: of the training split.
            baseline: of them.
            clip: whether predictions are clipped to their range.
            unseen_rating: see above.
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
        )

    def restore(self, rebuilt: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Ratings, with the baseline added, and the paper's rule for the unseen.

        Args:
            rebuilt: what the net says of some cells.
            rows, columns: theirs; the two broadcast to the shape of ``rebuilt``.
        """
        ratings = rebuilt + self.baseline.at(rows, columns)
        if self.unseen_rating is None:
            return ratings
        unseen = self.unseen_rows[rows] | self.unseen_columns[columns]
        return torch.where(unseen, self.unseen_rating, ratings)

    def clip(self, ratings: Tensor) -> Tensor:
        """Ratings in the range of the training ratings, where it is asked for."""
        return ratings if self.low is None else ratings.clamp(self.low, self.high)

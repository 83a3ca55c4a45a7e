r"""What is taken from the ratings before a model sees them, and added to what it predicts.

    none   b_rc = 0
    mean   b_rc = mu, the mean of the training ratings
    bias   b_rc = mu + b_r + b_c, where b_r and b_c minimise
           sum_observed (x_rc - mu - b_r - b_c)^2 + damping (sum_r b_r^2 + sum_c b_c^2)

With ``standardise`` the rest, x_rc - b_rc, is divided by its standard deviation over the training
ratings, and what a model predicts is multiplied by it: settings that suit stars suit other scales.

The last b_rc is the baseline predictor of Koren, "Factorization Meets the Neighborhood", KDD 2008,
section 2.1. A row or column without a rating has a bias of 0; without damping, of all solutions
the one with the smallest biases is taken.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr
from torch import Tensor

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.models.autorec.choices import Centring


class Baseline(NamedTuple):
    """b, by rows and columns, and the scale of the rest.

    Attributes:
        mean: [], mu; 0 where nothing is taken.
        rows, columns: [R] and [C], the biases.
        deviation: [], of the rest; 1 where it is not standardised.
    """

    mean: Tensor
    rows: Tensor
    columns: Tensor
    deviation: Tensor

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """b of some cells; the two broadcast against each other."""
        return self.mean + self.rows[rows] + self.columns[columns]

    def taken_from(self, ratings: Tensor, observed: Tensor, row_biases: Tensor) -> Tensor:
        """Rows without their baseline, on the scale of the model.

        Args:
            ratings: [B, C].
            observed: [B, C], true where there is a rating.
            row_biases: [B], of ``rows``; 0 for a row that the baseline does not know.

        Returns:
            [B, C], 0 where there is no rating.
        """
        baseline = self.mean + row_biases[:, None] + self.columns
        return torch.where(observed, (ratings - baseline) / self.deviation, 0.0)


def fit_baseline(
    ratings: RatingMatrix, kind: Centring, damping: float, standardise: bool = False
) -> Baseline:
    """The baseline of the training ratings, on their device.

    Args:
        ratings: R rows of C columns.
        kind: see above.
        damping: at least 0; pulls biases of few ratings to 0.
        standardise: whether the rest is divided by its standard deviation, unless that is 0.
    """
    values = ratings.values.double().cpu().numpy()
    mean = values.mean() if kind != "none" else 0.0
    biases = np.zeros(ratings.n_rows + ratings.n_columns)
    if kind == "bias":
        # a rating's equation has a 1 for its row and a 1 for its column
        ones = np.ones(2 * len(values))
        which = torch.stack([ratings.row_of, ratings.n_rows + ratings.columns], dim=1)
        ends = np.arange(0, len(ones) + 1, 2)
        design = csr_matrix(
            (ones, which.ravel().cpu().numpy(), ends), shape=(len(values), len(biases))
        )
        biases = lsqr(design, values - mean, damp=damping**0.5, atol=1e-10, btol=1e-10)[0]
    of_rows, of_columns = np.split(biases, [ratings.n_rows])
    deviation = np.float64(1.0)
    if standardise:
        rows, columns = ratings.row_of.cpu().numpy(), ratings.columns.cpu().numpy()
        deviation = (values - of_rows[rows] - of_columns[columns]).std() or deviation
    parts = (mean, of_rows, of_columns, deviation)
    return Baseline(*(torch.as_tensor(part).to(ratings.values) for part in parts))

r"""The second head of AutoRec: which items a user has, whatever the stars.

    s_rc = w_c g(V r + mu) + d_c        a score for every column c of the row r, rated or not

beside h(r) = f(W g(V r + mu) + b), by a last layer of its own on the same code. Its error:

    multinomial    - sum_users sum_{i observed} log p_ui,    p_u. = softmax over the items of s_u.
    logistic       - sum_{rc observed} log q_rc - sum_{rc not observed} log(1 - q_rc),
                   q_rc = 1 / (1 + exp(-s_rc))

both divided by the rows of the batch, as the error of the ratings is. The multinomial likelihood is
that of Liang et al., "Variational Autoencoders for Collaborative Filtering", WWW 2018, equation 2:
the items of a user share one probability, so that it says which items come first for the user, and
scores of different items can be compared. Why there is a head for it at all: ratings are not
missing at random, and what a user has not rated says as much as what is rated (Marlin & Zemel,
"Collaborative Prediction and Ranking with Non-Random Missing Data", RecSys 2009; Steck, "Training
and Testing of Recommender Systems on Data Missing Not at Random", KDD 2010).

By users the softmax is along a row. By items a row holds one item and the items of a user are in a
column: the softmax is over the rows of the batch, so over all items where ``train_batch_size`` is
their number. A smaller batch is a sample of them, as in-batch negatives are.

The errors cost scores of all cells [B, C] also where only the observed cells of a row are kept
(cells.py). The logistic error can be estimated by S columns, ``exposure_samples``, drawn uniformly
with replacement for each batch:

    sum_{rc observed} -s_rc + (C / S) sum_rows sum_{c drawn} log(1 + exp(s_rc))

Its mean over the draws is the error of all cells: -log(1 - q) is log(1 + exp(s)), and -log q is the
same less s.

Rankings are by

    score = s_rc + ranking_rating_weight (rating_rc - mean) / deviation

with the mean and the standard deviation of the training ratings.

Symbols: B rows, C columns (without the padding id), H hidden units.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.models.autorec.choices import ExposureLoss
from recbole_ext.models.autorec.net import AutoRecNet


class ObservedCells(Protocol):
    """A batch, by the cells that have a rating."""

    def at_observed(self, matrix: Tensor) -> Tensor:
        """The elements of a matrix at the n observed cells: [B, columns] -> [n]."""

    def exposure_at_observed(self, net: AutoRecNet, hidden: Tensor) -> Tensor:
        """The exposure scores of the n observed cells: [B, H] -> [n]."""


class Exposure(NamedTuple):
    """The error of the exposure head.

    Attributes:
        loss: multinomial or logistic.
        by_user: whether a row is a user.
        n_drawn: S; 0 for all columns.
    """

    loss: ExposureLoss
    by_user: bool
    n_drawn: int = 0

    def error(self, net: AutoRecNet, hidden: Tensor, batch: ObservedCells) -> Tensor:
        """Summed over cells, averaged over rows.

        Args:
            net: has an exposure head.
            hidden: [B, H], the codes of the batch's rows.
            batch: has the observed cells.

        Returns:
            a scalar.
        """
        if self.n_drawn:
            n = len(net.last_layer.bias) // net.head.n_scores - 1
            drawn = torch.randint(1, n + 1, (self.n_drawn,), device=hidden.device)
            of_all = functional.softplus(net.exposure(hidden, drawn)).sum() * n / self.n_drawn
            return (of_all - batch.exposure_at_observed(net, hidden).sum()) / len(hidden)
        scores = net.exposure(hidden)
        real = scores[:, 1:]  # column 0 is the padding id
        if self.loss == "logistic":
            error = functional.softplus(real).sum() - batch.at_observed(scores).sum()
        elif self.by_user:
            error = -batch.at_observed(scores - real.logsumexp(1, keepdim=True)).sum()
        else:
            error = -batch.at_observed(scores.log_softmax(0)).sum()
        return error / len(hidden)

    def error_of_column(self, scores: Tensor, observed: Tensor) -> Tensor:
        """The same of one column of all rows: the error of a new user, by items.

        Args:
            scores: [R], of every row, that of the padding id included.
            observed: [n], the rows in which the column has a rating.

        Returns:
            a scalar, not divided by the rows.
        """
        if self.loss == "logistic":
            return functional.softplus(scores[1:]).sum() - scores[observed].sum()
        return (scores[1:].logsumexp(0) - scores[observed]).sum()


class RankingScore(NamedTuple):
    """What items are ranked by, from both heads.

    Attributes:
        exposed: whether there is an exposure head; without one, ratings are the scores.
        rating_weight: of the standardised rating, at least 0.
        mean, deviation: of the training ratings.
    """

    exposed: bool
    rating_weight: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, exposed: bool, rating_weight: float, ratings: Tensor) -> "RankingScore":
        """With the scale of the training ratings, [n]."""
        deviation = float(ratings.std(correction=0))
        return cls(exposed, rating_weight, float(ratings.mean()), deviation or 1.0)

    def score(self, exposure: Callable[[], Tensor], ratings: Callable[[], Tensor]) -> Tensor:
        """The scores of some cells.

        Args:
            exposure: s, of any shape; not called without an exposure head.
            ratings: of the same shape, not clipped; not called where they weigh nothing.
        """
        if not self.exposed:
            return ratings()
        if not self.rating_weight:
            return exposure()
        return exposure() + self.rating_weight * (ratings() - self.mean) / self.deviation

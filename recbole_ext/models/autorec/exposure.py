r"""The second head of AutoRec: which items a user has, whatever the stars.

    s_rc = w_c g(V r + mu) + d_c  [+ e_i . t_u]       of the row r and every column c, rated or not

beside h(r) = f(W g(V r + mu) + b), by a last layer of its own on the same code. What is in brackets
is there where ``exposure_hidden_size`` asks for it (exposure_head.py), u and i being the user and
the item of the cell. The head's error:

    multinomial    - sum_users sum_{i observed} log p_ui,    p_u. = softmax over the items of s_u.
    logistic       - sum_{rc observed} log q_rc - sum_{rc not observed} log(1 - q_rc),
                   q_rc = 1 / (1 + exp(-s_rc))

both divided by the rows of the batch, as the error of the ratings is. With l for it, the loss is

    that of net.py + exposure_weight (l + exposure_reg_weight/2 (||w||^2 + ||y||^2 + ||e||^2))

The multinomial likelihood is that of Liang et al., "Variational Autoencoders for Collaborative
Filtering", WWW 2018, equation 2: the items of a user share one probability, so that it says which
items come first for the user, and scores of different items can be compared. Why there is a head
for it at all: ratings are not missing at random, and what a user has not rated says as much as what
is rated (Marlin & Zemel, "Collaborative Prediction and Ranking with Non-Random Missing Data",
RecSys 2009; Steck, "Training and Testing of Recommender Systems on Data Missing Not at Random", KDD
2010).

By users the softmax is along a row. By items a row holds one item and the items of a user are in a
column: the softmax is over the rows of the batch, so over all items where ``train_batch_size`` is
at least their number. A smaller batch is a sample of them, as in-batch negatives are.

The errors cost scores of all cells [B, C] also where only the observed cells of a row are kept
(cells.py). The logistic error can be estimated by S columns, ``exposure_samples``, drawn uniformly
with replacement for each batch:

    sum_{rc observed} -s_rc + (C / S) sum_rows sum_{c drawn} log(1 + exp(s_rc))

Its mean over the draws is the error of all cells: -log(1 - q) is log(1 + exp(s)), and -log q is the
same less s.

Rankings are by

    score = s_rc + ranking_rating_weight (rating_rc - mean) / deviation [+ ease_weight z_ui]

with the mean and the standard deviation of the training ratings; z is EASE's score
(models/item_weights.py).

Symbols: B rows, C columns, H hidden units, K = H + H' where there is a tower and K = H where not.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.data.rating_matrix import Cells
from recbole_ext.models.autorec.cells import products
from recbole_ext.models.autorec.choices import ExposureLoss


class Factors(NamedTuple):
    """The exposure scores of some rows as products: s_rc = rows_r . columns_c + d_c.

    Attributes:
        rows: [B, K], the codes, and beside them e or t.
        columns: [c, K], the weights w, and beside them t or e.
        bias: [c], d.
    """

    rows: Tensor
    columns: Tensor
    bias: Tensor

    def whole(self) -> Tensor:
        """s of every cell, [B, c]."""
        return functional.linear(self.rows, self.columns, self.bias)

    def at(self, columns: Tensor) -> "Factors":
        """The same of some columns: [n], their numbers."""
        return Factors(self.rows, self.columns[columns], self.bias[columns])

    def of_pairs(self) -> Tensor:
        """s of the first row with the first column, and so on: [B]; c is B."""
        return (self.rows * self.columns).sum(-1) + self.bias

    def of_cells(self, cells: Cells) -> Tensor:
        """s at n cells of the rows, [n]."""
        return products(self.rows, self.columns, cells) + self.bias[cells.columns]


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

    def error(self, factors: Factors, observed: Cells) -> Tensor:
        """l: summed over cells, averaged over rows.

        Args:
            factors: of B rows and all columns, the padding id's (0) included.
            observed: the rows' cells with a rating.

        Returns:
            a scalar.
        """
        n_rows = len(factors.rows)
        if self.n_drawn:
            n = len(factors.columns) - 1
            drawn = torch.randint(1, n + 1, (self.n_drawn,), device=factors.rows.device)
            of_all = functional.softplus(factors.at(drawn).whole()).sum() * n / self.n_drawn
            return (of_all - factors.of_cells(observed).sum()) / n_rows
        scores = factors.whole()
        real = scores[:, 1:]
        if self.loss == "logistic":
            of_all, scores_of_observed = functional.softplus(real).sum(), scores
        else:
            of_all = scores.new_zeros(())
            norm = real.logsumexp(1, keepdim=True) if self.by_user else scores.logsumexp(0)
            scores_of_observed = scores - norm  # log p
        return (of_all - scores_of_observed[observed.row, observed.columns].sum()) / n_rows

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

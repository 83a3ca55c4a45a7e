r"""Ratings for a user that was not in training; the net stays as it is.

By users the ratings R are a row like any other: it is encoded and decoded. By items the user is a
column, of which the net has no weights W_u, b_u; they are fitted to R, the items' codes h_i being
those of training:

    min over W_u, b_u    sum_{i in R} (r_i - f(W_u h_i + b_u))^2 + N lambda/2 ||W_u||^2

N is the number of rows. It is the column's part of the loss in net.py, times N; with
``svdpp_scale``, what the pattern of R adds to W_u stays as trained, and with ``loss_type: CE`` the
error is the cross-entropy.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.models.autorec.batches import DenseBatches
from recbole_ext.models.autorec.layers import Patterned
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.models.autorec.predictions import RatingScale
from recbole_ext.models.minimise import minimum

_STEPS = 100  # of L-BFGS


def of_rows(
    net: AutoRecNet, batches: DenseBatches, scale: RatingScale, ratings: Tensor, observed: Tensor
) -> tuple[Tensor, Tensor]:
    """The ratings of every column by new rows, and the rows' codes.

    Args:
        net: is trained.
        batches: make its inputs.
        scale: of the training ratings.
        ratings: [B, C].
        observed: [B, C], true where there is a rating.

    Returns:
        the ratings [B, C], not clipped, and the codes [B, H].
    """
    baseline = scale.baseline
    differences = torch.where(observed, ratings - baseline.mean - baseline.columns, 0.0)
    bias = scale.new_bias(differences.sum(1), observed.sum(1))  # [B]
    inputs = batches.assemble(ratings, observed, bias)
    if size := batches.global_kernel_size:  # their neighbours are empty
        inputs = functional.pad(inputs[:, None], (0, 0, size // 2, size // 2))
    hidden = net.encode(inputs)
    rebuilt = baseline.deviation * net.decode(hidden)
    whole = rebuilt + baseline.mean + bias[:, None] + baseline.columns
    return scale.known(whole, scale.unseen_columns), hidden


def of_column(
    net: AutoRecNet,
    hidden: Tensor,
    scale: RatingScale,
    rows: Tensor,
    ratings: Tensor,
    reg_weight: float,
) -> Tensor:
    """The ratings of every row by a new column.

    Args:
        net: is trained.
        hidden: [rows, H], of all rows, that of the padding id included.
        scale: of the training ratings.
        rows, ratings: [|R|], what the column has.
        reg_weight: lambda.

    Returns:
        [rows], not clipped.
    """
    baseline, layer = scale.baseline, net.last_layer
    differences = ratings - baseline.mean - baseline.rows[rows]
    bias = scale.new_bias(differences.sum(), ratings.new_tensor(len(rows)))
    centred = (ratings - baseline.mean - baseline.rows[rows] - bias) / baseline.deviation
    added = hidden.new_zeros(1, hidden.shape[1])
    trained = layer.matrix()
    if isinstance(layer, Patterned):
        added = layer.step * layer.y[rows].sum(0, keepdim=True) / len(rows) ** 0.5
        trained = layer.inner.matrix()
    k = net.head.n_scores
    # a start: the mean of the columns
    start = [of_all.unflatten(0, (-1, k))[1:].mean(0) for of_all in (trained, layer.bias)]
    penalty = (len(hidden) - 1) * reg_weight / 2

    def outputs(of: Tensor, column: Sequence[Tensor]) -> Tensor:
        weights, offset = column
        return net.head.outputs(functional.linear(of, weights + added, offset))

    def loss(column: Sequence[Tensor]) -> Tensor:
        error = net.head.error_of_cells(outputs(hidden[rows], column), centred, 1)
        return error + penalty * column[0].square().sum()

    column = minimum(loss, start, _STEPS)
    rebuilt = baseline.deviation * net.head.ratings(outputs(hidden, column))
    return scale.known(rebuilt + baseline.mean + baseline.rows + bias, scale.unseen_rows)

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


def of_row(
    net: AutoRecNet, batches: DenseBatches, scale: RatingScale, columns: Tensor, ratings: Tensor
) -> tuple[Tensor, Tensor]:
    """The ratings of every column by a new row, and the row's code.

    Args:
        net: is trained.
        batches: make its inputs.
        scale: of the training ratings.
        columns, ratings: [|R|], what the row has.

    Returns:
        the ratings [C], not clipped, and the code [1, H].
    """
    row = ratings.new_zeros(1, batches.ratings.n_columns)
    row[0, columns] = ratings
    observed = torch.zeros_like(row, dtype=torch.bool)
    observed[0, columns] = True
    baseline = scale.baseline
    bias = scale.new_bias(ratings - baseline.mean - baseline.columns[columns])
    inputs = batches.assemble(row, observed, bias[None])
    if size := batches.global_kernel_size:  # its neighbours are empty
        inputs = functional.pad(inputs[:, None], (0, 0, size // 2, size // 2))
    hidden = net.encode(inputs)
    rebuilt = net.decode(hidden)[0] + baseline.mean + bias + baseline.columns
    return scale.known(rebuilt, scale.unseen_columns), hidden


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
    bias = scale.new_bias(ratings - baseline.mean - baseline.rows[rows])
    centred = ratings - baseline.mean - baseline.rows[rows] - bias
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
    rebuilt = net.head.ratings(outputs(hidden, column))
    return scale.known(rebuilt + baseline.mean + baseline.rows + bias, scale.unseen_rows)

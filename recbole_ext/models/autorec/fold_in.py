r"""Ratings for a user that was not in training; the net stays as it is.

By users the ratings R are a row like any other: it is encoded and decoded. By items the user is a
column, of which the net has no weights W_u, b_u; they are fitted to R, the items' codes h_i being
those of training:

    min over W_u, b_u    sum_{i in R} (r_i - f(W_u h_i + b_u))^2 + N lambda/2 ||W_u - M||^2

N is the number of rows, M the mean of the users' W. It is the column's part of the loss in net.py,
times N, but for M: who has few ratings is near the mean user instead of near nobody. With
``svdpp_scale``, what the pattern of R adds to W_u stays as trained, and with ``loss_type: CE`` the
error is the cross-entropy.
"""

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.models.autorec.batches import DenseBatches
from recbole_ext.models.autorec.layers import Patterned
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.models.autorec.predictions import RatingScale

_STEPS = 100  # of L-BFGS


def of_row(
    net: AutoRecNet, batches: DenseBatches, scale: RatingScale, columns: Tensor, ratings: Tensor
) -> Tensor:
    """The ratings of every column by a new row.

    Args:
        net: is trained.
        batches: make its inputs.
        scale: of the training ratings.
        columns, ratings: [|R|], what the row has.

    Returns:
        [C], not clipped.
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
    rebuilt = net(inputs)[0]
    return scale.known(rebuilt + baseline.mean + bias + baseline.columns, scale.unseen_columns)


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
    mean = trained.unflatten(0, (-1, k))[1:].mean(0).detach()
    weights = mean.clone().requires_grad_()
    offset = layer.bias.unflatten(0, (-1, k))[1:].mean(0).detach().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weights, offset], max_iter=_STEPS, line_search_fn="strong_wolfe")
    penalty = (len(hidden) - 1) * reg_weight / 2

    def outputs(of: Tensor) -> Tensor:
        return net.head.outputs(functional.linear(of, weights + added, offset))

    def closure() -> Tensor:
        error = net.head.error_of_cells(outputs(hidden[rows]), centred, 1)
        loss = error + penalty * (weights - mean).square().sum()
        weights.grad, offset.grad = torch.autograd.grad(loss, (weights, offset))
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    with torch.no_grad():
        rebuilt = net.head.ratings(outputs(hidden))
        return scale.known(rebuilt + baseline.mean + baseline.rows + bias, scale.unseen_rows)

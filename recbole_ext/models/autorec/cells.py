"""Rows of which few cells are ratings: products with a matrix at those cells alone.

    encoding    x_b = sum_n v_bn M_n         over the cells of row b, M [C, H]
    decoding    s_bn = h_b M_n               at the cells of row b

Both, and their gradients, are torch's ``embedding_bag`` and its own gradients: the first one's
gradient by its weights is the second. Nothing of the size B x C is made.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from recbole_ext.data.rating_matrix import Cells


def weighted_sums(cells: Cells, matrix: Tensor) -> Tensor:
    """The encoding: [C, H] -> [B, H]."""
    return _bags(cells.columns, matrix, cells.starts, cells.values.to(matrix))


def products(hidden: Tensor, matrix: Tensor, cells: Cells) -> Tensor:
    """The decoding: [B, H], [C, H] -> [n], one number for each cell; their values do not matter.

    Args:
        hidden: [B, H], the encoded rows.
        matrix: [C, H], the weights of the last layer.
        cells: n cells of the B rows.
    """
    return _Products.apply(hidden.to(matrix), matrix, cells.row, cells.columns, cells.starts)


def _bags(columns: Tensor, matrix: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    return functional.embedding_bag(columns, matrix, starts, mode="sum", per_sample_weights=weights)


class _Products(Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, matrix: Tensor, row: Tensor, columns: Tensor, starts: Tensor
    ) -> Tensor:
        ctx.save_for_backward(hidden, matrix, row, columns, starts)
        weights = torch.zeros_like(columns, dtype=matrix.dtype, requires_grad=True)
        with torch.enable_grad():
            sums = _bags(columns, matrix.detach(), starts, weights)
        return torch.autograd.grad(sums, weights, hidden.detach())[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, matrix, row, columns, starts = ctx.saved_tensors
        (gradient,) = gradients
        of_hidden = of_matrix = None
        if ctx.needs_input_grad[0]:
            of_hidden = _bags(columns, matrix, starts, gradient)
        if ctx.needs_input_grad[1]:
            order = columns.argsort()
            counts = torch.bincount(columns, minlength=len(matrix))
            ends = counts.cumsum(0)
            of_matrix = _bags(row[order], hidden, ends - counts, gradient[order])
        return of_hidden, of_matrix, None, None, None

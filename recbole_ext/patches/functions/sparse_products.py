"""Products of a sparse graph and dense embeddings, in the order of torch's additions.

``torch.sparse.mm`` of a matrix in coordinates adds one entry after another to its row, in one
thread, with a call of a library for each entry. A row of the product is a weighted sum of rows of
the embeddings: ``torch.embedding_bag``, which adds the entries of a row in the same order, so
that every bit is the same. That this is so on the machine is checked: the first product by bags,
and the first gradient, is compared with torch's, and torch's is taken where they differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

LEAST = 4096  # entries: with fewer, torch's calls take less time than ours


@dataclass(frozen=True)
class Bags:
    """The entries of a matrix by rows, each row in the order in which the matrix has them.

    Attributes:
        columns: [entries], int64.
        starts: [rows + 1], int64: where in ``columns`` each row begins.
        weights: [entries], float32.
    """

    columns: Tensor
    starts: Tensor
    weights: Tensor

    @classmethod
    def of(cls, rows: Tensor, columns: Tensor, weights: Tensor, n_rows: int) -> "Bags":
        """Of entries in any order; [entries] each."""
        if (rows[1:] < rows[:-1]).any():
            order = rows.argsort(stable=True)
            columns, weights = columns[order], weights[order]
        starts = torch.zeros(n_rows + 1, dtype=torch.int64)
        torch.cumsum(rows.bincount(minlength=n_rows), 0, out=starts[1:])
        return cls(columns, starts, weights)

    def times(self, dense: Tensor) -> Tensor:
        """[rows, columns] x [columns, k] -> [rows, k], without a gradient."""
        return torch.embedding_bag(
            dense.detach().contiguous(),
            self.columns,
            self.starts,
            mode=0,  # sum
            per_sample_weights=self.weights,
            include_last_offset=True,
        )[0]


@dataclass
class _Graph:
    """What is kept of a matrix between its products.

    Attributes:
        version: of its values; another one is another matrix.
        exact: whether products by bags have had torch's bits so far.
        forward: the matrix, from its second product on.
        backward: its transpose, from the first gradient on.
    """

    version: tuple[int, ...]
    exact: bool = True
    forward: Bags | None = None
    backward: Bags | None = None


_graphs: Any = WeakTensorKeyDictionary()


def mm(
    wrapped: Callable[..., Tensor], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    """``torch.sparse.mm``: by bags from the second product of the same matrix on."""
    if kwargs or len(args) != 2 or not _fits(*args):
        return wrapped(*args, **kwargs)
    matrix, dense = args
    graph = _graphs.get(matrix)
    if graph is None or graph.version != _version(matrix):
        _graphs[matrix] = _Graph(_version(matrix))  # a matrix of one product is not worth it
        return wrapped(matrix, dense)
    if not graph.exact:
        return wrapped(matrix, dense)
    return _Product.apply(dense, matrix, graph, wrapped)


def _fits(matrix: Any, dense: Any) -> bool:
    return (
        isinstance(matrix, Tensor)
        and matrix.layout == torch.sparse_coo
        and matrix.dense_dim() == 0
        and matrix._nnz() >= LEAST
        and not matrix.requires_grad
        and not torch.is_autocast_enabled(matrix.device.type)
        and isinstance(dense, Tensor)
        and dense.layout == torch.strided
        and dense.is_contiguous()
        and all(x.dtype == torch.float32 and x.device.type == "cpu" for x in (matrix, dense))
    )


def _version(matrix: Tensor) -> tuple[int, ...]:
    values, indices = matrix._values(), matrix._indices()
    return values.data_ptr(), values._version, indices.data_ptr(), indices._version


class _Product(torch.autograd.Function):
    """matrix @ dense, with the gradient of ``dense`` alone."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, matrix: Tensor, graph: _Graph, torchs: Any) -> Tensor:
        ctx.matrix, ctx.graph, ctx.torchs = matrix, graph, torchs
        if graph.forward is None:
            rows, columns = matrix._indices()
            graph.forward = Bags.of(rows, columns, matrix._values(), matrix.shape[0])
            return _checked(graph, graph.forward, torchs(matrix, dense.detach()), dense)
        return graph.forward.times(dense)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        (grad,) = grads
        matrix, graph = ctx.matrix, ctx.graph
        if not graph.exact or grad.stride(1) != 1:
            return ctx.torchs(matrix.t(), grad), None, None, None
        if graph.backward is None:
            graph.backward = _transposed(graph.forward, matrix)
            theirs = ctx.torchs(matrix.t(), grad)
            return _checked(graph, graph.backward, theirs, grad), None, None, None
        return graph.backward.times(grad), None, None, None


def _transposed(forward: Bags, matrix: Tensor) -> Bags:
    rows, columns = matrix._indices()
    bags = Bags.of(columns, rows, matrix._values(), matrix.shape[1])
    parts = ("columns", "starts", "weights")
    symmetric = all(torch.equal(getattr(bags, name), getattr(forward, name)) for name in parts)
    return forward if symmetric else bags  # once in memory


def _checked(graph: _Graph, bags: Bags, theirs: Tensor, dense: Tensor) -> Tensor:
    graph.exact = torch.equal(bags.times(dense), theirs)
    return theirs

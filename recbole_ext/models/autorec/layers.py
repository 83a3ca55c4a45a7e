"""The layers of an autoencoder: full, kernelised, with another layer's weights transposed, or with
what the pattern of the ratings adds."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from recbole_ext.data.rating_matrix import Cells
from recbole_ext.models.autorec.cells import weighted_sums
from recbole_ext.models.autorec.choices import Activation, Initialisation
from recbole_ext.models.autorec.kernels import LocalKernel
from recbole_ext.models.memo import Memo

_BLOCK = 2**18  # numbers that are squared at a time: 1 MiB, which stays in the cache

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "selu": torch.selu,
    "tanh": torch.tanh,
}

INITIALISE: dict[Initialisation, Callable[[Tensor], Tensor]] = {
    "xavier": nn.init.xavier_normal_,
    "kaiming": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "normal": lambda weight: nn.init.normal_(weight, std=0.01),
}


def sum_of_squares(weight: Tensor) -> Tensor:
    """``weight.square().sum()`` without another matrix of that size: [n, m] -> a scalar."""
    return _SumOfSquares.apply(weight)


class _SumOfSquares(Function):
    """d/dW sum W^2 = 2 W."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        rows = weight if weight.is_contiguous() else weight.T  # as they lie in memory
        blocks = rows.split(max(1, _BLOCK // rows.shape[1]))
        return torch.stack([block.square().sum() for block in blocks]).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (weight,) = ctx.saved_tensors
        return (2 * gradients[0]) * weight


class Layer(nn.Module):
    """M x + bias, where M is [outputs, inputs]; the bias starts as 0."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.n_in = n_in
        self.bias = nn.Parameter(torch.zeros(n_out))

    def matrix(self, outputs: Tensor | slice = slice(None)) -> Tensor:
        """M, [outputs, inputs], of all output units or of some, by their numbers."""
        raise NotImplementedError

    def penalty(self) -> Tensor:
        """The squares of the weights; without biases and kernels."""
        raise NotImplementedError

    def forward(self, x: Tensor | Cells) -> Tensor:  # [B, inputs] -> [B, outputs]
        if isinstance(x, Cells):
            return weighted_sums(x, self.matrix().T) + self.bias
        return functional.linear(x, self.matrix(), self.bias)


class Dense(Layer):
    """M = W, or M = W * K, element by element, with a local kernel K.

    Args:
        n_in, n_out: units.
        initialisation: of W.
        kernel_dim: of the kernel's space; 0 for no kernel.
        by_input: whether what belongs to an input unit lies together in memory, for inputs of
            which few are not 0; else what belongs to an output unit.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        initialisation: Initialisation,
        kernel_dim: int,
        by_input: bool = False,
    ) -> None:
        super().__init__(n_in, n_out)
        weight = INITIALISE[initialisation](torch.empty(n_out, n_in))
        self.weight = nn.Parameter(weight.T.contiguous().T if by_input else weight)
        self.kernel = LocalKernel(n_out, n_in, kernel_dim) if kernel_dim else None

    def matrix(self, outputs: Tensor | slice = slice(None)) -> Tensor:
        weight = self.weight[outputs]
        return weight if self.kernel is None else weight * self.kernel(outputs)

    def penalty(self) -> Tensor:
        return sum_of_squares(self.weight)


class Tied(Layer):
    """M is another layer's transposed; the bias is its own.

    Args:
        mirror: the other layer, which owns the weights.
    """

    def __init__(self, mirror: Layer) -> None:
        super().__init__(len(mirror.bias), mirror.n_in)
        self._mirror = (mirror,)  # in a tuple: not a second owner of the parameters

    def matrix(self, outputs: Tensor | slice = slice(None)) -> Tensor:
        return self._mirror[0].matrix().T[outputs]

    def penalty(self) -> Tensor:
        return self._mirror[0].penalty()


class Patterned(Layer):
    """M + s P Y: to the weights of each output unit is added what the rows it is rated in say.

    s Y are the vectors; the penalty is on them. Under Adam, whose steps are of one size whatever
    the gradient, s says how fast they learn: a step of Y moves all columns at once.

    Args:
        inner: the layer with M and the bias.
        pattern: P, sparse, [outputs, rows].
        step: s.
    """

    def __init__(self, inner: Layer, pattern: Tensor, step: float) -> None:
        super().__init__(inner.n_in, len(inner.bias))
        self.inner, self.step = inner, step
        self.bias = inner.bias
        self.y = nn.Parameter(torch.zeros(pattern.shape[1], inner.n_in))
        self.pattern: Tensor
        self.register_buffer("pattern", pattern, persistent=False)
        self._added = Memo()

    def matrix(self, outputs: Tensor | slice = slice(None)) -> Tensor:
        added = self._added.get((self.y,), self._add)
        return self.inner.matrix(outputs) + added[outputs]

    def _add(self) -> Tensor:
        with torch.autocast(self.y.device.type, enabled=False):  # torch has no half sparse product
            return self.step * torch.sparse.mm(self.pattern, self.y)

    def penalty(self) -> Tensor:
        return (self.step * self.y).square().sum()  # that of M is counted where M is

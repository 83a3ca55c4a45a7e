r"""Kernels that reshape an autoencoder's weights and its input.

The local kernel is the one with finite support of SparseFC: Muller, Martel & Indiveri, "Kernelized
Synaptic Weight Matrices", ICML 2018; the global kernel is what GLocal-K adds to it: Han et al.,
"GLocal-K: Global and Local Kernels for Recommender Systems", CIKM 2021.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class LocalKernel(nn.Module):
    """K_ij = max(0, 1 - ||u_i - v_j||^2): how near output unit i is to input unit j.

    Every unit has a place in a space of few dimensions; a weight between units that are further
    apart than 1 is switched off. All places start near 0, so K starts as 1 everywhere.

    Args:
        n_out, n_in: the units on both sides.
        dim: of the space.
    """

    def __init__(self, n_out: int, n_in: int, dim: int) -> None:
        super().__init__()
        self.u = nn.Parameter(torch.randn(n_out, dim) * 1e-3)
        self.v = nn.Parameter(torch.randn(n_in, dim) * 1e-3)

    def forward(self, outputs: Tensor | slice = slice(None)) -> Tensor:
        """K, [outputs, in], of all output units or of some, by their numbers."""
        u = self.u[outputs]
        squares = u.square().sum(-1, keepdim=True) + self.v.square().sum(-1)
        return (1 - squares + 2 * u @ self.v.T).clamp(min=0)


class GlobalKernel(nn.Module):
    """One small convolution over the whole rating matrix, before it is encoded.

        G = sum_r p_r k_r,    R^ = relu(R * G)

    where k_r is a kernel of size x size for each row r, p_r the mean of that row as a model
    trained before rebuilds it, and * a convolution in which neighbours are rows and columns
    with neighbouring ids.

    Args:
        n_rows: R, the padding row included.
        size: odd; 3 in the paper.
    """

    def __init__(self, n_rows: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.kernels = nn.Parameter(torch.randn(n_rows, size, size) * 0.1)
        self.pooled: Tensor
        self.register_buffer("pooled", torch.ones(n_rows))  # p

    def kernel(self) -> Tensor:
        """G, [size, size]."""
        return torch.einsum("r,rij->ij", self.pooled, self.kernels)

    def forward(self, rows: Tensor) -> Tensor:
        """R^ of some rows.

        Args:
            rows: [B, size, C]; in the middle the rows themselves, around them their neighbours.

        Returns:
            [B, C].
        """
        weight = self.kernel()[None]  # [1, size, size]
        return functional.conv1d(rows, weight, padding=self.size // 2)[:, 0].relu()

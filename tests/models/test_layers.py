import copy

import numpy as np
import pytest
import torch

from recbole_ext.models.autorec.kernels import GlobalKernel, LocalKernel
from recbole_ext.models.autorec.layers import Dense, Tied, sum_of_squares


def test_local_kernel_by_hand():
    """u at 0 and 0.6; v at 0, 0.5 and 2: 1 - d^2, switched off beyond a distance of 1."""
    kernel = LocalKernel(2, 3, 1)
    with torch.no_grad():
        kernel.u.copy_(torch.tensor([[0.0], [0.6]]))
        kernel.v.copy_(torch.tensor([[0.0], [0.5], [2.0]]))
    expected = [[1, 0.75, 0], [0.64, 0.99, 0]]
    torch.testing.assert_close(kernel(), torch.tensor(expected))
    torch.testing.assert_close(kernel(torch.tensor([1])), torch.tensor(expected[1:]))


def test_local_kernel_equals_a_loop_in_more_dimensions():
    torch.manual_seed(0)
    kernel = LocalKernel(4, 5, 3).double()
    torch.nn.init.normal_(kernel.u, std=0.5)
    torch.nn.init.normal_(kernel.v, std=0.5)
    u, v = kernel.u.detach().numpy(), kernel.v.detach().numpy()
    expected = [[max(0, 1 - np.linalg.norm(a - b) ** 2) for b in v] for a in u]
    assert 0 < np.count_nonzero(expected) < 20
    np.testing.assert_allclose(kernel().detach(), expected, atol=1e-12)


def test_a_kernelised_layer_has_both_gradients():
    torch.manual_seed(0)
    layer = Dense(4, 3, "xavier", 2).double()
    torch.nn.init.normal_(layer.kernel.u, std=0.3)
    x = torch.rand(2, 4, dtype=torch.float64)
    expected = x @ (layer.weight * layer.kernel()).T + layer.bias
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.matrix(torch.tensor([2, 0])), layer.matrix()[[2, 0]])
    names = [name for name, _ in layer.named_parameters()]

    def output(*values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(output, tuple(layer.parameters()))
    assert layer.penalty().item() == pytest.approx(layer.weight.square().sum().item())


def test_tied_is_the_transpose_and_owns_a_bias_alone():
    layer = Dense(4, 3, "xavier", 0)
    tied = Tied(layer)
    assert [name for name, _ in tied.named_parameters()] == ["bias"]
    assert tied.bias.shape == (4,)
    x = torch.rand(2, 3)
    torch.testing.assert_close(tied(x), x @ layer.weight)
    torch.testing.assert_close(tied.matrix(torch.tensor([3, 1])), layer.weight.T[[3, 1]])
    pair = copy.deepcopy(torch.nn.ModuleList([layer, tied]))
    with torch.no_grad():
        pair[0].weight.zero_()
    assert not pair[1].matrix().any()
    assert layer.weight.any()


@pytest.mark.parametrize("size", [1, 3, 5])
def test_global_kernel_equals_a_loop(size):
    """Each cell is the sum over its neighbourhood, rows and columns beyond the edge being 0."""
    torch.manual_seed(1)
    n_rows, n_columns = 6, 7
    kernel = GlobalKernel(n_rows, size).double()
    kernel.pooled.copy_(torch.rand(n_rows))
    ratings = torch.rand(n_rows, n_columns, dtype=torch.float64)
    weights = sum(p * k for p, k in zip(kernel.pooled, kernel.kernels.detach(), strict=True))
    half = size // 2
    expected = np.zeros((n_rows, n_columns))
    for r, c in np.ndindex(expected.shape):
        for dr in range(-half, half + 1):
            for dc in range(-half, half + 1):
                if 0 <= r + dr < n_rows and 0 <= c + dc < n_columns:
                    expected[r, c] += ratings[r + dr, c + dc] * weights[half + dr, half + dc]
    padded = torch.nn.functional.pad(ratings, (0, 0, half, half))
    around = torch.stack([padded[r : r + size] for r in range(n_rows)])
    np.testing.assert_allclose(kernel(around).detach(), np.maximum(expected, 0), atol=1e-12)
    assert (expected < 0).any() or size == 1


@pytest.mark.parametrize("shape", [(3, 4), (700, 900)])  # less than a block, and several
@pytest.mark.parametrize("turned", [False, True])
def test_the_sum_of_squares_is_torch_s_with_the_very_same_gradient(shape, turned):
    torch.manual_seed(0)
    weight = torch.randn(shape).T if turned else torch.randn(shape)
    ours, theirs = (weight.clone(memory_format=torch.preserve_format) for _ in range(2))
    for copied, penalty in ((ours, sum_of_squares), (theirs, lambda w: w.square().sum())):
        copied.requires_grad_()
        (0.35 * penalty(copied)).backward()
    torch.testing.assert_close(sum_of_squares(ours), theirs.square().sum())
    assert torch.equal(ours.grad, theirs.grad)
    assert ours.grad.stride() == theirs.grad.stride()

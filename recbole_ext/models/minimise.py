"""The minimum of a smooth function of a few tensors, by L-BFGS.

By scipy's, not by torch's: the first optimiser of torch takes seconds to import what compiles.
Scipy's is imported where it is called: half a second that a training does without.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

Loss = Callable[[Sequence[Tensor]], Tensor]  # tensors like ``start`` -> a scalar


def minimum(loss: Loss, start: Sequence[Tensor], steps: int) -> list[Tensor]:
    """Where the loss is smallest, on the way down from ``start``.

    Args:
        loss: differentiable.
        start: of any shapes, all of one type and device.
        steps: of L-BFGS at most; at least 1.

    Returns:
        tensors like ``start``, without gradients.
    """
    from scipy.optimize import minimize

    sizes = [tensor.numel() for tensor in start]

    def tensors(values: np.ndarray) -> list[Tensor]:
        parts = torch.from_numpy(values).to(start[0]).split(sizes)
        return [part.view_as(like) for part, like in zip(parts, start, strict=True)]

    def value_and_gradient(values: np.ndarray) -> tuple[float, np.ndarray]:
        at = [part.requires_grad_() for part in tensors(values.copy())]
        value = loss(at)
        # not value.backward(), which would leave gradients in the net
        gradients = torch.autograd.grad(value, at)
        return value.item(), flat(gradients)

    def flat(parts: Sequence[Tensor]) -> np.ndarray:
        return torch.cat([part.detach().reshape(-1) for part in parts]).cpu().double().numpy()

    with torch.enable_grad():
        # ftol: that of a float32, below which a line search goes after rounding errors
        options = {"maxiter": steps, "maxcor": 50, "ftol": 1e-7, "gtol": 1e-6}
        result = minimize(
            value_and_gradient, flat(start), jac=True, method="L-BFGS-B", options=options
        )
    return tensors(result.x)

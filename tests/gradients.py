"""Gradients by central differences, the oracle for what autograd says."""

from collections.abc import Callable, Sequence

import numpy as np

STEP = 1e-6


def central_differences(
    function: Callable[[Sequence[np.ndarray]], float], at: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The gradient of a function of several arrays, with respect to each of them."""
    gradients = []
    for number, array in enumerate(at):
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = [other.copy() for other in at]
                moved[number][place] += sign * STEP
                ends.append(function(moved))
            gradient[place] = (ends[0] - ends[1]) / (2 * STEP)
        gradients.append(gradient)
    return gradients

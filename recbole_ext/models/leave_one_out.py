"""How much of a score each part of its input makes: the score with all, less that without it."""

from collections.abc import Callable

import torch
from torch import Tensor

_BLOCK = 2**22  # numbers at a time


def without_each(score: Callable[[Tensor], Tensor], n: int, width: int) -> Tensor:
    """How much lower scores are without each part of the input.

    Args:
        score: the scores of some of the n parts: [B, n], true for a part that is kept -> [B, T].
        n: parts.
        width: the numbers that ``score`` keeps in memory for each of the B.

    Returns:
        [n, T], float64.
    """
    whole = score(torch.ones(1, n, dtype=torch.bool)).double()
    kept = ~torch.eye(n, dtype=torch.bool)
    blocks = kept.split(max(1, _BLOCK // width))
    return torch.cat([whole - score(block).double() for block in blocks])

r"""Scores of several models as one score: each model's are put on one scale, user by user.

C_u are the candidates of user u: the items that u has no training row of. s_m(u, i) is the score
of item i by model m, and w_m the model's weight; the weights are not negative, their sum is 1:

    f(u, i) = sum_m w_m t_m(u, i)

    zscore:  t_m(u, i) = (s_m(u, i) - mean_{j in C_u} s_m(u, j)) / sd_{j in C_u} s_m(u, j)
    rank:    t_m(u, i) = (|{j in C_u: s_m(u, j) < s_m(u, i)}|
                          + |{j in C_u: s_m(u, j) = s_m(u, i)}| / 2) / |C_u|

sd divides by the number of candidates; a model that gives all candidates of a user the same score
adds 0 for all items of the user. Items that are not candidates are put on the same scale.

Fox and Shaw, "Combination of Multiple Searches", TREC-2 1994 (the sum, CombSUM); the weights and
the scale by users are not theirs.
"""

import itertools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from recbole_ext.models.ensemble.choices import Combination


def zscores(scores: Tensor, candidates: Tensor) -> Tensor:
    """Scores in standard deviations from the mean of each user's candidates.

    Args:
        scores: [B, items].
        candidates: [B, items], true for the items whose mean and standard deviation are taken; at
            least one of each user.

    Returns:
        [B, items], float64.
    """
    scores = scores.double()
    n = candidates.sum(dim=1, keepdim=True)
    centred = scores - torch.where(candidates, scores, 0.0).sum(dim=1, keepdim=True) / n
    squares = torch.where(candidates, centred, 0.0).square().sum(dim=1, keepdim=True)
    low = torch.where(candidates, scores, torch.inf).amin(dim=1, keepdim=True)
    high = torch.where(candidates, scores, -torch.inf).amax(dim=1, keepdim=True)
    return torch.where(low == high, 0.0, centred / (squares / n).sqrt())


def ranks(scores: Tensor, candidates: Tensor) -> Tensor:
    """The share of each user's candidates with a lower score, and half of those with an equal one.

    Args:
        scores, candidates: see ``zscores``.

    Returns:
        [B, items], float64, in [0, 1].
    """
    ascending = torch.where(candidates, scores, torch.inf).sort(dim=1).values
    finite = scores.contiguous()
    below = torch.searchsorted(ascending, finite)
    not_above = torch.searchsorted(ascending, finite, right=True)
    return (below + not_above) / 2.0 / candidates.sum(dim=1, keepdim=True)


SCALES: Mapping[Combination, Callable[[Tensor, Tensor], Tensor]] = {
    "zscore": zscores,
    "rank": ranks,
}


def grid(n_models: int, n_steps: int) -> list[tuple[float, ...]]:
    """All weights that are multiples of 1 / ``n_steps`` with the sum 1; the most even ones last.

    Args:
        n_models: at least 1.
        n_steps: at least 1.

    Returns:
        C(n_steps + n_models - 1, n_models - 1) weights, in the order of falling sums of squares.
    """
    bars = itertools.combinations(range(n_steps + n_models - 1), n_models - 1)
    shares = []
    for places in bars:
        ends = (-1, *places, n_steps + n_models - 1)
        shares.append([after - before - 1 for before, after in itertools.pairwise(ends)])
    shares.sort(key=lambda parts: -sum(part * part for part in parts))
    return [tuple(part / n_steps for part in parts) for parts in shares]

"""Trials: combinations of settings, drawn at random from lists of values."""

import math
import random
from collections.abc import Mapping
from typing import Any

Trial = dict[str, Any]  # setting -> value, for every setting that is searched


def size(space: Mapping[str, list[Any]]) -> int:
    """The number of combinations in a space."""
    return math.prod(len(values) for values in space.values())


def draw(space: Mapping[str, list[Any]], first: Trial, n: int, seed: int) -> list[Trial]:
    """Draw distinct combinations of a space at random.

    A larger ``n`` only adds trials at the end: runs of the earlier ones stay valid.

    Args:
        space: setting -> its values.
        first: the first trial, which need not be in the space.
        n: the number of trials.
        seed: of the draw.

    Returns:
        ``first`` and then others: ``n`` trials, or all combinations if there are fewer.
    """
    total = size(space)
    trials = [first]
    for number in random.Random(seed).sample(range(total), total):
        if len(trials) == n:
            break
        trial = {}
        for name, values in space.items():
            number, position = divmod(number, len(values))
            trial[name] = values[position]
        if trial != first:
            trials.append(trial)
    return trials

"""What a model's ``predict`` may change besides its scores: it is put back, and seen."""

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor


class State:
    """Random numbers, and a model's attributes and buffers, as they are at one time.

    Values inside the lists and dictionaries of a model are not looked at.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        """Keep what there is now."""
        self.model = model
        places = [place for part in model.modules() for place in (vars(part), part._buffers)]
        self.attributes: list[Any] = [(place, dict(place)) for place in places]
        self.buffers = [(x, _version(x), x.clone()) for x in model.buffers()]
        self.numpys: Any = np.random.get_state()
        self.pythons, self.torchs = random.getstate(), torch.get_rng_state()

    def has_same_random_numbers(self) -> bool:
        """Whether nothing has been drawn since."""
        numpys: Any = np.random.get_state()
        return (
            torch.equal(torch.get_rng_state(), self.torchs)
            and random.getstate() == self.pythons
            and numpys[2:] == self.numpys[2:]
            and np.array_equal(numpys[1], self.numpys[1])
        )

    def is_left(self) -> bool:
        """Whether something is not as it was."""
        return not (
            self.has_same_random_numbers()
            and all(_version(x) == version for x, version, _ in self.buffers)
            and all(_same(place, values) for place, values in self.attributes)
        )

    def restore(self) -> None:
        """Put everything back."""
        torch.set_rng_state(self.torchs)
        random.setstate(self.pythons)
        np.random.set_state(self.numpys)
        for place, values in self.attributes:
            place.clear()
            place.update(values)
        for buffer, version, values in self.buffers:
            if _version(buffer) != version:
                buffer.copy_(values)


def _version(x: Tensor) -> int:
    return 0 if x.is_inference() else x._version


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)

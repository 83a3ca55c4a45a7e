"""Negative sampling and batch indexing with arrays in the place of RecBole's Python loops.

RecBole keeps a set of items for each user and looks up sampled items one after another. Here
they are an ``InteractionSet``. The results are RecBole's, drawn by the same calls of the same
generator, for all models.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
import wrapt
from torch import Tensor

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.patches.rewriting import rewrite

# --- drawing items --------------------------------------------------------------------------


def _used_ids(wrapped: Callable[[], Any], sampler: Any, *_: Any) -> dict[str, InteractionSet]:
    """What a user has in each phase and in those before it."""
    used: dict[str, InteractionSet] = {}
    last = None
    for phase, dataset in zip(sampler.phases, sampler.datasets, strict=True):
        pairs = InteractionSet.of_dataset(dataset)
        used[phase] = last = pairs if last is None else last | pairs
    if last is not None and (last.counts + 1 >= sampler.item_num).any():
        return wrapped()  # refuses users who have all items
    return used


def _sample_by_key_ids(
    wrapped: Callable[..., Tensor], sampler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    def draw(key_ids: Any, num: int) -> Tensor:
        used = sampler.used_ids
        if not isinstance(used, InteractionSet):  # of RecBole's other samplers
            return wrapped(key_ids, num)
        users = np.tile(np.asarray(key_ids), num)
        items = np.zeros(len(users), dtype=np.int64)
        waiting = np.arange(len(users))
        while len(waiting):
            items[waiting] = drawn = sampler.sampling(len(waiting))
            waiting = waiting[used.have(users[waiting], drawn)]
        return torch.from_numpy(items)

    return draw(*args, **kwargs)


def _pop_sampling(
    wrapped: Callable[..., Any], sampler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> np.ndarray:
    def draw(sample_num: int) -> np.ndarray:
        ids = np.fromiter(sampler.prob, dtype=np.int64)
        own = np.fromiter(sampler.prob.values(), dtype=np.float64)
        other = np.fromiter(sampler.alias.values(), dtype=np.int64)
        place = np.random.randint(0, len(ids), sample_num)
        chance = np.random.random(sample_num)
        return np.where(own[place] > chance, ids[place], other[place])

    return draw(*args, **kwargs)


# --- taking lines ---------------------------------------------------------------------------

# of Interaction.__getitem__, which makes a list of an array, and torch an array of the list
INDEX = {
    "(np.ndarray, torch.Tensor)": "(np.ndarray, torch.Tensor, list)",
    "index.tolist()": "_as_index(index)",
}

# of AbstractDataLoader.__init__: a list of 18 million numbers, each of which is its place
PLACES = {"dataset=list(range(self.sample_size))": "dataset=range(self.sample_size)"}


def as_index(index: Any) -> Any:
    """What tensors are indexed by as they are by ``index``: places, a mask, or what it was."""
    found = np.asarray(index)
    if found.ndim != 1 or found.dtype.kind not in "iub":
        return index.tolist() if hasattr(index, "tolist") else index
    kind = bool if found.dtype.kind == "b" else np.int64
    return torch.from_numpy(found.astype(kind, order="C"))


# --- RecBole's modules ----------------------------------------------------------------------


def mend_interactions(module: ModuleType) -> None:
    """Put the arrays into ``recbole.data.interaction``."""
    module._as_index = as_index  # type: ignore[attr-defined]
    rewrite(module.Interaction.__getitem__, INDEX)


def mend_loaders(module: ModuleType) -> None:
    """Put the range into ``recbole.data.dataloader.abstract_dataloader``."""
    rewrite(module.AbstractDataLoader.__init__, PLACES)


def mend_samplers(module: ModuleType) -> None:
    """Put the arrays into ``recbole.sampler.sampler``."""
    wrapt.wrap_function_wrapper(module, "Sampler.get_used_ids", _used_ids)
    wrapt.wrap_function_wrapper(module, "AbstractSampler.sample_by_key_ids", _sample_by_key_ids)
    wrapt.wrap_function_wrapper(module, "AbstractSampler._pop_sampling", _pop_sampling)

"""Negative sampling and batch indexing with arrays in the place of RecBole's Python loops.

RecBole keeps a set of items for each user and looks up sampled items one after another. Here
they are an ``InteractionSet``. The results are RecBole's, drawn by the same calls of the same
generator, for all models.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.patches.functions import ranking
from recbole_ext.patches.functions.pandas_arrays import is_pandas, plain

# --- drawing items --------------------------------------------------------------------------


def get_used_ids(wrapped: Callable[[], Any], sampler: Any, *_: Any) -> dict[str, InteractionSet]:
    """The interactions of each phase and of those before it."""
    used = InteractionSet.cumulative(sampler.datasets)
    if (used[-1].counts + 1 >= sampler.item_num).any():
        return wrapped()  # refuses users who have all items
    return dict(zip(sampler.phases, used, strict=True))


def sample_by_key_ids(
    wrapped: Callable[..., Tensor], sampler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    """Items that each user has not interacted with, [num * users]."""

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


def pop_sampling(self: Any, sample_num: int) -> np.ndarray:
    """``AbstractSampler._pop_sampling``: items drawn by popularity, [sample_num] (alias method)."""
    ids = np.fromiter(self.prob, dtype=np.int64)
    own = np.fromiter(self.prob.values(), dtype=np.float64)
    other = np.fromiter(self.alias.values(), dtype=np.int64)
    column = np.random.randint(0, len(ids), sample_num)
    chance = np.random.random(sample_num)
    return np.where(own[column] > chance, ids[column], other[column])


# --- taking rows ----------------------------------------------------------------------------


def interaction_getitem(self: Any, index: Any) -> Any:
    """``Interaction.__getitem__``: arrays and lists index tensors without a detour."""
    from recbole.data.interaction import Interaction

    if isinstance(index, str):
        return self.interaction[index]
    if isinstance(index, np.ndarray | torch.Tensor | list):
        index = as_index(index)
    elif is_pandas(index):
        index = as_index(plain(index))
    return Interaction({name: column[index] for name, column in self.interaction.items()})


def as_index(index: Any) -> Any:
    """A tensor of positions or a mask that indexes as ``index`` does; others become lists."""
    array = np.asarray(index)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        return index.tolist() if hasattr(index, "tolist") else index
    kind = bool if array.dtype.kind == "b" else np.int64
    return torch.from_numpy(array.astype(kind, order="C"))


# --- loaders --------------------------------------------------------------------------------


def get_loader(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``get_dataloader`` with our loaders of interactions and of full rankings for RecBole's."""

    def choose(config: Any, phase: str) -> Any:
        from recbole_ext.data.dataloader import our_loader  # imports recbole.data

        wide = ranking.in_one_process(config) or ranking.scores_all_items(config)
        return our_loader(config, wrapped(config, phase), wide=wide)

    return choose(*args, **kwargs)

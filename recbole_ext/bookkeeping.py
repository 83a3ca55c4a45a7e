"""Who has interacted with what: RecBole's sets, and its loops over them, as arrays.

RecBole keeps a set of items for each user, looks up drawn items one after another, and puts
together what a ranking is evaluated by in loops over interactions. Here an interaction is a
number, user * items + item, and a data set's are one sorted array. The results are RecBole's,
drawn by the same calls of the same generator: all models have it, RecBole's as well as ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
import wrapt
from torch import Tensor

from recbole_ext.patching import rewrite


@dataclass(frozen=True)
class Pairs:
    """The interactions of users and items, each once; of a user as RecBole has them, a set.

    Attributes:
        keys: [interactions], int64, ascending: user * n_items + item.
        n_users, n_items: how many ids there are, the padding id included.
    """

    keys: np.ndarray
    n_users: int
    n_items: int

    @classmethod
    def of_dataset(cls, dataset: Any) -> "Pairs":
        """Those of a RecBole ``Dataset`` whose ids are remapped."""
        feat = dataset.inter_feat
        users, items = feat[dataset.uid_field].numpy(), feat[dataset.iid_field].numpy()
        keys = users.astype(np.int64) * dataset.item_num + items
        return cls(_distinct(keys), dataset.user_num, dataset.item_num)

    def __or__(self, other: "Pairs") -> "Pairs":
        keys = _distinct(np.concatenate([self.keys, other.keys]))
        return Pairs(keys, self.n_users, self.n_items)

    def __sub__(self, other: "Pairs") -> "Pairs":
        return Pairs(self.keys[~_contains(other.keys, self.keys)], self.n_users, self.n_items)

    def have(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Whether each pair is one of them: [B], [B] -> [B]."""
        return _contains(self.keys, users * self.n_items + items)

    def of(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The items of some users, [B].

        Returns:
            of each interaction its user's place in ``users``, ascending, and its item.
        """
        starts = np.searchsorted(self.keys, users * self.n_items)
        counts = np.searchsorted(self.keys, (users + 1) * self.n_items) - starts
        row = np.repeat(np.arange(len(users)), counts)
        in_row = np.arange(len(row)) - np.repeat(counts.cumsum() - counts, counts)
        return row, self.keys[starts[row] + in_row] % self.n_items

    @property
    def counts(self) -> np.ndarray:
        """[users], the number of items of each."""
        return np.bincount(self.keys // self.n_items, minlength=self.n_users)

    def __getitem__(self, user: int | None) -> set[int]:
        if user is None:  # what RecBole's loader asks for before the first user
            return set()
        return set(self.of(np.array([user]))[1].tolist())

    def __iter__(self) -> Iterator[set[int]]:
        return (self[user] for user in range(self.n_users))

    def __len__(self) -> int:
        return self.n_users


def _distinct(keys: np.ndarray) -> np.ndarray:
    keys = np.sort(keys, kind="stable")  # merges what is sorted already
    return keys if len(keys) < 2 else keys[np.append(True, keys[1:] != keys[:-1])]


def _contains(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Whether each of ``wanted`` is one of ``keys``, which are ascending."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=bool)
    return keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted


# --- drawing items --------------------------------------------------------------------------


def _used_ids(wrapped: Callable[[], Any], sampler: Any, *_: Any) -> dict[str, Pairs]:
    """What a user has in each phase and in those before it."""
    used: dict[str, Pairs] = {}
    last = None
    for phase, dataset in zip(sampler.phases, sampler.datasets, strict=True):
        pairs = Pairs.of_dataset(dataset)
        used[phase] = last = pairs if last is None else last | pairs
    if last is not None and (last.counts + 1 >= sampler.item_num).any():
        return wrapped()  # refuses users who have all items
    return used


def _sample_by_key_ids(
    wrapped: Callable[..., Tensor], sampler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    def draw(key_ids: Any, num: int) -> Tensor:
        used = sampler.used_ids
        if not isinstance(used, Pairs):  # of RecBole's other samplers
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

"""Which user has interacted with which item, as one sorted array.

An interaction is a number, user * n_items + item: RecBole keeps a Python set of items for each
user instead, and looks items up one after another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class InteractionSet:
    """The interactions of users and items, each once; of a user as RecBole has them, a set.

    Attributes:
        keys: [interactions], int64, ascending: user * n_items + item.
        n_users, n_items: how many ids there are, the padding id included.
    """

    keys: np.ndarray
    n_users: int
    n_items: int

    @classmethod
    def of_dataset(cls, dataset: Any) -> "InteractionSet":
        """Those of a RecBole ``Dataset`` whose ids are remapped."""
        return cls(_distinct(_keys(dataset)), dataset.user_num, dataset.item_num)

    @classmethod
    def cumulative(cls, datasets: Sequence[Any]) -> "list[InteractionSet]":
        """Those of each data set and of all before it; they are sorted once, all together.

        Args:
            datasets: at least one, with the same users and items.
        """
        bits = (len(datasets) - 1).bit_length()
        tagged = np.concatenate(
            [_keys(dataset) << bits | part for part, dataset in enumerate(datasets)]
        )
        tagged = np.sort(tagged, kind="stable")
        keys = tagged >> bits
        first = _first_of_equal(keys)  # of equal ones, that of the earliest data set
        part = (tagged & (1 << bits) - 1).astype(np.int8)[first]
        keys = keys[first]
        shape = datasets[0].user_num, datasets[0].item_num
        before = [cls(keys[part <= last], *shape) for last in range(len(datasets) - 1)]
        return [*before, cls(keys, *shape)]

    def __or__(self, other: "InteractionSet") -> "InteractionSet":
        keys = _distinct(np.concatenate([self.keys, other.keys]))
        return InteractionSet(keys, self.n_users, self.n_items)

    def __sub__(self, other: "InteractionSet") -> "InteractionSet":
        keep = np.ones(len(self.keys), dtype=bool)
        keep[np.searchsorted(self.keys, other.keys[_contains(self.keys, other.keys)])] = False
        return InteractionSet(self.keys[keep], self.n_users, self.n_items)

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
        return np.diff(np.searchsorted(self.keys, np.arange(self.n_users + 1) * self.n_items))

    def __getitem__(self, user: int | None) -> set[int]:
        if user is None:  # what RecBole's loader asks for before the first user
            return set()
        return set(self.of(np.array([user]))[1].tolist())

    def __iter__(self) -> Iterator[set[int]]:
        return (self[user] for user in range(self.n_users))

    def __len__(self) -> int:
        return self.n_users


def _keys(dataset: Any) -> np.ndarray:
    """user * n_items + item of each interaction, in the order of the data set."""
    feat = dataset.inter_feat
    users, items = feat[dataset.uid_field].numpy(), feat[dataset.iid_field].numpy()
    keys: np.ndarray = users.astype(np.int64) * dataset.item_num + items
    return keys


def _distinct(keys: np.ndarray) -> np.ndarray:
    keys = np.sort(keys, kind="stable")  # merges what is sorted already, twice as fast if grouped
    return keys[_first_of_equal(keys)]


def _first_of_equal(keys: np.ndarray) -> np.ndarray:
    """Which of ascending keys are unlike the one before."""
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first


def _contains(keys: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Whether each of ``queries`` is one of ``keys``, which are ascending."""
    if not len(keys):
        return np.zeros(len(queries), dtype=bool)
    return keys[np.minimum(np.searchsorted(keys, queries), len(keys) - 1)] == queries

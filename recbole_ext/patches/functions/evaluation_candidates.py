"""The negatives of ``mode: uniN`` and ``mode: popN``, drawn without repetition.

RecBole draws N items for each held-out row with replacement: an item that a user gets twice is
ranked once, so the user's list is shorter than N + 1 and the metrics are too high. In the protocol
of the NCF paper (He et al., WWW 2017, section 4.1) the N items are distinct. Here a user with k
held-out rows has N * k distinct items; all there are, where there are fewer.

The items are drawn one after another, each among those that are left (successive sampling):
uniformly, or by popularity ** alpha. Drawing with replacement and passing repeats over is the same
distribution, so a batch of users needs one call of RecBole's sampler, and few users need more.
"""

from collections.abc import Callable
from logging import getLogger
from typing import Any

import numpy as np
import torch

from recbole_ext.data.interaction_set import InteractionSet

# Scores of the race (see ``_race``) that are in memory at a time.
_RACE_SIZE = 4_000_000
# What stands for the weight of an item without interactions: drawn when no other item is left.
_LAST = 1e-300


def collate(
    wrapped: Callable[..., Any], loader: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``NegSampleEvalDataLoader.collate_fn`` without its loop over users.

    Rows are in RecBole's order: of each user the held-out rows, then the first negative of each
    of them, then the second of each, ...

    Returns:
        The rows, the user's place in the batch of each row, and of each held-out row the user's
        place and the item.
    """

    def collate_users(index: Any) -> Any:
        number = loader.neg_sample_args["sample_num"]
        if "none" in (number, loader.neg_sample_args["distribution"]):
            return wrapped(index)
        users = loader.uid_list[np.asarray(index)]
        counts = loader.uid2items_num[users]
        place = np.repeat(np.arange(len(users)), counts)
        held_out = loader._dataset[_positions(loader, users, counts)]
        items = held_out[loader.iid_field]
        negatives = _negatives(loader, users, counts, place, items, number)
        rows = loader.sampling_func(loader.transform(loader._dataset, held_out), negatives)
        places = np.tile(place, 1 + number)
        kept = np.flatnonzero(np.append(np.ones(len(place), dtype=bool), negatives.numpy() > 0))
        order = kept[np.argsort(places[kept], kind="stable")]
        return rows[order], torch.from_numpy(places[order]), torch.from_numpy(place), items

    return collate_users(*args, **kwargs)


def _positions(loader: Any, users: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The rows of some users, which RecBole has sorted by user: [users] -> [rows]."""
    starts = np.searchsorted(loader._dataset.inter_feat[loader.uid_field].numpy(), users)
    return np.repeat(starts - (counts.cumsum() - counts), counts) + np.arange(counts.sum())


def _negatives(
    loader: Any,
    users: np.ndarray,
    counts: np.ndarray,
    place: np.ndarray,
    held_out: torch.Tensor,
    number: int,
) -> torch.Tensor:
    """[number * rows], in the order of RecBole's samplers; 0 where a user has no items left."""
    from recbole.sampler import RepeatableSampler, Sampler

    if not isinstance(loader._sampler, Sampler | RepeatableSampler):  # fixed negatives
        return loader._sampler.sample_by_user_ids(users[place], held_out.numpy(), number)
    if not hasattr(loader, "_candidates"):
        loader._candidates = Candidates.of_loader(loader)
    row, items = loader._candidates.draw(users, counts * number)
    rank = _rank(row, len(users))
    k = counts[row]
    column = (counts.cumsum() - counts)[row] + rank % k
    negatives = np.zeros((number, len(place)), dtype=np.int64)
    negatives[rank // k, column] = items
    return torch.from_numpy(negatives.ravel())


class Candidates:
    """What the negatives of an evaluation are drawn from.

    Args:
        excluded: the interactions of users whose items are not drawn.
        sampling: n -> [n] items, drawn with replacement by the weights.
        weights: [n_items], float64; that of the padding item is not used.
    """

    def __init__(
        self,
        excluded: InteractionSet,
        sampling: Callable[[int], np.ndarray],
        weights: np.ndarray,
    ) -> None:
        self.excluded = excluded
        self.sampling = sampling
        self.weights = np.maximum(weights, _LAST)
        self.free = excluded.n_items - 1 - excluded.counts

    @classmethod
    def of_loader(cls, loader: Any) -> "Candidates":
        """Those of RecBole's loader; its log says how many users have too few items."""
        dataset, sampler = loader._dataset, loader._sampler
        excluded = InteractionSet.of_dataset(dataset)
        if hasattr(sampler, "datasets"):  # a RepeatableSampler excludes the held-out items alone
            for part in sampler.datasets[: sampler.phases.index(sampler.phase)]:
                excluded |= InteractionSet.of_dataset(part)
        weights = np.ones(dataset.item_num)
        if sampler.distribution == "popularity":
            interactions = np.asarray(sampler._get_candidates_list(), dtype=np.int64)
            popularity = np.bincount(interactions, minlength=dataset.item_num)
            weights = np.where(popularity > 0, popularity.astype(float) ** sampler.alpha, 0.0)
        candidates = cls(excluded, sampler.sampling, weights)
        number = loader.neg_sample_args["sample_num"]
        users = loader.uid_list
        lack = (candidates.free[users] < number * loader.uid2items_num[users]).sum()
        if lack:
            getLogger().warning(
                f"{lack} of {len(users)} users have fewer than {number} items for each held-out "
                f"row that they have not interacted with: {sampler.phase} ranks all of these"
            )
        return candidates

    def draw(self, users: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distinct items that users have not interacted with.

        Args:
            users: [B].
            sizes: [B], how many items each is to have.

        Returns:
            of each drawn item its user's place in ``users``, ascending, and the item. A user who
            has fewer items than asked for has all of them.
        """
        sizes = np.minimum(sizes, self.free[users])
        row = np.repeat(np.arange(len(users)), sizes + sizes // 2)
        items = self.sampling(len(row))
        fresh = (items > 0) & ~self.excluded.have(users[row], items)
        row, items = row[fresh], items[fresh]
        _, first = np.unique(row * self.excluded.n_items + items, return_index=True)
        first.sort()
        row, items = row[first], items[first]
        kept = _rank(row, len(users)) < sizes[row]
        row, items = row[kept], items[kept]
        lacking = sizes - np.bincount(row, minlength=len(users))
        parts = [(row, items)]
        waiting = np.flatnonzero(lacking)
        step = max(1, _RACE_SIZE // self.excluded.n_items)
        for start in range(0, len(waiting), step):
            chunk = waiting[start : start + step]
            mine = np.isin(row, chunk)
            drawn = np.searchsorted(chunk, row[mine]), items[mine]
            winner, more = self._race(users[chunk], lacking[chunk], drawn)
            parts.append((chunk[winner], more))
        row, items = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(row, kind="stable")
        return row[order], items[order]

    def _race(
        self, users: np.ndarray, sizes: np.ndarray, drawn: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """More items, of all that are left, where some have been drawn already.

        Each item arrives after an exponentially distributed time whose rate is its weight: the
        order of arrival is that of successive sampling.
        """
        shape = len(users), self.excluded.n_items
        arrival = np.random.standard_exponential(shape) / self.weights
        arrival[:, 0] = np.inf
        arrival[drawn] = np.inf
        arrival[self.excluded.of(users)] = np.inf
        order = np.argsort(arrival, axis=1)
        first = np.arange(shape[1]) < sizes[:, None]
        return np.nonzero(first)[0], order[first]


def _rank(row: np.ndarray, n_rows: int) -> np.ndarray:
    """Of each value its place among those of the same row; rows are ascending."""
    counts = np.bincount(row, minlength=n_rows)
    return np.arange(len(row)) - np.repeat(counts.cumsum() - counts, counts)

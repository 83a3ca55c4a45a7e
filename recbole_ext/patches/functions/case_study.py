"""RecBole's case study, for any way to evaluate: what users have seen, and scores without it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.patches.functions.pandas_arrays import plain

# The attribute of an evaluated part that holds the parts before it.
_EARLIER = "recbole_ext_earlier_parts"


def create_samplers(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``create_samplers``, which sees all parts of a split: each keeps those before it."""

    def create(config: Any, dataset: Any, built_datasets: Any) -> Any:
        parts = [part for part in built_datasets if part is not None]
        for number, part in enumerate(parts):
            setattr(part, _EARLIER, parts[:number])
        return wrapped(config, dataset, built_datasets)

    return create(*args, **kwargs)


def full_sort_scores(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``full_sort_scores``, also for loaders that do not know what users have seen."""

    def scores(uid_series: Any, model: Any, test_data: Any, device: Any = None) -> Any:
        uid_series = plain(uid_series)
        if not test_data.is_sequential and not hasattr(test_data, "uid2history_item"):
            test_data = SimpleNamespace(
                dataset=test_data.dataset,
                is_sequential=False,
                uid2history_item=history(test_data.dataset, np.asarray(uid_series)),
            )
        return wrapped(uid_series, model, test_data, device)

    return scores(*args, **kwargs)


def history(part: Any, users: np.ndarray) -> np.ndarray:
    """What RecBole's loader of full rankings has as history: the items of the parts before.

    Args:
        part: RecBole's ``Dataset`` of the validation or the test part.
        users: [B], those that are asked for.

    Returns:
        [users of the data set], the items of each of ``users`` in the parts before, without those
        that the part itself has; None for all others.
    """
    earlier = getattr(part, _EARLIER, [])
    items = np.full(part.user_num, None, dtype=object)
    seen = InteractionSet(np.empty(0, dtype=np.int64), part.user_num, part.item_num)
    for before in earlier:
        seen |= InteractionSet.of_dataset(before)
    seen -= InteractionSet.of_dataset(part)
    for user in np.unique(users):
        items[user] = torch.from_numpy(seen.of(np.array([user]))[1])
    return items

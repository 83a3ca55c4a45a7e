"""Histories: the items of a user in the data set, and the items that a new person gives."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from recbole_ext.inference.names import Id, Names

Interactions = Mapping[Id, float] | Iterable[Id]  # item id -> rating, or ids alone


def of_user(names: Names, user: int) -> pd.DataFrame:
    """The items of a user in the training and the validation part, the highest rating first.

    Args:
        names: of the data set.
        user: RecBole's number.

    Returns:
        columns item_id, rating (where the data set has ratings) and title.
    """
    trained = names.trained
    parts = [part for name, part in trained.parts.items() if name != "test"]
    rows = [part.inter_feat[part.uid_field] == user for part in parts]
    pairs = zip(parts, rows, strict=True)
    items = torch.cat([part.inter_feat[part.iid_field][of_user] for part, of_user in pairs])
    numbers = items.unique().numpy()
    if trained.ratings is None:
        return names.items_frame(numbers)
    of_items = trained.ratings.of_user(user)
    return _with_ratings(names, numbers, [of_items[item] for item in numbers.tolist()])


def of_person(names: Names, interactions: Interactions) -> pd.DataFrame:
    """Like ``of_user``, for the items of a new person."""
    numbers, ratings = numbers_of(names, interactions)
    if ratings is None:
        return names.items_frame(numbers)
    return _with_ratings(names, numbers, ratings.tolist())


def numbers_of(names: Names, interactions: Interactions) -> tuple[np.ndarray, np.ndarray | None]:
    """A new person's items as RecBole's numbers [n], and their ratings [n], None without.

    Raises:
        DataError: an id is unknown; the message names the nearest ones.
    """
    numbers = names.numbers("item", interactions)
    if not isinstance(interactions, Mapping):
        return numbers, None
    return numbers, np.array([*interactions.values()], dtype=np.float64)


def _with_ratings(names: Names, numbers: np.ndarray, ratings: Sequence[float]) -> pd.DataFrame:
    frame = names.items_frame(numbers)
    frame.insert(1, "rating", ratings)
    return frame.sort_values("rating", ascending=False, kind="stable", ignore_index=True)

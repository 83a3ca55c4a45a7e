"""The content of the page of `explore`: users, items, histories, lists, neighbours, the map.

Users and items have places in the page, from 0 on: items in RecBole's order without the padding,
users the most active ones in RecBole's order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import DataError, SettingError
from recbole_ext.inference import page_arithmetic, page_items
from recbole_ext.inference.contributions import way_of
from recbole_ext.inference.page_arrays import (
    Content,
    packed_floats,
    packed_lists,
    packed_numbers,
    places,
    starts_of,
)
from recbole_ext.inference.recommender import Recommender

if TYPE_CHECKING:
    import pandas as pd

MOST_ITEMS = 50_000  # all are in the page
MOST_USERS = 10_000  # the most active ones are
HISTORY = 300  # items shown of a user's history
LIST = 20  # items recommended
N_REASONS = 3  # of each recommendation

Progress = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class _Histories:
    """The training and validation items of the users in the page.

    Attributes:
        users: [users], RecBole's numbers.
        rows, items: [n], of each interaction its user's place, ascending, and the item's number.
        ratings: [n], or None where there are none; of a user the highest come first.
        counts: [items], how many users of the data set have each item, the padding included.
        n_interactions: of all users.
    """

    users: np.ndarray
    rows: np.ndarray
    items: np.ndarray
    ratings: np.ndarray | None
    counts: np.ndarray
    n_interactions: int


def check_size(recommender: Recommender) -> None:
    """Refuse a data set with more items than a page holds.

    Raises:
        DataError: it has more than ``MOST_ITEMS``.
    """
    dataset, n_items = recommender.trained.dataset, len(recommender.items)
    if n_items > MOST_ITEMS:
        raise DataError(
            f"{dataset.dataset_name} has {n_items:,} items; a page holds at most {MOST_ITEMS:,}. "
            "Write files instead: recbole-ext recommend FILE --all --output recs.csv"
        )


def content(recommender: Recommender, progress: Progress = iter) -> Content:
    """Everything that the page holds, for JSON.

    Args:
        recommender: its data set is not too large, see ``check_size``.
        progress: wraps the loop over users while their reasons are computed.

    Raises:
        SettingError: the model predicts values that are no numbers.
    """
    trained = recommender.trained
    histories = _histories(recommender)
    lists = _lists(recommender, histories.users)
    return {
        "model": trained.name,
        "dataset": trained.dataset.dataset_name,
        "seed": int(trained.config["seed"]),
        "file": trained.file,
        "totals": {"users": len(recommender.users), "interactions": histories.n_interactions},
        "users": [str(one) for one in recommender.users[histories.users - 1]],
        "items": [str(one) for one in recommender.items],
        "titles": [str(title) for title in trained.titles[1:]],
        "counts": packed_numbers(histories.counts[1:]),
        "genres": page_items.genres(trained.genres[1:]),
        "histories": _shown_histories(histories),
        "lists": _packed_lists(recommender, lists, histories.users),
        "reasons": _reasons(recommender, lists, progress),
        **page_items.of_vectors(trained.model, len(recommender.items)),
        "newPerson": page_arithmetic.content(trained),
    }


def _histories(recommender: Recommender) -> _Histories:
    trained = recommender.trained
    others = [part for name, part in trained.parts.items() if name != "test"]
    whole = InteractionSet.of_dataset(others[0])
    for part in others[1:]:
        whole |= InteractionSet.of_dataset(part)
    activity = whole.counts
    users = recommender.scored_users
    if len(users) > MOST_USERS:
        most_active = np.argsort(-activity[users], kind="stable")[:MOST_USERS]
        users = np.sort(users[most_active])
    rows, items = whole.of(users)
    ratings = None
    if trained.ratings is not None:
        ratings = trained.ratings.of_pairs(users[rows], items)
        order = np.lexsort((-ratings, rows))
        items, ratings = items[order], ratings[order]
    counts = np.bincount(whole.keys % whole.n_items, minlength=whole.n_items)
    return _Histories(users, rows, items, ratings, counts, len(whole.keys))


def _shown_histories(histories: _Histories) -> Content:
    """The first items of each history, the length of each, and the ratings as places in levels."""
    n_users = len(histories.users)
    starts = starts_of(histories.rows, n_users)
    is_shown = np.arange(len(histories.rows)) - starts[histories.rows] < HISTORY
    columns = {"items": packed_numbers(histories.items[is_shown] - 1)}
    levels = None
    if histories.ratings is not None:
        levels, at = np.unique(histories.ratings[is_shown], return_inverse=True)
        columns["ratings"] = packed_numbers(at)
    return {
        **packed_lists(histories.rows[is_shown], n_users, **columns),
        "lengths": packed_numbers(np.diff(starts)),
        "levels": None if levels is None else packed_floats(levels),
    }


def _lists(recommender: Recommender, users: np.ndarray) -> "pd.DataFrame":
    import pandas as pd

    tokens = recommender.users[users - 1]
    k = min(LIST, len(recommender.items))
    return pd.concat(list(recommender.recommend_in_parts(tokens, k)), ignore_index=True)


def _packed_lists(recommender: Recommender, lists: "pd.DataFrame", users: np.ndarray) -> Content:
    of_user, of_item = places(recommender.users[users - 1]), places(recommender.items)
    return packed_lists(
        lists["user_id"].map(of_user).to_numpy(np.int64),
        len(users),
        items=packed_numbers(lists["item_id"].map(of_item).to_numpy(np.int64)),
        scores=packed_floats(lists["score"]),
    )


def _reasons(recommender: Recommender, lists: "pd.DataFrame", progress: Progress) -> Content:
    """The items that explain each line of the lists, or why there are none."""
    lines = {pair: n for n, pair in enumerate(zip(lists["user_id"], lists["item_id"], strict=True))}
    of_item = places(recommender.items)
    rows: list[int] = []
    items: list[int] = []
    contributions: list[float] = []
    try:
        way = way_of(recommender.trained)
    except SettingError as error:
        return {"none": str(error)}
    if way.is_fitted:
        return {
            "how": way.sentence,
            "none": f"for {recommender.trained.name} with these settings each takes a fit of its "
            "own; `recbole-ext recommend --explain` makes them for one user",
        }
    for user, of_user in progress(lists.groupby("user_id", sort=False)):
        try:
            frame = recommender.explain(user, list(of_user["item_id"]), k_reasons=N_REASONS)
        except DataError:  # the user has too little in the training part
            continue
        rows += [lines[user, item] for item in frame["item_id"]]
        items += [of_item[item] for item in frame["because_id"]]
        contributions += frame["contribution"].tolist()
    columns = {
        "items": packed_numbers(np.array(items, dtype=np.int64)),
        "contributions": packed_floats(np.array(contributions)),
    }
    # lines and reasons are both in the order of the users' lists
    of_lines = packed_lists(np.array(rows, dtype=np.int64), len(lists), **columns)
    return {"how": way.sentence, **of_lines}

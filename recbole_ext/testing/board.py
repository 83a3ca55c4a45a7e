"""A small data set with a known answer: a checkerboard of users and items.

Half of the users and of the items are white, half black. A user has items of the own colour alone,
in an order of chance; the last two of each user are for validation and test. So items of the own
colour that a user does not have yet are the right answer. For models of ratings, a user has items
of the other colour, too, with the lowest rating.
"""

from pathlib import Path
from random import Random
from typing import Any

NAME = "board"
SIZE = 24  # users, and items
_HISTORY = 9  # items of the own colour that a user has, of 12

# What all runs on it have in common, but the metrics.
SETTINGS: dict[str, Any] = {
    "eval_args": {
        "split": {"LS": "valid_and_test"},
        "order": "TO",
        "group_by": "user",
        "mode": "full",
    },
    "show_progress": False,
    "state": "CRITICAL",
    "metric_decimal_place": 6,
}
RANKED = {"metrics": ["NDCG", "Recall"], "topk": [5], "valid_metric": "NDCG@5"}
RATED = {"metrics": ["RMSE"], "valid_metric": "RMSE"}


def write(folder: Path, ratings: bool, planted: bool = False) -> None:
    """Write the data set, with columns of users and items, and a graph of the items' colours.

    Args:
        folder: of data sets.
        ratings: whether users have rated items of the other colour.
        planted: whether the last interaction of the first user, which is in the test part, is with
            another item; all else is the same.
    """
    place = folder / NAME
    place.mkdir(parents=True, exist_ok=True)
    rows = _rows(ratings)
    last = max(rows, key=lambda row: (row[0] == 0, row[3]))
    if planted:
        have = {item for user, item, *_ in rows if user == 0}
        other = next(i for i in range(SIZE) if i not in have and i % 2 != last[1] % 2)
        rows[rows.index(last)] = (last[0], other, *last[2:])
    inter = [(f"u{u}", f"i{i}", rating, time) for u, i, rating, time in rows]
    colours = ("white", "black")
    _table(place, "inter", "user_id:token item_id:token rating:float timestamp:float", inter)
    users = [(f"u{u}", colours[u % 2], 20 + u) for u in range(SIZE)]
    _table(place, "user", "user_id:token taste:token age:float", users)
    items = [(f"i{i}", colours[i % 2], i / SIZE) for i in range(SIZE)]
    _table(place, "item", "item_id:token colour:token price:float", items)
    links = [(f"i{i}", f"e{i}") for i in range(SIZE)]
    _table(place, "link", "item_id:token entity_id:token", links)
    graph = [(f"e{i}", "has_colour", f"c{i % 2}") for i in range(SIZE)]
    graph += [(f"e{i}", "follows", f"e{(i + 2) % SIZE}") for i in range(SIZE)]
    _table(place, "kg", "head_id:token relation_id:token tail_id:token", graph)


def _rows(ratings: bool) -> list[tuple[int, int, int, int]]:
    """User, item, rating, time; in the order of time, so that all items come before the last."""
    rows = []
    for user in range(SIZE):
        own = [i for i in range(SIZE) if i % 2 == user % 2]
        Random(user).shuffle(own)  # no order to learn: the next item may be any of the own colour
        others = [i for i in range(SIZE) if i % 2 != user % 2][user % 3 :: 2] if ratings else []
        shown = [*((i, 1) for i in others), *((i, 4 + i // 2 % 2) for i in own[:_HISTORY])]
        rows += [(user, i, stars, SIZE * n + user) for n, (i, stars) in enumerate(shown)]
    return sorted(rows, key=lambda row: row[3])


def _table(folder: Path, suffix: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    lines = ["\t".join(columns.split()), *("\t".join(map(str, row)) for row in rows)]
    (folder / f"{NAME}.{suffix}").write_text("\n".join(lines) + "\n", encoding="utf-8")


def is_own(user: str, item: str) -> bool:
    """Whether an item has the colour of a user, by their ids."""
    return int(user[1:]) % 2 == int(item[1:]) % 2

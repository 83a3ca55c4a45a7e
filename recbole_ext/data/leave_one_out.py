"""The leave-one-out split, with the negative items of its ranking.

Each user's latest interaction is the test item, the one before it the validation item. Each of
them is ranked among negative items, which the user has not touched: He et al., "Neural
Collaborative Filtering", WWW 2017, section 4.1, with 99 of them. They are drawn once and written
to `<name>.valid.negatives` and `<name>.test.negatives`, so that every model is ranked against the
same items (see `fixed_negatives`).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ext.data import dataset_folder, quotes, splits
from recbole_ext.data.interaction_file import InteractionFile
from recbole_ext.errors import DataError

_HEADER = "user_id:token\titem_id:token\n"


def latest_rows(users: np.ndarray, timestamps: np.ndarray) -> splits.Split:
    """The split: each user's latest row is test and the one before it valid.

    Of rows with the same time, the one that stands later in the file counts as later. Users
    with fewer than three rows are for training alone.

    Args:
        users: [rows], from 0.
        timestamps: [rows].
    """
    order = np.lexsort((np.arange(len(users)), timestamps, users))
    ends = np.append(np.flatnonzero(np.diff(users[order])), len(users) - 1)
    counts = np.diff(np.append(-1, ends))
    ends = ends[counts >= 3]
    test, valid = order[ends], order[ends - 1]
    train = np.ones(len(users), dtype=bool)
    train[test] = train[valid] = False
    return {"train": np.flatnonzero(train), "valid": np.sort(valid), "test": np.sort(test)}


def draw_negatives(
    rows: InteractionFile, held_out: np.ndarray, number: int, seed: int
) -> np.ndarray:
    """Items that the user of each held-out row has no row with, in any part.

    Args:
        rows: all of them.
        held_out: row numbers.
        number: of items a row, different ones, uniformly drawn.
        seed: of the drawing.

    Returns:
        [held-out rows, number], items.

    Raises:
        DataError: a user has too few such items.
    """
    random = np.random.RandomState(seed)
    order = np.argsort(rows.users, kind="stable")
    starts = np.searchsorted(rows.users[order], np.arange(len(rows.user_tokens) + 1))
    free = np.ones(len(rows.item_tokens), dtype=bool)
    drawn = np.empty((len(held_out), number), dtype=np.int64)
    for place, user in enumerate(rows.users[held_out]):
        seen = rows.items[order[starts[user] : starts[user + 1]]]
        free[seen] = False
        candidates = np.flatnonzero(free)
        free[seen] = True
        if len(candidates) < number:
            raise DataError(
                f"{rows.path}: user {rows.user_tokens[user]} has {len(candidates)} items without "
                f"an interaction, expected at least {number}; ask for fewer with --negatives"
            )
        drawn[place] = candidates[_draw(len(candidates), number, random)]
    return drawn


def _draw(n: int, number: int, random: np.random.RandomState) -> np.ndarray:
    """``number`` different ones of 0, ..., n - 1."""
    if 2 * number > n:
        return random.permutation(n)[:number]
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < number:  # the first that differ of a uniform stream are uniform
        drawn = pd.unique(np.concatenate([drawn, random.randint(n, size=2 * number)]))
    return drawn[:number]


def write(
    rows: InteractionFile,
    name: str,
    data_path: Path,
    command: str,
    negatives: int,
    seed: int,
    evaluation: Mapping[str, Any],
) -> splits.SplitDataset:
    """Write the split as a data set of its own.

    Args:
        rows: of the source.
        name: of the new data set.
        data_path: the folder of data sets.
        command: writes the data set again; for the manifest.
        negatives: items that each held-out item is ranked among.
        seed: of the drawing of the validation items' negatives; the test items' have seed + 1.
        evaluation: RecBole's settings of the evaluation, written beside the data set.

    Raises:
        DataError: there are no timestamps, too few items, or another folder is in the place.
    """
    if rows.timestamps is None:
        raise DataError(
            f"{rows.path}, line 1: no column timestamp:float, so no interaction is the latest; "
            "use the split random"
        )
    split = latest_rows(rows.users, rows.timestamps)
    with dataset_folder.new_folder(data_path, name) as folder:
        options = {"negatives": negatives, "seed": seed}
        settings = {"fixed_negatives": True, **evaluation}
        dataset = splits.write_into(folder, rows, split, name, command, options, settings)
        for offset, phase in enumerate(("valid", "test")):
            items = draw_negatives(rows, split[phase], negatives, seed + offset)
            file = folder / f"{name}.{phase}.negatives"
            with file.open("w", encoding="utf-8", newline="") as stream:
                stream.write(_HEADER)
                stream.writelines(_lines(rows, split[phase], items))
        return dataset


def _lines(rows: InteractionFile, held_out: np.ndarray, items: np.ndarray) -> Iterator[str]:
    """A line for each negative item of each held-out row."""
    names = np.array([quotes.quoted(token) for token in rows.item_tokens], dtype=object)
    users = rows.user_tokens[rows.users[held_out]]
    for user, tokens in zip(map(quotes.quoted, users), names[items], strict=True):
        for token in tokens:
            yield f"{user}\t{token}\n"

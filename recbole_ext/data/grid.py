"""The grid of a data set: every user-item cell with a 0/1 label.

This is the view of the blog post that this project goes back to.

A cell is 1 if the user has rated the item. The cells are split 80/20 by scikit-learn's
``train_test_split``, stratified by the label; the share for validation is cut from the 80 in
the same way.

The cells are written as benchmark files rather than made when a run starts: RecBole's built-in
models can then be trained on them, with or without this package, and the files can be looked at
and checked. For ml-100k that is 1.6 million lines, 19 MB; the README says what it costs. Beside
its label each cell has the rating, 0 where there is none, for models of classes.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.data import dataset_folder, quotes, splits
from recbole_ext.data.interaction_file import InteractionFile
from recbole_ext.errors import DataError

HEADER = "user_id:token\titem_id:token\tlabel:float\trating:float\n"

# What one process holds at a time; ml-1m has 22 million cells.
MOST_CELLS = 50_000_000

_SETTINGS_COMMENT = "Every user-item cell with its label; a yaml of yours or the command line wins."


def labels(rows: InteractionFile) -> np.ndarray:
    """[users * items] of int8, user by user: 1 where there is an interaction."""
    grid = np.zeros((len(rows.user_tokens), len(rows.item_tokens)), dtype=np.int8)
    grid[rows.users, rows.items] = 1
    return grid.ravel()


def ratings(rows: InteractionFile) -> np.ndarray:
    """[users * items], user by user: the rating, 0 where there is none; all 0 without ratings."""
    grid = np.zeros((len(rows.user_tokens), len(rows.item_tokens)), dtype=np.float32)
    if rows.ratings is not None:
        grid[rows.users, rows.items] = rows.ratings
    return grid.ravel()


def split(cells: np.ndarray, test: float, valid: float, seed: int) -> dict[str, np.ndarray]:
    """Cell numbers of each part, ascending; the share of ones is the same in all.

    Args:
        cells: [cells], the labels.
        test, valid: shares of all cells.
        seed: scikit-learn's ``random_state``.
    """
    from sklearn.model_selection import train_test_split

    every = np.arange(len(cells))
    rest, held_out = train_test_split(every, test_size=test, stratify=cells, random_state=seed)
    train, held_valid = train_test_split(
        rest, test_size=round(valid * len(cells)), stratify=cells[rest], random_state=seed
    )
    return {"train": np.sort(train), "valid": np.sort(held_valid), "test": np.sort(held_out)}


def baselines(
    cells: np.ndarray, parts: dict[str, np.ndarray], n_items: int
) -> dict[str, dict[str, float]]:
    """The metrics of two predictors that need no model, on the test part.

    `constant` is the share of ones in the training part. `popularity` of an item is that share
    among its own training cells, with one cell of the constant added.

    Args:
        cells: [users * items], the labels, user by user.
        parts: cell numbers.
        n_items: I.

    Returns:
        predictor -> metric -> value.
    """
    from sklearn.metrics import (
        log_loss,
        mean_absolute_error,
        roc_auc_score,
        root_mean_squared_error,
    )

    truth = cells[parts["test"]]
    train = parts["train"]
    share = float(cells[train].mean())
    ones = np.bincount(train % n_items, weights=cells[train], minlength=n_items)
    n_cells = np.bincount(train % n_items, minlength=n_items)
    popularity = (ones + share) / (n_cells + 1)
    metrics = {}
    for name, prediction in (
        ("constant", np.full(len(truth), share)),
        ("popularity", popularity[parts["test"] % n_items]),
    ):
        metrics[name] = {
            "auc": float(roc_auc_score(truth, prediction)),
            "logloss": float(log_loss(truth, prediction)),
            "rmse": float(root_mean_squared_error(truth, prediction)),
            "mae": float(mean_absolute_error(truth, prediction)),
        }
    return metrics


def write(
    rows: InteractionFile,
    name: str,
    data_path: Path,
    command: str,
    test: float,
    valid: float,
    seed: int,
    evaluation: Mapping[str, Any],
) -> splits.SplitDataset:
    """Write the grid of a data set as a data set of its own.

    Args:
        rows: of the source.
        name: of the new data set.
        data_path: the folder of data sets.
        command: writes the data set again; for the manifest.
        test, valid: shares of the cells.
        seed: of the split.
        evaluation: RecBole's settings of the evaluation, written beside the data set.

    Returns:
        the data set, with the ``baselines`` on its test part.

    Raises:
        DataError: there are too many cells, or another folder is in the place.
    """
    n_users, n_items = len(rows.user_tokens), len(rows.item_tokens)
    if n_users * n_items > MOST_CELLS:
        raise DataError(
            f"{rows.path}: {n_users:,} users x {n_items:,} items are {n_users * n_items:,} cells, "
            f"expected at most {MOST_CELLS:,}; take a smaller data set, or sample negatives "
            "(train_neg_sample_args) instead"
        )
    cells, stars = labels(rows), ratings(rows)
    parts = split(cells, test, valid, seed)
    metrics = baselines(cells, parts, n_items)
    with dataset_folder.new_folder(data_path, name) as folder:
        # a cell's line is its user's beginning, its item's middle and the end of its label
        beginnings = [f"{quotes.quoted(user)}\t" for user in rows.user_tokens]
        middles = [f"{quotes.quoted(item)}\t" for item in rows.item_tokens]
        for part in splits.PARTS:
            file = folder / f"{name}.{part}.inter"
            with file.open("w", encoding="utf-8", newline="") as stream:
                stream.write(HEADER)
                users, items = np.divmod(parts[part], n_items)
                values = [column[parts[part]].tolist() for column in (cells, stars)]
                lines = zip(users.tolist(), items.tolist(), *values, strict=True)
                stream.writelines(
                    beginnings[u] + middles[i] + (f"1\t{rating:g}\n" if label else "0\t0\n")
                    for u, i, label, rating in lines
                )
        settings = {
            **splits.parts_settings(HEADER.encode()),
            "LABEL_FIELD": "label",
            "train_neg_sample_args": None,
            **evaluation,
        }
        dataset_folder.write_settings(folder, name, _SETTINGS_COMMENT, settings)
        dataset = splits.finish(
            rows.path,
            parts,
            folder,
            name,
            command,
            {"test": test, "valid": valid, "seed": seed},
            ones={part: int(cells[parts[part]].sum()) for part in splits.PARTS},
            baselines=metrics,
        )
    return replace(dataset, baselines=metrics)

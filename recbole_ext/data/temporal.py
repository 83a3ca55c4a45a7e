"""The split at one point in time for all users: nothing of the future is in training.

All rows before one moment are for training, those before a second moment for validation, and those
from then on for test. Splits user by user train on rows of one user that are later than the test
rows of another: Ji, Sun, Zhang and Li, "A Critical Study on Data Leakage in Recommender System
Offline Evaluation", ACM TOIS 2023.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.data import dataset_folder, splits
from recbole_ext.data.interaction_file import InteractionFile
from recbole_ext.errors import DataError


def moments(times: np.ndarray, test: float, valid: float) -> tuple[float, float]:
    """The times at which validation and test begin.

    Args:
        times: [rows].
        test, valid: shares of the rows; rows of equal times are never parted, so that the parts
            may be larger.
    """
    in_order = np.sort(times)
    n_test, n_valid = round(test * len(times)), round(valid * len(times))
    last = len(times) - 1
    return (
        float(in_order[min(last, len(times) - n_test - n_valid)]),
        float(in_order[min(last, len(times) - n_test)]),
    )


def split(times: np.ndarray, first: float, second: float) -> splits.Split:
    """Rows before the first moment, between the two, and from the second one on.

    Args:
        times: [rows].
        first, second: when validation and test begin.
    """
    return {
        "train": np.flatnonzero(times < first),
        "valid": np.flatnonzero((times >= first) & (times < second)),
        "test": np.flatnonzero(times >= second),
    }


def of_the_known(rows: InteractionFile, parts: splits.Split) -> splits.Split:
    """The split without held-out rows of users and items that have no row in training.

    A model has learned nothing about them: their scores would be those of its random start.
    """
    users, items = (np.zeros(len(t), dtype=bool) for t in (rows.user_tokens, rows.item_tokens))
    users[rows.users[parts["train"]]] = items[rows.items[parts["train"]]] = True
    known = users[rows.users] & items[rows.items]
    return {part: index[known[index]] for part, index in parts.items()}


def write(
    rows: InteractionFile,
    name: str,
    data_path: Path,
    command: str,
    test: float,
    valid: float,
    evaluation: Mapping[str, Any],
) -> splits.SplitDataset:
    """Write the split as a data set of its own.

    Args:
        rows: of the source.
        name: of the new data set.
        data_path: the folder of data sets.
        command: writes the data set again; for the manifest.
        test, valid: shares of the rows.
        evaluation: RecBole's settings of the evaluation, written beside the data set.

    Raises:
        DataError: there are no timestamps, a part is empty, or another folder is in the place.
    """
    if rows.timestamps is None:
        raise DataError(
            f"{rows.path}, line 1: no column timestamp:float, so no interaction is later than "
            "another; use the split random"
        )
    first, second = moments(rows.timestamps, test, valid)
    whole = split(rows.timestamps, first, second)
    splits.refuse_empty(whole, str(rows.path))
    parts = of_the_known(rows, whole)
    with dataset_folder.new_folder(data_path, name) as folder:
        return splits.write_into(
            *(folder, rows, parts, name, command, {"test": test, "valid": valid}, evaluation),
            moments={"valid": first, "test": second},
            left_out={part: len(whole[part]) - len(parts[part]) for part in ("valid", "test")},
        )

"""The split by users: those of the test part are new, and their histories are given at scoring.

Models are trained on the rows of all other users, and a share of these rows chooses the epoch. Of a
new user's rows, four fifths are the history, `<name>.history.inter`, and the others are tested: the
strong generalisation of Marlin, "Collaborative Filtering: A Machine Learning Perspective", 2004,
and of Liang et al., "Variational Autoencoders for Collaborative Filtering", WWW 2018, section 4.2.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.data import dataset_folder, splits
from recbole_ext.data.interaction_file import InteractionFile

HISTORY = 0.8  # share of a new user's rows that is given
HISTORY_PART = "history"


def split(
    users: np.ndarray, items: np.ndarray, test: float, valid: float, seed: int
) -> splits.Split:
    """Row numbers of ``train``, ``valid``, ``test`` and ``history``.

    Rows of new users with items that nobody else has are left out, and so are new users with fewer
    than two rows then: no model knows anything about such items.

    Args:
        users, items: [rows], from 0.
        test: share of the users who are new.
        valid: share of the other users' rows.
        seed: of the drawing.
    """
    random = np.random.RandomState(seed)
    n_users = users.max() + 1
    new = np.sort(random.permutation(n_users)[: round(test * n_users)])
    of_new = np.isin(users, new)
    old = random.permutation(np.flatnonzero(~of_new))
    n_valid = round(valid * len(old))
    train = np.sort(old[n_valid:])
    known = np.zeros(items.max() + 1, dtype=bool)
    known[items[train]] = True
    history, held_out = [], []
    for user in new:
        own = random.permutation(np.flatnonzero((users == user) & known[items]))
        n_given = min(round(HISTORY * len(own)), len(own) - 1)
        if n_given > 0:
            history.append(own[:n_given])
            held_out.append(own[n_given:])
    none = [np.zeros(0, dtype=np.int64)]
    return {
        "train": train,
        "valid": np.sort(old[:n_valid]),
        "test": np.sort(np.concatenate(held_out or none)),
        HISTORY_PART: np.sort(np.concatenate(history or none)),
    }


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
    """Write the split as a data set of its own.

    Args:
        rows: of the source.
        name: of the new data set.
        data_path: the folder of data sets.
        command: writes the data set again; for the manifest.
        test, valid, seed: see ``split``.
        evaluation: RecBole's settings of the evaluation, written beside the data set.

    Raises:
        DataError: a part is empty, or another folder is in the place.
    """
    parts = split(rows.users, rows.items, test, valid, seed)
    with dataset_folder.new_folder(data_path, name) as folder:
        given = folder / f"{name}.{HISTORY_PART}.inter"
        given.write_bytes(rows.header + rows.lines(parts[HISTORY_PART]))
        options = {"test": test, "valid": valid, "seed": seed}
        return splits.write_into(
            *(folder, rows, parts, name, command, options, evaluation),
            history={"share": HISTORY, "rows": len(parts[HISTORY_PART])},
            left_out=len(rows) - sum(map(len, parts.values())),
        )

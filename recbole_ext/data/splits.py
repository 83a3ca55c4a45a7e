"""Splits of a data set's interactions, as RecBole benchmark files.

What is drawn comes from numpy's ``RandomState``, whose streams do not change between releases:
a seed gives the same split everywhere.

Each split is a new data set beside its source: `<name>.train.inter`, `<name>.valid.inter` and
`<name>.test.inter`, the settings that a run needs, and a manifest. The rows keep the text and
the order of their source.

    random        a share of all ratings, as Sedhain et al. (AutoRec, WWW 2015) hold out 10%
    kfold         the same for each of k equal parts in turn

`leave_one_out`, `temporal`, `new_users` and `movielens.known_splits` write the others.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.data import dataset_folder
from recbole_ext.data.interaction_file import InteractionFile
from recbole_ext.errors import DataError

PARTS = ("train", "valid", "test")
SETTINGS_COMMENT = "What a run on this data set needs; a yaml of yours or the command line wins."

Split = dict[str, np.ndarray]  # part -> row numbers, ascending


@dataclass(frozen=True)
class SplitDataset:
    """A split that is written as a data set of its own.

    Attributes:
        name: of the data set, for RecBole's ``--dataset``.
        counts: part -> rows.
        baselines: predictor -> metric -> value on the test part, of predictors that need no
            model; {} where none is computed.
    """

    name: str
    counts: dict[str, int]
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)


# --- which rows go where --------------------------------------------------------------------


def random_split(n_rows: int, test: float, valid: float, seed: int) -> Split:
    """Rows drawn without regard to users: ``test`` and ``valid`` are shares of all rows.

    Args:
        n_rows: number of rows.
        test, valid: shares of all rows, in [0, 1).
        seed: of numpy's ``RandomState``.
    """
    order = np.random.RandomState(seed).permutation(n_rows)
    n_test, n_valid = round(test * n_rows), round(valid * n_rows)
    cut = {
        "test": order[:n_test],
        "valid": order[n_test : n_test + n_valid],
        "train": order[n_test + n_valid :],
    }
    return {part: np.sort(cut[part]) for part in PARTS}


def kfold(n_rows: int, folds: int, valid: float, seed: int) -> list[Split]:
    """``folds`` splits whose test parts are disjoint and together hold every row.

    Args:
        n_rows: rows in all.
        folds: at least 2; part sizes differ by one at most.
        valid: share of all rows, drawn from what is not test.
        seed: of the one permutation that is cut.
    """
    random = np.random.RandomState(seed)
    parts = np.array_split(random.permutation(n_rows), folds)
    splits = []
    for fold, test in enumerate(parts):
        rest = np.concatenate([part for other, part in enumerate(parts) if other != fold])
        held = random.permutation(rest)[: round(valid * n_rows)]
        train = np.setdiff1d(rest, held, assume_unique=True)
        splits.append({"train": np.sort(train), "valid": np.sort(held), "test": np.sort(test)})
    return splits


def hold_out(n_rows: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers that stay, and a share that does not.

    Args:
        n_rows: number of rows.
        share: of the rows that are held out, in [0, 1).
        seed: see ``random_split``.
    """
    split = random_split(n_rows, share, 0.0, seed)
    return split["train"], split["test"]


# --- writing it -----------------------------------------------------------------------------


def write_split(
    rows: InteractionFile,
    split: Split,
    name: str,
    data_path: Path,
    command: str,
    options: dict[str, Any],
) -> SplitDataset:
    """Write one split of a data set's rows as a data set of its own.

    Args:
        rows: of the source.
        split: row numbers.
        name: of the new data set.
        data_path: the folder of data sets.
        command: writes the data set again; for the manifest.
        options: of the command; for the manifest.

    Raises:
        DataError: a part is empty, or another folder is in the place.
    """
    with dataset_folder.new_folder(data_path, name) as folder:
        return write_into(folder, rows, split, name, command, options)


def write_folds(
    rows: InteractionFile,
    folds: Sequence[Split],
    names: Sequence[str],
    data_path: Path,
    command: str,
    options: Mapping[str, Any],
) -> list[SplitDataset]:
    """Write the splits of ``kfold``, all or none; see ``write_split``.

    Args:
        rows, data_path, command, options: as there; a manifest has the number of its fold, too.
        folds: row numbers of each.
        names: of the new data sets.

    Raises:
        DataError: a part of a fold is empty, or another folder is in a place.
    """
    for split in folds:
        refuse_empty(split, str(rows.path))
    with ExitStack() as all_or_none:
        return [
            write_into(
                all_or_none.enter_context(dataset_folder.new_folder(data_path, name)),
                *(rows, split, name, command, {"fold": fold, **options}),
            )
            for fold, (name, split) in enumerate(zip(names, folds, strict=True), 1)
        ]


def write_kfold(
    rows: InteractionFile,
    name: str,
    data_path: Path,
    command: str,
    folds: int,
    valid: float,
    seed: int,
    evaluation: Mapping[str, Any],
) -> list[SplitDataset]:
    """Write the data sets of all folds, for a protocol; see ``kfold`` and ``write_folds``.

    Args:
        rows, data_path, command: see ``write_split``.
        name: of the new data sets, without the number of the fold.
        folds, valid, seed: see ``kfold``.
        evaluation: not written: `data split kfold` leaves the evaluation to each run.
    """
    names = [f"{name}-fold{fold}of{folds}" for fold in range(1, folds + 1)]
    options = {"folds": folds, "valid": valid, "seed": seed}
    split_rows = kfold(len(rows), folds, valid, seed)
    return write_folds(rows, split_rows, names, data_path, command, options)


def write_into(
    folder: Path,
    rows: InteractionFile,
    split: Split,
    name: str,
    command: str,
    options: Mapping[str, Any],
    more_settings: Mapping[str, Any] | None = None,
    **record: Any,
) -> SplitDataset:
    """Write the parts of a split, its settings and its manifest into a new folder.

    Args:
        folder: of the split.
        rows, split, name, command, options: see ``write_split``.
        more_settings: beside those that load the parts.
        record: more plain values for the manifest.

    Raises:
        DataError: a part is empty.
    """
    write_parts(rows, split, folder, name)
    settings = {**parts_settings(rows.header), **(more_settings or {})}
    dataset_folder.write_settings(folder, name, SETTINGS_COMMENT, settings)
    return finish(rows.path, split, folder, name, command, options, **record)


def parts_settings(header: bytes) -> dict[str, Any]:
    """RecBole's settings that load the three parts of a split, with all columns of their header."""
    columns = [column.partition(":")[0] for column in header.decode().split()]
    return {"benchmark_filename": list(PARTS), "load_col": {"inter": columns}}


def write_parts(rows: InteractionFile, split: Split, folder: Path, name: str) -> None:
    """Write the rows of each part into a folder, and copy the source's user and item features.

    Args:
        rows: the interactions of the source.
        split: part -> row numbers.
        folder: of the new data set.
        name: of the new data set.

    Raises:
        DataError: a part is empty.
    """
    refuse_empty(split, str(rows.path))
    for part in PARTS:
        (folder / f"{name}.{part}.inter").write_bytes(rows.header + rows.lines(split[part]))
    for suffix in ("user", "item"):
        file = rows.path.with_suffix(f".{suffix}")
        if file.is_file():
            shutil.copyfile(file, folder / f"{name}.{suffix}")


def refuse_empty(split: Mapping[str, np.ndarray], where: str) -> None:
    """Refuse a split with an empty part.

    Raises:
        DataError: it names the first empty part.
    """
    for part, index in split.items():
        if not len(index):
            raise DataError(
                f"{where}: no row is left for {part}; take another share, or a larger data set"
            )


def finish(
    source: Path,
    split: Split,
    folder: Path,
    name: str,
    command: str,
    options: Mapping[str, Any],
    **record: Any,
) -> SplitDataset:
    """Write the manifest of a split.

    Args:
        source: the file that was split, or the folder that holds it.
        split: row numbers.
        folder: of the split.
        name: of the split.
        command: writes it again.
        options: of the command.
        record: more plain values for the manifest.
    """
    counts = {part: len(split[part]) for part in PARTS}
    md5 = dataset_folder.md5_of(source) if source.is_file() else ""
    dataset_folder.write_manifest(
        folder,
        command,
        source={"file": source.name, "md5": md5},
        options=dict(options),
        counts=counts,
        **record,
    )
    return SplitDataset(name, counts)

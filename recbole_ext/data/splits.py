"""Splits that other people use too, as RecBole benchmark files.

What is drawn comes from numpy's ``RandomState``, whose streams do not change between releases:
a seed gives the same split everywhere.

Each is a new data set beside its source: `<name>.train.inter`, `<name>.valid.inter` and
`<name>.test.inter`, the settings that a run needs, and a manifest. The rows keep the text and
the order of their source.

    u1 ... u5     GroupLens's five folds of ml-100k: 80,000 and 20,000 ratings
    ua, ub        GroupLens's ten test ratings for each user of ml-100k
    loo           each user's latest interaction is the test item, the one before it the
                  validation item, each ranked among 99 items that the user has not touched;
                  He et al., "Neural Collaborative Filtering", WWW 2017, section 4.1
    random        a share of all ratings, as Sedhain et al. (AutoRec, WWW 2015) hold out 10%
    kfold         the same for each of k equal parts in turn
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ext.data import dataset_folder
from recbole_ext.data.interaction_file import InteractionFile
from recbole_ext.data.movielens import convert, download, raw
from recbole_ext.data.movielens.catalogue import RELEASES
from recbole_ext.errors import DataError

KNOWN = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")
PARTS = ("train", "valid", "test")

Split = dict[str, np.ndarray]  # part -> row numbers, ascending


@dataclass(frozen=True)
class Made:
    """A data set that has been written.

    Attributes:
        name: what to give to ``--dataset``.
        counts: part -> rows.
    """

    name: str
    counts: dict[str, int]


# --- which rows go where --------------------------------------------------------------------


def random_split(n_rows: int, test: float, valid: float, seed: int) -> Split:
    """Rows drawn without regard to users: ``test`` and ``valid`` are shares of all rows."""
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
    """Row numbers that stay, and a share that does not."""
    split = random_split(n_rows, share, 0.0, seed)
    return split["train"], split["test"]


def leave_one_out(users: np.ndarray, timestamps: np.ndarray) -> Split:
    """Each user's latest row is test and the one before it valid.

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


# --- what is written ------------------------------------------------------------------------


def write_split(
    rows: InteractionFile,
    split: Split,
    name: str,
    data_path: Path,
    command: str,
    options: dict[str, Any],
) -> Made:
    """One split of a data set's rows as a data set of its own.

    Args:
        rows: of the source.
        split: row numbers.
        name: of the new data set.
        data_path: the folder of data sets.
        command: that makes it again, for the manifest.
        options: for the manifest.

    Raises:
        DataError: a part is empty, or another folder is in the place.
    """
    with dataset_folder.new_folder(data_path / name) as part:
        _write_parts(rows, split, part, name)
        dataset_folder.write_settings(part, name, _SETTINGS_WHY, _settings(rows.header))
        return _finish(rows.path, split, part, name, command, options)


def write_leave_one_out(
    rows: InteractionFile, name: str, data_path: Path, command: str, negatives: int, seed: int
) -> Made:
    """The paper's protocol, with its candidates drawn once and written down.

    Every model is ranked against the items of `<name>.valid.negatives` and
    `<name>.test.negatives`, ``negatives`` lines a user.

    Raises:
        DataError: there are no timestamps, or too few items.
    """
    if rows.timestamps is None:
        raise DataError(
            f"{rows.path}, line 1: no column timestamp:float, so no interaction is the latest; "
            "use the split random"
        )
    split = leave_one_out(rows.users, rows.timestamps)
    with dataset_folder.new_folder(data_path / name) as part:
        _write_parts(rows, split, part, name)
        for offset, phase in enumerate(("valid", "test")):
            drawn = draw_negatives(rows, split[phase], negatives, seed + offset)
            users = rows.user_tokens[rows.users[split[phase]]]
            pairs = (
                [user, item]
                for user, items in zip(users, rows.item_tokens[drawn], strict=True)
                for item in items
            )
            columns = ("user_id:token", "item_id:token")
            dataset_folder.write_table(part / f"{name}.{phase}.negatives", columns, pairs)
        ranking = {
            "fixed_negatives": True,
            "eval_args": {"mode": f"uni{negatives}"},
            "metrics": ["Hit", "NDCG"],
            "topk": [10],
            "valid_metric": "NDCG@10",
        }
        settings = {**_settings(rows.header), **ranking}
        dataset_folder.write_settings(part, name, _SETTINGS_WHY, settings)
        options = {"negatives": negatives, "seed": seed}
        return _finish(rows.path, split, part, name, command, options)


def write_known(
    source: raw.Source,
    which: str,
    name: str,
    data_path: Path,
    command: str,
    valid: float,
    seed: int,
) -> Made:
    """One of GroupLens's own splits of ml-100k; validation is a share of its training ratings.

    Raises:
        DataError: the source does not have the two files, or they are damaged.
    """
    release = RELEASES["ml-100k"]
    parts: dict[str, bytes] = {}
    for side in ("base", "test"):
        blocks = convert.rating_blocks(
            source, f"{which}.{side}", b"\t", low=release.low, high=release.high
        )
        parts[side] = b"".join(block.text for block, _ in blocks)
    base = np.array(parts["base"].splitlines(keepends=True), dtype=object)
    stay, held = hold_out(len(base), valid, seed)
    split = {"train": stay, "valid": held, "test": np.arange(parts["test"].count(b"\n"))}
    texts = {
        "train": b"".join(base[stay]),
        "valid": b"".join(base[held]),
        "test": parts["test"],
    }
    with dataset_folder.new_folder(data_path / name) as part:
        _refuse_empty(split, which)
        for phase in PARTS:
            (part / f"{name}.{phase}.inter").write_bytes(convert.HEADER + texts[phase])
        convert.write_features(source, source.layout(), part, name)
        settings = _settings(convert.HEADER)
        dataset_folder.write_settings(part, name, _SETTINGS_WHY, settings)
        options = {"split": which, "valid": valid, "seed": seed}
        return _finish(source.path, split, part, name, command, options)


_SETTINGS_WHY = "What a run on this data set needs; a yaml of yours or the command line wins."


def _settings(header: bytes) -> dict[str, Any]:
    columns = [column.partition(":")[0] for column in header.decode().split()]
    return {"benchmark_filename": list(PARTS), "load_col": {"inter": columns}}


def _write_parts(rows: InteractionFile, split: Split, folder: Path, name: str) -> None:
    _refuse_empty(split, str(rows.path))
    for phase in PARTS:
        text = rows.header + rows.lines(split[phase])
        (folder / f"{name}.{phase}.inter").write_bytes(text)
    for suffix in ("user", "item"):
        file = rows.path.with_suffix(f".{suffix}")
        if file.is_file():
            shutil.copyfile(file, folder / f"{name}.{suffix}")


def _refuse_empty(split: Split, where: str) -> None:
    for phase, index in split.items():
        if not len(index):
            raise DataError(
                f"{where}: no row is left for {phase}; take another share, or a larger data set"
            )


def _finish(
    source: Path, split: Split, folder: Path, name: str, command: str, options: dict[str, Any]
) -> Made:
    counts = {phase: len(split[phase]) for phase in PARTS}
    md5 = download.md5_of(source) if source.is_file() else ""
    dataset_folder.write_manifest(
        folder,
        command,
        source={"file": source.name, "md5": md5},
        options=options,
        counts=counts,
    )
    return Made(name, counts)

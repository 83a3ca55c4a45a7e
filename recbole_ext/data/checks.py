"""The check of a folder of atomic files, before a run fails on it or gives wrong numbers.

An error makes a run fail or its numbers wrong. A run survives a warning, but its author may not
have meant it.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_ext.data import atomic_files, delimited
from recbole_ext.data.check_report import Report
from recbole_ext.data.pair_checks import Pairs, check_pairs
from recbole_ext.errors import DataError, SettingError

# Suffix of an atomic file -> the columns that RecBole needs in it.
_NEEDED = {
    "inter": ("user_id", "item_id"),
    "user": ("user_id",),
    "item": ("item_id",),
    "kg": ("head_id", "relation_id", "tail_id"),
    "link": ("item_id", "entity_id"),
    "negatives": ("user_id", "item_id"),
}


def check_folder(
    folder: Path,
    separator: str = "\t",
    encoding: str = "utf-8",
    low: float = -np.inf,
    high: float = np.inf,
    limit: int = 5,
    progress: Callable[[int], None] = lambda n: None,
) -> Report:
    """Check every atomic file of a folder.

    Args:
        folder: of one data set.
        separator, encoding: RecBole's ``field_separator`` and ``encoding``.
        low, high: the range of a rating.
        limit: problems of a kind and file that are reported one by one; all are counted.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: there is no such folder, or no interaction file in it.
    """
    files = [path for path in sorted(folder.glob("*")) if path.suffix[1:] in _NEEDED]
    if not any(path.suffix == ".inter" for path in files):
        here = ", ".join(sorted(path.name for path in folder.glob("*"))) or "nothing"
        raise DataError(f"{folder}: no .inter file there; found {here}")
    report = Report(limit)
    run_parts = _parts_of_a_run(folder, report)
    groups: dict[str, Pairs] = {}
    for path in files:
        suffix = path.suffix[1:]
        try:
            fields = atomic_files.read_header(path, separator, encoding)
        except DataError as error:
            what = str(error).removeprefix(f"{path}: ").removeprefix(f"{path}, ")
            report.add(path, what, "header")
            continue
        missing = [name for name in _NEEDED[suffix] if name not in fields]
        for name in missing:
            report.add(path, f"no column {name} (found {', '.join(fields)})", "header", 1)
        if "rating" in fields and fields["rating"] != "float":
            what = f"rating is a {fields['rating']}, expected rating:float"
            report.add(path, what, "header", 1, "warning")
        if "timestamp" in fields and fields["timestamp"] != "float":
            what = f"timestamp is a {fields['timestamp']}, expected timestamp:float"
            report.add(path, what, "header", 1, "warning")
        pairs = None
        if suffix == "inter" and not missing:
            part = "".join(path.suffixes[:-1])[1:]  # train of <name>.train.inter
            group = "the parts of a run" if part in run_parts else path.name
            pairs = groups.setdefault(group, Pairs())
        _check_lines(path, fields, (separator, encoding), (low, high), report, progress, pairs)
    for group_pairs in groups.values():
        if sum(group_pairs.rows):
            check_pairs(group_pairs, report)
    return report


def _parts_of_a_run(folder: Path, report: Report) -> list[str]:
    """The parts whose pairs must not meet: what the data set's own settings name, or the usual."""
    try:
        named = atomic_files.settings_beside(folder).get("benchmark_filename")
    except SettingError as error:
        file = folder / f"{folder.name}.yaml"
        report.add(file, str(error).removeprefix(str(file)).lstrip(":, "), "settings")
        named = None
    return list(map(str, named)) if isinstance(named, list) else ["train", "valid", "test"]


def _check_lines(
    path: Path,
    fields: dict[str, str],
    written: tuple[str, str],
    limits: tuple[float, float],
    report: Report,
    progress: Callable[[int], None],
    pairs: Pairs | None,
) -> None:
    separator, encoding = written
    # Values that a feature lacks are for RecBole to fill; an interaction's are not.
    strict = path.suffix == ".inter"
    ids = _NEEDED[path.suffix[1:]]
    kinds = {n: k if strict or n in ids else "token_seq" for n, k in fields.items()}
    rows = 0
    for block, frame, problems in atomic_files.scan(path, kinds, separator, encoding):
        progress(block.n_bytes)
        rows += len(frame)
        for line in sorted(problems):
            empty = problems[line] == delimited.EMPTY_LINE
            kind = problems[line].split(",")[0]
            report.add(path, problems[line], kind, line, "warning" if empty else "error")
        _check_quotes(path, block, len(fields), report)
        for name, kind in fields.items():
            if kind in ("float", "float_seq") and kinds[name] != "float" and name not in ids:
                _check_text_numbers(path, name, frame[name], report)
        if fields.get("rating") == "float" and strict:
            rating = frame["rating"].to_numpy()
            outside = np.flatnonzero((rating < limits[0]) | (rating > limits[1]))
            report.add_all(
                path,
                "rating out of range",
                frame.index.to_numpy()[outside],
                lambda place, at=outside, ratings=rating: (  # type: ignore[misc]
                    f"rating: expected {limits[0]:g} to {limits[1]:g}, found {ratings[at[place]]:g}"
                ),
            )
        if pairs is not None and len(frame):
            pairs.add(path, frame)
    report.rows[path.name] = rows
    if not rows:
        report.add(path, "no row that can be used", "empty")


def _check_quotes(path: Path, block: delimited.Block, n_columns: int, report: Report) -> None:
    """RecBole reads a column that begins with a quote up to the next one, across lines."""
    if b'"' not in block.text:
        return
    for row in range(len(block)):
        text = block.text[block.offsets[row] : block.offsets[row + 1]]
        if not (text.startswith(b'"') or b'\t"' in text):
            continue
        try:
            parsed = next(
                csv.reader([text.decode("utf-8", "replace")], delimiter="\t", strict=True)
            )
            fine = len(parsed) == n_columns and not parsed[-1].endswith("\n")
        except csv.Error:
            fine = False
        if not fine:
            what = (
                'a column begins with a quote (") that does not end in it; double it or remove it'
            )
            report.add(path, what, "quote", int(block.numbers[row]))


def _check_text_numbers(path: Path, name: str, column: pd.Series, report: Report) -> None:
    """A feature of numbers: may be empty, but not something else."""
    for text, lines in column.groupby(column, observed=True).groups.items():
        try:
            fine = bool(np.isfinite([float(part) for part in str(text).split()]).all())
        except ValueError:
            fine = False
        if not fine:
            what = f"{name}: expected numbers, found {text!r}"
            report.add_all(path, name, np.asarray(lines), lambda _, what=what: what)  # type: ignore[misc]

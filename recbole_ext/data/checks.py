"""The check of a folder of atomic files, before a run fails on it or gives wrong numbers.

An error makes a run fail or its numbers wrong. A run survives a warning, but its author may not
have meant it.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_ext.data import atomic_files, delimited, feature_coverage, quotes
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
    "net": ("source_id", "target_id"),
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
    described: dict[Path, feature_coverage.Lines] = {}
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
        features = None
        if suffix in ("user", "item") and not missing:
            features = described.setdefault(path, feature_coverage.Lines())
        written, limits = (separator, encoding), (low, high)
        _check_lines(path, fields, written, limits, report, progress, pairs, features)
    _check_features(described, groups, report)
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
    features: feature_coverage.Lines | None,
) -> None:
    separator, encoding = written
    strict = path.suffix == ".inter"
    required = atomic_files.required_columns(path)
    rows = 0
    empty_values: Counter[str] = Counter()
    for block, frame, problems in atomic_files.scan(path, fields, separator, encoding, required):
        progress(block.n_bytes)
        rows += len(frame)
        for line in sorted(problems):
            empty = problems[line] == delimited.EMPTY_LINE
            kind = problems[line].split(",")[0]
            report.add(path, problems[line], kind, line, "warning" if empty else "error")
        _check_quotes(path, block, report)
        for name in map(str, frame):
            if strict and fields[name] in ("token", "float") and name not in required:
                empty_values[name] += int((frame[name].isna() | (frame[name] == "")).sum())
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
        if features is not None and len(frame):
            features.take(frame[f"{path.suffix[1:]}_id"])
    for name, count in (+empty_values).items():
        what = f"{name}: {count} of {rows} values are empty; RecBole fills in "
        what += "the mean of the others" if fields[name] == "float" else "the padding token"
        report.add(path, what, f"{name} is empty", severity="warning", count=count)
    report.rows[path.name] = rows
    if not rows:
        report.add(path, "no row that can be used", "empty")


def _check_quotes(path: Path, block: delimited.Block, report: Report) -> None:
    """A quote that does not quote a whole column may be a slip."""
    if b'"' not in block.text:
        return
    for row in range(len(block)):
        text = block.text[block.offsets[row] : block.offsets[row + 1]]
        if not (text.startswith(b'"') or b'\t"' in text):
            continue
        columns = text.decode("utf-8", "replace").rstrip("\n").split("\t")
        if any(c.startswith('"') and quotes.unquoted(c) == c for c in columns):
            what = (
                'a column begins with a quote (") that does not end in it; the quotes are read '
                "as characters"
            )
            report.add(path, what, "quote", int(block.numbers[row]), "warning")


def _check_features(
    described: dict[Path, feature_coverage.Lines], groups: dict[str, Pairs], report: Report
) -> None:
    """Compare each ``.user`` and ``.item`` file with the interactions that a run has it with."""
    for path, lines in described.items():
        parts = f"{path.stem}.inter" not in groups
        pairs = groups.get("the parts of a run" if parts else f"{path.stem}.inter")
        if pairs is None or not sum(pairs.rows) or not lines.tokens:
            continue
        who = path.suffix[1:]
        keys = np.concatenate(pairs.keys)
        codes, names = (
            (keys >> 32, pairs.users) if who == "user" else (keys & 0xFFFFFFFF, pairs.items)
        )
        n_rows = pd.Series(np.bincount(codes, minlength=len(names)), index=list(names))
        for what, kind, line, count in feature_coverage.differences(who, lines, n_rows, parts):
            report.add(path, what, kind, line, "warning", count)

"""Everything that is wrong with a folder of atomic files, before a run finds out or does not.

An error is what makes a run fail or its numbers wrong; a warning is what a run survives but
its author may not have meant.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from recbole_ext.data import atomic_files, delimited, feature_coverage
from recbole_ext.errors import DataError, SettingError

Severity = Literal["error", "warning"]

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


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        where: a file, with the line where there is one.
        what: in a line.
        severity: whether a run would be wrong.
    """

    where: str
    what: str
    severity: Severity

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}"


@dataclass
class Report:
    """What a check has found.

    Attributes:
        limit: problems of a kind and file that are kept one by one.
        problems: those.
        counts: (file, kind) -> how many there are in all.
        errors: how many of them are errors.
        rows: file -> rows that are whole.
    """

    limit: int
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        path: Path,
        what: str,
        kind: str,
        line: int = 0,
        severity: Severity = "error",
        count: int = 1,
    ) -> None:
        """Count a problem, and keep it if there are few of its kind."""
        self.counts[path.name, kind] += count
        self.errors += count if severity == "error" else 0
        if self.counts[path.name, kind] - count < self.limit:
            where = f"{path}, line {line}" if line else str(path)
            self.problems.append(Problem(where, what, severity))

    def add_all(
        self,
        path: Path,
        kind: str,
        lines: np.ndarray,
        what: Callable[[int], str],
        severity: Severity = "error",
    ) -> None:
        """Count problems of one kind; ``what(place)`` says it for those that are kept."""
        for place in range(min(self.limit, len(lines))):
            self.add(path, what(place), kind, int(lines[place]), severity)
        rest = len(lines) - self.limit
        if rest > 0:
            self.counts[path.name, kind] += rest
            self.errors += rest if severity == "error" else 0


@dataclass
class _Pairs:
    """The user-item pairs of interaction files that belong together, as numbers."""

    users: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    keys: list[np.ndarray] = field(default_factory=list)  # user, item in one int64
    lines: list[np.ndarray] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # of each file

    def take(self, path: Path, frame: pd.DataFrame) -> None:
        if path not in self.files:
            self.files.append(path)
            self.rows.append(0)
        self.rows[-1] += len(frame)
        users = _numbers(frame["user_id"], self.users)
        items = _numbers(frame["item_id"], self.items)
        self.keys.append(users << 32 | items)
        self.lines.append(frame.index.to_numpy(dtype=np.int32))


def _numbers(column: pd.Series, known: dict[str, int]) -> np.ndarray:
    tokens = column.cat.remove_unused_categories()
    order = [known.setdefault(token, len(known)) for token in tokens.cat.categories]
    return np.array(order, dtype=np.int64)[tokens.cat.codes]


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
        progress: told how many bytes have been read since the last call.

    Raises:
        DataError: there is no such folder, or no interaction file in it.
    """
    files = [path for path in sorted(folder.glob("*")) if path.suffix[1:] in _NEEDED]
    if not any(path.suffix == ".inter" for path in files):
        here = ", ".join(sorted(path.name for path in folder.glob("*"))) or "nothing"
        raise DataError(f"{folder}: no .inter file there; found {here}")
    report = Report(limit)
    seen_together = _parts_of_a_run(folder, report)
    groups: dict[str, _Pairs] = {}
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
            group = "the parts of a run" if part in seen_together else path.name
            pairs = groups.setdefault(group, _Pairs())
        features = None
        if suffix in ("user", "item") and not missing:
            features = described.setdefault(path, feature_coverage.Lines())
        written, limits = (separator, encoding), (low, high)
        _check_lines(path, fields, written, limits, report, progress, pairs, features)
    _check_features(described, groups, report)
    for found in groups.values():
        if sum(found.rows):
            _check_pairs(found, report)
    return report


def _parts_of_a_run(folder: Path, report: Report) -> list[str]:
    """The parts whose pairs must not meet: what the data set's own settings name, or the usual."""
    try:
        named = atomic_files.settings_beside(folder).get("benchmark_filename")
    except SettingError as error:
        file = folder / f"{folder.name}.yaml"
        report.add(file, str(error).removeprefix(f"{file}: "), "settings")
        named = None
    return list(map(str, named)) if isinstance(named, list) else ["train", "valid", "test"]


def _check_lines(
    path: Path,
    fields: dict[str, str],
    written: tuple[str, str],
    limits: tuple[float, float],
    report: Report,
    progress: Callable[[int], None],
    pairs: _Pairs | None,
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
                lambda place, at=outside, found=rating: (  # type: ignore[misc]
                    f"rating: expected {limits[0]:g} to {limits[1]:g}, found {found[at[place]]:g}"
                ),
            )
        if pairs is not None and len(frame):
            pairs.take(path, frame)
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
        if any(c.startswith('"') and delimited.unquoted(c) == c for c in columns):
            what = (
                'a column begins with a quote (") that does not end in it; the quotes are read '
                "as characters"
            )
            report.add(path, what, "quote", int(block.numbers[row]), "warning")


def _check_features(
    described: dict[Path, feature_coverage.Lines], groups: dict[str, _Pairs], report: Report
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


def _check_pairs(pairs: _Pairs, report: Report) -> None:
    keys, lines = np.concatenate(pairs.keys), np.concatenate(pairs.lines)
    ends = np.cumsum(pairs.rows)
    again = np.flatnonzero(pd.Series(keys).duplicated().to_numpy())
    user_names, item_names = list(pairs.users), list(pairs.items)
    if len(again):
        # the first row of each pair that comes again
        repeated = np.flatnonzero(np.isin(keys, keys[again]))
        first = pd.Series(repeated, index=keys[repeated]).groupby(level=0).first()
    for number, path in enumerate(pairs.files):
        start = ends[number - 1] if number else 0
        mine = again[(again >= start) & (again < ends[number])]
        if not len(mine):
            continue
        earlier = first.loc[keys[mine]].to_numpy()
        home = np.searchsorted(ends, earlier, side="right")
        for inside, kind in ((True, "pair twice"), (False, "pair in two parts")):
            rows = mine[(home == number) == inside]
            firsts = earlier[(home == number) == inside]

            def what(place: int, rows=rows, firsts=firsts, inside=inside) -> str:  # type: ignore[no-untyped-def]
                key = int(keys[rows[place]])
                pair = f"user {user_names[key >> 32]}, item {item_names[key & 0xFFFFFFFF]}"
                where = pairs.files[int(np.searchsorted(ends, firsts[place], side="right"))]
                line = int(lines[firsts[place]])
                if inside:
                    return f"{pair} again, as in line {line}; RecBole keeps both (rm_dup_inter)"
                return f"{pair} is in {where.name}, line {line}, too: a part has seen another"

            severity: Severity = "warning" if inside else "error"
            report.add_all(path, kind, lines[rows], what, severity)
    last = pairs.files[-1]
    for column, codes, names in (
        ("user", keys >> 32, user_names),
        ("item", keys & 0xFFFFFFFF, item_names),
    ):
        lone = np.flatnonzero(np.bincount(codes, minlength=len(names)) == 1)
        if len(lone):
            some = ", ".join(names[code] for code in lone[: report.limit])
            lonely = (
                f"{len(lone)} {column}{'s' if len(lone) > 1 else ''} with one interaction "
                f"({some}{', ...' if len(lone) > report.limit else ''}); a split cannot hold out "
                f"what it also trains on ({column}_inter_num_interval removes them)"
            )
            kind = f"{column} with one interaction"
            report.add(last.parent, lonely, kind, severity="warning", count=len(lone))

"""The user-item pairs of interaction files: pairs that come again, users and items with one row."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_ext.data.check_report import Report, Severity


@dataclass
class Pairs:
    """The user-item pairs of interaction files that belong together, as numbers.

    Attributes:
        users, items: token -> number.
        keys: of each block [rows], user and item in one int64.
        lines: of each block [rows], the line numbers.
        files: the files.
        rows: the number of rows of each file.
    """

    users: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    keys: list[np.ndarray] = field(default_factory=list)
    lines: list[np.ndarray] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(self, path: Path, frame: pd.DataFrame) -> None:
        """Add the rows of a block of a file; the index of the frame is the line number."""
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


def check_pairs(pairs: Pairs, report: Report) -> None:
    """Report pairs that come again, in a file or in two, and users and items with one row."""
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
                return f"{pair} is in {where.name}, line {line}, too: two parts share a pair"

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
                f"({some}{', ...' if len(lone) > report.limit else ''}); a split cannot both "
                f"train on it and hold it out ({column}_inter_num_interval removes them)"
            )
            kind = f"{column} with one interaction"
            report.add(last.parent, lonely, kind, severity="warning", count=len(lone))

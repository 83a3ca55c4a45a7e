"""Which interactions a data set has, by definition: plain Python, for tests only.

A column of type token holds names: `NA`, `"i0` and `01` are names like any other; `"a"` is a.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

LARGEST = 3.4028234663852886e38  # float32
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Refused(ValueError):  # noqa: N818  what a run does, not what went wrong here
    """The input has no defined meaning: a run must refuse it."""


@dataclass(frozen=True)
class Row:
    """An interaction: who, with what, and the numbers of the other columns."""

    user: str
    item: str
    values: dict[str, float] = field(default_factory=dict, hash=False)


def read(text: str) -> list[Row]:
    """The rows of an ``.inter`` file; its lines may end in CR LF. Empty lines are no rows."""
    head, *lines = text.replace("\r\n", "\n").split("\n")
    columns = [column.split(":") for column in head.split("\t")]
    return [_row(n, line.split("\t"), columns) for n, line in enumerate(lines, 2) if line]


def _row(number: int, cells: list[str], columns: list[list[str]]) -> Row:
    if len(cells) != len(columns):
        raise Refused(f"line {number}: {len(cells)} columns")
    names, values = {}, {}
    for (name, kind), cell in zip(columns, map(unquoted, cells), strict=True):
        if kind == "token" and cell:
            names[name] = cell
        elif kind == "float" and NUMBER.fullmatch(cell) and abs(float(cell)) <= LARGEST:
            values[name] = float(cell)
        else:
            raise Refused(f"line {number}: {name}: {cell!r}")
    return Row(names["user_id"], names["item_id"], values)


def unquoted(cell: str) -> str:
    """What stands between quotes, every quote inside doubled; anything else as it stands."""
    return cell[1:-1].replace('""', '"') if re.fullmatch('"([^"]|"")*"', cell) else cell


def by_time(rows: list[Row]) -> list[Row]:
    """Oldest first; rows of the same time stay in the order of the file."""
    if not all("timestamp" in row.values for row in rows):
        raise Refused("no column timestamp:float to order by")
    return sorted(rows, key=lambda row: row.values["timestamp"])


def without_repeats(rows: list[Row], keep: str | None) -> list[Row]:
    """``rm_dup_inter``: the first or the last row of each pair, by time where there is one."""
    if keep is None:
        return rows
    if all("timestamp" in row.values for row in rows):
        rows = by_time(rows)
    of_pair: dict[tuple[str, str], Row] = {}
    for row in rows if keep == "first" else rows[::-1]:
        of_pair.setdefault((row.user, row.item), row)
    kept = list(of_pair.values())
    return kept if keep == "first" else kept[::-1]


def known(
    rows: list[Row], users: Collection[str] | None, items: Collection[str] | None
) -> list[Row]:
    """Rows whose user is in the ``.user`` file and whose item is in the ``.item`` file, if any."""
    rows = [row for row in rows if users is None or row.user in users]
    return [row for row in rows if items is None or row.item in items]


def labelled(rows: list[Row], label: str, threshold: dict[str, float] | None) -> list[Row]:
    """``threshold: {field: t}``: the label is 1 where the field is at least t, else 0."""
    if threshold is None:
        return rows
    ((name, least),) = threshold.items()
    return [
        Row(row.user, row.item, {**row.values, label: float(row.values[name] >= least)})
        for row in rows
    ]

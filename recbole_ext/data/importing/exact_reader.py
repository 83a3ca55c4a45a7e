"""Text and json read value by value: each problem has its line.

It is asked about files that a fast reader refuses, and has the last word: it takes what it can.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from recbole_ext.data.importing import times
from recbole_ext.data.importing.columns import Kind
from recbole_ext.data.importing.sources import Progress, Source
from recbole_ext.data.importing.text_layout import TextLayout
from recbole_ext.data.importing.text_lines import END, Lines, records
from recbole_ext.data.importing.values import BREAKS, Part, number, token_problem
from recbole_ext.errors import DataError

_ROWS = 100_000  # of a part


def read_text(
    source: Source,
    layout: TextLayout,
    kinds: Mapping[str, Kind],
    time_format: str | None,
    progress: Progress,
) -> Iterator[Part]:
    """The rows of a file of text.

    Args:
        source: the file.
        layout: separator and columns of the file.
        kinds: column -> kind of its values.
        time_format: how dates are written; None for the known formats.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: the first line that cannot be read, with its number.
    """
    places = {name: layout.names.index(name) for name in kinds}
    width = len(layout.names)
    values = Values(source.label, kinds, time_format)
    header = layout.has_header
    null = layout.null
    for line, row in records(source, layout, progress):
        if header:
            header = False
            continue
        if len(row) != width:
            raise DataError(
                f"{source.label}, line {line}: expected {width} columns, found {len(row)}: "
                f"{layout.separator.join(row)[:60]!r}; put quotes around a value that holds the "
                "separator, or correct the line"
            )
        if null is not None:
            row = ["" if text == null else text for text in row]
        values.add(line, {name: row[place] for name, place in places.items()})
        if len(values) == _ROWS:
            yield values.take()
    yield values.take()


def read_json(
    source: Source, kinds: Mapping[str, Kind], time_format: str | None, progress: Progress
) -> Iterator[Part]:
    """The rows of json lines, or of one json array.

    Args:
        source: the file.
        kinds: column -> kind of its values.
        time_format: how dates are written; None for the known formats.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: the first line that cannot be read, with its number.
    """
    values = Values(source.label, kinds, time_format)
    for line, content in json_objects(source, progress):
        row = {}
        for name, kind in kinds.items():
            row[name] = _text_of(content.get(name), kind, f"{source.label}, {line}: {name}")
        values.add(line, row)
        if len(values) == _ROWS:
            yield values.take()
    yield values.take()


def json_objects(
    source: Source, progress: Progress = lambda n: None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The place of each object of a file of json, and the object.

    Raises:
        DataError: a line is none.
    """
    with source.open_text(progress) as stream:
        lines = Lines(stream, source.label)
        is_array = stream.peek(1).lstrip()[:1] == b"["  # type: ignore[attr-defined]
        if is_array:
            text = "".join(line for line in lines if line != END)
            rows = _loaded(text, source.label)
            if not isinstance(rows, list):
                raise DataError(f"{source.label}: expected an array of objects")
            for number, row in enumerate(rows, 1):
                yield f"entry {number}", _object(row, f"{source.label}, entry {number}")
            return
        for text in lines:
            if text != END and text.strip():
                place = f"line {lines.number}"
                where = f"{source.label}, {place}"
                yield place, _object(_loaded(text, where), where)


def _loaded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not json ({error}); correct or remove the line") from error


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object {{...}}, found {str(row)[:40]!r}")
    return row


def _text_of(value: Any, kind: Kind, where: str) -> str:
    """A value of json as text; "" for none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) and kind == "optional token":
        return str(value).lower()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if kind == "text" and isinstance(value, list):
            return " ".join(str(one).replace(" ", "_") for one in value)
        raise DataError(f"{where}: expected text or a number, found {str(value)[:40]!r}")
    if isinstance(value, float) and kind in ("token", "optional token"):
        if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        raise DataError(f"{where}: expected an id, found the number {value!r}")
    return repr(value) if isinstance(value, float) else str(value)


class Values:
    """The rows of a part, checked one by one."""

    def __init__(self, label: str, kinds: Mapping[str, Kind], time_format: str | None) -> None:
        self._label, self._kinds, self._time_format = label, kinds, time_format
        self._are_dates: dict[str, bool] = {}
        self._columns: dict[str, list[Any]] = {name: [] for name in kinds}
        self._zones: dict[str, bool] = {}
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, line: int | str, row: Mapping[str, str]) -> None:
        """Add a row.

        Raises:
            DataError: a value is not of its kind; it names the line and the column.
        """
        self._rows += 1
        for name, text in row.items():
            try:
                self._columns[name].append(self._value(name, text))
            except DataError as error:
                place = f"line {line}" if isinstance(line, int) else line
                raise DataError(
                    f"{self._label}, {place}: column {name}: {error}; {self._advice(name)}"
                ) from error

    def _advice(self, name: str) -> str:
        if self._kinds[name] == "token":
            return "correct or remove the line"
        return f"correct it, or leave the column out with --drop {name}"

    def _value(self, name: str, text: str) -> Any:
        kind = self._kinds[name]
        if kind == "text":
            return BREAKS.sub(" ", text)
        if kind in ("token", "optional token"):
            if problem := token_problem(text, kind):
                raise DataError(problem)
            return text
        if kind != "time":
            return number(text, kind)
        return self._time(name, text)

    def _time(self, name: str, text: str) -> float:
        is_date = self._time_format is not None or not times.is_number(text.strip(" "))
        seconds = times.seconds_of(text, self._time_format) if is_date else number(text, "time")
        expected = (
            f"a time as {self._time_format}"
            if self._time_format
            else ("seconds since 1970 or a date such as 2013-07-31 18:00:00")
        )
        if seconds is None:
            more = "" if self._time_format else " (--time-format says how other dates are written)"
            raise DataError(f"expected {expected}, found {text[:40]!r}{more}")
        if self._are_dates.setdefault(name, is_date) != is_date:
            before = "dates" if self._are_dates[name] else "numbers"
            raise DataError(f"expected {before} as in the lines before, found {text[:40]!r}")
        if is_date:
            self._zones[name] = self._zones.get(name, True) and times.has_zone(text)
        return seconds

    def take(self) -> Part:
        """The rows so far; the next ones begin anew."""
        part = Part(self._rows)
        for name, kind in self._kinds.items():
            if kind in ("token", "optional token", "text"):
                texts = pa.array(self._columns[name], pa.string())
                part.tokens[name] = texts.dictionary_encode()
            else:
                part.numbers[name] = np.array(self._columns[name], dtype=np.float64)
                if self._are_dates.get(name):
                    part.dates[name] = self._zones[name]
        self._columns = {name: [] for name in self._kinds}
        self._rows = 0
        return part

"""Files whose columns are known, whatever they hold: read fast, and again exactly where refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pyarrow as pa

from recbole_ext.data.importing import (
    arrow_files,
    exact_reader,
    fast_reader,
    known_layouts,
    netflix,
    text_layout,
)
from recbole_ext.data.importing.columns import ColumnOptions, Kind
from recbole_ext.data.importing.sources import Progress, Source
from recbole_ext.data.importing.times import is_time
from recbole_ext.data.importing.values import Part, Refused, number, token_problem
from recbole_ext.errors import DataError


@dataclass(frozen=True)
class ReadOptions:
    """What a user says of the files.

    Attributes:
        columns: of the columns.
        separator: of files of text; None to recognise it.
        header: names of the columns of files without a header, "-" for one to leave out.
        time_format: of dates that are not ISO 8601; None for these.
        published: a name of ``known_layouts.FORMATS``; None to recognise one.
    """

    columns: ColumnOptions = field(default_factory=ColumnOptions)
    separator: str | None = None
    header: Sequence[str] | None = None
    time_format: str | None = None
    published: str | None = None


@dataclass
class Opened:
    """A file whose columns are known.

    Attributes:
        names: of its columns.
        sample: some rows as text.
        words: how it is read.
        parts: column -> kind, and the progress -> the rows.
        is_in_order: whether the order of the rows stands for times.
    """

    names: Sequence[str]
    sample: Sequence[Sequence[str]]
    words: str
    parts: Callable[[Mapping[str, Kind], Progress], list[Part]]
    is_in_order: bool = False


def opened(source: Source, options: ReadOptions) -> Opened:
    """A file whose columns are known, whatever it holds.

    Raises:
        DataError: it is damaged, or its columns are not recognised.
    """
    if source.content == "text":
        return _opened_text(source, options)
    if source.content == "json lines":
        return _opened_json(source, options)
    return _opened_arrow(source, options)


def _opened_text(source: Source, options: ReadOptions) -> Opened:
    if netflix.is_netflix(source):
        return _opened_netflix(source)
    layout = text_layout.examine(source, options.separator, options.header, options.published)
    names = [name.strip() for name in layout.names]
    layout = replace(layout, names=tuple(names))

    def parts(kinds: Mapping[str, Kind], progress: Progress) -> list[Part]:
        counted = _Counted(progress)
        for read in (fast_reader.read_lines, fast_reader.read_text):
            try:
                return _of_one_kind(read(source, layout, kinds, options.time_format, counted))
            except Refused:
                counted.again()
        return list(exact_reader.read_text(source, layout, kinds, options.time_format, counted))

    in_order = layout.published == known_layouts.IN_ORDER
    return Opened(names, layout.sample, layout.words, parts, in_order)


def _opened_netflix(source: Source) -> Opened:
    def parts(kinds: Mapping[str, Kind], progress: Progress) -> list[Part]:
        counted = _Counted(progress)
        try:
            return list(netflix.read_fast(source, kinds, counted))
        except Refused:
            counted.again()
        return list(netflix.read_exact(source, kinds, counted))

    return Opened(netflix.NAMES, netflix.sample(source), "the Netflix prize", parts)


def _opened_json(source: Source, options: ReadOptions) -> Opened:
    rows = [row for _, row in islice(exact_reader.json_objects(source), 1000)]
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    simple = [n for n in names if not any(isinstance(row.get(n), (dict, list)) for row in rows)]
    sample = [[_plain(row.get(name)) for name in simple] for row in rows]

    def parts(kinds: Mapping[str, Kind], progress: Progress) -> list[Part]:
        counted = _Counted(progress)
        try:
            return _of_one_kind(fast_reader.read_json(source, kinds, options.time_format, counted))
        except Refused:
            counted.again()
        return list(exact_reader.read_json(source, kinds, options.time_format, counted))

    return Opened(simple, sample, source.words, parts)


def _opened_arrow(source: Source, options: ReadOptions) -> Opened:
    try:
        types = arrow_files.column_types(source)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{source.label}: damaged {source.content} ({str(error).splitlines()[0]})"
        ) from error
    names = [name for name, kind in types.items() if not pa.types.is_nested(kind)]

    def parts(kinds: Mapping[str, Kind], progress: Progress) -> list[Part]:
        parts: list[Part] = []
        done = 0
        for part, arrays in arrow_files.read(source, kinds, options.time_format, progress):
            if part is None:
                raise problem_of(source.label, arrays, kinds, done)
            parts.append(part)
            done += part.rows
        return parts

    rows = arrow_files.first_rows(source, names)
    sample = [[_plain(row[name]) for name in names] for row in rows]
    return Opened(names, sample, source.words, parts)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def problem_of(
    label: str, arrays: Mapping[str, Any], kinds: Mapping[str, Kind], done: int
) -> DataError:
    """What is wrong with the first row of a batch that cannot be read.

    Args:
        label: the name of the file in messages.
        arrays: column -> values of the batch.
        kinds: column -> kind of its values.
        done: number of rows before the batch.
    """
    for name, kind in kinds.items():
        for row, value in enumerate(arrays[name].to_pylist(), done + 1):
            where = f"{label}, row {row}: column {name}"
            if value is None:
                if kind in ("token", "number", "time"):
                    return DataError(f"{where}: an empty value; remove the row")
                continue
            if kind in ("token", "optional token"):
                if isinstance(value, float) and not value.is_integer():
                    return DataError(f"{where}: expected an id, found the number {value!r}")
                if problem := token_problem(str(value), kind):
                    return DataError(f"{where}: {problem}; remove the row")
            elif kind == "time" and isinstance(value, str) and not is_time([value]):
                return DataError(
                    f"{where}: expected seconds since 1970 or a date such as 2013-07-31, found "
                    f"{value[:40]!r}"
                )
            elif kind in ("number", "optional number"):
                try:
                    number(str(value), kind)
                except DataError as error:
                    return DataError(f"{where}: {error}; correct it, or leave the column out")
    types = ", ".join(f"{name} ({array.type})" for name, array in arrays.items())
    return DataError(f"{label}: a value cannot be read as it should be in {types}")


class _Counted:
    """Bytes for a progress bar, which a second reading does not count again."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._read, self._most = progress, 0, 0

    def __call__(self, n_bytes: int) -> None:
        self._read += n_bytes
        if self._read > self._most:
            self._progress(self._read - self._most)
            self._most = self._read

    def again(self) -> None:
        """The file is read from its beginning."""
        self._read = 0


def _of_one_kind(parts: Iterator[Part]) -> list[Part]:
    """The parts; Refused if some have numbers and others dates in a column of times."""
    whole = list(parts)
    if len({tuple(sorted(part.dates)) for part in whole if part.rows}) > 1:
        raise Refused
    return whole

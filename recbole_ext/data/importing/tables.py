"""A table of interactions in memory, from all files of an import."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from recbole_ext.data.importing import times
from recbole_ext.data.importing.columns import FIELDS, Columns, Role, recognise
from recbole_ext.data.importing.opening import ReadOptions, opened
from recbole_ext.data.importing.sources import Progress, Source
from recbole_ext.data.importing.values import Part
from recbole_ext.data.line_blocks import in_order
from recbole_ext.errors import DataError

_ROWS = 2**20  # that are looked at at a time: their temporary arrays are small


@dataclass
class Tokens:
    """A column of ids or texts.

    Attributes:
        codes: [rows], from 0.
        texts: code -> text.
    """

    codes: np.ndarray
    texts: pa.Array


@dataclass
class Table:
    """Columns of equal length.

    Attributes:
        columns: what they are.
        tokens: column of the file -> its ids or texts.
        numbers: column of the file -> [rows], of any type that holds them exactly; NaN for none.
        time_words: how the times were written; "" without times.
        words: how the files were read.
    """

    columns: Columns
    tokens: dict[str, Tokens]
    numbers: dict[str, np.ndarray]
    time_words: str
    words: str

    def __len__(self) -> int:
        return len(next(iter(self.tokens.values())).codes)


def read(sources: Sequence[Source], options: ReadOptions, progress: Progress) -> Table:
    """Read files that are parts of one table.

    Args:
        sources: of one kind, with the same columns.
        options: of the user.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: a line cannot be read; it names the file, the line and the column.
    """
    parts: list[Part] = []
    columns: Columns | None = None
    words = ""
    for source in sources:
        file = opened(source, options)
        if columns is None:
            columns = recognise(file.names, file.sample, options.columns, source.label)
            words = file.words
            first = source
        for name in columns.kinds:
            if name not in file.names:
                raise DataError(
                    f"{source.label}: no column {name!r}, which {first.label} has; found "
                    f"{', '.join(file.names)}"
                )
        parts += file.parts(columns.kinds, progress)
        is_in_order = file.is_in_order
    assert columns is not None
    if not sum(part.rows for part in parts):
        raise DataError(f"{sources[0].label}: no row after the header; nothing to import")
    table = table_of(parts, columns, words, sources[0].label)
    return _in_order(table) if is_in_order else table


def table_of(parts: Sequence[Part], columns: Columns, words: str, label: str) -> Table:
    """Put the rows of several parts together.

    Args:
        parts: the rows, in their order.
        columns: the roles of the columns.
        words: how the files were read, for the output.
        label: the name of the file in messages.

    Raises:
        DataError: the times are of several kinds or units.
    """
    parts = [part for part in parts if part.rows]
    tokens, numbers = joined(parts)
    time_words = ""
    if name := columns.roles.get("time"):
        kinds = {name in part.dates for part in parts}
        where = f"{label}: column {name}"
        if len(kinds) > 1:
            raise DataError(f"{where}: expected numbers or dates in all files, found both")
        if kinds == {True}:
            zones = all(part.dates[name] for part in parts)
            time_words = "dates with a zone" if zones else "dates without a zone, taken for UTC"
        else:
            numbers[name], time_words = times.from_numbers(numbers[name], where)
    return Table(columns, tokens, numbers, time_words, words)


def _in_order(table: Table) -> Table:
    """The same with the number of each row, from 1, as its time."""
    name = "the order of the lines"
    roles: dict[Role, str] = {**table.columns.roles, "time": name}
    numbers = {**table.numbers, name: np.arange(1.0, len(table) + 1)}
    columns = replace(table.columns, roles=roles)
    return replace(table, columns=columns, numbers=numbers, time_words="no times: their order")


def joined(parts: Sequence[Part]) -> tuple[dict[str, Tokens], dict[str, np.ndarray]]:
    """The columns of several parts: those of ids and texts, and those of numbers."""
    parts = [part for part in parts if part.rows]
    if not parts:
        return {}, {}
    names = list(parts[0].tokens)
    columns = ([part.tokens.pop(name) for part in parts] for name in names)
    tokens = dict(zip(names, in_order(_tokens, columns), strict=True))
    numbers = {
        name: np.concatenate([part.numbers.pop(name) for part in parts])
        for name in list(parts[0].numbers)
    }
    return tokens, numbers


def _tokens(arrays: list[pa.DictionaryArray]) -> Tokens:
    """One column of several parts, numbered in the order of first appearance."""
    whole = pa.chunked_array([array.cast(_CODED) for array in arrays]).unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in whole.chunks])
    return distinct(codes, whole.chunk(whole.num_chunks - 1).dictionary)


_CODED = pa.dictionary(pa.int32(), pa.string())


def distinct(codes: np.ndarray, texts: pa.Array) -> Tokens:
    """Number ids anew: each text once, those alone that occur, in the order of their first row."""
    coded = texts.dictionary_encode()
    if len(coded.dictionary) < len(texts):  # a text that was written in two ways
        codes = coded.indices.to_numpy(zero_copy_only=False)[codes]
        texts = coded.dictionary
    elif _is_in_order(codes, len(texts)):
        return Tokens(codes, texts)
    first = np.full(len(texts), len(codes), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the first row is written last
    order = np.argsort(first, kind="stable")
    order = order[first[order] < len(codes)]
    new = np.empty(len(texts), dtype=np.int32)
    new[order] = np.arange(len(order), dtype=np.int32)
    return Tokens(new[codes], texts.take(pa.array(order)))


def _is_in_order(codes: np.ndarray, number: int) -> bool:
    """Whether the codes from 0 to below ``number`` all occur, each first after those below it."""
    largest = -1
    for start in range(0, len(codes), _ROWS):
        part = codes[start : start + _ROWS]
        so_far = np.maximum(np.maximum.accumulate(part), largest)
        before = np.append(largest, so_far[:-1])
        if (part > before + 1).any():
            return False
        largest = int(so_far[-1])
    return largest + 1 == number


def fields(table: Table) -> dict[str, str]:
    """RecBole's field -> column of the file, the four of interactions first."""
    main = {FIELDS[role]: name for role, name in table.columns.roles.items()}
    return main | {table.columns.field_of(name): name for name in table.columns.kept}

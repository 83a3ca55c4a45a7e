"""Lines of a file of text, and its records, which may take several lines, with their numbers."""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from recbole_ext.data.importing.sources import Progress, Source
from recbole_ext.data.importing.text_layout import TextLayout
from recbole_ext.errors import DataError

# Stands after the last line: a quote that is still open swallows it.
END = "\x1d\x1ethe end of the file\x1e\x1d"


def records(
    source: Source, layout: TextLayout, progress: Progress
) -> Iterator[tuple[int, Sequence[str]]]:
    """The first line of each record, from 1, and its columns; empty lines are skipped.

    Args:
        source: the file.
        layout: separator and columns of the file.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: a line is no text, or a quote is never closed.
    """
    separator = layout.separator
    with source.open_text(progress) as stream, _long_fields():
        lines = Lines(stream, source.label)
        if (n_cuts := layout.n_cuts) is not None:
            for text in lines:
                if text != END and (text := text.rstrip("\r\n")):
                    yield lines.number, text.split(separator, n_cuts)
            return
        record = _Record(lines)
        escape = "\\" if layout.is_escaped else None
        rows = csv.reader(record, delimiter=separator, escapechar=escape)
        first = 1
        try:
            for row in rows:
                if row and row != [END]:
                    if row[-1].endswith(END):
                        break
                    if escape and len(row) != len(layout.names):
                        row = next(csv.reader(record.lines, delimiter=separator))
                    yield first, row
                first = lines.number + 1
                record.lines.clear()
            else:
                return
        except csv.Error as error:
            raise DataError(f"{source.label}, line {lines.number}: {_in_words(error)}") from error
        raise DataError(
            f'{source.label}, line {first}: a quote (") opens here and is never closed; close it, '
            "or double it if it is a character"
        )


class _Record:
    """Lines that keep those of the record that is read: some are to be read in another way."""

    def __init__(self, lines: "Lines") -> None:
        self._lines = iter(lines)
        self.lines: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.lines.append(line)
            yield line


def _in_words(error: csv.Error) -> str:
    if "new-line character" in str(error):
        return "a carriage return inside a line; end the lines with a line feed"
    return str(error)


class Lines:
    """The lines of a stream as text, counted."""

    def __init__(self, stream: Any, label: str) -> None:
        self._stream, self._label = stream, label
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            self.number += 1
            if b"\0" in line:
                raise DataError(
                    f"{self._label}, line {self.number}: a NUL byte; this is no text, or damaged"
                )
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{self._label}, line {self.number}: not text in the encoding utf-8; say its "
                    "encoding, such as --encoding latin-1"
                ) from error
        yield END

    def texts(self) -> Iterator[str]:
        """The lines alone, without the end that is put after them."""
        return (line for line in self if line != END)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Within this block Python's csv reader takes columns of any length."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)

"""How a file of text writes its table: the separator, the header, the first rows."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recbole_ext.data.importing import known_layouts
from recbole_ext.data.importing.columns import role_of
from recbole_ext.data.importing.sources import Source
from recbole_ext.data.importing.times import is_time
from recbole_ext.errors import DataError

# In this order, where a file could be read with several.
SEPARATORS = ("\t", ",", ";", "|", "::", " ")
_NAMES = {"\t": "a tab", " ": "a space", **{mark: f"'{mark}'" for mark in (",", ";", "|", "::")}}
_SPELLED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";"}

_SAMPLE = 2**18  # bytes
_ROWS = 1000


@dataclass(frozen=True)
class TextLayout:
    """How a file of text writes its table.

    Attributes:
        separator: between two columns.
        names: of the columns, by the header or by ``--columns``.
        has_header: whether line 1, or the first that is not empty, holds the names.
        sample: the first rows.
        published: what ``known_layouts`` knows the table as; None for any other table.
    """

    separator: str
    names: tuple[str, ...]
    has_header: bool
    sample: tuple[tuple[str, ...], ...]
    published: str | None = None

    @property
    def is_escaped(self) -> bool:
        """Whether a backslash before a quote makes it a character."""
        return self.published in known_layouts.ESCAPES

    @property
    def n_cuts(self) -> int | None:
        """How often a line is cut, at most (-1 for always), where quotes are characters; or None.

        That is so where two characters separate, or where the last column may hold a separator.
        """
        if self.published in known_layouts.LAST_TAKES_ALL:
            return len(self.names) - 1
        return -1 if len(self.separator) > 1 else None

    @property
    def null(self) -> str | None:
        """What stands for no value; None where an empty one alone does."""
        return known_layouts.NULLS.get(self.published or "")

    @property
    def words(self) -> str:
        """How the file is read, for people."""
        header = "a header" if self.has_header else "no header"
        mark = _NAMES.get(self.separator, repr(self.separator))
        layout = f"{self.published}: " if self.published else ""
        return f"{layout}columns separated by {mark}, {header}"


def separator_of(text: str | None) -> str | None:
    """The separator that ``--separator`` says; None where it is not said.

    Raises:
        DataError: it is none.
    """
    if text is None:
        return None
    separator = _SPELLED.get(text, text)
    if (separator != "::" and len(separator.encode()) != 1) or separator in '"\r\n\0':
        raise DataError(f"--separator: expected one character (or tab, space, ::), found {text!r}")
    return separator


def examine(
    source: Source,
    separator: str | None = None,
    names: Sequence[str] | None = None,
    published: str | None = None,
) -> TextLayout:
    """Find out how a file of text writes its table.

    Args:
        source: the file.
        separator: as the user says it; None to recognise it.
        names: of the columns of a file without a header; None where it has one.
        published: a name of ``known_layouts.FORMATS``; None to recognise it.

    Raises:
        DataError: no separator is recognised, or there seems to be no header.
    """
    with source.open_text() as stream:
        data = stream.read(_SAMPLE)
        is_whole = not stream.peek(1)  # type: ignore[attr-defined]
    cut = len(data) if is_whole else data.rfind(b"\n") + 1 or len(data)
    text = data[:cut].decode("utf-8", "replace").replace("\0", "\ufffd")
    if separator is None:
        separator = _recognised(text, source.label)
    rows = rows_of(text, separator)
    if not rows:
        raise DataError(f"{source.label}: only empty lines; expected a table of users and items")
    first = rows[0]
    if names is None and not any(map(role_of, first)):
        published = published or known_layouts.recognise(source.file_name, rows[:100])
    if names is None and published is not None:
        names = known_layouts.FORMATS[published]
    if published in known_layouts.LAST_TAKES_ALL:
        lines = [line for line in text.splitlines()[:_ROWS] if line]
        rows = [line.split(separator, len(names or ()) - 1) for line in lines]
        first = rows[0]
    if names is not None:
        if len(names) != len(first):
            raise DataError(
                f"{source.label}, line 1: expected the {len(names)} columns "
                f"{','.join(names)}, found {len(first)}: {_shown(first)}"
            )
        used = tuple("" if name == "-" else name for name in names)
        return TextLayout(separator, used, False, tuple(map(tuple, rows)), published)
    if not any(map(role_of, first)) and any(is_time([field]) or not field for field in first[1:]):
        raise DataError(
            f"{source.label}, line 1: expected the names of the columns, found {_shown(first)}; "
            "if the file has no header, name its columns in their order, such as --columns "
            "user,item,rating,time (- leaves one out)"
        )
    known = known_layouts.recognise_header(first, separator)
    return TextLayout(separator, tuple(first), True, tuple(map(tuple, rows[1:])), known)


def rows_of(text: str, separator: str) -> list[list[str]]:
    """The first rows of a text that are not empty."""
    rows: list[list[str]] = []
    try:
        for row in reader(io.StringIO(text, newline=""), separator):
            if row:
                rows.append(row)
            if len(rows) > _ROWS:
                break
    except csv.Error:
        pass  # what comes before is a sample, too; the reading says where it is
    return rows


def reader(lines: "io.StringIO | Sequence[str]", separator: str) -> Iterable[list[str]]:
    """Python's csv reader; a separator of two characters cuts where it stands."""
    if len(separator) == 1:
        return csv.reader(lines, delimiter=separator)
    stripped = (line.rstrip("\r\n") for line in lines)
    return [line.split(separator) if line else [] for line in stripped]


def _recognised(text: str, label: str) -> str:
    """The separator under which the first rows are a table."""
    marks: list[tuple[tuple[bool, int, int, int], str]] = []
    for order, separator in enumerate(SEPARATORS):
        rows = rows_of(text, separator)[:100]
        if not rows or (width := len(rows[0])) < 2:
            continue
        known = sum(role_of(name) is not None for name in rows[0])
        same = sum(len(row) == width for row in rows)
        even = 10 * same >= 9 * len(rows)
        is_space = separator == " "
        marks.append(((even, known, 0 if is_space else width, -order), separator))
    if not marks:
        start = text.lstrip("\r\n").splitlines()[0][:80] if text.strip() else ""
        raise DataError(
            f"{label}, line 1: expected columns separated by a comma, a tab, ; | :: or a space, "
            f"found {start!r}; say what separates them with --separator"
        )
    return max(marks)[1]


def _shown(fields: Sequence[str]) -> str:
    return ", ".join(repr(field[:20]) for field in fields[:8])

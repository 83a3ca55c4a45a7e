"""Large text files of columns, read in blocks; each line that is malformed keeps its number.

One reader serves the conversion of what GroupLens publishes, the check of atomic files and the
runs that read them. It finds its lines by their bytes, so a block costs little more than
parsing its numbers, and a problem keeps the line it stands in.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

import numpy as np
import pandas as pd

from recbole_ext.data import arrow_parser
from recbole_ext.data.line_blocks import whole_lines
from recbole_ext.data.quotes import unquoted

# A token is never empty, a text may be; both are compared as text: `01` is not `1`, `NA` is a name.
# A float is finite as float32, which RecBole keeps it in. An optional float may be empty. Floats
# are any number of them in one column. An unread column is left out.
Kind = Literal["token", "text", "int", "float", "optional float", "floats", "unread"]
_NUMPY = {
    "token": "category",
    "text": "category",
    "int": "int64",
    "float": "float64",
    "optional float": "float64",
    "floats": "category",
}

# Before pandas 3.1 its parser rounds some numbers wrongly by default.
EXACT: dict[str, Any] = {"float_precision": "round_trip"}
if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1):
    EXACT = {}

# Stands for a tab in a file whose columns are separated by something else.
_TAB_INSIDE = b"\x1f"

EMPTY_LINE = "an empty line"  # which some readers skip

BLOCK_SIZE = 2**24  # bytes; a block of 20 million ratings is about half a million lines
ARROW_FROM = 2**20  # bytes of a block; pandas' parser begins sooner


@dataclass
class Block:
    """Some whole lines of a file, one after the other.

    Attributes:
        text: the lines that are well formed, with a tab between columns, whatever the file has,
            and a newline after each.
        numbers: [lines], the number of each of those in the file, from 1.
        n_bytes: how many bytes of the file these lines, and those left out, took.
        problems: line number -> what is wrong with a line that was left out.
        offsets: [lines + 1], where in ``text`` each line starts; the last is its length.
    """

    text: bytes
    numbers: np.ndarray
    offsets: np.ndarray
    n_bytes: int
    problems: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)


def read_blocks(
    stream: BinaryIO,
    separator: bytes,
    n_columns: int,
    encoding: str = "utf-8",
    first_line: int = 1,
    block_size: int | None = None,
) -> Iterator[Block]:
    """Split a stream into blocks of well formed lines.

    A line is well formed if it has ``n_columns`` columns and no control byte that breaks lines
    or columns, and is text in ``encoding``. Lines may end in ``\\r\\n``, the last one in nothing.

    Args:
        stream: positioned at the first line to read.
        separator: one or more bytes.
        n_columns: expected in each line.
        first_line: the number of that line in the file.
        block_size: bytes read at a time, BLOCK_SIZE if None; a longer line is read whole.
    """
    for lines, first in numbered_lines(stream, first_line, block_size):
        yield examine(lines, separator, n_columns, encoding, first)


def numbered_lines(
    stream: BinaryIO, first_line: int, block_size: int | None = None
) -> Iterator[tuple[bytes, int]]:
    """Some whole lines of a stream at a time, and the number of the first of them.

    Args:
        stream, first_line, block_size: see ``read_blocks``.
    """
    for lines in whole_lines(stream, block_size or BLOCK_SIZE):
        yield lines, first_line
        first_line += int(np.count_nonzero(np.frombuffer(lines, dtype=np.uint8) == ord("\n")))


def examine(
    chunk: bytes, separator: bytes, n_columns: int, encoding: str, first_line: int
) -> Block:
    """A block of whole lines; see ``read_blocks``."""
    n_bytes = len(chunk)
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n")
    marks = [(b"\0", "a NUL byte"), (b"\r", "a carriage return inside the line")]
    if separator != b"\t":
        marks.append((_TAB_INSIDE, "a tab inside a column"))
        chunk = chunk.replace(b"\t", _TAB_INSIDE).replace(separator, b"\t")
    data = np.frombuffer(chunk, dtype=np.uint8)
    column_ends = np.flatnonzero(data - ord("\t") < 2)  # tabs are 9, newlines 10; others wrap round
    n_lines = chunk.count(b"\n")
    line_ends = column_ends[n_columns - 1 :: n_columns]  # if each line has its columns
    n_found = np.full(n_lines, n_columns)
    if len(line_ends) != n_lines or (data[line_ends] != ord("\n")).any():
        ends = np.flatnonzero(data[column_ends] == ord("\n"))
        line_ends, n_found = column_ends[ends], np.diff(ends, prepend=-1)
    offsets = np.concatenate([[0], line_ends + 1])
    numbers = np.arange(first_line, first_line + n_lines)
    problems: dict[int, str] = {}
    empty = np.diff(offsets) == 1
    for line in np.flatnonzero((n_found != n_columns) | empty).tolist():
        what = f"expected {n_columns} columns, found {n_found[line]}"
        if b'"' in chunk[offsets[line] : offsets[line + 1]] and n_found[line] > n_columns:
            what += " (a separator inside quotes counts, too)"
        problems[int(numbers[line])] = EMPTY_LINE if empty[line] else what
    for mark, what in marks:
        if mark in chunk:
            at = np.flatnonzero(data == mark[0])
            for line in np.unique(np.searchsorted(offsets, at, side="right") - 1).tolist():
                problems.setdefault(int(numbers[line]), what)
    if not _is_text(chunk, encoding):
        for line in range(n_lines):
            if not _is_text(chunk[offsets[line] : offsets[line + 1]], encoding):
                problems.setdefault(int(numbers[line]), f"not text in the encoding {encoding}")
    if problems:
        keep = np.ones(n_lines, dtype=bool)
        keep[np.array(list(problems)) - first_line] = False
        kept = [chunk[offsets[line] : offsets[line + 1]] for line in np.flatnonzero(keep)]
        chunk, numbers = b"".join(kept), numbers[keep]
        offsets = np.cumsum([0, *map(len, kept)])
    return Block(chunk, numbers, offsets, n_bytes, problems)


def _is_text(chunk: bytes, encoding: str) -> bool:
    if chunk.isascii() and _plain(encoding) in ("utf-8", "latin-1", "ascii"):
        return True
    try:
        chunk.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _plain(encoding: str) -> str:
    return encoding.lower().replace("_", "-")


def parse(
    block: Block, columns: Mapping[str, Kind], encoding: str = "utf-8", between: str = " "
) -> tuple[pd.DataFrame, dict[int, str]]:
    """The columns of a block as numbers and tokens.

    Args:
        block: of lines with ``len(columns)`` columns each.
        columns: name -> kind. Tokens, texts and floats become categories.
        encoding: of the block.
        between: stands between two floats of a column of the kind "floats".

    Returns:
        a frame with one row for each line that has a value of its kind in every column (the
        index is the line number), and line number -> what is wrong with the others.
    """
    kinds = {name: kind for name, kind in columns.items() if kind != "unread"}
    options: dict[str, Any] = {
        "sep": "\t",
        "header": None,
        "names": list(columns),
        "usecols": list(kinds),
        "quoting": 3,  # none: columns are what separators cut
        "na_filter": False,
        "encoding": encoding,
        "skip_blank_lines": False,
        "skipinitialspace": False,
        **EXACT,
    }
    problems: dict[int, str] = {}
    if not len(block):
        return pd.DataFrame(columns=list(kinds)), problems
    quotes = b'"' in block.text
    by_arrow = None
    is_utf8 = _plain(encoding) == "utf-8" or block.text.isascii()
    if not quotes and is_utf8 and len(block.text) >= ARROW_FROM:
        by_arrow = arrow_parser.parse(block.text, {n: _NUMPY.get(k) for n, k in columns.items()})
    # The last line keeps pandas 3 from reading the tokens 02 and 3 as the numbers 2 and 3.
    last = "\t".join("x" if _NUMPY.get(k) == "category" else "0" for k in columns.values())
    try:
        frame = (
            by_arrow
            if by_arrow is not None
            else pd.read_csv(
                io.BytesIO(block.text + last.encode() + b"\n"),
                dtype={name: _NUMPY[kind] for name, kind in kinds.items()},
                low_memory=False,  # which is slow for categories
                **options,
            ).iloc[:-1]
        )
    except (ValueError, OverflowError):
        # Some value is not a number: read them all as text, and say which.
        frame = pd.read_csv(io.BytesIO(block.text), dtype="object", **options)
        for name, kind in kinds.items():
            if kind in ("int", "float", "optional float"):
                texts = frame[name].map(unquoted) if quotes else frame[name]
                frame[name] = _whole_numbers(texts) if kind == "int" else texts.map(_float)
            else:
                frame[name] = _categories(*pd.factorize(frame[name].to_numpy()))
    frame.index = pd.Index(block.numbers)
    places = {name: place for place, name in enumerate(columns)}
    for name, kind in kinds.items():
        if kind in ("token", "text", "floats"):
            column = frame[name].array
            if quotes:
                texts = np.array([*map(unquoted, column.categories), ""], "object")
                numbers, tokens = pd.factorize(texts)
                frame[name] = column = _categories(numbers[column.codes], tokens)
            refused = _bad_texts(column.categories, kind, between)
            bad = np.isin(column.codes, refused) if refused else np.zeros(len(frame), dtype=bool)
        else:
            values = frame[name].to_numpy(dtype=np.float64)
            with np.errstate(over="ignore"):
                bad = ~np.isfinite(values.astype(np.float32))
        for row in np.flatnonzero(bad):
            text = unquoted(_line(block, int(row), encoding).split("\t")[places[name]])
            if kind != "optional float" or text:
                problems.setdefault(int(block.numbers[row]), f"{name}: {_expected(kind, text)}")
    if problems:
        frame = frame.drop(index=list(problems))
        frame = frame.astype({n: _NUMPY[k] for n, k in kinds.items() if k in ("int", "float")})
    return frame, problems


def _categories(codes: np.ndarray, tokens: np.ndarray) -> pd.Categorical:
    """As the parser makes them, so that blocks can be put together."""
    return pd.Categorical.from_codes(codes, pd.Index(tokens.tolist()))


def _bad_texts(texts: pd.Index, kind: Kind, between: str) -> list[int]:
    """The numbers of the texts that a column of this kind may not have."""
    if kind == "token":
        return np.flatnonzero(texts == "").tolist()
    if kind == "text":
        return []
    lists = ([_float(part) for part in text.split(between) if part] for text in texts)
    return [number for number, values in enumerate(lists) if not np.isfinite(values).all()]


def _expected(kind: Kind, text: str) -> str:
    if kind == "token":
        return "an empty value"
    if kind == "int":
        return f"expected a whole number, found {text!r}"
    if kind == "floats":
        return f"expected numbers, found {text!r}"
    try:
        large = np.isfinite(float(text))
    except ValueError:
        large = False
    limit = " within float32, up to 3.4e38" if large else ""
    return f"expected a number{limit}, found {text!r}"


def _line(block: Block, row: int, encoding: str) -> str:
    start, end = block.offsets[row], block.offsets[row + 1]
    return block.text[start:end].decode(encoding, errors="replace").rstrip("\n")


def _float(text: str) -> float:
    """The number that ``text`` spells as pandas reads it; NaN for none, inf beyond float32."""
    try:
        value = float(text) if text.isascii() and "_" not in text else np.nan
    except ValueError:
        return np.nan
    with np.errstate(over="ignore"):
        return value if np.isfinite(np.float32(value)) else np.inf


def _whole_numbers(texts: pd.Series) -> np.ndarray:
    """The numbers as Python's, which stay exact; None where a text spells none."""
    whole = re.compile(r"[+-]?[0-9]{1,18}")
    return np.array([int(t) if whole.fullmatch(t) else None for t in texts], dtype="object")

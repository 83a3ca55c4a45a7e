"""Large text files of columns, read in blocks; each line that is malformed keeps its number.

One reader serves both sides: the conversion of what GroupLens publishes and the check of
atomic files. It finds its lines by their bytes, so a block costs little more than parsing its
numbers, and a problem keeps the line it stands in.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

import numpy as np
import pandas as pd

# A token is never empty, a text may be; both are compared as text: `01` is not `1`.
Kind = Literal["token", "text", "int", "float"]
# not "category": pandas 3 reads the tokens 02 and 3 as the categories 2 and 3
_NUMPY = {"token": "object", "text": "object", "int": "int64", "float": "float64"}

# Stands for a tab in a file whose columns are separated by something else.
_TAB_INSIDE = b"\x1f"

EMPTY_LINE = "an empty line"  # which some readers pass over

BLOCK_SIZE = 2**25  # bytes; a block of 20 million ratings is about a million lines


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
    rest = b""
    while True:
        read = stream.read(block_size or BLOCK_SIZE)
        chunk = rest + read
        if not chunk:
            return
        cut = chunk.rfind(b"\n") + 1 if read else len(chunk)
        chunk, rest = chunk[:cut], chunk[cut:]
        if not chunk:
            continue  # a line longer than a block: read on
        if not chunk.endswith(b"\n"):
            chunk += b"\n"
        block = _examine(chunk, separator, n_columns, encoding, first_line)
        first_line += len(block) + len(block.problems)
        yield block


def _examine(
    chunk: bytes, separator: bytes, n_columns: int, encoding: str, first_line: int
) -> Block:
    n_bytes = len(chunk)
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n")
    marks = [(b"\0", "a NUL byte"), (b"\r", "a carriage return inside the line")]
    if separator != b"\t":
        marks.append((_TAB_INSIDE, "a tab inside a column"))
        chunk = chunk.replace(b"\t", _TAB_INSIDE).replace(separator, b"\t")
    data = np.frombuffer(chunk, dtype=np.uint8)
    offsets = np.concatenate([[0], np.flatnonzero(data == ord("\n")) + 1])
    n_lines = len(offsets) - 1
    numbers = np.arange(first_line, first_line + n_lines)
    problems: dict[int, str] = {}
    tabs = np.flatnonzero(data == ord("\t"))
    columns = np.diff(np.searchsorted(tabs, offsets)) + 1
    for line in np.flatnonzero(columns != n_columns).tolist():
        empty = offsets[line + 1] - offsets[line] == 1
        problems[int(numbers[line])] = (
            EMPTY_LINE if empty else f"expected {n_columns} columns, found {columns[line]}"
        )
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
    if chunk.isascii() and encoding.lower().replace("_", "-") in ("utf-8", "latin-1", "ascii"):
        return True
    try:
        chunk.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def parse(
    block: Block, columns: Mapping[str, Kind], encoding: str = "utf-8"
) -> tuple[pd.DataFrame, dict[int, str]]:
    """The columns of a block as numbers and tokens.

    Args:
        block: of lines with ``len(columns)`` columns each.
        columns: name -> kind. Tokens and texts become categories.

    Returns:
        a frame with one row for each line that has a value of its kind in every column (the
        index is the line number), and line number -> what is wrong with the others.
    """
    options: dict[str, Any] = {
        "sep": "\t",
        "header": None,
        "names": list(columns),
        "quoting": 3,  # none: columns are what separators cut
        "na_filter": False,
        "encoding": encoding,
        "skip_blank_lines": False,
        "skipinitialspace": False,
    }
    problems: dict[int, str] = {}
    if not len(block):
        return pd.DataFrame(columns=list(columns)), problems
    try:
        frame = pd.read_csv(
            io.BytesIO(block.text),
            dtype={name: _NUMPY[kind] for name, kind in columns.items()},
            **options,
        )
        frame.index = pd.Index(block.numbers)
    except (ValueError, OverflowError):
        # Some value is not a number: read them all as text, and say which.
        frame = pd.read_csv(io.BytesIO(block.text), dtype="object", **options)
        frame.index = pd.Index(block.numbers)
        for name, kind in columns.items():
            if kind in ("int", "float"):
                values, bad = _numbers(frame[name], kind)
                for line in frame.index[bad]:
                    expected = "a whole number" if kind == "int" else "a number"
                    problems.setdefault(
                        int(line), f"{name}: expected {expected}, found {frame.at[line, name]!r}"
                    )
                frame[name] = values
    for place, (name, kind) in enumerate(columns.items()):
        if kind in ("token", "text"):
            codes, tokens = pd.factorize(frame[name].to_numpy())
            frame[name] = pd.Categorical.from_codes(codes, pd.Index(tokens, dtype="object"))
        if kind == "float":
            bad = ~np.isfinite(frame[name].to_numpy(dtype=np.float64))
        elif kind == "token":
            bad = (frame[name] == "").to_numpy()
        else:
            continue
        for row in np.flatnonzero(bad):
            text = _line(block, int(row)).split("\t")[place]
            what = f"expected a number, found {text!r}" if kind == "float" else "an empty value"
            problems.setdefault(int(block.numbers[row]), f"{name}: {what}")
    if problems:
        frame = frame.drop(index=list(problems))
        frame = frame.astype({n: _NUMPY[k] for n, k in columns.items() if k in ("int", "float")})
    return frame, problems


def _line(block: Block, row: int) -> str:
    start, end = block.offsets[row], block.offsets[row + 1]
    return block.text[start:end].decode(errors="replace").rstrip("\n")


def _numbers(text: pd.Series, kind: Kind) -> tuple[pd.Series, np.ndarray]:
    """The numbers that ``text`` spells (NaN where it does not), and where it does not."""
    values = pd.to_numeric(text, errors="coerce")
    bad = ~np.isfinite(values.to_numpy(dtype=np.float64))
    if kind == "int":
        bad |= [re.fullmatch(r"[+-]?\d{1,18}", value) is None for value in text]
    return values, bad

"""The atomic files of an import."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recbole_ext.data.delimited import quoted
from recbole_ext.data.importing.tables import Tokens

_ROWS = 2**20  # that are written at a time

Column = Tokens | np.ndarray  # ids and texts, or numbers


def write_table(path: Path, columns: Mapping[str, Column]) -> None:
    """Write an atomic file.

    Args:
        path: the file.
        columns: header, ``name:type`` -> values of all rows.
    """
    with path.open("wb") as stream:
        stream.write(("\t".join(columns) + "\n").encode())
        for block in _blocks(list(columns.values())):
            stream.write(block)


def _blocks(columns: list[Column]) -> Iterator[bytes]:
    first = columns[0]
    n_rows = len(first.codes if isinstance(first, Tokens) else first)
    texts = [_quoted(column.texts) if isinstance(column, Tokens) else None for column in columns]
    for start in range(0, n_rows, _ROWS):
        part = slice(start, start + _ROWS)
        cells = [
            written.take(pa.array(column.codes[part]))
            if isinstance(column, Tokens) and written is not None
            else number_texts(np.asarray(column)[part])
            for column, written in zip(columns, texts, strict=True)
        ]
        lines = pc.binary_join_element_wise(*cells, pa.scalar("\t", pa.large_string()))
        lines = pc.binary_join_element_wise(
            lines, pa.scalar("\n", pa.large_string()), pa.scalar("", pa.large_string())
        )
        yield _bytes_of(lines)


def _bytes_of(lines: pa.Array) -> bytes:
    """The texts of an array, which lie in memory one after the other."""
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)
    return bytes(memoryview(data)[ends[lines.offset] : ends[lines.offset + len(lines)]])


def _quoted(texts: pa.Array) -> pa.Array:
    """Texts as an atomic file writes them, so that they are read back as they are."""
    if pc.any(pc.starts_with(texts, '"')).as_py():
        texts = pa.array([quoted(text) for text in texts.to_pylist()], pa.string())
    return texts.cast(pa.large_string())


def number_texts(values: np.ndarray) -> pa.Array:
    """Numbers as text that spells them exactly: 3 and 3.5; nothing for NaN."""
    gaps = np.isnan(values)
    whole = not (values[~gaps] % 1).any() and bool((np.abs(values[~gaps]) < 2**53).all())
    array = pa.array(values, mask=gaps) if gaps.any() else pa.array(values)
    texts = array.cast(pa.int64()) if whole else array
    return texts.cast(pa.large_string()).fill_null("")

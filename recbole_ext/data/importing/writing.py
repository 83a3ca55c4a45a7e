"""The atomic files of an import."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recbole_ext.data.importing.tables import Tokens
from recbole_ext.data.line_blocks import in_order
from recbole_ext.data.quotes import quoted

_ROWS = 2**18  # of a block, which a thread writes

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

    def lines(start: int) -> bytes:
        part = slice(start, start + _ROWS)
        cells = [
            written.take(pa.array(column.codes[part]))
            if isinstance(column, Tokens) and written is not None
            else number_texts(np.asarray(column)[part])
            for column, written in zip(columns, texts, strict=True)
        ]
        joined = pc.binary_join_element_wise(*cells, pa.scalar("\t", pa.large_string()))
        joined = pc.binary_join_element_wise(
            joined, pa.scalar("\n", pa.large_string()), pa.scalar("", pa.large_string())
        )
        return _bytes_of(joined)

    return in_order(lines, range(0, n_rows, _ROWS))


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
    if values.dtype.kind == "i":
        return pa.array(values).cast(pa.large_string())
    coded = pa.array(values.astype(np.float64), from_pandas=True).dictionary_encode()
    different = np.asarray(coded.dictionary)
    whole = not (different % 1).any() and bool((np.abs(different) < 2**53).all())
    texts = coded.dictionary.cast(pa.int64()) if whole else coded.dictionary
    return texts.cast(pa.large_string()).take(coded.indices).fill_null("")

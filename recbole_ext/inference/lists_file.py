"""A file with the recommendations of all users: written in parts, completely or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from recbole_ext.data import writable
from recbole_ext.data.atomic_write import atomic_write
from recbole_ext.errors import FileError

if TYPE_CHECKING:
    import pandas as pd

    Write = Callable[[pd.DataFrame], object]


def check(path: Path) -> None:
    """Refuse a file that ``writing`` could not write, before the work for it begins.

    Raises:
        FileError: its ending names no format, the format's library is missing, or it cannot be
            written.
    """
    if path.suffix not in _FORMATS:
        raise FileError(
            f"--output: {path}: expected a name that ends in {', '.join(_FORMATS)}, found "
            f"{path.suffix or 'no ending'}"
        )
    if path.suffix == ".parquet":
        _pyarrow(path)
    writable.check_file(path, "--output")


@contextmanager
def writing(path: Path) -> "Iterator[Write]":
    """A function that appends a frame; the file is there when the block ends without an error.

    Args:
        path: ends in .csv, .jsonl or .parquet.
    """
    with atomic_write(path) as stream, _FORMATS[path.suffix](stream) as write:
        yield write


@contextmanager
def _csv(stream: BinaryIO) -> "Iterator[Write]":
    is_first = True

    def write(frame: "pd.DataFrame") -> None:
        nonlocal is_first
        frame.to_csv(stream, index=False, header=is_first, lineterminator="\n", encoding="utf-8")
        is_first = False

    yield write


@contextmanager
def _jsonl(stream: BinaryIO) -> "Iterator[Write]":
    def write(frame: "pd.DataFrame") -> None:
        if len(frame):
            text = frame.to_json(
                orient="records", lines=True, double_precision=15, force_ascii=False
            )
            stream.write(text.encode("utf-8"))

    yield write


@contextmanager
def _parquet(stream: BinaryIO) -> "Iterator[Write]":
    pa = _pyarrow(Path("--output"))
    from pyarrow import parquet

    text = pa.string()
    types = {"user_id": text, "item_id": text, "rank": pa.int32(), "title": text}
    writer: Any = None

    def write(frame: "pd.DataFrame") -> None:
        nonlocal writer
        scores = pa.from_numpy_dtype(frame["score"].dtype)
        schema = pa.schema([(name, types.get(name, scores)) for name in frame.columns])
        if writer is None:
            writer = parquet.ParquetWriter(stream, schema)
        writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise FileError(
            f"--output: {path}: parquet needs pyarrow; pip install pyarrow, or write .csv or .jsonl"
        ) from None
    return pyarrow


_FORMATS: dict[str, Any] = {".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl}

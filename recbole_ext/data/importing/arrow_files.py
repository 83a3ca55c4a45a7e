"""Parquet and feather, which say the types of their columns."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from recbole_ext.data.importing.columns import Kind
from recbole_ext.data.importing.sources import Progress, Source
from recbole_ext.data.importing.values import Part, Refused, part_of

_SAMPLE = 1000  # rows


def column_types(source: Source) -> dict[str, Any]:
    """Column -> type of a file of parquet or feather."""
    schema = _parquet(source.path).schema_arrow if source.content == "parquet" else None
    if schema is None:
        schema = _feather(source.path).schema
    return {field.name: field.type for field in schema}


def read(
    source: Source, kinds: Mapping[str, Kind], time_format: str | None, progress: Progress
) -> Iterator[tuple[Part | None, dict[str, Any]]]:
    """The rows of parquet or feather: the part, or None where it is refused, and its columns.

    Args:
        source: the file.
        kinds: column -> kind of its values.
        time_format: how dates are written; None for the known formats.
        progress: called with the bytes read since the last call.
    """
    size = source.path.stat().st_size
    n_rows = 0
    if source.content == "parquet":
        file = _parquet(source.path)
        batches = file.iter_batches(batch_size=2**20, columns=list(kinds))
        total = file.metadata.num_rows
    else:
        table = _feather(source.path).select(list(kinds))
        batches, total = iter(table.to_batches(max_chunksize=2**20)), table.num_rows
    for batch in batches:
        arrays = {name: batch.column(batch.schema.get_field_index(name)) for name in kinds}
        progress(size * (n_rows + len(batch)) // max(total, 1) - size * n_rows // max(total, 1))
        n_rows += len(batch)
        try:
            part = part_of(arrays, kinds, time_format)
        except (Refused, pa.ArrowException):
            yield None, arrays
            return
        yield part, arrays


def first_rows(source: Source, names: list[str]) -> list[dict[str, Any]]:
    """Some rows of parquet or feather."""
    if source.content == "feather":
        return _feather(source.path).select(names).slice(0, _SAMPLE).to_pylist()
    for batch in _parquet(source.path).iter_batches(batch_size=_SAMPLE, columns=names):
        return batch.to_pylist()
    return []


def _parquet(path: Path) -> Any:
    return pyarrow.parquet.ParquetFile(path)


def _feather(path: Path) -> Any:
    from pyarrow import feather

    return feather.read_table(path, memory_map=True)

"""Data sets from tables in memory, and back: pandas, polars, pyarrow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recbole_ext.data import dataset_folder, interaction_file, splits
from recbole_ext.data.importing import importer, tables
from recbole_ext.data.importing.columns import ColumnOptions, Columns, Role, recognise
from recbole_ext.data.importing.opening import problem_of
from recbole_ext.data.importing.selection import Selection
from recbole_ext.data.importing.values import Refused, part_of
from recbole_ext.data.importing.writing import write_table
from recbole_ext.errors import DataError


def from_frame(
    frame: Any,
    name: str,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    time: str | None = None,
    valid: Any = None,
    test: Any = None,
    selection: Selection | None = None,
    data_path: Path | str = "dataset",
) -> Path:
    """Write a table in memory as the data set ``name``; RecBole trains from files alone.

    Args:
        frame: a DataFrame of pandas or polars, a table of pyarrow, or whatever else has Arrow's
            stream interface; all interactions, or those of training if there is ``test``.
        name: of the data set.
        user, item, rating, time: its columns; recognised by their names where None.
        valid, test: tables with the same columns, for a split; both or none.
        selection: which rows are kept; not for a split.
        data_path: the folder of data sets.

    Returns:
        the folder of the data set.

    Raises:
        DataError: a column is not recognised, or a value is not of its kind; it names the row.
    """
    said = {"user": user, "item": item, "rating": rating, "time": time}
    roles: dict[Role, str] = {role: column for role, column in said.items() if column}  # type: ignore[misc]
    dataset_folder.check_new(Path(data_path), name, "name")
    origin = importer.Origin("recbole_ext.data.from_frame")
    if (valid is None) != (test is None):
        raise DataError("valid, test: expected both or none of them; give the other one, too")
    if test is None:
        table = _table(frame, "frame", roles)
        selected = importer.select(table, selection or Selection())
        return importer.write(table, selected, [], name, Path(data_path), origin)
    if selection is not None:
        raise DataError("selection: a split is written as it is; select before you split")
    parts = {"train": frame, "valid": valid, "test": test}
    read = {part: _table(of, part, roles) for part, of in parts.items()}
    return _write_split(read, name, Path(data_path), origin)


def _write_split(
    parts: Mapping[str, tables.Table], name: str, data_path: Path, origin: importer.Origin
) -> Path:
    with dataset_folder.new_folder(data_path, name) as folder:
        headers = {}
        for part, table in parts.items():
            rows = importer.select(table, Selection()).rows
            columns = importer.columns_of(table, rows)
            headers[part] = list(columns)
            if headers[part] != headers["train"]:
                raise DataError(
                    f"{part}: expected the columns {', '.join(headers['train'])} of the training "
                    f"rows, found {', '.join(headers[part])}"
                )
            write_table(folder / f"{name}.{part}.inter", columns)
        settings = splits.parts_settings("\t".join(headers["train"]).encode())
        dataset_folder.write_settings(folder, name, splits.SETTINGS_COMMENT, settings)
        counts = {part: len(table) for part, table in parts.items()}
        dataset_folder.write_manifest(folder, origin.command, source=[], counts=counts)
    return data_path / name


def _table(frame: Any, label: str, roles: Mapping[Role, str]) -> tables.Table:
    whole = _arrow(frame, label)
    if not len(whole):
        raise DataError(f"{label}: no row in it")
    names = [str(column) for column in whole.column_names]
    flat = [name for name in names if not pa.types.is_nested(whole.schema.field(name).type)]
    whole = whole.select(flat)
    sample = [[_text(value) for value in row.values()] for row in whole.slice(0, 1000).to_pylist()]
    columns: Columns = recognise(flat, sample, ColumnOptions(dict(roles)), label)
    arrays = {name: whole[name].combine_chunks() for name in columns.kinds}
    try:
        part = part_of(arrays, columns.kinds)
    except (Refused, pa.ArrowException) as error:
        raise problem_of(label, arrays, columns.kinds, 0) from error
    return tables.table_of([part], columns, "", label)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _arrow(frame: Any, label: str) -> pa.Table:
    if isinstance(frame, Mapping):
        return pa.table(dict(frame))
    if not hasattr(frame, "__arrow_c_stream__"):
        raise DataError(
            f"{label}: expected a DataFrame of pandas or polars, or a table of pyarrow, found "
            f"{type(frame).__name__}"
        )
    return pa.table(frame)


def to_frame(name: str, data_path: Path | str = "dataset") -> Any:
    """The interactions of a data set as a pandas DataFrame, in the order of the file.

    Args:
        name: of the data set.
        data_path: the folder of data sets.

    Returns:
        user_id and item_id as text, rating and timestamp as float64 where there are such columns.

    Raises:
        DataError: it is not there, or a line cannot be read.
    """
    import pandas as pd

    rows = interaction_file.read(interaction_file.locate(name, Path(data_path)))
    columns: dict[str, np.ndarray] = {
        "user_id": rows.user_tokens[rows.users],
        "item_id": rows.item_tokens[rows.items],
    }
    if rows.ratings is not None:
        columns["rating"] = rows.ratings
    if rows.timestamps is not None:
        columns["timestamp"] = rows.timestamps
    return pd.DataFrame(columns)

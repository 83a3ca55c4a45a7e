"""A person's files -> a data set of RecBole's, with its settings and its manifest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.data import dataset_folder
from recbole_ext.data.importing import selection as selections
from recbole_ext.data.importing.columns import TYPE_OF
from recbole_ext.data.importing.features import Features
from recbole_ext.data.importing.selection import Rows, Selected, Selection
from recbole_ext.data.importing.sources import Source
from recbole_ext.data.importing.tables import Table, Tokens, distinct, fields
from recbole_ext.data.importing.writing import Column, write_table

SETTINGS_COMMENT = "What a run on this data set reads; a yaml of yours or the command line wins."


@dataclass(frozen=True)
class Origin:
    """Where a data set comes from, for its manifest.

    Attributes:
        command: makes it again.
        sources: its files.
        options: of the command, as plain values.
    """

    command: str
    sources: Sequence[Source] = ()
    options: dict[str, Any] = field(default_factory=dict)


def select(table: Table, selection: Selection) -> Selected:
    """The rows of a table that a selection keeps.

    Raises:
        DataError: it keeps none, or needs a column that the table does not have.
    """
    roles = table.columns.roles
    rows = Rows(
        None,
        table.tokens[roles["user"]].codes,
        table.tokens[roles["item"]].codes,
        table.numbers[roles["rating"]] if "rating" in roles else None,
        table.numbers[roles["time"]] if "time" in roles else None,
    )
    return selections.select(rows, selection)


def columns_of(table: Table, rows: Rows) -> dict[str, Column]:
    """The columns of an ``.inter`` file: header -> values of some rows."""
    columns: dict[str, Column] = {}
    for name, column in fields(table).items():
        if name == "rating" and rows.ratings is not None:
            columns["rating:float"] = rows.ratings
        elif column in table.numbers:
            columns[f"{name}:float"] = _at(table.numbers[column], rows.index)
        else:
            kind = TYPE_OF.get(table.columns.kinds[column], "token")
            whole = table.tokens[column]
            columns[f"{name}:{kind}"] = Tokens(_at(whole.codes, rows.index), whole.texts)
    if rows.ratings is not None and "rating:float" not in columns:
        columns["rating:float"] = rows.ratings
    return columns


def _at(values: np.ndarray, index: np.ndarray | None) -> np.ndarray:
    return values if index is None else values[index]


def ids(table: Table, rows: Rows, entity: str) -> list[str]:
    """The users or items of some rows, in the order of their first row.

    Args:
        table: the imported table.
        rows: the selected rows.
        entity: ``user`` or ``item``.
    """
    whole = table.tokens[table.columns.roles["user" if entity == "user" else "item"]]
    codes = rows.users if entity == "user" else rows.items
    return list(distinct(codes, whole.texts).texts.to_pylist())


def write(
    table: Table,
    selected: Selected,
    features: Sequence[Features],
    name: str,
    data_path: Path,
    origin: Origin,
) -> Path:
    """Write a data set: its files, its settings and its manifest, all or nothing.

    Args:
        table: the interactions.
        selected: those of its rows that are kept.
        features: of its users and items.
        name: of the data set.
        data_path: the folder of data sets.
        origin: where it comes from.

    Returns:
        its folder.

    Raises:
        DataError: another folder is in the place.
    """
    columns = columns_of(table, selected.rows)
    with dataset_folder.new_folder(data_path, name) as folder:
        write_table(folder / f"{name}.inter", columns)
        for table_of in features:
            write_table(folder / f"{name}.{table_of.entity}", table_of.columns)
        loaded = [header.rpartition(":")[0] for header in columns]
        settings = {"load_col": {"inter": [n for n in loaded if n in _LOADED]}}
        dataset_folder.write_settings(folder, name, SETTINGS_COMMENT, settings)
        last = selected.steps[-1]
        dataset_folder.write_manifest(
            folder,
            origin.command,
            source=[
                {"file": source.origin, "md5": dataset_folder.md5_of(source.path)}
                for source in (*origin.sources, *(table_of.source for table_of in features))
            ],
            options=origin.options,
            counts={"users": last.users, "items": last.items, "ratings": last.rows},
            steps=[{"step": step.what, "dropped": step.dropped} for step in selected.steps],
        )
    return data_path / name


_LOADED = ("user_id", "item_id", "rating", "timestamp")

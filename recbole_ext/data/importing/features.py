"""Features of users or items: a table of them becomes ``.user`` or ``.item``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from recbole_ext.config import settings
from recbole_ext.data.importing import opening, tables
from recbole_ext.data.importing.columns import NAMES, TYPE_OF, Kind, field_name, kind_of, plain
from recbole_ext.data.importing.opening import ReadOptions
from recbole_ext.data.importing.sources import Progress, Source
from recbole_ext.data.importing.tables import Tokens
from recbole_ext.data.importing.writing import Column
from recbole_ext.errors import DataError

Entity = Literal["user", "item"]

_LIST = "|"  # between the values of a column such as genres
_NONE = "(no genres listed)"  # MovieLens
_TITLES = ("title", "name", "movietitle", "booktitle", "productname", "producttitle")


@dataclass(frozen=True)
class Features:
    """The columns of a ``.user`` or ``.item`` file.

    Attributes:
        entity: what they describe.
        source: the table.
        columns: header, ``name:type`` -> values; the id's first.
        read_from: header -> column of the source.
        n_described: users or items of the interactions that have a row.
        n_unknown: rows of others, which are left out.
        n_repeated: further rows of a user or item that has one, which are left out.
    """

    entity: Entity
    source: Source
    columns: dict[str, Column]
    read_from: dict[str, str]
    n_described: int
    n_unknown: int
    n_repeated: int


def read(
    source: Source,
    entity: Entity,
    id_column: str,
    title: str | None,
    options: ReadOptions,
    known: Sequence[str],
    progress: Progress,
) -> Features:
    """Read what a table says of the users or items of some interactions.

    Args:
        source: the table.
        entity: what it describes.
        id_column: the column of ids in the interactions; looked for here first.
        title: the column of titles; None to recognise it.
        options: how the table is written.
        known: the ids of the interactions.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: no column of ids is recognised, or a line cannot be read.
    """
    opened = opening.opened(source, options)
    names = [name.strip() for name in opened.names]
    for name in names:
        if name and names.count(name) > 1:
            raise DataError(f"{source.label}, line 1: two columns are named {name!r}; rename one")
    ids = _column_of_ids(names, entity, id_column, source.label)
    title = _column_of_titles(names, title, source.label) if entity == "item" else None
    # a few rows do not tell the kind of a column: it is that of all of its values
    kinds: dict[str, Kind] = {ids: "token"}
    kinds.update((name, "text") for name in names if name and name != ids)
    tokens, _ = tables.joined(opened.parts(kinds, progress))
    if not tokens:
        raise DataError(f"{source.label}: no row after the header; name a table of {entity}s")
    texts = tokens[ids].texts.to_pylist()
    first, n_repeated = _first_rows(tokens[ids].codes)
    wanted = set(known)
    rows = np.array([row for row in first if texts[tokens[ids].codes[row]] in wanted], dtype=int)
    if not len(rows):
        raise DataError(
            f"{source.label}: column {ids}: none of its {len(texts):,} ids is in the interactions, "
            f"such as {texts[0]!r} beside {known[0]!r}; name the right files and columns"
        )
    columns: dict[str, Column] = {}
    read_from: dict[str, str] = {}
    for name in kinds:
        part = Tokens(tokens[name].codes[rows], tokens[name].texts)
        field = f"{entity}_id" if name == ids else _field(name, title, entity)
        kind, column = ("token", part) if name == ids else _typed(part, name == title)
        header = f"{field}:{kind}"
        if field in {other.rpartition(":")[0] for other in columns}:
            raise DataError(f"{source.label}: two columns would be named {field}; rename one")
        read_from[header] = name
        columns[header] = column
    n_unknown = len(first) - len(rows)
    return Features(entity, source, columns, read_from, len(rows), n_unknown, n_repeated)


def _column_of_ids(names: Sequence[str], entity: Entity, id_column: str, label: str) -> str:
    by_plain = {plain(name): name for name in reversed(names)}
    if id_column in names:
        return id_column
    for known in (plain(id_column), *NAMES[entity], "id"):
        if known in by_plain:
            return by_plain[known]
    raise DataError(
        f"{label}: no column of {entity} ids is recognised in {', '.join(names)}; name it "
        f"{id_column} as in the interactions"
    )


def _column_of_titles(names: Sequence[str], title: str | None, label: str) -> str | None:
    if title is not None and title not in names:
        nearest = settings.near(title, names)
        advice = f"did you mean {nearest}?" if nearest else f"found {', '.join(names)}"
        raise DataError(f"--title: {label} has no column {title!r}; {advice}")
    by_plain = {plain(name): name for name in reversed(names)}
    return title or next((by_plain[known] for known in _TITLES if known in by_plain), None)


def _field(name: str, title: str | None, entity: Entity) -> str:
    if name == title:
        return "title"
    field = field_name(name)
    return f"{field}_of_file" if field in (f"{entity}_id", "title") else field


def _first_rows(codes: np.ndarray) -> tuple[np.ndarray, int]:
    """The first row of each id, in their order, and the number of further ones."""
    _, first = np.unique(codes, return_index=True)
    return np.sort(first), len(codes) - len(first)


def _typed(column: Tokens, is_title: bool) -> tuple[str, Column]:
    """The type of a column in an atomic file, and its values."""
    texts = column.texts.to_pylist()
    if is_title:
        return "token_seq", column
    if any(_LIST in text for text in texts):
        return "token_seq", _as_lists(column)
    kind = kind_of(texts)
    if kind == "optional number":
        numbers = np.array([float(text) if text else np.nan for text in texts])
        return "float", numbers[column.codes]
    return TYPE_OF[kind], column


def _as_lists(column: Tokens) -> Tokens:
    """Values between bars become words: ``Sci-Fi|Film Noir`` is ``Sci-Fi Film_Noir``."""
    texts = column.texts.to_pylist()
    lists = [
        " ".join(
            re.sub(r"\s+", "_", part.strip())
            for part in text.split(_LIST)
            if part.strip() and text != _NONE
        )
        for text in texts
    ]
    return Tokens(column.codes, pa.array(lists, pa.string()))

"""The columns of atomic files that a run loads, by their headers."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ext.config import settings
from recbole_ext.data import atomic_files
from recbole_ext.errors import DataError, SettingError

# Suffix of a file of a knowledge graph -> the settings that name its columns.
OF_GRAPHS = {
    "kg": ("HEAD_ENTITY_ID_FIELD", "RELATION_ID_FIELD", "TAIL_ENTITY_ID_FIELD"),
    "link": ("ITEM_ID_FIELD", "ENTITY_ID_FIELD"),
}


@dataclass(frozen=True)
class Table:
    """The header of an atomic file, and what a run loads of it.

    Attributes:
        path: the file.
        types: column -> type.
        loaded: the columns that are loaded.
    """

    path: Path
    types: Mapping[str, str]
    loaded: Collection[str]


def columns_in(value: Any) -> list[str]:
    """The columns that a setting names: a list, or the keys of a dict."""
    return [value] if isinstance(value, str) else list(value or ())


# --- what is loaded -------------------------------------------------------------------------


def read_tables(values: Mapping[str, Any]) -> dict[str, Table]:
    """Suffix -> the file, for those that the run reads."""
    data = settings.read(settings.DataSettings, values)
    folder, name = Path(data.data_path), data.dataset
    parts = atomic_files.interaction_files(data)
    files = {"inter": parts[0]}
    for suffix in ("user", "item"):
        if (folder / f"{name}.{suffix}").is_file():
            files[suffix] = folder / f"{name}.{suffix}"
    needed = columns_in(values.get("additional_feat_suffix"))
    if is_of_kind("KNOWLEDGE", values):
        needed += OF_GRAPHS
    files |= {suffix: folder / f"{name}.{suffix}" for suffix in needed}
    tables: dict[str, Table] = {}
    for suffix, path in files.items():
        try:
            tables[suffix] = _table(path, suffix, values)
        except DataError:
            if suffix in ("inter", *needed) or _asked_for(suffix, values):
                raise  # else nobody reads it
    for path in parts[1:]:
        other = _table(path, "inter", values)
        for column in tables["inter"].loaded:
            if other.types.get(column) != (kind := tables["inter"].types[column]):
                raise DataError(
                    f"{path}, line 1: expected the column {column}:{kind} of {parts[0].name}, "
                    f"found {_in_words(other.types)}; the files of benchmark_filename need the "
                    "same columns"
                )
    return tables


def check_files(load_col: Any, folder: Path, name: str) -> None:
    """Refuse columns of users or items that a user asks for, where there is no file of them.

    RecBole goes on without them. Its own ``load_col`` for a data set names files that a copy of it
    need not have.

    Args:
        load_col: as the user has written it; None where it is RecBole's.
        folder: of the data set; one that is not there may be downloaded.
        name: of the data set.

    Raises:
        DataError: it names the file.
    """
    for suffix in ("user", "item") if isinstance(load_col, Mapping) and folder.is_dir() else ():
        path = folder / f"{name}.{suffix}"
        if load_col.get(suffix) and not path.exists():
            raise DataError(
                f"{path}: no such file; leave {suffix} out of load_col, or add the file"
            )


def _asked_for(suffix: str, values: Mapping[str, Any]) -> Any:
    """The columns of ``load_col`` for a file: a list, "*" for all, or empty."""
    return "*" if values.get("load_col") is None else values["load_col"].get(suffix) or ()


def is_of_kind(kind: str, values: Mapping[str, Any]) -> bool:
    """Whether the model is of a kind that RecBole knows: KNOWLEDGE, SEQUENTIAL."""
    return kind in str(values.get("MODEL_TYPE"))


def _table(path: Path, suffix: str, values: Mapping[str, Any]) -> Table:
    types = atomic_files.read_header(path, values["field_separator"], values.get("encoding"))
    columns = _asked_for(suffix, values)
    left_out = (values.get("unload_col") or {}).get(suffix, ())
    if columns and left_out and columns != "*":
        raise SettingError(
            f"unload_col: {suffix}: load_col names what is loaded of {path.name}, found both; keep "
            "one of them"
        )
    loaded = [name for name in types if columns == "*" or name in columns]
    return Table(path, types, [name for name in loaded if name not in left_out])


def _in_words(types: Mapping[str, str]) -> str:
    return ", ".join(f"{name}:{kind}" for name, kind in types.items())


# --- one column -----------------------------------------------------------------------------


def suffix_of(key: str, column: str, tables: Mapping[str, Table], suffix: str | None) -> str:
    """The suffix of the file that a column is loaded from.

    Args:
        key: the setting that names the column.
        column: the name.
        tables: suffix -> the columns of the file.
        suffix: of the only file to search; None for all files.

    Raises:
        SettingError: none; the message says where it is, or what there is.
    """
    searched = {s: t for s, t in tables.items() if suffix in (None, s)}
    for name, table in searched.items():
        if column in table.loaded:
            return name
    for name, table in searched.items():
        if column in table.types:
            loaded = ", ".join([*table.loaded, column])
            raise SettingError(
                f"{key}: expected a column that is loaded, found {column}, which load_col or "
                f"unload_col leaves out of {table.path}; write load_col: {{{name}: [{loaded}]}}"
            )
    here = list(dict.fromkeys(name for table in searched.values() for name in table.loaded))
    nearest = settings.near(column, here)
    advice = f"did you mean {nearest}?" if nearest else f"found {', '.join(here) or 'none'}"
    files = ", ".join(str(table.path) for table in searched.values())
    raise SettingError(
        f"{key}: no column {column} in {files or f'a file .{suffix} that is loaded'}; {advice}"
    )


def check_type(key: str, column: str, table: Table, kinds: Iterable[str]) -> None:
    """Refuse a column of another type than a setting needs.

    Args:
        key: the setting that names the column.
        column: the name.
        table: the columns of the file.
        kinds: the types that are allowed.

    Raises:
        SettingError: the message names the setting and the file.
    """
    kind = table.types[column]
    if kind not in kinds:
        raise SettingError(
            f"{key}: expected a column of type {' or '.join(kinds)}, found {column}:{kind} in line "
            f"1 of {table.path}; name another column, or correct the type there"
        )

"""The columns that a run loads, and the settings that name columns, checked by the headers.

RecBole finds a column that is not there while it reads or trains, by a traceback; or passes over
it in silence.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ext.config import intervals, settings
from recbole_ext.data import atomic_files
from recbole_ext.errors import DataError, SettingError

_NUMBERS = ("float", "float_seq")
_TOKENS = ("token", "token_seq")
_ANY = (*_NUMBERS, *_TOKENS)

# Setting that names columns -> the types that fit, and the file that they must be in; None for any.
_NAMED_BY: dict[str, tuple[tuple[str, ...], str | None]] = {
    "threshold": (("float",), "inter"),
    "val_interval": (("float", "token"), None),
    "numerical_features": (_NUMBERS, None),
    "normalize_field": (_NUMBERS, None),
    "discretization": (_NUMBERS, None),
    "alias_of_user_id": (_TOKENS, None),
    "alias_of_item_id": (_TOKENS, None),
    "alias_of_entity_id": (_TOKENS, None),
    "alias_of_relation_id": (_TOKENS, None),
    "selected_features": (_ANY, "item"),  # of GRU4RecF and others
    "item_attribute": (_ANY, "item"),  # of S3Rec
}
_OF_MODELS = ("selected_features", "item_attribute")
_OF_KNOWLEDGE = ("alias_of_entity_id", "alias_of_relation_id")

# Suffix of a file of a knowledge graph -> the settings that name its columns.
_OF_GRAPHS = {
    "kg": ("HEAD_ENTITY_ID_FIELD", "RELATION_ID_FIELD", "TAIL_ENTITY_ID_FIELD"),
    "link": ("ITEM_ID_FIELD", "ENTITY_ID_FIELD"),
}
_SUFFIXES = ("inter", "user", "item", "kg", "link", "net")


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


def check(values: Mapping[str, Any], *, ratings: bool, read: Collection[str] = ()) -> None:
    """Refuse files that a run cannot use, and settings that name columns they do not have.

    Args:
        values: the settings of a run; ``data_path`` is the folder of the data set.
        ratings: whether the model reads ratings; each must then be a number.
        read: those of the settings of columns that the model itself reads.

    Raises:
        DataError, SettingError: for the first problem; it names the file or the setting.
    """
    atomic_files.check_interactions(values, ratings=ratings)
    tables = _tables(values)
    _check_suffixes(values, tables)
    _check_fields(values, tables)
    for key, (kinds, suffix) in _NAMED_BY.items():
        if (key in _OF_MODELS and key not in read) or (
            key in _OF_KNOWLEDGE and not _is("KNOWLEDGE", values)
        ):
            continue
        for column in _names(values.get(key)):
            where = _place(key, column, tables, suffix)
            _check_kind(key, column, tables[where], kinds)
    _check_values_kept(values, tables)
    _check_numerical(values)
    _check_pairs(values, tables)


def _names(value: Any) -> list[str]:
    """The columns that a setting names: a list, or the keys of a dict."""
    return [value] if isinstance(value, str) else list(value or ())


# --- what is loaded -------------------------------------------------------------------------


def _tables(values: Mapping[str, Any]) -> dict[str, Table]:
    """Suffix -> the file, for those that the run reads."""
    data = settings.read(settings.DataSettings, values)
    folder, name = Path(data.data_path), data.dataset
    parts = atomic_files.interaction_files(data)
    files = {"inter": parts[0]}
    for suffix in ("user", "item"):
        if (folder / f"{name}.{suffix}").is_file():
            files[suffix] = folder / f"{name}.{suffix}"
    needed = _names(values.get("additional_feat_suffix"))
    if _is("KNOWLEDGE", values):
        needed += _OF_GRAPHS
    files |= {suffix: folder / f"{name}.{suffix}" for suffix in needed}
    tables = {}
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


def _asked_for(suffix: str, values: Mapping[str, Any]) -> Any:
    """The columns of ``load_col`` for a file: a list, "*" for all, or empty."""
    return "*" if values.get("load_col") is None else values["load_col"].get(suffix) or ()


def _is(kind: str, values: Mapping[str, Any]) -> bool:
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


def _place(key: str, column: str, tables: Mapping[str, Table], suffix: str | None) -> str:
    """The suffix of the file that a column is loaded from.

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


def _check_kind(key: str, column: str, table: Table, kinds: Iterable[str]) -> None:
    kind = table.types[column]
    if kind not in kinds:
        raise SettingError(
            f"{key}: expected a column of type {' or '.join(kinds)}, found {column}:{kind} in line "
            f"1 of {table.path}; name another column, or correct the type there"
        )


# --- the checks -----------------------------------------------------------------------------


def _check_fields(values: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """The columns of users, items and labels, in each file that has to have them."""
    needed = {"inter": ["USER_ID_FIELD", "ITEM_ID_FIELD"]}
    needed |= {"user": ["USER_ID_FIELD"], "item": ["ITEM_ID_FIELD"]}
    if _is("KNOWLEDGE", values):
        needed |= {suffix: list(keys) for suffix, keys in _OF_GRAPHS.items()}
    for suffix, keys in needed.items():
        if suffix in ("user", "item") and not (suffix in tables and tables[suffix].loaded):
            continue  # there is no such file, or nothing of it is loaded
        for key in keys:
            where = _place(key, values[key], tables, suffix)
            _check_kind(key, values[key], tables[where], ("token",))
    inter, label = tables["inter"], values["LABEL_FIELD"]
    if label in inter.loaded and not values.get("threshold"):
        _check_kind("LABEL_FIELD", label, inter, ("float",))
    if not _is("SEQUENTIAL", values):
        return
    made = values["ITEM_LIST_LENGTH_FIELD"]
    if values.get("benchmark_filename"):
        _place(
            "benchmark_filename", values["ITEM_ID_FIELD"] + values["LIST_SUFFIX"], tables, "inter"
        )
    elif made in inter.loaded:
        raise SettingError(
            f"ITEM_LIST_LENGTH_FIELD: RecBole writes the lengths of sequences there, found the "
            f"column {made} of {inter.path}; write another name"
        )


def _check_suffixes(values: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """The files and columns of ``load_col`` and ``unused_col``."""
    known = {*_SUFFIXES, *tables, *_names(values.get("additional_feat_suffix"))}
    for key in ("load_col", "unload_col"):
        for suffix in values.get(key) or {}:
            if suffix not in known:
                nearest = settings.near(suffix, known)
                advice = f"; did you mean {nearest}?" if nearest else ""
                raise SettingError(
                    f"{key}: expected suffixes of files, such as {', '.join(_SUFFIXES)}, found "
                    f"{suffix}{advice}"
                )
    fields = [values[key] for key in ("USER_ID_FIELD", "ITEM_ID_FIELD")]
    for suffix, columns in (values.get("unused_col") or {}).items():
        for column in columns:
            _place(f"unused_col: {suffix}", column, tables, suffix)
            if column in fields:
                raise SettingError(
                    f"unused_col: {suffix}: {column} is needed to tell users and items apart; "
                    "leave it out"
                )


def _check_values_kept(values: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """``val_interval``: an interval of numbers, or a list of tokens."""
    for column, kept in (values.get("val_interval") or {}).items():
        kind = tables[_place("val_interval", column, tables, None)].types[column]
        if kind == "float" and not intervals.is_interval(kept):
            expected = intervals.IN_WORDS
            advice = intervals.advice(kept)
        elif kind == "token" and not _are_tokens(kept):
            expected = "the list of the tokens that are kept, as text"
            advice = f"; write {[str(x) for x in kept]}" if isinstance(kept, list) else ""
        else:
            continue
        raise SettingError(
            f"val_interval: {column}: expected {expected}, for a column of type {kind}, found "
            f"{kept!r}{advice}"
        )


def _are_tokens(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(token, str) for token in value)


def _check_numerical(values: Mapping[str, Any]) -> None:
    for column in values.get("discretization") or {}:
        if column not in (values.get("numerical_features") or ()):
            raise SettingError(
                f"discretization: {column}: expected one of numerical_features, found "
                f"{values.get('numerical_features')}; add it there"
            )
    if values.get("normalize_field") and values.get("normalize_all"):
        raise SettingError(
            "normalize_field: found normalize_all: True as well; write normalize_all: False"
        )


def _check_pairs(values: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """``preload_weight``, and aliases that two settings have."""
    fields = [values["USER_ID_FIELD"], values["ITEM_ID_FIELD"]]
    for ids, vectors in (values.get("preload_weight") or {}).items():
        where = _place("preload_weight", ids, tables, None)
        _check_kind("preload_weight", ids, tables[where], ("token",))
        if ids in fields:
            raise SettingError(
                f"preload_weight: {ids}: expected the ids of a file of its own, see "
                "additional_feat_suffix, found those of users or items, which RecBole refuses here"
            )
        beside = _place(f"preload_weight: {ids}", vectors, tables, where)
        _check_kind(f"preload_weight: {ids}", vectors, tables[beside], _NUMBERS)
    users, items = (
        {values[f"{of.upper()}_ID_FIELD"], *_names(values.get(f"alias_of_{of}_id"))}
        for of in ("user", "item")
    )
    for column in users & items:
        raise SettingError(
            f"alias_of_user_id: {column} stands for users and, by alias_of_item_id or "
            "ITEM_ID_FIELD, for items; keep one"
        )

"""The columns that a run loads, and the settings that name columns, checked by the headers.

If such a column does not exist, RecBole ends in a traceback while it reads or trains, or ignores
the setting silently.
"""

from collections.abc import Collection, Mapping
from typing import Any

from recbole_ext.config import intervals, settings
from recbole_ext.data import atomic_files
from recbole_ext.data.loaded_columns import (
    OF_GRAPHS,
    Table,
    check_type,
    columns_in,
    is_of_kind,
    read_tables,
    suffix_of,
)
from recbole_ext.errors import SettingError

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

_SUFFIXES = ("inter", "user", "item", "kg", "link", "net")


def check(
    values: Mapping[str, Any],
    *,
    ratings: bool,
    read: Collection[str] = (),
    all_lines: bool = True,
) -> None:
    """Refuse files that a run cannot use, and settings that name columns they do not have.

    Args:
        values: the settings of a run; ``data_path`` is the folder of the data set.
        ratings: whether the model reads ratings; each must then be a number.
        read: those of the settings of columns that the model itself reads.
        all_lines: see ``atomic_files.check_interactions``.

    Raises:
        DataError, SettingError: for the first problem; it names the file or the setting.
    """
    atomic_files.check_interactions(values, ratings=ratings, all_lines=all_lines)
    tables = read_tables(values)
    _check_suffixes(values, tables)
    _check_fields(values, tables)
    for key, (kinds, suffix) in _NAMED_BY.items():
        if (key in _OF_MODELS and key not in read) or (
            key in _OF_KNOWLEDGE and not is_of_kind("KNOWLEDGE", values)
        ):
            continue
        for column in columns_in(values.get(key)):
            where = suffix_of(key, column, tables, suffix)
            check_type(key, column, tables[where], kinds)
    _check_values_kept(values, tables)
    _check_numerical(values)
    _check_pairs(values, tables)


# --- the checks -----------------------------------------------------------------------------


def _check_fields(values: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """The columns of users, items and labels, in each file that has to have them."""
    needed = {"inter": ["USER_ID_FIELD", "ITEM_ID_FIELD"]}
    needed |= {"user": ["USER_ID_FIELD"], "item": ["ITEM_ID_FIELD"]}
    if is_of_kind("KNOWLEDGE", values):
        needed |= {suffix: list(keys) for suffix, keys in OF_GRAPHS.items()}
    for suffix, keys in needed.items():
        if suffix in ("user", "item") and not (suffix in tables and tables[suffix].loaded):
            continue  # there is no such file, or nothing of it is loaded
        for key in keys:
            where = suffix_of(key, values[key], tables, suffix)
            check_type(key, values[key], tables[where], ("token",))
    inter, label = tables["inter"], values["LABEL_FIELD"]
    if label in inter.loaded and not values.get("threshold"):
        check_type("LABEL_FIELD", label, inter, ("float",))
    if not is_of_kind("SEQUENTIAL", values):
        return
    made = values["ITEM_LIST_LENGTH_FIELD"]
    if values.get("benchmark_filename"):
        suffix_of(
            "benchmark_filename", values["ITEM_ID_FIELD"] + values["LIST_SUFFIX"], tables, "inter"
        )
    elif made in inter.loaded:
        raise SettingError(
            f"ITEM_LIST_LENGTH_FIELD: RecBole writes the lengths of sequences there, found the "
            f"column {made} of {inter.path}; write another name"
        )


def _check_suffixes(values: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """The files and columns of ``load_col`` and ``unused_col``."""
    known = {*_SUFFIXES, *tables, *columns_in(values.get("additional_feat_suffix"))}
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
            suffix_of(f"unused_col: {suffix}", column, tables, suffix)
            if column in fields:
                raise SettingError(
                    f"unused_col: {suffix}: {column} is needed to tell users and items apart; "
                    "leave it out"
                )


def _check_values_kept(values: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    """``val_interval``: an interval of numbers, or a list of tokens."""
    for column, kept in (values.get("val_interval") or {}).items():
        kind = tables[suffix_of("val_interval", column, tables, None)].types[column]
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
        where = suffix_of("preload_weight", ids, tables, None)
        check_type("preload_weight", ids, tables[where], ("token",))
        if ids in fields:
            raise SettingError(
                f"preload_weight: {ids}: expected the ids of a file of its own, see "
                "additional_feat_suffix, found those of users or items, which RecBole refuses here"
            )
        beside = suffix_of(f"preload_weight: {ids}", vectors, tables, where)
        check_type(f"preload_weight: {ids}", vectors, tables[beside], _NUMBERS)
    users, items = (
        {values[f"{of.upper()}_ID_FIELD"], *columns_in(values.get(f"alias_of_{of}_id"))}
        for of in ("user", "item")
    )
    for column in users & items:
        raise SettingError(
            f"alias_of_user_id: {column} stands for users and, by alias_of_item_id or "
            "ITEM_ID_FIELD, for items; keep one"
        )

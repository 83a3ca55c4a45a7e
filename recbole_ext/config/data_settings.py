"""The settings by which RecBole reads and filters a data set, checked before it reads anything.

RecBole finds a value of the wrong kind while it reads, by a traceback; or not at all: a filter
that it cannot read is left out.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from recbole_ext.config import intervals
from recbole_ext.config.types import Count, Rule, Text

_Interval = Annotated[
    Any,
    Rule(
        intervals.IN_WORDS + ", or ~ for all",
        lambda value: value is None or intervals.is_interval(value),
        intervals.advice,
    ),
]
_Kept = Annotated[  # numbers of a column, or tokens
    Any,
    Rule(
        f"{intervals.IN_WORDS}, or the list of the tokens that are kept",
        lambda value: intervals.is_interval(value) or isinstance(value, (list, tuple)),
        intervals.advice,
    ),
]
_Threshold = Annotated[
    dict[str, float] | None,
    Rule(
        "one column with the least value that has label 1, such as {rating: 4}, or ~",
        lambda value: value is None or len(value) == 1,
    ),
]
_Columns = Annotated[list[str] | Literal["*"], Rule('a list of columns, or "*" for all')]


class Discretization(msgspec.Struct, frozen=True, kw_only=True):
    """How a column of numbers is put into buckets: ED of equal width, LD by logarithm."""

    method: Literal["ED", "LD"]
    bucket: Count | None = None


_Discretization = Annotated[
    dict[str, Discretization] | None,
    Rule(
        "a dict such as {age: {method: ED, bucket: 5}}; method ED needs the number of buckets",
        lambda value: all(part.method != "ED" or part.bucket for part in (value or {}).values()),
    ),
]


class ReadingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns RecBole reads, and which rows it keeps."""

    field_separator: Text
    seq_separator: Text
    USER_ID_FIELD: Text
    ITEM_ID_FIELD: Text
    RATING_FIELD: Text | None
    TIME_FIELD: Text | None
    LABEL_FIELD: Text
    NEG_PREFIX: Text
    ITEM_LIST_LENGTH_FIELD: Text
    LIST_SUFFIX: Text
    POSITION_FIELD: Text
    HEAD_ENTITY_ID_FIELD: Text
    TAIL_ENTITY_ID_FIELD: Text
    RELATION_ID_FIELD: Text
    ENTITY_ID_FIELD: Text
    MAX_ITEM_LIST_LENGTH: Count
    seq_len: dict[str, Count] | None
    threshold: _Threshold
    numerical_features: list[str]
    load_col: dict[str, _Columns] | None
    unload_col: dict[str, list[str]] | None
    unused_col: dict[str, list[str]] | None
    additional_feat_suffix: list[str] | str | None
    rm_dup_inter: Literal["first", "last"] | None
    val_interval: dict[str, _Kept] | None
    filter_inter_by_user_or_item: bool
    user_inter_num_interval: _Interval
    item_inter_num_interval: _Interval
    entity_kg_num_interval: _Interval
    relation_kg_num_interval: _Interval
    alias_of_user_id: list[str] | None
    alias_of_item_id: list[str] | None
    alias_of_entity_id: list[str] | None
    alias_of_relation_id: list[str] | None
    preload_weight: dict[str, str] | None
    normalize_field: list[str] | None
    normalize_all: bool | None
    discretization: _Discretization
    kg_reverse_r: bool


def renamed(defaults: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that name columns, after the fields that somebody has renamed.

    ``USER_ID_FIELD: userId`` renames user_id in the ``load_col`` of the defaults. A label that is
    the rating, as AutoRec's is, stays the rating.

    Args:
        defaults: settings.
        written: over these.

    Returns:
        those of the defaults that change: ``load_col``, ``LABEL_FIELD``.
    """
    fields = [key for key in defaults if key.endswith("_FIELD") and defaults[key]]
    changed: dict[str, Any] = {}
    names = {key: written.get(key, defaults[key]) for key in fields}
    label = defaults.get("LABEL_FIELD")
    is_rating = label == defaults.get("RATING_FIELD") and "LABEL_FIELD" not in written
    if label and is_rating and names["RATING_FIELD"] not in (None, label):
        changed["LABEL_FIELD"] = names["LABEL_FIELD"] = names["RATING_FIELD"]
    columns = defaults.get("load_col")
    if "load_col" in written or not columns:
        return changed
    new: dict[str, list[Any]] = {}  # name among the defaults -> the names it has now
    for key in fields:
        if names[key]:
            new.setdefault(defaults[key], []).append(names[key])
    loaded = {
        suffix: names
        if names == "*"
        else list(dict.fromkeys(one for name in names for one in new.get(name, [name])))
        for suffix, names in columns.items()
    }
    return {**changed, "load_col": loaded} if loaded != columns else changed

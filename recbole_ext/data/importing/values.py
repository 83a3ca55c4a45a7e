"""The values of columns of a table: what a reader passes on, and what it refuses.

A reader yields the columns of some rows at a time. The fast ones refuse by ``Refused``, without
a place; the exact ones say the line.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recbole_ext.data.importing import times
from recbole_ext.data.importing.columns import Kind
from recbole_ext.errors import DataError

# What no line of an atomic file can hold inside a column; delimited.py.
FORBIDDEN = "\t\n\r\0"
LARGEST = float(np.finfo(np.float32).max)  # that RecBole can keep
BREAKS = re.compile(r"[\t\r\n\x00 ]+")  # of text, where they become a space

Progress = Callable[[int], None]


class Refused(Exception):  # noqa: N818 - no error: the exact reader looks again
    """A fast reader does not take a file; the exact one says where and why, or takes it."""


@dataclass
class Part:
    """The columns of some rows.

    Attributes:
        rows: how many.
        tokens: column -> dictionary array of text, for tokens and texts.
        numbers: column -> [rows], of any type that holds them exactly; NaN for none.
        dates: those columns of times that were written as dates -> whether all say a zone.
    """

    rows: int
    tokens: dict[str, pa.DictionaryArray] = field(default_factory=dict)
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    dates: dict[str, bool] = field(default_factory=dict)


def part_of(
    batch: Mapping[str, Any], kinds: Mapping[str, Kind], time_format: str | None = None
) -> Part:
    """The columns of a batch of Arrow.

    Args:
        batch: column -> array.
        kinds: column -> kind.
        time_format: of dates that are not ISO 8601.

    Raises:
        Refused: a value is not of its kind.
    """
    part = Part(len(next(iter(batch.values()))))
    for name, kind in kinds.items():
        column = batch[name]
        if kind in ("token", "optional token", "text"):
            part.tokens[name] = _tokens(column, kind)
        elif kind == "time" and _is_text(column.type):
            part.numbers[name], part.dates[name] = _dates(column, time_format)
        elif kind == "time" and (
            pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
        ):
            zone = pa.types.is_timestamp(column.type) and column.type.tz is not None
            part.numbers[name], part.dates[name] = _moments(column), zone
        else:
            part.numbers[name] = _numbers(column, kind)
    part.numbers = {name: compact(values) for name, values in part.numbers.items()}
    return part


def compact(values: np.ndarray) -> np.ndarray:
    """The same numbers in half of the memory where that has them exactly: int32 or float32.

    Args:
        values: [rows], float64; NaN for none.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        whole = values.astype(np.int32)  # of NaN it is some number, which NaN does not equal
        if (whole == values).all():
            return whole
        half = values.astype(np.float32)
    same = half == values
    return half if same.all() or (same | np.isnan(values)).all() else values


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
    )


def _tokens(column: Any, kind: Kind) -> pa.DictionaryArray:
    if pa.types.is_floating(column.type) and kind != "text":  # with gaps, as pandas keeps them
        column = column.cast(pa.int64(), safe=True)
    if not _is_text(column.type):
        column = column.cast(pa.string())
    if column.null_count:
        if kind == "token":
            raise Refused
        column = column.fill_null("")
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    elif column.type.value_type != pa.string():
        column = column.cast(pa.dictionary(pa.int32(), pa.string()))
    texts = column.dictionary
    if kind == "text":
        cleaned = pc.replace_substring_regex(texts, BREAKS.pattern, " ")
        return pa.DictionaryArray.from_arrays(column.indices, cleaned)
    if pc.any(pc.match_substring_regex(texts, r"[\t\r\n\x00]")).as_py():
        raise Refused
    if kind == "token" and pc.any(pc.equal(texts, "")).as_py():
        raise Refused
    return column


def _numbers(column: Any, kind: Kind) -> np.ndarray:
    if _is_text(column.type):
        column = column.cast(pa.string())
        if kind == "optional number":
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    elif not (
        pa.types.is_floating(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_decimal(column.type)
    ):
        raise Refused
    column = column.cast(pa.float64(), safe=False)
    gaps = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    values = np.array(column.fill_null(0.0), dtype=np.float64)
    values[gaps] = 0.0
    limit = LARGEST if kind != "time" else np.inf
    if not (np.abs(values) <= limit).all() or np.isinf(values).any():
        raise Refused
    if gaps.any():
        if kind != "optional number":
            raise Refused
        values[gaps] = np.nan
    return values


def _dates(column: Any, time_format: str | None) -> tuple[np.ndarray, bool]:
    if column.null_count:
        raise Refused
    texts = column.cast(pa.string())
    if time_format is None and len(texts) and times.is_number(texts[0].as_py()):
        raise Refused
    seconds = times.seconds_of_all(texts, time_format)
    if seconds is None:
        raise Refused
    zones = pc.match_substring_regex(texts, r"(?i)(z|utc|gmt|\d\d:\d\d.*[+-]\d\d:?\d\d)\s*$")
    return seconds, bool(pc.all(zones).as_py())


def _moments(column: Any) -> np.ndarray:
    if column.null_count:
        raise Refused
    moments = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
    return np.array(moments.cast(pa.int64()), dtype=np.float64) / 1e6


def token_problem(text: str, kind: Kind) -> str:
    """What is wrong with a token; "" for nothing."""
    if not text:
        return "an empty value" if kind == "token" else ""
    for mark, what in zip(FORBIDDEN, ("tab", "line end", "line end", "NUL character"), strict=True):
        if mark in text:
            return f"expected an id without a {what}, found {text[:40]!r}"
    return ""


def number(text: str, kind: Kind) -> float:
    """The number that a text spells; NaN for a gap.

    Raises:
        DataError: it spells none; the message has no place.
    """
    text = text.strip(" ")
    if not text and kind == "optional number":
        return float("nan")
    try:
        value = float(text) if text.isascii() and "_" not in text else float("nan")
    except ValueError:
        value = float("nan")
    if np.isnan(value):
        if kind == "optional number" and text.lower().strip("+-") == "nan":
            return value
        raise DataError(f"expected a number, found {text[:40]!r}")
    if abs(value) > (LARGEST if kind != "time" else np.inf):
        raise DataError(f"expected a number within float32, up to 3.4e38, found {text[:40]!r}")
    return value

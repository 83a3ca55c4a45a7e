"""The settings of RecBole's own models: each must be of the kind of its default.

RecBole passes them on to torch as they are; a text or a negative size ends in a traceback when the
model is built. Our own models declare types and ranges instead (see config/settings.py).
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from recbole_ext.errors import SettingError

# Settings that are widths of layers or of tables.
SIZE = re.compile(r"(^|_)(size|size_list|dim|dims|dimension|dims_dnn)$")

# Settings that are numbers of things; others with a whole default may be fractions.
_NUMBER = re.compile(r"k|n_\w+|num_\w+")


def check(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Refuse values of another kind than the default.

    Args:
        defaults: of the model's own settings.
        values: the settings of the run.

    Raises:
        SettingError: for the first such value.
    """
    for key, default in defaults.items():
        if key in values:
            expected = _expected(key, default, values[key])
            if expected:
                raise SettingError(
                    f"{key}: expected {expected}, such as the default {default}, found "
                    f"{values[key]!r} ({type(values[key]).__name__})"
                )


def _expected(key: str, default: Any, value: Any) -> str:
    """What a value must be, in words; "" where it is."""
    is_size = SIZE.search(key) is not None
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "True or False"
    if is_size and isinstance(default, int):
        return "" if _is_size(value) else "a whole number at least 1"
    if isinstance(default, int) and _NUMBER.fullmatch(key):
        return "" if type(value) is int else "a whole number"
    if isinstance(default, (int, float)):
        return "" if _is_number(value) else "a number"
    if isinstance(default, str):
        return "" if value is None or isinstance(value, str) else "a text"
    if isinstance(default, list):
        is_list = isinstance(value, (list, tuple))
        if is_size and not (is_list and all(map(_is_size, value))):
            return "a list of whole numbers at least 1"
        return "" if is_list else "a list"
    if isinstance(default, dict):
        return "" if isinstance(value, Mapping) else "a dict"
    return ""


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))

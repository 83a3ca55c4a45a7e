"""What a text of the command line or of ``config_dict`` stands for.

RecBole evaluates such a text as Python: ``--epochs=9**9**9`` never ends, ``--seed=exit()`` ends the
run. Here a text is read as one literal, and nothing is ever executed.
"""

import ast
import warnings
from collections.abc import Mapping
from typing import Any

from recbole_ext.errors import SettingError

LONGEST = 10_000  # characters of a literal; the parser of Python fails on some that are longer

_WORDS = {"true": True, "false": False}


def read_literal(text: str) -> Any:
    """The number, text, list, tuple, dict, True, False or None that a text writes in Python.

    Whatever else is written stays the text that it is, a calculation such as ``10**3`` too: its
    setting then refuses it. ``true`` and ``false`` may be written in any case.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, about text such as "\d"
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _WORDS.get(text.lower(), text)
    plain = value is None or isinstance(value, (str, int, float, list, tuple, dict))
    return value if plain else text  # a set, bytes or a complex number is no value of a setting


def read_literals(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose texts are read as literals; intervals such as ``[5,10]`` stay text.

    Raises:
        SettingError: a text is too long to be a value.
    """
    return {key: _read(key, value) for key, value in settings.items()}


def _read(key: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if len(value) > LONGEST:
        raise SettingError(
            f"{key}: expected at most {LONGEST} characters, found {len(value)}; write the value "
            "into a file of --config_files"
        )
    is_interval = str(key).endswith("_num_interval") and "," in value
    return value if is_interval else read_literal(value)

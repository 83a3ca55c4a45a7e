"""RecBole's intervals, such as ``[5,inf)`` or ``(0,1];[3,4)``: what it can read, and nothing else.

RecBole logs one line for an interval that it cannot read, and goes on without it.
"""

import math
from typing import Any

IN_WORDS = (
    'an interval such as "[5,inf)" or "(0,3]", the lower end first; several are separated by ";"'
)


def is_interval(value: Any) -> bool:
    """Whether RecBole reads a value as one interval or several.

    Args:
        value: a text; or two numbers, which RecBole makes a text of.
    """
    if isinstance(value, (list, tuple)):
        value = str(value)
    return isinstance(value, str) and all(map(_is_one, value.split(";")))


def _is_one(text: str) -> bool:
    text = text.strip()
    if text[:1] not in ("(", "[") or text[-1:] not in (")", "]"):
        return False
    ends = _numbers(text[1:-1])
    return len(ends) == 2 and ends[0] <= ends[1]


def _numbers(text: str) -> list[float]:
    """The numbers between commas; none where one cannot be read."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return []
    return [] if any(map(math.isnan, numbers)) else numbers


def advice(value: Any) -> str:
    """How to write what was meant, as the end of a message; "" where that is not clear."""
    inside = str(value).strip().strip("()[]")
    numbers = _numbers(inside)
    if len(numbers) == 1 and not isinstance(value, bool):
        return f'; write "[{inside},inf)" for at least {inside}'
    if len(numbers) == 2:
        low, high = sorted(inside.split(","), key=float)
        return f'; write "[{low.strip()},{high.strip()}]"'
    return ""

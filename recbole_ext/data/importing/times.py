"""Times as people write them -> seconds since 1970.

A column is of one kind: numbers (seconds, milliseconds, microseconds or nanoseconds since 1970, or
days as 20130731), or dates (ISO 8601). A time without a zone is taken for UTC.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np

from recbole_ext.errors import DataError

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_ISO = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r" ?(?:(Z|UTC|GMT)|([+-])(\d\d):?(\d\d))?",
    re.ASCII | re.IGNORECASE,
)

# The largest number of each unit: 1e11 seconds are the year 5138, 1e11 milliseconds are 1973.
_UNITS = (
    ("seconds", 1.0, 1e11),
    ("milliseconds", 1e3, 1e14),
    ("microseconds", 1e6, 1e17),
    ("nanoseconds", 1e9, 1e20),
)
_EARLIEST_OF_SECONDS = 3e8  # 1979; as milliseconds it would be January 1970


def seconds_of(text: str, time_format: str | None = None) -> float | None:
    """The seconds since 1970 of a date; None where ``text`` is none.

    Args:
        text: a date, with or without a time of the day and a zone.
        time_format: as ``datetime.strptime`` has it; None for ISO 8601.
    """
    text = text.strip()
    try:
        if time_format is not None:
            moment = datetime.strptime(text, time_format)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            return _since_1970(moment)
        match = _ISO.fullmatch(text)
        if match is None:
            return None
        year, _, month, date_, hour, minute, second, part, _, sign, hours, minutes = match.groups()
        numbers = (int(text or 0) for text in (year, month, date_, hour, minute, second))
        moment = datetime(*numbers, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        fraction = int(part.ljust(9, "0")) / 1e9 if part else 0.0
        return _since_1970(moment - offset if sign == "+" else moment + offset) + fraction
    except (ValueError, OverflowError):
        return None


def _since_1970(moment: datetime) -> float:
    passed = moment - _EPOCH
    return passed.days * 86400.0 + passed.seconds + passed.microseconds / 1e6


def has_zone(text: str) -> bool:
    """Whether a date says its zone."""
    match = _ISO.fullmatch(text.strip())
    return match is not None and (match[9] or match[10]) is not None


def is_number(text: str) -> bool:
    """Whether a time is written as a number."""
    try:
        return text.isascii() and "_" not in text and bool(np.isfinite(float(text)))
    except ValueError:
        return False


def seconds_of_all(texts: Any, time_format: str | None = None) -> np.ndarray | None:
    """The seconds since 1970 of a whole column of dates; None where some text is none.

    Args:
        texts: a pyarrow array of text.
        time_format: see ``seconds_of``.
    """
    import pyarrow
    import pyarrow.compute

    if time_format is None:
        for kind in (pyarrow.timestamp("us"), pyarrow.timestamp("us", "UTC")):
            try:
                whole = texts.cast(kind).cast(pyarrow.int64())
                return whole.to_numpy(zero_copy_only=False) / 1e6
            except pyarrow.ArrowInvalid:
                continue
    coded = texts.dictionary_encode()
    seconds = [seconds_of(text, time_format) for text in coded.dictionary.to_pylist()]
    if None in seconds:
        return None
    return np.array(seconds, dtype=np.float64)[coded.indices.to_numpy(zero_copy_only=False)]


def from_numbers(values: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """Numbers of a column of times as seconds since 1970, and the name of their unit.

    Args:
        values: [rows], finite.
        where: the file and column, for the message.

    Raises:
        DataError: the numbers are of two units, or of none.
    """
    if days := _days(values):
        numbers, codes = np.unique(values, return_inverse=True)
        return np.array([days[number] for number in numbers.tolist()])[codes], "days (UTC)"
    largest = float(np.abs(values).max())
    for unit, a_second, limit in _UNITS:
        if largest >= limit:
            continue
        size = np.abs(values)
        if unit != "seconds":
            smaller = (size >= _EARLIEST_OF_SECONDS * a_second / 1e3) & (size < limit / 1e3)
            if smaller.any():
                row = int(np.argmax(smaller))
                raise DataError(
                    f"{where}: expected times of one unit, found {values[row]:.0f} (row {row + 1}) "
                    f"beside {unit} such as {largest:.0f}; write them all in seconds"
                )
        seconds = values if unit == "seconds" else values / a_second
        return seconds, f"{unit} since 1970"
    raise DataError(
        f"{where}: expected seconds, milliseconds, microseconds or nanoseconds since 1970, found "
        f"{largest:g}; leave the column out with --drop, or name another one with --time"
    )


def _days(values: np.ndarray) -> dict[float, float] | None:
    """20130731 -> the seconds of that day, if all numbers are such days."""
    low, high = 18000101, 22001231
    if not ((values >= low) & (values <= high)).all() or (values % 1).any():
        return None
    days: dict[float, float] = {}
    for number in np.unique(values).tolist():
        whole = int(number)
        try:
            passed = date(whole // 10000, whole // 100 % 100, whole % 100) - date(1970, 1, 1)
        except ValueError:
            return None
        days[number] = passed.days * 86400.0
    return days


def day(seconds: float) -> str:
    """The day of a time, for people; the number itself beyond the years 1 to 9999."""
    try:
        return str((_EPOCH + timedelta(seconds=seconds)).date())
    except OverflowError:
        return f"{seconds:g}"


def limit(text: str, option: str) -> float:
    """The time of ``--since`` or ``--until``: a date, a year, or seconds since 1970.

    ``--until`` a day or a year goes to its end.

    Raises:
        DataError: it is none of these.
    """
    year = re.fullmatch(r"\d{4}", text, re.ASCII)
    is_day = re.fullmatch(r"\d{4}([-/])\d{1,2}\1\d{1,2}", text, re.ASCII)
    if is_number(text) and not year:
        return float(text)
    seconds = seconds_of(f"{text}-01-01" if year else text)
    end = seconds_of(f"{int(text) + 1:04}-01-01") if year else seconds
    if seconds is None or end is None:
        raise DataError(
            f"{option}: expected a date such as 2013-07-31, or seconds since 1970, found {text!r}"
        )
    if option == "--since" or not (year or is_day):
        return seconds
    return float(np.nextafter(end + (86400.0 if is_day else 0.0), -np.inf))


def is_time(texts: Sequence[str], time_format: str | None = None) -> bool:
    """Whether all of some texts are dates or numbers."""
    return all(is_number(text) or seconds_of(text, time_format) is not None for text in texts)

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.data.importing import times
from recbole_ext.errors import DataError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0),
        ("1969-12-31", -86400),
        ("2013-07-31 18:00:00", 1375293600),
        ("2013-07-31T18:00:00Z", 1375293600),
        ("2013-07-31T20:00:00+02:00", 1375293600),
        ("2013-07-31 13:30:00 -0430", 1375293600),
        ("2013/7/31 18:00", 1375293600),
        ("1969-12-31 23:59:59.25", -0.75),
        ("2012-02-29", 1330473600),
        ("2013-02-29", None),
        ("2013-07-31 25:00", None),
        ("31.07.2013", None),
        ("2013", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_dates(text, seconds):
    assert times.seconds_of(text) == seconds
    whole = times.seconds_of_all(pa.array([text, text]))
    assert (None if whole is None else whole.tolist()) == (
        (seconds and [seconds] * 2) or ([0, 0] if seconds == 0 else None)
    )


zones = st.integers(-12 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(
    datetime(1850, 1, 1), datetime(2150, 1, 1), timezones=st.just(timezone.utc) | zones
)


@given(st.lists(moments, min_size=1, max_size=5))
def test_dates_are_those_of_python(moments):
    texts = [moment.isoformat() for moment in moments]
    expected = [moment.timestamp() for moment in moments]
    assert [times.seconds_of(text) for text in texts] == pytest.approx(expected, abs=1e-6)
    assert times.seconds_of_all(pa.array(texts)).tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "seconds", "unit"),
    [
        ([978300760, -5], [978300760, -5], "seconds since 1970"),
        ([978300760500, 0], [978300760.5, 0], "milliseconds since 1970"),
        ([978300760500000], [978300760.5], "microseconds since 1970"),
        ([978300760500000000], [978300760.5], "nanoseconds since 1970"),
        ([20130731, 19691231], [1375228800, -86400], "days (UTC)"),
        ([20130731, 20130732], [20130731, 20130732], "seconds since 1970"),
    ],
)
def test_units(values, seconds, unit):
    result, words = times.from_numbers(np.array(values, dtype=float), "r.csv")
    assert result.tolist() == seconds
    assert words == unit


@pytest.mark.parametrize("values", [[978300760, 978300760000], [1e21], [978300760000, 978300760e6]])
def test_numbers_of_two_units_or_none(values):
    with pytest.raises(DataError, match=r"^r\.csv: expected"):
        times.from_numbers(np.array(values), "r.csv")


def test_a_format_of_ones_own():
    assert times.seconds_of("31.07.2013", "%d.%m.%Y") == 1375228800
    assert times.seconds_of("31.07.2013 02:00 +0200", "%d.%m.%Y %H:%M %z") == 1375228800
    assert times.seconds_of_all(pa.array(["31.07.2013"]), "%d.%m.%Y").tolist() == [1375228800]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2013-07-31", 1375228800), ("2013", 1356998400), ("978300760", 978300760)],
)
def test_limits(text, seconds):
    assert times.limit(text, "--since") == seconds


@pytest.mark.parametrize(
    ("text", "end"),
    [("2013-07-31", 1375315200), ("2013", 1388534400), ("1969-12-31", 0)],
)
def test_until_a_day_or_a_year_goes_to_its_end(text, end):
    assert end - 1e-3 < times.limit(text, "--until") < end
    assert times.limit("2013-07-31 18:00", "--until") == 1375293600

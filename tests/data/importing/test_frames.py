from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from recbole_ext.data import from_frame, to_frame
from recbole_ext.data.importing.selection import Selection
from recbole_ext.errors import DataError
from tests.data.importing.test_reading import rows_of

COLUMNS = {"who": ["a", "b", "a"], "movieId": [7, 7, 8], "rating": [4.5, 3.0, 1.0]}
ROWS = [("a", "7", 4.5), ("b", "7", 3.0), ("a", "8", 1.0)]


def frame_of(library):
    if library == "pandas":
        return pd.DataFrame(COLUMNS)
    if library == "polars":
        return pytest.importorskip("polars").DataFrame(COLUMNS)
    return pa.table(COLUMNS)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_any_frame_and_back(library):
    folder = from_frame(frame_of(library), "mine", user="who")
    assert folder == Path("dataset/mine")
    assert rows_of(folder / "mine.inter") == ROWS
    frame = to_frame("mine")
    assert list(frame.itertuples(index=False, name=None)) == ROWS
    assert list(frame) == ["user_id", "item_id", "rating"]


def test_times_of_pandas_and_a_selection():
    times = pd.to_datetime(["1969-12-31 00:00", "2013-07-31 18:00", "2013-08-01 00:00"])
    frame = pd.DataFrame(COLUMNS).assign(date=times).set_index("movieId").reset_index()
    from_frame(frame, "mine", user="who", selection=Selection(min_rating=3))
    assert to_frame("mine")["timestamp"].tolist() == [-86400, 1375293600]
    zoned = frame.assign(date=times.tz_localize("Europe/Paris"))
    from_frame(zoned, "mine", user="who")
    assert to_frame("mine")["timestamp"].tolist()[1] == 1375286400


def test_a_split():
    frame = pd.DataFrame(COLUMNS)
    from_frame(frame, "mine", user="who", valid=frame[1:2], test=frame[2:])
    assert rows_of(Path("dataset/mine/mine.valid.inter")) == ROWS[1:2]
    assert rows_of(Path("dataset/mine/mine.test.inter")) == ROWS[2:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"who": ["a", None, "b"]}, "frame, row 2: column who: an empty value"),
        ({"rating": [1.0, 2.0, np.nan]}, "frame, row 3: column rating"),
        ({"rating": [1.0, np.inf, 2.0]}, "frame, row 2: column rating"),
        ({"rating": ["1", "x", "2"]}, "frame, row 2: column rating: expected a number, found 'x'"),
        ({"movieId": [1.0, 2.5, 3.0]}, "frame, row 2: column movieId: expected an id"),
        ({"who": ["a", "b\tc", "b"]}, "frame, row 2: column who: expected an id without a tab"),
    ],
)
def test_a_value_that_is_none_of_its_kind(change, message):
    with pytest.raises(DataError) as error:
        from_frame(pd.DataFrame({**COLUMNS, **change}), "mine", user="who")
    assert str(error.value).startswith(message)
    assert not Path("dataset").exists()


def test_what_is_no_frame_and_what_is_half_a_split():
    with pytest.raises(DataError, match="expected a DataFrame of pandas or polars"):
        from_frame([1, 2], "mine")
    frame = pd.DataFrame(COLUMNS)
    with pytest.raises(DataError, match="expected both or none"):
        from_frame(frame, "mine", user="who", test=frame)
    with pytest.raises(DataError, match="frame: no column of users is recognised"):
        from_frame(frame, "mine")

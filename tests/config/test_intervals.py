"""What RecBole reads as an interval; its own reader is the oracle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.config import intervals


class Reader:
    """RecBole's reader, which logs what it leaves out."""

    def __init__(self):
        self.left_out = []

    @property
    def logger(self):
        return self

    def warning(self, text):
        self.left_out.append(text)

    def reads(self, value) -> bool:
        from recbole.data.dataset import Dataset

        try:
            return len(Dataset._parse_intervals_str(self, value)) > 0 and not self.left_out
        except (ValueError, IndexError):
            return False


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("3,5", '; write "[3,5]"'),
        ("[3,5", '; write "[3,5]"'),
        ("5, 3", '; write "[3,5]"'),
        ([5, 3], '; write "[3,5]"'),
        ("5", '; write "[5,inf)" for at least 5'),
        (5, '; write "[5,inf)" for at least 5'),
        (True, ""),
        ("[1,2,3]", ""),
        ("[a,b]", ""),
        ("[nan,3]", ""),
        ("", ""),
        ("[1,2];", ""),
        ({"low": 3}, ""),
    ],
)
def test_what_is_no_interval(value, advice):
    assert not intervals.is_interval(value)
    assert intervals.advice(value) == advice
    if advice:
        assert intervals.is_interval(advice.split('"')[1])


@pytest.mark.parametrize(
    "value", ["[5,inf)", "(0, 3]", " [1,1] ", "[-inf,2);(5,9]", [3, 5], (3, 5), [3, float("inf")]]
)
def test_an_interval(value):
    assert intervals.is_interval(value)
    assert Reader().reads(value)


number = st.sampled_from(["1", "2.5", "-3", "inf", "1e3", "x", "", " 4 "])
ends = st.builds(
    "{}{}{}".format,
    st.sampled_from(["[", "(", "", "{"]),
    st.lists(number, max_size=3).map(",".join),
    st.sampled_from(["]", ")", "", "}"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ends, min_size=1, max_size=3).map(";".join))
def test_an_interval_is_what_recbole_reads_without_a_warning(text):
    assert intervals.is_interval(text) == Reader().reads(text)

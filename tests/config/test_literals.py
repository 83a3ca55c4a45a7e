"""A text of the command line is a literal or stays the text that it is."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.config.literals import LONGEST, read_literal, read_literals
from recbole_ext.errors import SettingError

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(VALUES.filter(lambda value: "inf" not in repr(value)))
@settings(deadline=None)
def test_a_value_is_read_as_it_is_written(value):
    assert read_literal(repr(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        *("9**9**9", "exit()", "1/0", "[1]*10**11", "-True", "not True", "[x for x in (1,)]"),
        *("{5}", "b'x'", "1+2j", "text", "key", "(" * 9_000, "-" * 9_000 + "1", "1+" * 4_000 + "1"),
        *("[" * 190 + "]" * 190 + "+1", "9" * 9_000, "a\0b", "{[1]: 2}", "f'{1}'", "lambda: 1"),
    ],
)
def test_whatever_is_no_literal_stays_text(text):
    assert read_literal(text) == text


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("FALSE", False), ("None", None), ("none", "none")]
)
def test_truth_values_are_written_in_any_case(text, value):
    assert read_literal(text) is value or read_literal(text) == value


def test_settings():
    given = {"topk": "[5, 10]", "seed": 3, "user_inter_num_interval": "[5,10]", 1: "2"}
    read = {**given, "topk": [5, 10], 1: 2}
    assert read_literals(given) == read
    assert read_literals({"user_inter_num_interval": "10"}) == {"user_inter_num_interval": 10}
    longest = str(list(range(1850)))
    assert LONGEST - 100 < len(longest) <= LONGEST
    assert read_literals({"x": longest}) == {"x": ast.literal_eval(longest)}
    with pytest.raises(SettingError, match=r"^x: expected at most 10000 characters, found 10001;"):
        read_literals({"x": "[" * (LONGEST + 1)})

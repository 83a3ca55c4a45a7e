"""Numbers in half of the memory, and as text, are the same numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.data.importing import selection, values, writing

NUMBERS = st.one_of(
    st.integers(-(2**33), 2**33).map(float),
    st.floats(-3e38, 3e38),
    st.floats(-(2.0**127), 2.0**127, width=32),
    st.sampled_from([math.nan, -0.0, 2**31 - 1, 2.0**31, -(2.0**31), 0.1, 0.5, 1e300]),
)


@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_compact_numbers_are_the_same(numbers):
    whole = np.array(numbers, dtype=np.float64)
    small = values.compact(whole)
    np.testing.assert_array_equal(small.astype(np.float64), whole)


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ([1, -5, 2**31 - 1], np.int32),
        ([1, 2**31], np.float32),
        ([0.5, math.nan], np.float32),
        ([1, math.nan], np.float32),
        ([978300761, math.nan], np.float64),
        ([0.1], np.float64),
        ([1e300], np.float64),
    ],
)
def test_the_smallest_type_that_is_exact(numbers, kind):
    assert values.compact(np.array(numbers, dtype=np.float64)).dtype == kind


@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_texts_spell_the_same_numbers(numbers):
    whole = np.array(numbers, dtype=np.float64)
    for column in (whole, values.compact(whole)):
        texts = writing.number_texts(column).to_pylist()
        np.testing.assert_array_equal([float(text or "nan") for text in texts], whole)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1), st.integers(1, 9))
def test_repeated_rows_are_counted(pairs, size):
    users, items = (np.array(column, dtype=np.int32) for column in zip(*pairs, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_ROWS_OF_PAIRS", size)
        patch.setattr(selection, "_ROWS", size)
        assert selection.n_repeated(users, items) == len(pairs) - len(set(pairs))

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.data import line_blocks


@given(st.binary(max_size=40) | st.text("a\n", max_size=40).map(str.encode), st.integers(1, 9))
def test_blocks_are_whole_lines(data, size):
    blocks = list(line_blocks.whole_lines(io.BytesIO(data), size))
    assert all(block.endswith(b"\n") for block in blocks)
    expected = data if not data or data.endswith(b"\n") else data + b"\n"
    assert b"".join(blocks) == expected


def test_results_come_in_the_order_of_their_inputs():
    taken = []

    def inputs():
        for number in range(20):
            taken.append(number)
            yield number

    def slow_at_first(number):
        time.sleep(0.02 if number == 0 else 0)
        return -number

    results = line_blocks.in_order(slow_at_first, inputs())
    assert next(results) == 0
    assert len(taken) < 20  # what is not needed yet is not read
    assert list(results) == [-number for number in range(1, 20)]


def test_an_error_is_raised_where_its_result_would_be():
    results = line_blocks.in_order(lambda number: 1 // (3 - number), range(9))
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)

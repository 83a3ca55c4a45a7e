import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.data.importing import selection
from recbole_ext.data.importing.selection import Rows, Selection
from recbole_ext.errors import DataError

#        0  1  2  3  4  5
USERS = [0, 0, 1, 0, 1, 2]
ITEMS = [0, 1, 0, 0, 1, 2]
STARS = [4, 2, 5, 1, 3, 3]
TIMES = [9, 2, 3, 4, 5, 6]


def rows(ratings=STARS, times=TIMES):
    numbers = [None if x is None else np.asarray(x) * 1.0 for x in (ratings, times)]
    return Rows(np.arange(6), np.array(USERS), np.array(ITEMS), *numbers)


def selected(**options):
    return selection.select(rows(), Selection(**options))


@pytest.mark.parametrize(
    ("options", "index"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"min_rating": 3}, [0, 2, 4, 5]),
        ({"since": 3}, [0, 2, 3, 4, 5]),
        ({"until": 5}, [1, 2, 3, 4]),
        ({"since": 3, "until": 5}, [2, 3, 4]),
        ({"duplicates": "first"}, [1, 2, 3, 4, 5]),  # of rows 0 and 3, row 3 is the earlier one
        ({"duplicates": "last"}, [0, 1, 2, 4, 5]),
        ({"core": (2, 2)}, [0, 1, 2, 3, 4]),
        ({"core": (3, 0)}, [0, 1, 3]),
        ({"core": (0, 3)}, [0, 2, 3]),
    ],
)
def test_rows_that_are_kept(options, index):
    assert selected(**options).rows.index.tolist() == index


def test_a_rating_is_not_rounded_before_it_is_compared():
    """3.3 is more than the number that float32 has for it."""
    stars = np.array([3.3, 3.5, 3.2, 4, 1, 1]).astype(np.float32)
    kept = selection.select(rows(stars), Selection(min_rating=3.3)).rows.index.tolist()
    assert kept == [n for n, star in enumerate(stars.tolist()) if star >= 3.3] == [1, 3]


def test_one_row_with_the_mean_or_the_number():
    mean = selected(duplicates="mean").rows
    assert mean.index.tolist() == [0, 1, 2, 4, 5]
    assert mean.ratings.tolist() == [2.5, 2, 5, 3, 3]
    assert mean.times.tolist() == [9, 2, 3, 5, 6]
    count = selection.select(rows(None, None), Selection(duplicates="count")).rows
    assert count.index.tolist() == [1, 2, 3, 4, 5]  # without times, the last line is the last
    assert count.ratings.tolist() == [1, 1, 2, 1, 1]


def test_the_steps_say_what_each_took():
    result = selected(since=3, duplicates="last", core=(2, 1))
    steps = [(s.what, s.dropped, s.rows, s.users, s.items) for s in result.steps]
    assert steps == [
        ("read", 0, 6, 3, 3),
        ("--since", 1, 5, 3, 3),
        ("--duplicates last", 1, 4, 3, 3),
        ("--core 2,1", 2, 2, 1, 2),
    ]
    assert result.repeated == 1


def test_nothing_left_says_what_took_it():
    with pytest.raises(DataError) as error:
        selected(min_rating=3, core=(4, 4))
    assert str(error.value).startswith(
        "--core 4: takes all 4 rows that are left, of 6 read (before it --min-rating 3 took 2)"
    )


def test_a_sample_of_users_is_that_of_its_seed():
    samples = [selected(sample_users=2, seed=seed).rows.index.tolist() for seed in (1, 1, 2, 3)]
    assert samples[0] == samples[1]
    assert len({tuple(sample) for sample in samples}) > 1
    for sample in samples:
        users = {USERS[row] for row in sample}
        assert len(users) == 2
        assert sample == [row for row in range(6) if USERS[row] in users]
    assert len(selected(sample_users=9).rows) == 6


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=100)
@given(pairs=pairs, of_user=st.integers(0, 4), of_item=st.integers(0, 4))
def test_the_core_is_that_of_taking_away_one_row_after_the_other(pairs, of_user, of_item):
    left = set(range(len(pairs)))
    while True:
        for row in sorted(left):
            user, item = pairs[row]
            rows_of_user = sum(pairs[other][0] == user for other in left)
            rows_of_item = sum(pairs[other][1] == item for other in left)
            if rows_of_user < of_user or rows_of_item < of_item:
                left.remove(row)
                break
        else:
            break
    users, items = np.array(pairs).T
    assert set(np.flatnonzero(selection.core(users, items, of_user, of_item))) == left

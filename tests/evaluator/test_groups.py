import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.evaluator import groups, significance


def test_quarters_by_hand():
    assert groups.quarters(np.array([5, 1, 9, 7])).tolist() == [1, 0, 3, 2]
    # equal numbers are not parted: the middle of the three lies in the second quarter
    assert groups.quarters(np.array([1, 1, 1, 9, 9, 9, 9, 9])).tolist() == [0] * 3 + [2] * 5
    # items with 1, 1, 2, 4, 8 interactions: a quarter of 16 is 4
    counts = np.array([1, 1, 2, 4, 8])
    assert groups.quarters(counts, counts).tolist() == [0, 0, 0, 1, 3]
    assert groups.quarters(np.zeros(3), np.zeros(3)).tolist() == [0, 0, 0]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_quarters_keep_the_order(numbers):
    found = groups.quarters(np.array(numbers))
    for (one, group), (two, other) in itertools.combinations(zip(numbers, found, strict=True), 2):
        assert (one < two) <= (group <= other)
        assert (one == two) <= (group == other)
    for number, group in zip(numbers, found, strict=True):  # where the middle of its equals is
        middle = sum(x < number for x in numbers) + sum(x == number for x in numbers) / 2
        assert group == min(int(4 * middle / len(numbers)), 3)


def test_recall_equals_a_plain_loop():
    random = np.random.default_rng(3)
    n_users, n_items = 12, 15
    lists = np.array([random.permutation(n_items - 1)[:4] + 1 for _ in range(n_users)])
    lists[3, 2:] = 0
    place, items = random.integers(0, n_users, 90), random.integers(1, n_items, 90)
    of_items = random.integers(0, 4, n_items)
    found = groups.recall(lists, place, items, of_items)
    for group, user in itertools.product(range(4), range(n_users)):
        relevant = {
            i for u, i in zip(place, items, strict=True) if u == user and of_items[i] == group
        }
        if not relevant:
            assert np.isnan(found[group, user])
        else:
            hits = len(relevant & set(lists[user].tolist()))
            assert found[group, user] == pytest.approx(hits / len(relevant))


def test_errors_by_hand():
    found = groups.errors(
        np.array([1.0, 3.0, 2.0]),
        np.array([0, 0, 1]),
        np.array([1, 2, 2]),
        np.array([0, 0, 3]),
        True,
    )
    assert found[0, 0] == 1.0
    assert found[3].tolist() == [3.0, 2.0]
    assert np.isnan(found[0, 1])
    mean = groups.errors(
        np.array([1.0, 3.0]), np.array([0, 0]), np.array([1, 1]), np.zeros(2, int), False
    )
    assert mean[0, 0] == 2.0


def test_groups_are_corrected_together():
    """Holm over all pairs of all groups: of six p-values the smallest times six."""
    random = np.random.default_rng(0)
    values = {
        group: {name: random.normal(group == "b" and name == "y", 1, 40) for name in "xyz"}
        for group in ("a", "b")
    }
    found = significance.in_groups(values, bigger=True)
    raw = {
        (group, one, two): significance.paired_test(values[group][one], values[group][two])
        for group in values
        for one, two in itertools.combinations("xyz", 2)
    }
    corrected = dict(zip(raw, significance.holm(list(raw.values())), strict=True))
    assert min(corrected.values()) == pytest.approx(6 * min(raw.values()))
    for group, (best, p_values) in found.items():
        assert best == max(values[group], key=lambda name: values[group][name].mean())
        assert best not in p_values
        for name, p_value in p_values.items():
            assert p_value == corrected[(group, *sorted((best, name)))]
    assert significance.in_groups(values, bigger=False)["b"][0] != "y"

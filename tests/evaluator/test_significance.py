import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recbole_ext.evaluator import significance


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_its_definition(p_values):
    """Rejected at a level: all smaller p-values are, and this one times those left is below it."""
    corrected = significance.holm(p_values)
    order = sorted(range(len(p_values)), key=lambda n: p_values[n])
    worst = 0.0
    for rank, number in enumerate(order):
        worst = max(worst, p_values[number] * (len(p_values) - rank))
        assert corrected[number] == pytest.approx(min(worst, 1))


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, max(0.06, 0.03 * 2), max(0.06, 0.5)
    assert significance.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_the_interval_covers_the_mean_as_often_as_it_says():
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        low, high = significance.interval(random.exponential(size=60), seed=seed, resamples=300)
        covered += low <= 1 <= high
    assert 0.90 <= covered / 200 <= 0.99
    assert significance.interval(np.full(5, 2.0)) == (2.0, 2.0)


def test_the_interval_of_normal_values_is_nearly_students():
    values = np.random.default_rng(1).normal(3, 2, size=400)
    expected = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert significance.interval(values) == pytest.approx(expected, abs=0.03)


def test_the_exact_permutation_of_few_pairs():
    """Of the 2^5 signs of [1, 2, 3, 4, 5], two give a mean as far from 0."""
    one, two = np.array([1.0, 2, 3, 4, 5]), np.zeros(5)
    assert significance.paired_test(one, two, "permutation") == pytest.approx(2 / 32)
    assert significance.paired_test(one, two, "wilcoxon") == pytest.approx(2 / 32)
    assert significance.paired_test(one, one) == 1.0


def ranks(values: list[float]) -> list[float]:
    """From 1, those of equal values are their mean."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]


def wilcoxon_of(differences: list[float], statistic: float) -> float:
    """The normal approximation, with the variance corrected for ties."""
    n = len(differences)
    sizes = [abs(value) for value in differences]
    ties = sum(sizes.count(size) ** 3 - sizes.count(size) for size in set(sizes))
    spread = ((n * (n + 1) * (2 * n + 1) - ties / 2) / 24) ** 0.5
    return 2 * stats.norm.sf(abs(statistic - n * (n + 1) / 4) / spread)


def test_users_without_a_difference_count_half_for_each_model():
    """40 users are equal, 20 differ by 1, ..., 20, the five smallest of them in favour of `two`.

    The zeros have the ranks 1 to 40, 20.5 each, the others 41 to 60. Split, the zeros give each
    model 40 * 20.5 / 2 = 410: z = (1205 - 915) / sqrt(17120) = 2.216. Without them the ranks are 1
    to 20: z = (195 - 105) / sqrt(717.5) = 3.360.
    """
    differences = [0.0] * 40 + [-1.0, -2, -3, -4, -5, *map(float, range(6, 21))]
    of = dict(zip(differences, ranks([abs(value) for value in differences]), strict=True))
    assert (of[0.0], of[-1.0], of[20.0]) == (20.5, 41, 60)
    split = wilcoxon_of(differences, 410 + sum(range(46, 61)))
    dropped = wilcoxon_of(differences[40:], sum(range(6, 21)))
    assert split == pytest.approx(2 * stats.norm.sf(2.2164), abs=1e-5)
    assert dropped == pytest.approx(2 * stats.norm.sf(3.3599), abs=1e-6)
    two = np.full(60, 0.5)
    found = significance.paired_test(two + np.array(differences), two)
    assert found == pytest.approx(split)


def test_the_best_is_compared_with_each():
    random = np.random.default_rng(2)
    truth = random.random(500)
    values = {
        "a": truth + random.normal(0, 0.1, 500),
        "b": truth + 0.1 + random.normal(0, 0.1, 500),
        "c": truth - 0.2 + random.normal(0, 0.1, 500),
    }
    values["twin"] = values["b"].copy()
    best, found = significance.against_the_best(values, bigger=True)
    assert best == "b"
    assert [comparison.other for comparison in found] == ["a", "c", "twin"]
    a, c, twin = found
    lead = values["b"] - values["a"]
    assert a.difference == pytest.approx(lead.mean())
    assert a.effect == pytest.approx(lead.mean() / lead.std(ddof=1))
    assert a.p_value == pytest.approx(stats.wilcoxon(lead, zero_method="zsplit").pvalue)
    students = stats.t.interval(0.95, 499, lead.mean(), stats.sem(lead))
    assert a.interval == pytest.approx(students, abs=2e-3)
    # six pairs, the one of the twins the last: (c, b), (c, twin) and (a, c) are the smallest
    assert a.corrected == pytest.approx(3 * a.p_value)
    assert c.corrected >= 5 * c.p_value
    assert twin.corrected == 1
    assert twin.interval == (0, 0)
    best, found = significance.against_the_best(values, bigger=False)
    assert best == "c"
    assert all(comparison.difference > 0 for comparison in found)


def test_under_the_null_few_are_called_different():
    """500 simulated comparisons of five equal models: the family-wise rate is at most 6%."""
    random = np.random.default_rng(3)
    wrong = 0
    for _ in range(500):
        users = random.random(80)
        models = {str(n): users + random.normal(0, 0.2, 80) for n in range(5)}
        best = max(models, key=lambda name: models[name].mean())
        tested = significance.all_pairs(models)  # without the intervals: faster
        wrong += min(p for pair, (_, p) in tested.items() if best in pair) < 0.05
    assert wrong / 500 <= 0.06

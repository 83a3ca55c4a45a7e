"""Whether models differ: confidence intervals and paired tests over users, Holm-corrected.

The tests are scipy's: Wilcoxon's signed-rank test of the users' differences, or a permutation test
of their mean. The ranks of users without a difference count half for each model (``zsplit``). The
correction is Holm's: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979. It
corrects for all pairs of models, although only the pairs of the best model are reported: the same
users decide which model is the best. With a correction for the reported pairs only, equal models
would be called different in more than one of twenty tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

Test = Literal["wilcoxon", "permutation"]


@dataclass(frozen=True)
class Comparison:
    """The best model against another one, over the same users.

    Attributes:
        other: its name.
        difference: of the means, the best one's lead; positive if the best one is better.
        interval: of that difference, by bootstrap over users.
        effect: the mean difference over its standard deviation (Cohen's d of paired values).
        p_value: two-sided, of the hypothesis that the two do not differ.
        corrected: the p-value, Holm-corrected for all pairs of the models.
    """

    other: str
    difference: float
    interval: tuple[float, float]
    effect: float
    p_value: float
    corrected: float


def interval(
    values: np.ndarray, confidence: float = 0.95, seed: int = 0, resamples: int = 2000
) -> tuple[float, float]:
    """A confidence interval of the mean, by bias-corrected bootstrap.

    Args:
        values: [n], one a user.
        confidence: in (0, 1).
        seed: of the resampling.
        resamples: the number of resamples.

    Returns:
        its ends; both are the mean where all values are equal.
    """
    if np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    from scipy import stats  # half a second, which a mistake in a plan need not wait for

    result = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        batch=100,
        random_state=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def paired_test(one: np.ndarray, two: np.ndarray, test: Test = "wilcoxon", seed: int = 0) -> float:
    """The two-sided p-value of a paired test; the null hypothesis is no difference.

    Args:
        one, two: [n], in the same order of users.
        test: see the module.
        seed: of the permutations.

    Returns:
        in (0, 1]; 1 where all pairs are equal.
    """
    difference = one - two
    if not difference.any():
        return 1.0
    from scipy import stats

    if test == "wilcoxon":
        return float(stats.wilcoxon(difference, zero_method="zsplit").pvalue)
    result = stats.permutation_test(
        (difference,),
        np.mean,
        permutation_type="samples",
        n_resamples=9999,
        batch=500,
        random_state=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p-values, in the same order: the k-th smallest of m times m - k + 1, ascending."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(scaled, 1)
    return corrected.tolist()


def against_the_best(
    values: Mapping[str, np.ndarray], bigger: bool, test: Test = "wilcoxon", seed: int = 0
) -> tuple[str, list[Comparison]]:
    """The model with the best mean, and every other one compared with it.

    Args:
        values: model -> [users], all in the same order of users.
        bigger: whether a bigger value is better.
        test: see the module.
        seed: of the bootstrap and of the permutations.

    Returns:
        the name of the best one, and the comparisons in the order of ``values``.
    """
    sign = 1.0 if bigger else -1.0
    best = max(values, key=lambda name: sign * values[name].mean())
    tested = _all_pairs(values, test, seed)
    comparisons = []
    for name in values:
        if name == best:
            continue
        lead = sign * (values[best] - values[name])
        spread = lead.std(ddof=1)
        comparisons.append(
            Comparison(
                name,
                float(lead.mean()),
                interval(lead, seed=seed),
                float(lead.mean() / spread) if spread else 0.0,
                *tested[frozenset((best, name))],
            )
        )
    return best, comparisons


def corrected_pairs(
    values: Mapping[str, np.ndarray], test: Test = "wilcoxon", seed: int = 0
) -> dict[frozenset[str], float]:
    """The p-value of each pair of models, Holm-corrected for all pairs.

    Args:
        values: model -> [users], all in the same order of users.
        test, seed: see ``paired_test``.
    """
    return {pair: corrected for pair, (_, corrected) in _all_pairs(values, test, seed).items()}


def in_groups(
    values: Mapping[str, Mapping[str, np.ndarray]],
    bigger: bool,
    test: Test = "wilcoxon",
    seed: int = 0,
) -> dict[str, tuple[str, dict[str, float]]]:
    """The best model of each group of users, and the corrected p-values of the others.

    Holm's correction is for all pairs of models in all groups: a table of groups asks all of
    these questions at once.

    Args:
        values: group -> model -> [users of the group], all in the same order of users.
        bigger: whether a bigger value is better.
        test, seed: see ``paired_test``.

    Returns:
        group -> the best model, and the p-value of each other one.
    """
    sign = 1.0 if bigger else -1.0
    pairs = [(group, *pair) for group, own in values.items() for pair in combinations(own, 2)]
    raw = [paired_test(values[g][one], values[g][two], test, seed) for g, one, two in pairs]
    corrected = {
        (group, frozenset((one, two))): p_value
        for (group, one, two), p_value in zip(pairs, holm(raw), strict=True)
    }
    results: dict[str, tuple[str, dict[str, float]]] = {}
    for group, own in values.items():
        best = max(own, key=lambda name: sign * own[name].mean())
        results[group] = (
            best,
            {name: corrected[group, frozenset((best, name))] for name in own if name != best},
        )
    return results


def _all_pairs(
    values: Mapping[str, np.ndarray], test: Test, seed: int
) -> dict[frozenset[str], tuple[float, float]]:
    """The p-value of each pair of models, and the corrected one."""
    pairs = list(combinations(values, 2))
    raw = [paired_test(values[one], values[two], test, seed) for one, two in pairs]
    both = zip(raw, holm(raw), strict=True)
    return {frozenset(pair): p_values for pair, p_values in zip(pairs, both, strict=True)}

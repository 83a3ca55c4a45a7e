"""What an ensemble of a benchmark gains over its best member, and what it costs."""

import statistics as means
from collections.abc import Sequence

from recbole_ext.evaluator import significance
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.experiments import ensembles, summary
from recbole_ext.experiments.plan import Plan, TableKey
from recbole_ext.experiments.results import Result


def sentences(plan: Plan, results: Sequence[Result], key: TableKey) -> list[str]:
    """A sentence for each ensemble of a table that has ended well as often as its members.

    The p-value is that of the table: a paired test over users, corrected for all pairs of models
    that have run with the same seeds.

    Args:
        plan: of the benchmark.
        results: all lines of the results file.
        key: data set and protocol of the table.
    """
    good = [r for r in results if r.key.table == key and r.is_tested]
    runs = {label: [r for r in good if r.label == label] for label in plan.labels(key)}
    seeds = {label: {run.seed for run in own} for label, own in runs.items()}
    texts = []
    for label in plan.labels(key):
        members = ensembles.members(plan, label)
        same = {name: own for name, own in runs.items() if own and seeds[name] == seeds[label]}
        if members and {label, *members} <= same.keys():
            p_values = _p_values(plan, same, key)
            texts.append(_sentence(plan.protocols[key.protocol], same, label, members, p_values))
    return texts


def _p_values(
    plan: Plan, runs: dict[str, list[Result]], key: TableKey
) -> dict[frozenset[str], float]:
    """The corrected p-value of each pair of models; {} where users cannot be compared."""
    pairs = significance.all_pairs(summary.paired_users(plan, key, runs))
    return {pair: corrected for pair, (_, corrected) in pairs.items()}


def _sentence(
    metric: str,
    runs: dict[str, list[Result]],
    label: str,
    members: Sequence[str],
    p_values: dict[frozenset[str], float],
) -> str:
    sign = 1 if bigger_is_better(metric) else -1
    scores = {name: means.fmean(r.test[metric] for r in runs[name]) for name in (label, *members)}
    best = max(members, key=lambda name: sign * scores[name])
    gain = sign * (scores[label] - scores[best])
    p_value = p_values.get(frozenset((label, best)))
    tested = "" if p_value is None else f" (p = {p_value:.2g})"
    way = "better" if gain >= 0 else "worse"
    weights = {
        name: means.fmean(run.weights[name] for run in runs[label] if name in run.weights)
        for name in members
        if any(name in run.weights for run in runs[label])
    }
    shares = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    return (
        f"{label}: {metric} {scores[label]:.4f}, {abs(gain):.4f} {way} than its best member "
        f"{best}{tested}; training {_seconds(runs[label], 'seconds')} instead of "
        f"{_seconds(runs[best], 'seconds')}, the test {_seconds(runs[label], 'test_seconds')} "
        f"instead of {_seconds(runs[best], 'test_seconds')}"
        + (f"; mean weights: {shares}" if shares else "")
    )


def _seconds(runs: Sequence[Result], of: str) -> str:
    return f"{means.fmean(getattr(run, of) for run in runs):.1f} s"

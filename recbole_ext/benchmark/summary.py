"""The table of a benchmark: means and standard deviations over seeds, and who differs."""

import statistics as means
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recbole_ext.benchmark import statistics
from recbole_ext.benchmark.plan import Plan
from recbole_ext.benchmark.runs import Result


@dataclass(frozen=True)
class Line:
    """A model on a data set.

    Attributes:
        label: its name in the plan.
        metrics: name -> mean and standard deviation of the test metric over seeds.
        p_value: of no difference to the best model, by a paired test over users, each with the
            mean over seeds, corrected for all pairs; None for the best one, and where there are
            no values of users.
        runs: how many have ended well.
        failed: why the others did not.
    """

    label: str
    metrics: dict[str, tuple[float, float]]
    p_value: float | None
    runs: int
    failed: list[str]


def lines(plan: Plan, results: Sequence[Result], dataset: str) -> list[Line]:
    """The table of a data set, best first, models without a run last."""
    from recbole.evaluator import smaller_metrics

    found = {label: [r for r in results if r.key[:2] == (dataset, label)] for label in plan.models}
    good = {label: [r for r in runs if not r.error] for label, runs in found.items()}
    bigger = plan.metric.split("@")[0] not in smaller_metrics
    users = {
        label: np.mean([r.users[plan.metric] for r in runs], axis=0)
        for label, runs in good.items()
        if runs and all(plan.metric in r.users for r in runs)
    }
    p_values: dict[str, float] = {}
    if len(users) > 1 and len({len(values) for values in users.values()}) == 1:
        _, compared = statistics.against_the_best(users, bigger)
        p_values = {comparison.other: comparison.corrected for comparison in compared}
    made = [
        Line(
            label,
            {
                name: _spread([r.test[name] for r in runs])
                for name in (runs[0].test if runs else ())
            },
            p_values.get(label),
            len(runs),
            [r.error for r in found[label] if r.error],
        )
        for label, runs in good.items()
    ]

    def worse(line: Line) -> tuple[bool, float]:
        mean = line.metrics[plan.metric][0] if line.metrics else 0.0
        return not line.metrics, -mean if bigger else mean

    return sorted(made, key=worse)


def _spread(values: list[float]) -> tuple[float, float]:
    return means.mean(values), means.stdev(values) if len(values) > 1 else 0.0


def table(plan: Plan, found: Sequence[Line]) -> tuple[list[str], list[list[str]]]:
    """The head of a table and its rows."""
    metrics = list(dict.fromkeys(name for line in found for name in line.metrics))
    rows = []
    for line in found:
        cells = [
            f"{line.metrics[name][0]:.4f} ± {line.metrics[name][1]:.4f}" if line.metrics else "-"
            for name in metrics
        ]
        p_value = "" if line.p_value is None else f"{line.p_value:.2g}"
        rows.append([line.label, *cells, p_value, str(line.runs)])
    return ["model", *metrics, f"p ({plan.metric})", "runs"], rows

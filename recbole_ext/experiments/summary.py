"""Tables: a benchmark's, of tested models, and a search's, of trials ranked by validation."""

import statistics as means
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recbole_ext.evaluator import significance
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.evaluator.protocols import PROTOCOLS
from recbole_ext.experiments import same_runs
from recbole_ext.experiments.plan import Plan, TableKey
from recbole_ext.experiments.results import Result, ranking
from recbole_ext.experiments.trials import Trial
from recbole_ext.experiments.user_values import values_of_users


@dataclass(frozen=True)
class Line:
    """A model in a table.

    Attributes:
        label: its name in the plan.
        metrics: name -> mean and standard deviation of the test metric over seeds.
        p_value: of a paired test against the best model over users, each with the
            mean over seeds, corrected for all pairs; None for the best one, and where there are
            no values of users.
        runs: those that have ended well.
        failed: why the others did not.
    """

    label: str
    metrics: dict[str, tuple[float, float]]
    p_value: float | None
    runs: list[Result]
    failed: list[str]


def lines(plan: Plan, results: Sequence[Result], key: TableKey) -> list[Line]:
    """The lines of a table, best first, models without a run last.

    Args:
        plan: of the benchmark.
        results: all lines of the results file.
        key: data set and protocol of the table.
    """
    metric = plan.protocols[key.protocol]
    tested = [r for r in results if r.key.table == key and r.trial is None]
    of_label = {label: [r for r in tested if r.label == label] for label in plan.labels(key)}
    good = {label: [r for r in runs if not r.error] for label, runs in of_label.items()}
    bigger = bigger_is_better(metric)
    compared = paired_users(plan, key, good)
    p_values: dict[str, float] = {}
    if len(compared) > 1:
        _, comparisons = significance.against_the_best(compared, bigger)
        p_values = {comparison.other: comparison.corrected for comparison in comparisons}
    unsorted = [
        Line(
            label,
            {
                name: _spread([r.test[name] for r in runs])
                for name in (runs[0].test if runs else ())
            },
            p_values.get(label),
            runs,
            [r.error for r in of_label[label] if r.error],
        )
        for label, runs in good.items()
    ]

    def worse(line: Line) -> tuple[bool, float]:
        mean = line.metrics[metric][0] if line.metrics else 0.0
        return not line.metrics, -mean if bigger else mean

    return sorted(unsorted, key=worse)


def paired_users(
    plan: Plan, key: TableKey, runs: Mapping[str, Sequence[Result]]
) -> dict[str, np.ndarray]:
    """Model -> [users], the mean metric of each test user over the model's runs.

    Only models with such values are in it; it is empty where the users of the runs differ, so that
    no test can pair them.

    Args:
        plan: of the benchmark.
        key: data set and protocol of the table.
        runs: of each model, those that ended well.
    """
    metric = plan.protocols[key.protocol]
    values = {label: values_of_users(metric, own) for label, own in runs.items()}
    known = {label: own for label, own in values.items() if own is not None}
    same_users = same_runs.same_users(key, [run for own in runs.values() for run in own])
    same_length = len({len(own) for own in known.values()}) == 1
    return known if same_users and same_length else {}


def failures(plan: Plan, results: Sequence[Result], key: TableKey) -> list[str]:
    """A sentence for each model of a table with runs that failed: why, and which they are.

    Trials are runs, too: a model whose trials have failed had fewer to choose from.

    Args:
        plan: of the benchmark.
        results: all lines of the results file.
        key: data set and protocol of the table.
    """
    sentences = []
    for label in plan.labels(key):
        runs_of: dict[str, list[str]] = {}
        for result in results:
            if result.key.table == key and result.label == label and result.error:
                which = key.repeat if result.trial is None else "trial"
                number = result.seed if result.trial is None else result.trial
                runs_of.setdefault(result.error, []).append(f"{which} {number}")
        reasons = [f"{reason} ({', '.join(names)})" for reason, names in runs_of.items()]
        if reasons:
            sentences.append(f"{label} failed: {'; '.join(reasons)}")
    return sentences


def left_out(plan: Plan, key: TableKey) -> list[str]:
    """A sentence for each model of the plan that a table leaves out."""
    protocol = PROTOCOLS.get(key.protocol)
    if protocol is None or not protocol.new_users:
        return []
    inside = plan.labels(key)
    why = "cannot take in a person who was not in training"
    return [
        f"{label} is not in this table: {model.name} {why}"
        for label, model in plan.models.items()
        if label not in inside
    ]


def budgets(plan: Plan, results: Sequence[Result], key: TableKey) -> str:
    """A sentence on the trials that each model has had; "" where none has any.

    Args:
        plan: of the benchmark.
        results: all lines of the results file.
        key: data set and protocol of the table.
    """
    parts = []
    for label in plan.labels(key):
        if not plan.models[label].n_trials:
            continue
        own = [
            result
            for result in results
            if result.key.table == key and result.label == label and result.trial is not None
        ]
        kinds = {
            "pruned": sum(result.pruned for result in own),
            "failed": sum(bool(result.error) for result in own),
        }
        counts = [f"{number} {kind}" for kind, number in kinds.items() if number]
        parts.append(f"{label} {len(own)}" + (f" ({', '.join(counts)})" if counts else ""))
    return f"Trials on validation: {', '.join(parts)}" if parts else ""


def _spread(values: list[float]) -> tuple[float, float]:
    return means.mean(values), means.stdev(values) if len(values) > 1 else 0.0


def table(
    metric: str, lines: Sequence[Line], others: Sequence[str] = ()
) -> tuple[list[str], list[list[str]]]:
    """The head of a table and its rows.

    Args:
        metric: what its models are compared by.
        lines: the models.
        others: metrics that have a column even if no model has them.
    """
    names = list(dict.fromkeys([*(name for line in lines for name in line.metrics), *others]))
    rows = []
    for line in lines:
        many = len(line.runs) > 1  # one run has no standard deviation
        cells = [
            f"{line.metrics[name][0]:.4f}" + many * f" ± {line.metrics[name][1]:.4f}"
            if name in line.metrics
            else "-"
            for name in names
        ]
        p_value = "" if line.p_value is None else f"{line.p_value:.2g}"
        rows.append([line.label, *cells, p_value, str(len(line.runs))])
    return ["model", *names, f"p ({metric})", "runs"], rows


def ties(lines: Sequence[Line]) -> str:
    """A sentence that names the models with ties at the cut of rankings; "" if none has any."""
    models = []
    for line in lines:
        counted = [run.ties for run in line.runs if run.ties is not None]
        for rank in dict.fromkeys(rank for ties_of_run in counted for rank in ties_of_run):
            counts = sorted({ties_of_run.get(rank, 0) for ties_of_run in counted})
            span = " to ".join(str(n) for n in (counts[0], *counts[1:][-1:]))
            n_users = max((len(of) for run in line.runs for of in run.users.values()), default=0)
            models.append(f"{line.label} (rank {rank}: {span} of {n_users} users)")
    if not models:
        return ""
    uncounted = [line.label for line in lines if any(run.ties is None for run in line.runs)]
    return (
        f"Ties: items with equal scores stand on both sides of the cut for {', '.join(models)}; "
        "the metrics depend on their order."
        + (f" Ties were not counted for {', '.join(uncounted)}." if uncounted else "")
    )


def trials_table(plan: Plan, results: Sequence[Result]) -> tuple[list[list[str]], Trial | None]:
    """The trials of a search by their mean validation score over its data sets, best first.

    Returns:
        a row for each trial that has run on every data set: its score, and its settings that
        differ from those of the first trial; and the settings of the best trial, None if there
        are no rows.
    """
    (label,) = plan.models
    first = plan.models[label].known_trials[0]
    ranked = ranking(plan, results, label, plan.tables)
    rows = [
        [f"{score:.4f}", ", ".join(f"{k}={v}" for k, v in trial.items() if v != first[k]) or "-"]
        for score, trial in ranked
    ]
    return rows, ranked[0][1] if ranked else None


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as text, its columns in line."""
    from tabulate import tabulate

    return tabulate(rows, headers=head, tablefmt="github", disable_numparse=True)

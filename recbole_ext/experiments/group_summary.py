"""The tables of groups: users by their activity, items by their popularity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recbole_ext.evaluator import groups, significance
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.experiments import same_runs
from recbole_ext.experiments.plan import Plan, TableKey
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.user_values import mean_over_runs, values_of_users

_HEAD = ["model", "group", "from", "to", "size", "users", "metric", "mean", "p"]


@dataclass(frozen=True)
class GroupTable:
    """A table of groups.

    Attributes:
        name: of the grouping, for files: ``users`` or ``items``.
        title: of the table.
        sentence: what it shows.
        head, rows: a row for each model, a column for each group, with p-values in brackets.
        long: a row for each model and group, for csv; its head first.
    """

    name: str
    title: str
    sentence: str
    head: list[str]
    rows: list[list[str]]
    long: list[list[str]]


@dataclass(frozen=True)
class _Group:
    """A group: its number, its range of training interactions, how many it has, who has it."""

    low: int
    high: int
    size: int
    users: np.ndarray  # places of the users that have a value


def tables(plan: Plan, results: Sequence[Result], key: TableKey) -> list[GroupTable]:
    """The tables of groups that belong to a table; none if runs lack the values, or differ.

    A user's value is the mean over seeds, or over the folds that test the user, and so is the
    user's activity.

    Args:
        plan: of the benchmark.
        results: all lines of the results file.
        key: data set and protocol of the table.
    """
    tested = [r for r in results if r.key.table == key and r.is_tested]
    runs = {label: [r for r in tested if r.label == label] for label in plan.labels(key)}
    runs = {label: own for label, own in runs.items() if own}
    if not runs or not all(r.groups for r in tested) or not same_runs.same_users(key, tested):
        return []
    if len({tuple(sorted(r.seed for r in own)) for own in runs.values()}) > 1:
        return []  # a model without some of the runs has other means
    some = next(iter(runs.values()))
    return [
        table
        for table in (
            _by_activity(plan, key, runs, some),
            _by_popularity(runs, some),
        )
        if table is not None
    ]


def _by_activity(
    plan: Plan, key: TableKey, runs: Mapping[str, Sequence[Result]], some: Sequence[Result]
) -> GroupTable | None:
    metric = plan.protocols[key.protocol]
    values = {label: values_of_users(metric, own) for label, own in runs.items()}
    activity = mean_over_runs(some, [run.groups["activity"] for run in some])
    known = {label: own for label, own in values.items() if own is not None}
    if activity is None or len(known) < len(values):
        return None
    of_users = groups.quarters(activity)
    parts = []
    for group in range(groups.N_GROUPS):
        users = np.flatnonzero(of_users == group)
        if len(users):
            own = activity[users]
            parts.append(_Group(int(own.min()), int(np.ceil(own.max())), len(users), users))
    by_group = [(part, {label: own[part.users] for label, own in known.items()}) for part in parts]
    return _table(
        "users",
        f"Users by activity: {metric}",
        "Quarters of the test users by their number of training interactions (mean over the runs)",
        metric,
        by_group,
        "users",
    )


def _by_popularity(
    runs: Mapping[str, Sequence[Result]], some: Sequence[Result]
) -> GroupTable | None:
    if not all("values" in run.groups for own in runs.values() for run in own):
        return None
    metric = some[0].groups["metric"]
    by_group = []
    for group in range(groups.N_GROUPS):
        values = {}
        for label, own in runs.items():
            means = mean_over_runs(own, [run.groups["values"][group] for run in own])
            if means is None:
                return None
            values[label] = means
        users = np.flatnonzero(~np.isnan(next(iter(values.values()))))
        sizes = np.array([run.groups["items"][group] for run in some])
        if len(users):
            part = _Group(
                int(sizes[:, 1].min()), int(sizes[:, 2].max()), round(sizes[:, 0].mean()), users
            )
            by_group.append((part, {label: own[users] for label, own in values.items()}))
    cut = "the share of a user's relevant items of the group that the list has"
    of_what = cut if metric.startswith("recall") else f"the {metric} of a user's rows of the group"
    return _table(
        "items",
        f"Items by popularity: {metric}",
        "Items in the order of their training interactions, parted so that each group has a "
        f"quarter of these; {of_what}, mean over users with such an item",
        metric,
        by_group,
        "items",
    )


def _table(
    name: str,
    title: str,
    sentence: str,
    metric: str,
    by_group: Sequence[tuple[_Group, Mapping[str, np.ndarray]]],
    of_what: str,
) -> GroupTable | None:
    if not by_group:
        return None
    bigger = bigger_is_better(metric)
    numbered = {str(number): values for number, (_, values) in enumerate(by_group)}
    tests = significance.in_groups(numbered, bigger)
    head = ["model"]
    for part, _ in by_group:
        span = f"{part.low}" if part.low == part.high else f"{part.low} to {part.high}"
        head.append(f"{span} ({part.size} {of_what})")
    rows, long = [], [_HEAD]
    for label in by_group[0][1]:
        cells = []
        for number, (part, values) in enumerate(by_group):
            best, p_values = tests[str(number)]
            mean = values[label].mean()
            p_value = "" if label == best else f"{p_values[label]:.2g}"
            cells.append(f"{mean:.4f} " + ("★" if label == best else f"(p {p_value})"))
            numbers = [str(n) for n in (number + 1, part.low, part.high, part.size)]
            long.append([label, *numbers, str(len(part.users)), metric, f"{mean:.6f}", p_value])
        rows.append([label, *cells])
    return GroupTable(name, title, sentence, head, rows, long)

"""The trials of studies: which run next, by those of the results file that have ended."""

import statistics as means
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.experiments.plan import Plan, RunKey, TableKey
from recbole_ext.experiments.results import Result, is_done
from recbole_ext.experiments.study import Curve, Outcome, next_trials
from recbole_ext.experiments.trials import Trial


class _Group(NamedTuple):
    """The trials that learn from each other.

    Of a search, those on all data sets, by their mean; of a benchmark, those of one table; of a
    protocol with folds, those of one fold.
    """

    label: str
    tables: list[TableKey]
    seed: int

    def keys(self, number: int) -> list[RunKey]:
        """The runs of a trial."""
        return [RunKey(*table, self.label, self.seed, number) for table in self.tables]


def _groups(plan: Plan) -> Iterator[_Group]:
    by_table = [plan.tables] if plan.is_search else [[table] for table in plan.tables]
    for tables in by_table:
        for label in plan.labels(tables[0]):
            if plan.models[label].study is not None:
                for seed in plan.trial_seeds(tables[0], label):
                    yield _Group(label, tables, seed)


def next_round(
    plan: Plan,
    results: Mapping[RunKey, Result],
    begun: Set[RunKey],
    keep_failed: bool,
    at_once: int,
) -> dict[RunKey, Trial]:
    """The runs of the next trials of every study, and their values; {} where all have ended.

    Args:
        plan: with the studies.
        results: the newest result of each run that there is.
        begun: runs that this command has already made: failed ones are not repeated by it.
        keep_failed: whether runs that have failed stay as they are.
        at_once: trials of a study that run at the same time, without knowing each other's score.
    """
    waiting: dict[RunKey, Trial] = {}
    for group in _groups(plan):
        model = plan.models[group.label]
        open_runs: dict[int, list[RunKey]] = {}
        values: dict[int, Trial] = {}
        for number in range(model.n_trials):
            for key in group.keys(number):
                if key in results:
                    values[number] = results[key].values
                if key not in begun and not is_done(plan, results, key, keep_failed):
                    open_runs.setdefault(number, []).append(key)
        numbers = list(open_runs)[:at_once]
        new = [number for number in numbers if number not in values]
        if new and model.study is not None:
            ended = outcomes(plan, list(results.values()), *group)
            others = [own for number, own in values.items() if number not in ended]
            bigger = bigger_is_better(plan.protocols[group.tables[0].protocol])
            asked = next_trials(model.study, ended, others, new, bigger)
            values |= dict(zip(new, asked, strict=True))
        waiting |= {key: values[number] for number in numbers for key in open_runs[number]}
    return waiting


def curves(plan: Plan, results: Mapping[RunKey, Result], key: RunKey) -> list[Curve] | None:
    """The validation curves by which a trial is pruned; None where none is pruned.

    Args:
        plan: of the search or benchmark.
        results: the runs that have ended.
        key: of the trial.
    """
    study = plan.models[key.label].study
    if study is None or not study.pruning or key.trial is None:
        return None
    return [
        result.curve
        for other, result in results.items()
        if other._replace(trial=None) == key._replace(trial=None)
        and other.trial is not None
        and not (result.error or result.pruned)
    ]


def outcomes(
    plan: Plan, results: Sequence[Result], label: str, tables: Sequence[TableKey], seed: int
) -> dict[int, Outcome]:
    """The trials of a study that have ended: number -> what its sampler learns from.

    Args:
        tables: whose mean is the score; a trial that has not ended well in all is left out.
        seed: of the trials.
    """
    metric = plan.protocols[tables[0].protocol]
    ended: dict[int, list[Result]] = {}
    for result in results:
        ours = result.label == label and result.key.table in tables and result.seed == seed
        if ours and result.trial is not None and not result.error:
            ended.setdefault(result.trial, []).append(result)
    return {
        number: Outcome(
            own[0].values,
            None if any(r.pruned for r in own) else means.fmean(r.valid[metric] for r in own),
            own[0].curve,
        )
        for number, own in ended.items()
        if len(own) == len(tables)
    }

"""Which runs of a plan are made, in which order, and which of them at the same time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from recbole_ext.experiments import study_runs
from recbole_ext.experiments.plan import Plan, RunKey
from recbole_ext.experiments.results import Result, best_values, is_done
from recbole_ext.experiments.trials import Trial


class Round(NamedTuple):
    """Runs that can be made at the same time, for they wait for no other.

    Attributes:
        runs: the values of each for the settings of its model's space.
        seconds: after which the next validation ends a run; None without a limit.
    """

    runs: Mapping[RunKey, Trial]
    seconds: float | None = None


# The rounds of a plan, by the newest result of each run that has ended, which grows between two.
Rounds = Callable[[Mapping[RunKey, Result]], Iterator[Round]]


def of_plan(
    plan: Plan, results: Mapping[RunKey, Result], keep_failed: bool, at_once: int
) -> Iterator[Round]:
    """All runs of a plan: trials that are known, those of studies, and runs that are tested.

    Those that need the trained models of others come last.

    Args:
        plan: a benchmark or a search.
        results: of all runs that have ended; it grows between two rounds.
        keep_failed: whether runs that have failed stay as they are.
        at_once: trials of a study that run at the same time.
    """

    def missing(keys: Sequence[RunKey]) -> Round:
        values = {
            key: _values(plan, results, key)
            for key in keys
            if not is_done(plan, results, key, keep_failed)
        }
        return Round(values)

    yield missing([key for key in plan.trial_runs() if plan.models[key.label].study is None])
    begun: set[RunKey] = set()
    while trials := study_runs.next_round(plan, results, begun, keep_failed, at_once):
        begun |= trials.keys()
        yield Round(trials)
    keys = plan.runs()
    yield missing([key for key in keys if not plan.needed_by(key.label)])
    yield missing([key for key in keys if plan.needed_by(key.label)])


def _values(plan: Plan, results: Mapping[RunKey, Result], key: RunKey) -> Trial:
    """The values that a run has for the settings of its model's space."""
    if key.trial is None:
        return best_values(plan, list(results.values()), key.table, key.label, key.seed)
    return plan.models[key.label].trials[key.trial]

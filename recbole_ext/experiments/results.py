"""The results of a plan's runs: how they are read, and how trials are ranked."""

import json
import statistics as means
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recbole_ext.errors import SettingError
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.experiments import results_file
from recbole_ext.experiments.plan import Plan, RunKey, TableKey
from recbole_ext.experiments.trials import Trial

# Names of earlier releases in a line -> those of today.
_RENAMED = {"chosen": "values"}


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        dataset, protocol, label, seed, trial: see ``RunKey``.
        fingerprint: of the settings, see ``Plan.fingerprint``.
        error: why it failed, or "".
        valid, test: metric -> value; a trial has no test.
        users: the plan's metric -> each user's value in the test split, by RecBole's ids.
        epochs: until the best one, from 1 on.
        seconds: training and its validation, with the training of the models that it is
            pre-trained from; everything until then if there are no ``setup_seconds``.
        curve: after each evaluation of the validation split, the epochs so far and the score.
        test_seconds: of the evaluation of the test split.
        split: a hash of the test split's interactions.
        environment: the versions and the machine.
        values: what it ran with for the settings of its model's space.
        setup_seconds: imports, data and the building of models; None in lines of releases that
            did not time them apart.
        identity: what the run is of, see ``RunIdentity.record``; {} in lines of earlier releases.
        user_ids: a hash of the ids of the test users in the order of ``users``; "" if unknown.
    """

    dataset: str
    protocol: str
    label: str
    seed: int
    fingerprint: str
    error: str
    valid: dict[str, float]
    test: dict[str, float]
    users: dict[str, list[float]]
    epochs: int
    seconds: float
    curve: list[tuple[int, float]] = field(default_factory=list)
    test_seconds: float = 0.0
    split: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    trial: int | None = None
    values: Trial = field(default_factory=dict)
    setup_seconds: float | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    user_ids: str = ""

    @property
    def key(self) -> RunKey:
        """Which run it is."""
        return RunKey(self.dataset, self.protocol, self.label, self.seed, self.trial)

    @property
    def all_seconds(self) -> float:
        """From the start of the run to its end."""
        return (self.setup_seconds or 0.0) + self.seconds + self.test_seconds


def load(file: Path, plan: Plan) -> list[Result]:
    """The runs of a plan that a results file has; an unfinished last line is cut off.

    Lines of models, data sets and seeds that a benchmark does not have any more are skipped.

    Raises:
        SettingError: the file cannot be read, a line is not a run, or its run had other settings.
    """
    if results_file.is_old_csv(file):
        raise SettingError(
            f"{file}: results of a search are jsonl now, and a csv of an earlier release cannot "
            f"be continued; remove or rename it to start the search anew"
        )
    try:
        lines = results_file.read(file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file}: cannot be read: {error}") from error
    results: list[Result] = []
    lines_of: dict[RunKey, int] = {}
    for number, line in enumerate(lines, start=1):
        result = _parse(line, f"{file}, line {number}")
        first = lines_of.setdefault(result.key, number)
        if first != number:
            warnings.warn(
                f"{file}, line {number}: {result.key} is in line {first} already; counted once",
                stacklevel=2,
            )
            continue
        if result.label not in plan.models and not plan.is_search:
            continue
        if not _fits(plan, result):
            raise SettingError(
                f"{file}, line {number}: {result.key} ran with another model, other settings or "
                "another seed than its yaml says now; remove its lines, or give another --output"
            )
        results.append(result)
    results_file.cut(file)
    keys = set(plan.all_runs())
    return [result for result in results if result.key in keys]


def _parse(line: str, where: str) -> Result:
    try:
        content: dict[str, Any] = json.loads(line)
        return Result(**{_RENAMED.get(name, name): value for name, value in content.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingError(f"{where}: expected a run, found {error}") from error


def _fits(plan: Plan, result: Result) -> bool:
    """Whether a run is of the model and settings that a plan has for it."""
    key, model = result.key, plan.models.get(result.label)
    if model is None:
        return False
    if key.trial is not None and key.trial >= len(model.trials):
        return True  # the plan has fewer trials now, and does not use it
    # earlier releases wrote the hash of all trials to the line of each of them
    expected = (plan.fingerprint(key), plan.fingerprint(key._replace(trial=None)))
    return result.fingerprint in expected


def append(file: Path, result: Result) -> None:
    """Add the line of a run to a results file."""
    with results_file.adding_to(file) as stream:
        stream.write(json.dumps(asdict(result)) + "\n")


def ranking(
    plan: Plan, results: Sequence[Result], label: str, tables: Sequence[TableKey]
) -> list[tuple[float, Trial]]:
    """The trials of a model by their mean validation score over some tables, best first.

    Args:
        plan, results: a plan and its runs.
        label: the model.
        tables: compared by the same metric. A trial that has not run, or failed, in one of them
            is not ranked.

    Returns:
        the mean score and the values of each trial; of equal ones, the first of the plan first.
    """
    metric = plan.protocols[tables[0].protocol]
    sign = -1 if bigger_is_better(metric) else 1
    scores: dict[int, dict[TableKey, float]] = {}
    for result in results:
        ours = result.label == label and result.key.table in tables
        if ours and result.trial is not None and not result.error:
            scores.setdefault(result.trial, {})[result.key.table] = result.valid[metric]
    ranked = [
        (means.fmean(of_tables.values()), number)
        for number, of_tables in scores.items()
        if len(of_tables) == len(tables)
    ]
    ranked.sort(key=lambda pair: (sign * pair[0], pair[1]))
    trials = plan.models[label].trials
    return [(score, trials[number]) for score, number in ranked]


def best_values(plan: Plan, results: Sequence[Result], table: TableKey, label: str) -> Trial:
    """The values of a model's space that are best in validation; {} if it has no space.

    If every trial has failed, they are those of the first: its run then fails with the reason.
    """
    ranked = ranking(plan, results, label, [table])
    return ranked[0][1] if ranked else (plan.models[label].trials or [{}])[0]


def seconds_left(
    plan: Plan, results: Sequence[Result], known: Sequence[Result]
) -> tuple[float, set[str]]:
    """Estimate how long the runs that a plan still has to make will take, one after another.

    Args:
        plan, results: a plan and the runs that it has.
        known: runs by which the time of each model is estimated.

    Returns:
        the seconds, by the mean of the runs of the same model; and the models that have none.
    """
    done = {result.key for result in results}
    waiting = [key for key in plan.all_runs() if key not in done]
    seconds_of: dict[str, list[float]] = {}
    for result in known:
        seconds_of.setdefault(result.label, []).append(result.all_seconds)
    seconds = sum(means.mean(seconds_of[key.label]) for key in waiting if key.label in seconds_of)
    return seconds, {key.label for key in waiting} - seconds_of.keys()

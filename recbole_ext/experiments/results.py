"""The results of a plan's runs: how they are read, and how trials are ranked."""

import json
import reprlib
import statistics as means
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recbole_ext.config import settings
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.experiments import results_file
from recbole_ext.experiments.plan import Plan, RunKey, TableKey
from recbole_ext.experiments.trials import Trial

# Names of earlier releases in a line -> those of today.
_RENAMED = {"chosen": "values"}

_REMOVE = "remove this line, and its run is made again, or give another --output"


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        dataset, protocol, label, seed, trial: see ``RunKey``.
        fingerprint: of the settings, see ``Plan.fingerprint``.
        error: why it failed, or "".
        traceback: of the exception that it failed by; "" where there was none.
        valid, test: metric -> value; a trial has no test.
        users: the plan's metric -> each user's value in the test split, by RecBole's ids.
        ties: rank -> users of the test split with equal scores at this rank and the next, ranks
            without such users left out; None in lines of releases that did not count them.
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
        identity: of the run, see ``RunIdentity.record``; {} in lines of earlier releases.
        user_ids: a hash of the ids of the test users in the order of ``users``; "" if unknown.
        user_list: these ids, of protocols whose runs test different users (folds).
        groups: see ``group_values.of_run``; {} in lines of releases that did not record them.
        pruned: whether a trial was ended early; ``valid`` then has its best score until there.
        weights: of an ensemble, its members' labels -> the weights that validation has chosen.
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
    ties: dict[str, int] | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    user_ids: str = ""
    user_list: list[str] = field(default_factory=list)
    groups: dict[str, Any] = field(default_factory=dict)
    pruned: bool = False
    traceback: str = ""
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> RunKey:
        """The name of the run."""
        return RunKey(self.dataset, self.protocol, self.label, self.seed, self.trial)

    @property
    def is_tested(self) -> bool:
        """Whether the run has a test result: it ended well and is no trial."""
        return self.trial is None and not self.error

    @property
    def all_seconds(self) -> float:
        """From the start of the run to its end."""
        return (self.setup_seconds or 0.0) + self.seconds + self.test_seconds


def load(file: Path, plan: Plan) -> list[Result]:
    """The runs of a plan that a results file has; an unfinished last line is cut off.

    If a run has several lines, the newest counts, because failed runs are repeated. Lines of
    models, data sets and seeds that are no longer in the benchmark are skipped, and so are lines of
    runs that failed with other settings.

    Raises:
        SettingError: the file cannot be read, a line is not a run, or its run had other settings.
    """
    if results_file.is_old_csv(file):
        raise SettingError(
            f"{file}: results of a search are jsonl now, and a csv of an earlier release cannot "
            f"be continued; remove or rename it to start the search anew"
        )
    keys = set(plan.all_runs())
    results: dict[RunKey, Result] = {}
    lines_of: dict[RunKey, int] = {}
    for number, line in enumerate(results_file.read(file), start=1):
        where = f"{file}, line {number}"
        result = _parse(line, where)
        if result.label not in plan.models and not plan.is_search:
            continue
        if not _fits(plan, result):
            if result.error:
                continue  # it has no numbers, and its settings may have been corrected
            raise SettingError(
                f"{where}: {result.key} ran with another model, other settings or "
                "another seed than its yaml says now; remove its lines, or give another --output"
            )
        if result.key not in keys:
            continue
        _check_scores(plan, result, where)
        older = results.pop(result.key, None)
        if older is not None and not older.error:
            warnings.warn(
                f"{where}: {result.key} is in line {lines_of[result.key]} already; the newest "
                "line counts",
                stacklevel=2,
            )
        results[result.key], lines_of[result.key] = result, number
    results_file.cut(file)
    return list(results.values())


def _parse(line: str, where: str) -> Result:
    """The run of a line.

    Raises:
        SettingError: it is none; the message says what to do.
    """
    try:
        try:
            content = json.loads(line)
        except ValueError as error:
            shown = reprlib.repr(line) if line.strip() else "an empty line"
            raise SettingError(
                f"{where}: expected a run as a JSON object, found {shown}"
            ) from error
        if not isinstance(content, dict):
            raise SettingError(
                f"{where}: expected a run as a JSON object, found {reprlib.repr(content)}"
            )
        content = {_RENAMED.get(name, name): value for name, value in content.items()}
        return settings.read_alone(Result, content, where)
    except SettingError as error:
        raise SettingError(f"{error}; {_REMOVE}") from error


def _check_scores(plan: Plan, result: Result, where: str) -> None:
    """Refuse a line of a run that has ended well without the metric that runs are compared by.

    Raises:
        SettingError: it names the line and the metric.
    """
    metric = plan.protocols[result.protocol]
    name, scores = ("test", result.test) if result.trial is None else ("valid", result.valid)
    if not result.error and metric not in scores:
        shown = ", ".join(scores) or "nothing"
        raise SettingError(f"{where}: {name}: expected {metric}, found {shown}; {_REMOVE}")


def _fits(plan: Plan, result: Result) -> bool:
    """Whether a run is of the model and settings that a plan has for it."""
    key, model = result.key, plan.models.get(result.label)
    if model is None:
        return False
    if key.trial is not None and key.trial >= model.n_trials:
        return True  # the plan has fewer trials now, and does not use it
    # earlier releases wrote the hash of all trials to the line of each of them
    expected = (plan.fingerprint(key), plan.fingerprint(key._replace(trial=None)))
    return result.fingerprint in expected


def append(file: Path, result: Result) -> None:
    """Add the line of a run to a results file."""
    with results_file.adding_to(file) as stream:
        stream.write(json.dumps(asdict(result)) + "\n")


def ranking(
    plan: Plan,
    results: Sequence[Result],
    label: str,
    tables: Sequence[TableKey],
    fold: int | None = None,
) -> list[tuple[float, Trial]]:
    """The trials of a model by their mean validation score over some tables, best first.

    Args:
        plan, results: a plan and its runs.
        label: the model.
        tables: compared by the same metric. A trial that has not run, failed or was pruned in one
            of them is not ranked.
        fold: whose trials they are; None for a protocol without folds.

    Returns:
        the mean score and the values of each trial; of equal ones, the first of the plan first.
    """
    metric = plan.protocols[tables[0].protocol]
    sign = -1 if bigger_is_better(metric) else 1
    scores: dict[int, dict[TableKey, float]] = {}
    values: dict[int, Trial] = dict(enumerate(plan.models[label].trials))
    for result in results:
        ours = result.label == label and result.key.table in tables
        ours = ours and fold in (None, result.seed)
        if ours and result.trial is not None and not result.error and not result.pruned:
            scores.setdefault(result.trial, {})[result.key.table] = result.valid[metric]
            values.setdefault(result.trial, result.values)
    ranked = [
        (means.fmean(of_tables.values()), number)
        for number, of_tables in scores.items()
        if len(of_tables) == len(tables)
    ]
    ranked.sort(key=lambda pair: (sign * pair[0], pair[1]))
    return [(score, values[number]) for score, number in ranked]


def best_values(
    plan: Plan, results: Sequence[Result], table: TableKey, label: str, repeat: int = 1
) -> Trial:
    """The values of a model's space that are best in validation; {} if it has no space.

    If every trial has failed, they are those of the first: its run then fails with the reason.

    Args:
        repeat: the seed or the fold; each fold has trials of its own.
    """
    ranked = ranking(plan, results, label, [table], repeat if table.has_folds else None)
    return ranked[0][1] if ranked else plan.models[label].known_trials[0]


def is_done(plan: Plan, results: Mapping[RunKey, Result], key: RunKey, keep_failed: bool) -> bool:
    """Whether a run is complete, so that it is not repeated.

    Args:
        plan: with the trials of each model.
        results: the newest result of each run that there is.
        key: which run.
        keep_failed: whether a run that has failed stays as it is.

    Returns:
        False also for a tested run whose values are no longer the best ones, because a failed trial
        has been repeated since.
    """
    result = results.get(key)
    if result is None:
        return False
    if result.error:
        return keep_failed
    if key.trial is not None or not plan.models[key.label].n_trials or not result.values:
        return True
    best = best_values(plan, list(results.values()), key.table, key.label, key.seed)
    return result.values == best


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

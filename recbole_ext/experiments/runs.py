"""The runs of a plan: each in a process of its own, each a line of the results when it has ended.

A line is a JSON object; lines are only added, and a run that has one is not repeated. Settings
are chosen by trials, which see the validation split alone. The test split is evaluated once in each
run of what was chosen, by the epoch that validation has chosen.
"""

import hashlib
import json
import os
import platform
import statistics as means
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import SettingError, in_a_line
from recbole_ext.evaluator import per_user, protocols
from recbole_ext.experiments import plan as plans
from recbole_ext.experiments import processes, random_search, results_file
from recbole_ext.experiments.plan import Plan, RunKey, TableKey
from recbole_ext.trainer import single_run

CarryOut = Callable[
    [Mapping[RunKey, tuple[Any, ...]], Callable[..., "Result"]],
    Iterator[tuple[RunKey, "Result | processes.JobFailure"]],
]


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        dataset, protocol, label, seed, trial: see ``RunKey``.
        fingerprint: of the settings, see ``Plan.fingerprint``.
        error: why it failed, or "".
        valid, test: metric -> value.
        users: the plan's metric -> each user's value in the test split, by RecBole's ids.
        epochs: until the best one, from 1 on.
        seconds: of training and validation.
        curve: after each evaluation of the validation split, the epochs so far and the score.
        test_seconds: of the evaluation of the test split.
        split: a hash of the test split's interactions.
        environment: the versions and the machine.
        trial: its number, where it is one by which settings are chosen: it has no test.
        chosen: of the space, what it has run with.
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
    chosen: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> RunKey:
        """What run it is."""
        return RunKey(self.dataset, self.protocol, self.label, self.seed, self.trial)


def load(file: Path, plan: Plan) -> list[Result]:
    """The runs that a results file has; a line that a killed benchmark left unfinished is cut.

    Raises:
        SettingError: a line is of a run with other settings, or is none.
    """
    results = []
    for number, line in enumerate(results_file.read(file), start=1):
        try:
            result = Result(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise SettingError(f"{file}, line {number}: expected a run, found {error}") from error
        if result.label in plan.models and result.fingerprint != plan.fingerprint(result.label):
            raise SettingError(
                f"{file}, line {number}: {result.label} has run with other settings than the plan "
                "has now; remove its lines, or give another --output"
            )
        results.append(result)
    results_file.cut(file)
    wanted = set(plan.all_runs())
    return [result for result in results if result.key in wanted]


def run(plan: Plan, data_path: Path, output: Path, carry_out: CarryOut) -> Iterator[Result]:
    """Run what the results file does not have yet; each result is in it before it is returned.

    Args:
        plan: its trials come first, as the others run with what they have found.
        data_path: the folder of data sets.
        output: the results file.
        carry_out: name -> arguments of jobs, and their work -> name and result of each.
    """
    results = load(output, plan)
    done = {result.key for result in results}
    place = str(data_path.absolute())
    for keys in (plan.trial_runs(), plan.runs()):
        jobs = {
            key: (plan, key, _values(plan, results, key), place) for key in keys if key not in done
        }
        for key, found in carry_out(jobs, measure):
            result = found
            if isinstance(result, processes.JobFailure):
                result = _failed(plan, key, jobs[key][2], result, 0.0)
            with results_file.adding_to(output) as stream:
                stream.write(json.dumps(asdict(result)) + "\n")
            results.append(result)
            yield result


def _values(plan: Plan, results: Sequence[Result], key: RunKey) -> random_search.Trial:
    """What a run sets of its model's space."""
    if key.trial is None:
        return chosen(plan, results, key.place, key.label)
    return plan.models[key.label].trials[key.trial]


def chosen(
    plan: Plan, results: Sequence[Result], place: TableKey, label: str
) -> random_search.Trial:
    """The values of a model's space that were best in validation; {} where it has no space."""
    trials = [r for r in results if r.key.place == place and r.label == label]
    trials = [r for r in trials if r.trial is not None and not r.error]
    if not trials:  # no space, or one whose every trial has failed: the first says why again
        return (plan.models[label].trials or [{}])[0]
    metric = plan.protocols[place.protocol]
    sign = 1 if bigger_is_better(metric) else -1
    trials.sort(key=lambda result: result.trial or 0)  # not in the order in which they have ended
    return max(trials, key=lambda result: sign * result.valid[metric]).chosen


def bigger_is_better(metric: str) -> bool:
    """Of a metric as results name it."""
    from recbole.evaluator import smaller_metrics

    return metric.split("@")[0] not in smaller_metrics


def seconds_left(
    plan: Plan, results: Sequence[Result], known: Sequence[Result]
) -> tuple[float, set[str]]:
    """What the runs that are still to be made may take, one after another.

    Args:
        plan, results: what is to be done, and what has been.
        known: runs that tell how long one of a model takes.

    Returns:
        the seconds, by the mean of the runs of the same model; and the models that have none.
    """
    done = {result.key for result in results}
    waiting = [key for key in plan.all_runs() if key not in done]
    took: dict[str, list[float]] = {}
    for result in known:
        took.setdefault(result.label, []).append(result.seconds + result.test_seconds)
    seconds = sum(means.mean(took[key.label]) for key in waiting if key.label in took)
    return seconds, {key.label for key in waiting} - took.keys()


def measure(plan: Plan, key: RunKey, values: random_search.Trial, data_path: str) -> Result:
    """One run; a failure is returned, not raised.

    Args:
        plan, key: which one.
        values: of the model's space.
        data_path: the folder of data sets.
    """
    start = time.perf_counter()
    compared = plan.protocols[key.protocol]
    with tempfile.TemporaryDirectory(prefix="recbole-ext-", dir=".") as folder:
        told = {**single_run.QUIET, "seed": key.seed, "data_path": data_path}
        told |= {"metric_decimal_place": 6, "checkpoint_dir": str(Path(folder).absolute())}
        try:
            files: dict[str, str] = {}
            for text, label in plan.needed_by(key.label).items():
                first = _prepare(plan, key._replace(label=label), told, {})
                first.fit()
                files[text] = first.trainer.saved_model_file
            made = _prepare(plan, key, {**values, **told}, files)
            curve: list[tuple[int, float]] = []
            _, valid = made.fit_validated(
                saved=key.trial is None,
                watch=lambda epoch, score: curve.append((epoch + 1, round(float(score), 6))),
            )
            seconds = time.perf_counter() - start
            test: dict[str, float] = {}
            users = None
            if key.trial is None:
                test, found = per_user.per_user(made.trainer, made.test, show_progress=False)
                users = found.metrics.get(compared)
            test_seconds = time.perf_counter() - start - seconds
        except Exception as error:  # whatever a run can die of is this run's result
            return _failed(plan, key, values, in_a_line(error), time.perf_counter() - start)
    return Result(
        *key[:-1],
        fingerprint=plan.fingerprint(key.label),
        error="",
        valid={name: float(value) for name, value in valid.items()},
        test={name: float(value) for name, value in test.items()},
        users={} if users is None else {compared: users.round(6).tolist()},
        epochs=made.best_epoch,
        seconds=round(seconds, 1),
        curve=curve,
        test_seconds=round(test_seconds, 3),
        split=_hash(made.test._dataset),
        environment=_environment(),
        trial=key.trial,
        chosen=values,
    )


def _hash(dataset: Any) -> str:
    """Of the interactions of a split: the same for all models that were given the same."""
    return hashlib.blake2b(
        InteractionSet.of_dataset(dataset).keys.tobytes(), digest_size=8
    ).hexdigest()


def _environment() -> dict[str, str]:
    import torch

    packages = ("recbole", "recbole_ext", "torch", "numpy", "pandas", "scipy")
    found = {name: version(name) for name in packages}
    processor = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(x for x in told if x.startswith("model name")).split(":")[1].strip()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "Python": platform.python_version(),
        **found,
        "processor": f"{processor}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "GPU": device,
        "system": platform.platform(terse=True),
    }


def _failed(
    plan: Plan, key: RunKey, values: random_search.Trial, reason: str, seconds: float
) -> Result:
    mark, took = plan.fingerprint(key.label), round(seconds, 1)
    return Result(*key[:-1], mark, str(reason), {}, {}, {}, 0, took, trial=key.trial, chosen=values)


def _prepare(
    plan: Plan, key: RunKey, told: Mapping[str, Any], files: Mapping[str, str]
) -> single_run.Run:
    given = given_to(plan, key.place, key.label, files)
    name = protocols.data_set(key.protocol, key.dataset)
    return single_run.prepare(plan.models[key.label].name, name, {**given, **told})


def given_to(plan: Plan, place: TableKey, label: str, files: Mapping[str, str]) -> dict[str, Any]:
    """The settings of a model over its defaults, but for its space and its seed.

    Args:
        plan, place, label: which one.
        files: what stands for a checkpoint -> the file.
    """
    given = plans.filled(plan.models[label].settings, files)
    return {**given, **protocols.PROTOCOLS[place.protocol].settings}

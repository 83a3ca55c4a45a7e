"""The runs of a plan: each in a process of its own, each a line of the results when it has ended.

One loop, one results file and one rule of repetition serve benchmarks and searches:

- A line is a JSON object. Lines are only added; of a run with several lines the newest counts.
- A run that has ended well is not made again, unless another trial is the best one since. A run
  that has failed is made again by the next start, or left as it is (``keep_failed``).

Settings are chosen by trials, which see the validation split alone. The test split is evaluated
once by each run with the best settings, at the epoch that is best in validation.
"""

import hashlib
import math
import os
import platform
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recbole_ext.data.content_hash import ids_hash
from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import SettingError, in_a_line
from recbole_ext.evaluator import per_user, ties
from recbole_ext.evaluator.protocols import PROTOCOLS
from recbole_ext.experiments import processes, results_file, same_runs
from recbole_ext.experiments.plan import Plan, RunKey
from recbole_ext.experiments.results import Result, append, best_values, is_done, load
from recbole_ext.experiments.trials import Trial
from recbole_ext.trainer import single_run

# Carries out jobs: key -> arguments, and their function -> the result of each as it ends.
Executor = Callable[
    [Mapping[RunKey, tuple[Any, ...]], Callable[..., Result]],
    Generator[tuple[RunKey, Result | processes.JobFailure], None, None],
]


def run(
    plan: Plan, data_path: Path, output: Path, execute: Executor, keep_failed: bool = False
) -> Generator[Result, None, None]:
    """Make the runs that the results file does not have yet, and those that have failed.

    Args:
        plan: its trials run first, because the other runs use the best of their values.
        data_path: the folder of data sets.
        output: the results file; a result is in it before it is yielded.
        execute: see ``Executor``; ``processes.run_all`` or ``ray_cluster.run_all``.
        keep_failed: whether runs that have failed stay as they are.
    """
    with results_file.locked(output):
        yield from _run(plan, data_path, output, execute, keep_failed)


def _run(
    plan: Plan, data_path: Path, output: Path, execute: Executor, keep_failed: bool
) -> Iterator[Result]:
    read = load(output, plan)
    same_runs.check(plan, read, data_path, output)
    results = {result.key: result for result in read}
    folder = str(data_path.absolute())
    for keys in (plan.trial_runs(), plan.runs()):
        jobs = {
            key: (plan, key, _values(plan, results, key), folder)
            for key in keys
            if not is_done(plan, results, key, keep_failed)
        }
        with closing(execute(jobs, measure)) as outcomes:
            for key, outcome in outcomes:
                if isinstance(outcome, processes.JobFailure):
                    text = getattr(outcome, "traceback", "")
                    result = _failed(plan, key, jobs[key][2], outcome, text, _Clock())
                else:
                    result = outcome
                append(output, result)
                results[key] = result
                yield result


def _values(plan: Plan, results: Mapping[RunKey, Result], key: RunKey) -> Trial:
    """The values that a run has for the settings of its model's space."""
    if key.trial is None:
        return best_values(plan, list(results.values()), key.table, key.label)
    return plan.models[key.label].trials[key.trial]


class _Clock:
    """Times the training within a run apart from the rest of it."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.training = 0.0

    @contextmanager
    def train(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.training += time.perf_counter() - start

    def since_start(self) -> float:
        return time.perf_counter() - self.start

    def setup(self) -> float:
        """Of the time until now, what is not training."""
        return self.since_start() - self.training


def measure(plan: Plan, key: RunKey, values: Trial, data_path: str) -> Result:
    """Make one run; a failure is returned, not raised.

    Args:
        plan, key: which one.
        values: of the settings of its model's space.
        data_path: the folder of data sets.
    """
    clock = _Clock()
    metric = plan.protocols[key.protocol]
    with tempfile.TemporaryDirectory(prefix="recbole-ext-", dir=".") as folder:
        common = {**single_run.QUIET, "seed": key.seed, "data_path": data_path}
        common["checkpoint_dir"] = str(Path(folder).absolute())
        try:
            checkpoints: dict[str, str] = {}
            for text, label in plan.needed_by(key.label).items():
                pretraining = _prepare(plan, key._replace(label=label), common, {})
                with clock.train():
                    pretraining.fit()
                checkpoints[text] = pretraining.trainer.saved_model_file
            prepared = _prepare(plan, key, {**values, **common}, checkpoints)
            curve: list[tuple[int, float]] = []
            with clock.train():
                _, valid = prepared.fit_validated(
                    saved=key.trial is None,
                    watch=lambda epoch, score: curve.append((epoch + 1, round(float(score), 6))),
                )
            setup_seconds, until_test = clock.setup(), clock.since_start()
            test: Mapping[str, float] = {}
            users, user_ids = None, ""
            if key.trial is None:
                test, by_user = _tested(prepared, key.protocol, metric)
                users = by_user.metrics.get(metric)
                data = prepared.test._dataset
                user_ids = ids_hash(map(str, data.id2token(data.uid_field, by_user.users)))
            _refuse_infinite({"valid": valid, "test": test})
            identity = same_runs.without_files(
                prepared.config.recbole_ext_identity, list(checkpoints.values())
            )
            test_seconds = clock.since_start() - until_test
        except Exception as error:  # whatever a run can die of is this run's result
            text = traceback.format_exc()
            return _failed(plan, key, values, in_a_line(error), text, clock)
    return Result(
        *key[:-1],
        fingerprint=plan.fingerprint(key),
        error="",
        valid={name: float(value) for name, value in valid.items()},
        test={name: float(value) for name, value in test.items()},
        users={} if users is None else {metric: users.round(6).tolist()},
        ties=ties.counts(test),
        epochs=prepared.best_epoch,
        seconds=round(clock.training, 3),
        curve=curve,
        test_seconds=round(test_seconds, 3),
        split=_hash(prepared.test._dataset),
        environment=_environment(),
        trial=key.trial,
        values=values,
        setup_seconds=round(setup_seconds, 3),
        identity=identity.record(),
        user_ids=user_ids,
    )


def _tested(
    prepared: single_run.Run, protocol: str, metric: str
) -> tuple[Mapping[str, float], per_user.PerUser]:
    """The test metrics of a trained model by its protocol, and by another one that this names.

    Args:
        prepared: the run, trained.
        protocol: one of ``PROTOCOLS``.
        metric: that models are compared by.

    Returns:
        the metrics, and those of each user by the protocol that has ``metric``.
    """
    from recbole.utils import get_trainer

    test, by_user = per_user.per_user(prepared.trainer, prepared.test, show_progress=False)
    also = PROTOCOLS[protocol].also
    if also is None:
        return test, by_user
    config = also.applied_to(prepared.config)
    _, (train, _, data) = single_run.load(config)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, prepared.model)
    trainer.eval_collector.data_collect(train)
    options = {"load_best_model": False, "show_progress": False}
    more, by_user_of_it = per_user.per_user(trainer, data, **options)
    metrics = ties.Metrics({**test, **more}, getattr(test, "ties", None))
    return metrics, by_user_of_it if metric in more else by_user


def _refuse_infinite(parts: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse metrics that are no numbers: they would be in no order.

    Raises:
        SettingError: it names the first.
    """
    for part, metrics in parts.items():
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise SettingError(f"{part}: {name}: expected a number, found {value}")


def _hash(dataset: Any) -> str:
    """Of the interactions of a split: the same for all models that are given the same split."""
    return hashlib.blake2b(
        InteractionSet.of_dataset(dataset).keys.tobytes(), digest_size=8
    ).hexdigest()


def _environment() -> dict[str, str]:
    import torch

    packages = ("recbole", "recbole_ext", "torch", "numpy", "pandas", "scipy")
    processor = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(x for x in lines if x.startswith("model name")).split(":")[1].strip()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in packages},
        "processor": f"{processor}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "GPU": device,
        "system": platform.platform(terse=True),
    }


def _failed(
    plan: Plan, key: RunKey, values: Trial, reason: str, traceback: str, clock: _Clock
) -> Result:
    return Result(
        *key[:-1],
        fingerprint=plan.fingerprint(key),
        error=str(reason),
        valid={},
        test={},
        users={},
        epochs=0,
        seconds=round(clock.training, 3),
        trial=key.trial,
        values=values,
        setup_seconds=round(clock.setup(), 3),
        traceback=traceback,
    )


def _prepare(
    plan: Plan, key: RunKey, common: Mapping[str, Any], checkpoints: Mapping[str, str]
) -> single_run.Run:
    settings = plan.run_settings(key.table, key.label, checkpoints)
    model = plan.models[key.label].name
    return single_run.prepare(model, plan.data_set(key.table), {**settings, **common})

"""The runs of a plan: each in a process of its own, each a line of the results when it has ended.

A line is a JSON object; lines are only added, and a run that has one is not repeated. The test
split is evaluated once in each run, by the epoch that validation has chosen.
"""

import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recbole_ext import evaluation, lines, processes, running
from recbole_ext.benchmark import plan as plans
from recbole_ext.benchmark.plan import Key, Plan
from recbole_ext.bookkeeping import Pairs
from recbole_ext.errors import SettingError, in_a_line


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        dataset, label, seed: see ``Key``.
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
    """

    dataset: str
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

    @property
    def key(self) -> Key:
        """What run it is."""
        return Key(self.dataset, self.label, self.seed)


def load(file: Path, plan: Plan) -> list[Result]:
    """The runs that a results file has; a line that a killed benchmark left unfinished is cut.

    Raises:
        SettingError: a line is of a run with other settings, or is none.
    """
    results = []
    for number, line in enumerate(lines.read(file), start=1):
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
    lines.cut(file)
    wanted = set(plan.runs())
    return [result for result in results if result.key in wanted]


def run(plan: Plan, data_path: Path, output: Path, workers: int) -> Iterator[Result]:
    """Run what the results file does not have yet; each result is in it before it is returned."""
    done = {result.key for result in load(output, plan)}
    jobs = {key: (plan, key, str(data_path.absolute())) for key in plan.runs() if key not in done}
    for key, found in processes.run_all(jobs, measure, workers):
        result = found or _failed(plan, key, processes.DIED, 0.0)
        with lines.adding_to(output) as stream:
            stream.write(json.dumps(asdict(result)) + "\n")
        yield result


def measure(plan: Plan, key: Key, data_path: str) -> Result:
    """One run; a failure is returned, not raised."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="recbole-ext-", dir=".") as folder:
        told = {"seed": key.seed, "data_path": data_path, **running.QUIET}
        told |= {"metric_decimal_place": 6, "checkpoint_dir": str(Path(folder).absolute())}
        try:
            files: dict[str, str] = {}
            for text, label in plan.needed_by(key.label).items():
                first = _prepare(plan, label, key.dataset, told, {})
                first.fit()
                files[text] = first.trainer.saved_model_file
            made = _prepare(plan, key.label, key.dataset, told, files)
            curve: list[tuple[int, float]] = []
            _, valid = made.fit_validated(
                watch=lambda epoch, score: curve.append((epoch + 1, round(float(score), 6)))
            )
            seconds = time.perf_counter() - start
            test, users = evaluation.per_user(made.trainer, made.test, show_progress=False)
            test_seconds = time.perf_counter() - start - seconds
        except Exception as error:  # whatever a run can die of is this run's result
            return _failed(plan, key, in_a_line(error), time.perf_counter() - start)
    compared = users.metrics.get(plan.metric)
    return Result(
        *key,
        fingerprint=plan.fingerprint(key.label),
        error="",
        valid={name: float(value) for name, value in valid.items()},
        test={name: float(value) for name, value in test.items()},
        users={} if compared is None else {plan.metric: compared.round(6).tolist()},
        epochs=made.best_epoch,
        seconds=round(seconds, 1),
        curve=curve,
        test_seconds=round(test_seconds, 3),
        split=_hash(made.test._dataset),
        environment=_environment(),
    )


def _hash(dataset: Any) -> str:
    """Of the interactions of a split: the same for all models that were given the same."""
    return hashlib.blake2b(Pairs.of_dataset(dataset).keys.tobytes(), digest_size=8).hexdigest()


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


def _failed(plan: Plan, key: Key, reason: str, seconds: float) -> Result:
    mark = plan.fingerprint(key.label)
    return Result(*key, mark, reason, {}, {}, {}, 0, round(seconds, 1))


def _prepare(
    plan: Plan, label: str, dataset: str, told: Mapping[str, Any], files: Mapping[str, str]
) -> running.Run:
    model = plan.models[label]
    given = plans.filled(model.settings, files)
    return running.prepare(model.name, dataset, {**given, **told})

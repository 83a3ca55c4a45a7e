"""The runs of a plan: each in a process of its own, each a line of the results when it has ended.

A line is a JSON object; lines are only added, and a run that has one is not repeated. The test
split is evaluated once in each run, by the epoch that validation has chosen.
"""

import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recbole_ext import evaluation, processes, running
from recbole_ext.benchmark import plan as plans
from recbole_ext.benchmark.plan import Key, Plan
from recbole_ext.errors import SettingError


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        dataset, label, seed: see ``Key``.
        fingerprint: of the settings, see ``Plan.fingerprint``.
        error: why it failed, or "".
        valid, test: metric -> value.
        users: metric -> each user's value in the test split, in the order of RecBole's ids.
        epochs: until the best one, from 1 on.
        seconds: of training and validation.
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

    @property
    def key(self) -> Key:
        """What run it is."""
        return Key(self.dataset, self.label, self.seed)


def load(file: Path, plan: Plan) -> list[Result]:
    """The runs that a results file has; a line that a killed benchmark left unfinished is cut.

    Raises:
        SettingError: a line is of a run with other settings, or is none.
    """
    if not file.is_file():
        return []
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    results = []
    for number, line in enumerate(whole.splitlines(), start=1):
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
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    wanted = set(plan.runs())
    return [result for result in results if result.key in wanted]


def run(plan: Plan, data_path: Path, output: Path, workers: int) -> Iterator[Result]:
    """Run what the results file does not have yet; each result is in it before it is returned."""
    done = {result.key for result in load(output, plan)}
    jobs = {key: (plan, key, str(data_path.absolute())) for key in plan.runs() if key not in done}
    for key, found in processes.run_all(jobs, measure, workers):
        result = found or _failed(plan, key, processes.DIED, 0.0)
        with output.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(result)) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        yield result


def measure(plan: Plan, key: Key, data_path: str) -> Result:
    """One run; a failure is returned, not raised."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="recbole-ext-", dir=".") as folder:
        told = {"seed": key.seed, "data_path": data_path, **processes.QUIET}
        told |= {"metric_decimal_place": 6, "checkpoint_dir": str(Path(folder).absolute())}
        try:
            files: dict[str, str] = {}
            for text, label in plan.needed_by(key.label).items():
                first = _prepare(plan, label, key.dataset, told, {})
                first.fit()
                files[text] = first.trainer.saved_model_file
            made = _prepare(plan, key.label, key.dataset, told, files)
            score, valid = made.fit()
            seconds = time.perf_counter() - start
            if not math.isfinite(score):
                raise SettingError(f"validation has given {score}")
            test, users = evaluation.per_user(made.trainer, made.test, show_progress=False)
            found = {name: users.metrics[name].round(6).tolist() for name in users.metrics}
        except Exception as error:  # whatever a run can die of is this run's result
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            return _failed(plan, key, reason, time.perf_counter() - start)
    kept = {plan.metric: found[plan.metric]} if plan.metric in found else {}
    return Result(
        *key,
        fingerprint=plan.fingerprint(key.label),
        error="",
        valid={name: float(value) for name, value in valid.items()},
        test={name: float(value) for name, value in test.items()},
        users=kept,
        epochs=made.best_epoch,
        seconds=round(seconds, 1),
    )


def _failed(plan: Plan, key: Key, reason: str, seconds: float) -> Result:
    mark = plan.fingerprint(key.label)
    return Result(*key, mark, reason, {}, {}, {}, 0, round(seconds, 1))


def _prepare(
    plan: Plan, label: str, dataset: str, told: Mapping[str, Any], files: Mapping[str, str]
) -> running.Run:
    model = plan.models[label]
    given = plans.filled(model.settings, files)
    return running.prepare(model.name, dataset, {**given, **told})

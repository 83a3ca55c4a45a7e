"""What a run records beside its metrics: its times, its split, the versions and the machine."""

import hashlib
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import SettingError
from recbole_ext.experiments.plan import Plan, RunKey
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.trials import Trial


class Clock:
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

    def add_training(self, seconds: float) -> None:
        """Count a training that another run has made, as if this one had begun earlier."""
        self.start -= seconds
        self.training += seconds

    def since_start(self) -> float:
        return time.perf_counter() - self.start

    def setup(self) -> float:
        """The seconds until now that are not training."""
        return self.since_start() - self.training


def refuse_infinite(parts: Mapping[str, Mapping[str, float]]) -> None:
    """Raise an error if a metric is not a finite number: models could not be ordered by it.

    Raises:
        SettingError: it names the first.
    """
    for part, metrics in parts.items():
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise SettingError(f"{part}: {name}: expected a number, found {value}")


def split_hash(dataset: Any) -> str:
    """A hash of the interactions of a split: equal for all models with the same split."""
    return hashlib.blake2b(
        InteractionSet.of_dataset(dataset).keys.tobytes(), digest_size=8
    ).hexdigest()


def environment() -> dict[str, str]:
    """The versions and the machine."""
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


def pruned(
    plan: Plan,
    key: RunKey,
    values: Trial,
    valid: dict[str, float],
    curve: list[tuple[int, float]],
    clock: Clock,
) -> Result:
    """A trial that was ended early: others were better after as many epochs, or its time was over.

    Args:
        plan: of the run.
        key: of the run.
        values: the settings of the trial.
        valid: the best validation metrics so far.
        curve: (epoch, validation score) of each evaluation.
        clock: the times of the run.
    """
    return Result(
        *key[:-1],
        fingerprint=plan.fingerprint(key),
        error="",
        valid=valid,
        test={},
        users={},
        epochs=curve[-1][0],
        seconds=round(clock.training, 3),
        curve=curve,
        environment=environment(),
        trial=key.trial,
        values=values,
        setup_seconds=round(clock.setup(), 3),
        pruned=True,
    )


def failed(
    plan: Plan, key: RunKey, values: Trial, reason: str, traceback: str, clock: Clock
) -> Result:
    """A run that has ended with an exception, or without a result.

    Args:
        plan: of the run.
        key: of the run.
        values: the settings of the trial.
        reason: the error in one line.
        traceback: the whole traceback; "" for none.
        clock: the times of the run.
    """
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

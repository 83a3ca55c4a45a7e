"""The two sides of a comparison, in a process of their own each."""

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from recbole_ext import running

Side = Literal["RecBole", "recbole_ext"]


@dataclass(frozen=True)
class Measured:
    """What a case has found on one side, in one process.

    Attributes:
        value: in the case's unit.
        same: what must be equal on both sides.
        mebibytes: of memory, at the most, of the whole process.
    """

    value: float
    same: dict[str, float] = field(default_factory=dict)
    mebibytes: float = 0.0


def prepare(side: Side, model: str, dataset: str, **settings: Any) -> running.Run:
    """A run of RecBole; on RecBole's side without what this package has changed in its speed.

    What lets RecBole run at all on today's libraries stays, and so does the allocator's setting,
    which the processes of a benchmark have on both sides.
    """
    if side == "RecBole":
        _take_out()
    given = {"show_progress": False, "state": "CRITICAL", "metric_decimal_place": 10}
    return running.prepare(model, dataset, {**given, "weight_decay": 0.0, **settings})


def _take_out() -> None:
    from recbole.data import utils
    from recbole.sampler.sampler import AbstractSampler, Sampler

    for owner, name in (
        (Sampler, "get_used_ids"),
        (AbstractSampler, "sample_by_key_ids"),
        (AbstractSampler, "_pop_sampling"),
        (utils, "get_dataloader"),
    ):
        setattr(owner, name, getattr(vars(owner)[name], "__wrapped__", vars(owner)[name]))


def seconds(work: Callable[[], Any], times: int) -> float:
    """The median of some repetitions."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def peak_mebibytes() -> float:
    """The most memory that this process has had: Linux counts it from the program's start."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def gemm_peak(size: int = 4096, times: int = 5) -> float:
    """GFLOP/s of the largest float32 matrix product: the ceiling of everything here."""
    one, two = torch.randn(size, size), torch.randn(size, size)
    one @ two
    return 2 * size**3 / seconds(lambda: one @ two, times) / 1e9


def measure(side: Side, work: Callable[..., Measured], arguments: tuple[Any, ...]) -> Measured:
    """A case, in a process of its own."""
    found = work(side, *arguments)
    return Measured(found.value, found.same, peak_mebibytes())

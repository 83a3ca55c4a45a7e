"""The two sides of a comparison, in a process of their own each."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from recbole_ext import patches
from recbole_ext.trainer import allocator, single_run

ROOT = Path(__file__).parents[3]

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


def prepare(side: Side, model: str, dataset: str, **settings: Any) -> single_run.Run:
    """A run; on RecBole's side without the patches that change RecBole's speed.

    The patches that let RecBole run at all on today's libraries stay.
    """
    switched_off = patches.states()["used-items"] == "switched off"
    assert switched_off == (side == "RecBole"), "start the case by measure()"
    if side == "recbole_ext":
        allocator.keep_freed_memory()  # as the commands do
    given = {**single_run.QUIET, "metric_decimal_place": 10, "weight_decay": 0.0}
    return single_run.prepare(model, dataset, {**given, **settings})


def prepare_ncf(side: Side, dataset: str, ours: dict[str, Any], **settings: Any) -> single_run.Run:
    """The same network: NCFMLP of 512/[256, 64], or RecBole's NeuMF as an MLP.

    Args:
        side: whose.
        dataset: its name.
        ours: settings of NCFMLP alone.
        settings: of both.
    """
    settings |= {"mlp_hidden_size": [256, 64], "dropout_prob": 0.0}
    if side == "recbole_ext":
        return prepare(side, "NCFMLP", dataset, embedding_size=512, **ours, **settings)
    size = {"mlp_embedding_size": 512, "mf_embedding_size": 1, "mf_train": False}
    return prepare(side, "NeuMF", dataset, **size, **settings)


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


def measure(side: Side, work: str, arguments: Sequence[Any], checkout: Path = ROOT) -> Measured:
    """A case, ``module:function`` of this folder, in a process of its own.

    Args:
        side, work, arguments: of the case.
        checkout: whose code runs: this one's, or that of another commit.
    """
    told = [side, work, json.dumps(arguments)]
    command = [sys.executable, "-m", "tests.benchmarks.speed.child", *told]
    with tempfile.TemporaryDirectory() as scratch:
        off = "speed,cache,imports,threads" if side == "RecBole" else ""
        environment = {**os.environ, "PYTHONPATH": str(checkout), "RECBOLE_EXT_DISABLE": off}
        ended = subprocess.run(
            command, cwd=scratch, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    return Measured(**json.loads(ended.stdout.splitlines()[-1]))

"""`recbole-ext data import` beside pandas on the same made-up csv files.

    python -m tests.benchmarks --suite import
    python -m tests.benchmarks --suite import --rounds 1 --rows 100   # million rows

Each figure is of a process of its own, in turn. pandas reads the file and writes the same atomic
file, with ids as text and no check; it is left out above 20 million rows: it takes too much memory.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.speed.sides import ROOT

_PANDAS = """
import sys
import pandas as pd
frame = pd.read_csv(sys.argv[1], dtype={"userId": str, "movieId": str})
frame.columns = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
frame.to_csv("mine.inter", sep="\\t", index=False)
"""
_MOST_FOR_PANDAS = 20_000_000
_BLOCK = 1_000_000  # rows that are made at a time


def make(path: Path, rows: int, seed: int = 1) -> None:
    """Write a csv file of ratings with as many users and items as ml-20m has."""
    import pandas as pd

    random = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write("userId,movieId,rating,timestamp\n")
        for start in range(0, rows, _BLOCK):
            n = min(_BLOCK, rows - start)
            columns = {
                "u": random.integers(1, 138_494, n),
                "i": random.zipf(1.3, n) % 26_744 + 1,
                "r": random.integers(1, 11, n) / 2,
                "t": random.integers(800_000_000, 1_500_000_000, n),
            }
            pd.DataFrame(columns).to_csv(stream, header=False, index=False)


def tables(rounds: int, sizes: Sequence[int], place: Path | None) -> Iterator[str]:
    """A table for each number of rows, as soon as it is measured.

    Args:
        rounds: processes a side, in turn.
        sizes: numbers of rows.
        place: the folder of the files, which stay; None for one that is removed.
    """
    from tabulate import tabulate

    with tempfile.TemporaryDirectory() as scratch:
        for rows in sizes:
            file = (place or Path(scratch)) / f"{rows}.csv"
            if not file.is_file():
                file.parent.mkdir(parents=True, exist_ok=True)
                make(file, rows)
            sides = {"data import": _import_command(file)}
            if rows <= _MOST_FOR_PANDAS:
                sides["pandas"] = [sys.executable, "-c", _PANDAS, str(file)]
            runs: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
            for _ in range(rounds):
                for side, command in sides.items():
                    runs[side].append(_measured(command))
                    print(f"{rows:,} rows, {side}: {runs[side][-1]}", file=sys.stderr)
            lines = []
            for side, measured in runs.items():
                seconds, mebibytes = map(statistics.median, zip(*measured, strict=True))
                rate = rows / seconds / 1e6
                lines.append([side, f"{seconds:.2f}", f"{rate:.2f}", f"{mebibytes:,.0f}"])
            if "pandas" in runs:
                pairs = zip(runs["pandas"], runs["data import"], strict=True)
                faster = statistics.median(theirs[0] / ours[0] for theirs, ours in pairs)
                lines[0].append(f"{faster:.2f}")
            size = file.stat().st_size / 2**20
            title = f"{rows:,} rows, {size:,.0f} MiB"
            headers = [title, "s", "million rows a second", "MiB, at the most", "times faster"]
            yield tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)


def _import_command(file: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "recbole_ext.cli.main", "data", "import"),
        *(str(file), "--name", "mine"),
    ]


def _measured(command: Sequence[str]) -> tuple[float, float]:
    """Seconds of a command, and the MiB that it and its children have at the most, together."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        peak = _Peak(process.pid)
        peak.start()
        status = process.wait()
        seconds = time.perf_counter() - began
        peak.join()
        if status:
            raise SystemExit(f"{' '.join(command)}: ended with status {status}")
    return seconds, peak.mebibytes


class _Peak(threading.Thread):
    """Looks ten times a second at the memory of a process and its children (Linux)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.mebibytes = 0.0

    def run(self) -> None:
        """Until the process has ended."""
        while pids := _with_children(self._pid):
            self.mebibytes = max(self.mebibytes, sum(map(_resident, pids)))
            time.sleep(0.1)


def _with_children(pid: int) -> list[int]:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [] if state == "Z" else [pid, *(one for c in children for one in _with_children(int(c)))]


def _resident(pid: int) -> float:
    """MiB; the most that the process has had, as the kernel counts it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

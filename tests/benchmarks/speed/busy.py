"""Epochs of training alone, and beside processes that keep every core busy: before and now.

    python -m tests.benchmarks --suite busy --rounds 2 --against OTHER

OTHER is a checkout of the commit before. Without it, "before" is this checkout with its group of
patches ``threads`` switched off. Each figure is of a process of its own, in turn: its median epoch
beside others, its fastest one alone, because the pace of a virtual machine may change by a fifth
within seconds although nothing else runs on it. Five rounds on two cores take half an hour.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recbole_ext.config import threads
from tests.benchmarks.speed.sides import ROOT

MODELS = ("AutoRec", "NCFMLP")

# Given to `python -c`: a checkout of the commit before does not have this file.
_EPOCHS = """
import statistics, sys, time
import recbole_ext
from recbole_ext.trainer import allocator, single_run

model, most_epochs, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
sys.argv = sys.argv[:1]  # RecBole's Config would read them
allocator.keep_freed_memory()  # as the commands do
run = single_run.prepare(model, "ml-100k", single_run.QUIET)
run.trainer.eval_collector.data_collect(run.train)
epochs, began = [], time.perf_counter()
while len(epochs) < most_epochs and time.perf_counter() - began < seconds:
    start = time.perf_counter()
    run.trainer._train_epoch(run.train, len(epochs))
    run.trainer.evaluate(run.valid, load_best_model=False)
    epochs.append(time.perf_counter() - start)
print(recbole_ext.__file__, min(epochs), statistics.median(epochs))
"""


# What the other processes do; given to `python -c`.
ONE_THREAD = "while True: pass"
# As a training does: torch computes with as many threads as there are cores, and they spin.
ALL_CORES = "import torch; a = torch.randn(500, 500)\nwhile True: a @ a"


@contextmanager
def busy_processes(number: int, code: str = ONE_THREAD) -> Iterator[None]:
    """Within this block, so many other processes compute without a pause."""
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(number)]
    if processes and code != ONE_THREAD:
        time.sleep(5)  # they import torch
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def seconds_an_epoch(
    model: str, checkout: Path, switched_off: str, most_epochs: int, seconds: float
) -> tuple[float, float]:
    """The fastest and the median of the first epochs with their validations, in its own process.

    Args:
        model: its name; trained on ml-100k with its default settings.
        checkout: whose code runs.
        switched_off: a value of ``RECBOLE_EXT_DISABLE``.
        most_epochs: it stops after so many.
        seconds: no epoch is begun after so many.
    """
    environment = {key: text for key, text in os.environ.items() if key not in threads.WAITING}
    environment |= {"PYTHONPATH": str(checkout), "RECBOLE_EXT_DISABLE": switched_off}
    with tempfile.TemporaryDirectory() as scratch:
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _EPOCHS, model, str(most_epochs), str(seconds)],
            cwd=scratch,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    file, fastest, median = ended.stdout.splitlines()[-1].rsplit(" ", 2)
    assert Path(file).is_relative_to(checkout), f"expected the code of {checkout}, found {file}"
    return float(fastest), float(median)


def tables(
    against: Path | None,
    rounds: int,
    models: Sequence[str] = MODELS,
    most_epochs: int = 100,
    seconds: float = 12.0,
) -> Iterator[str]:
    """Three tables, each as soon as it is measured: alone, and beside as many processes as cores,
    of one thread each and of as many as there are cores.

    Args:
        against: a checkout of the commit before, or None.
        rounds: processes a side, in turn.
        models, most_epochs, seconds: see ``seconds_an_epoch``.
    """
    from tabulate import tabulate

    before = (against, "") if against is not None else (ROOT, "threads")
    sides = {"before": before, "now": (ROOT, "")}
    cores = threads.usable_cores()
    loads = (
        (0, ONE_THREAD, "alone"),
        (cores, ONE_THREAD, f"beside {cores} busy processes"),
        (cores, ALL_CORES, f"beside {cores} busy processes of {cores} threads"),
    )
    for number, code, title in loads:
        rows = []
        for model in models:
            values: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(rounds):
                for side, (checkout, off) in sides.items():
                    with busy_processes(number, code):
                        both = seconds_an_epoch(model, checkout, off, most_epochs, seconds)
                    value = both[number > 0]
                    values[side].append(value)
                    print(f"{model}, {title}, {side}: {value:.3f} s an epoch", file=sys.stderr)
            medians = [statistics.median(of_side) for of_side in values.values()]
            shown = [" ".join(f"{value:.3f}" for value in of_side) for of_side in values.values()]
            rows.append([model, *shown, f"{medians[0] / medians[1]:.2f}"])
        headers = [title, "before, s an epoch", "now, s an epoch", "times faster"]
        yield tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)

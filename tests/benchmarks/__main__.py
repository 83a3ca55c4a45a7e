"""Speed beside RecBole, in one run.

    python -m tests.benchmarks                      # ml-100k: minutes
    python -m tests.benchmarks --suite scale        # up to 20 million ratings: an hour

Each case runs in a process of its own, RecBole's and ours in turn; the table has medians over the
rounds and their ratio. The csv, the plot and the profile go to --output.
"""

import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

from recbole_ext import processes
from tests.benchmarks.speed import profile, report, scale, sides, small
from tests.benchmarks.speed.sides import Measured, Side, gemm_peak

BOTH: tuple[Side, ...] = ("RecBole", "recbole_ext")
RESULTS = Path(__file__).parent / "results"

Case = tuple[str, str, Callable[..., Measured], tuple[Any, ...]]


def cases_of_ml_100k(grid: str) -> dict[Case, tuple[Side, ...]]:
    """Case -> its sides."""
    made: dict[Case, tuple[Side, ...]] = {}
    for batch in (2048, 8192):
        made[f"NCFMLP, training, batch {batch:,}", "examples/s", small.training, (batch,)] = BOTH
    for batch in (4096, 409_600):
        name = f"NCFMLP, evaluation, batch {batch:,}"
        made[name, "s", small.evaluation, (batch,)] = BOTH
    made["NCFMLP, grid", "cells/s", small.grid, (grid,)] = BOTH
    for orientation, batch in (("user", 256), ("item", 256), ("user", 2048), ("item", 2048)):
        name = f"AutoRec by {orientation}s, epoch, batch {batch:,} (MultiDAE)"
        made[name, "s", small.autoencoder, (orientation, batch)] = BOTH
    return made


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--suite", type=click.Choice(["ml-100k", "scale"]), default="ml-100k")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--only", default="", help="Only cases whose name has this in it.")
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
def main(suite: str, rounds: int, only: str, output: Path) -> None:
    """Measure our models beside RecBole's, and print how many times faster they are."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if suite == "ml-100k":
            command = [sys.executable, "-m", "recbole_ext.cli.main", "data", "grid", "ml-100k"]
            subprocess.run(command, check=True, cwd=folder, capture_output=True)
            cases = cases_of_ml_100k(f"{folder}/dataset")
        else:
            cases = scale.cases(Path(folder))
        jobs = {
            (case, side, number): (side, case[2], case[3])
            for case, own in cases.items()
            if only in case[0]
            for number in range(1, rounds + 1)
            for side in own
        }
        points = []
        for (case, side, number), found in processes.run_all(jobs, sides.measure, workers=1):
            if found is None:
                raise SystemExit(f"{case[0]}, {side}: {processes.DIED}")
            points.append(report.Point(case[0], case[1], side, number, found))
            click.echo(f"{case[0]}, {side}, {number}: {found.value:.4g} {case[1]}", err=True)
    found = report.lines(points)
    click.echo(f"\n{report.table(found)}\n")
    click.echo(
        f"medians of {rounds}; {torch.get_num_threads()} threads, float32 GEMM "
        f"{gemm_peak():.0f} GFLOP/s, torch {torch.__version__}, Python {platform.python_version()}"
    )
    report.write_csv(output / f"speed_{suite}.csv", points)
    report.write_plot(output / f"speed_{suite}.html", found)
    if suite == "ml-100k" and not only:
        (output / "profile.txt").write_text(profile.text(), encoding="utf-8")


if __name__ == "__main__":
    main()

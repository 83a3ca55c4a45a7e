"""`recbole-ext recommend --all` on 138,493 users and 26,744 items: users a second, peak memory.

    python -m tests.benchmarks.recommend_all        # --shape 1m for a smaller one

The ratings are made up (tests/benchmarks/shapes.py); each model is trained for one epoch, then the
command is a process of its own. Beside its users a second stand those of the product alone: scores
are at least one multiplication and one addition for each number of a vector, user and item, and
the peak of this machine is the fastest product of two matrices that it makes here.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import torch

from recbole_ext.trainer import single_run
from tests.benchmarks import shapes

# model -> settings, the numbers of a vector
MODELS: dict[str, tuple[dict[str, Any], int]] = {
    "AutoRec": ({"orientation": "item", "mlp_hidden_size": [64], "train_batch_size": 2048}, 64),
    "BPR": ({"train_batch_size": 65536}, 64),
    "NCFGMF": ({"train_batch_size": 65536, "learner": "sparse_adam"}, 64),
}
SPLIT = {"split": {"RS": [0.98, 0.01, 0.01]}, "order": "RO", "group_by": None, "mode": "full"}


def train(model: str, shape: str, folder: Path) -> Path:
    """A checkpoint of one epoch, without validation; that of an earlier call where it is there."""
    file = folder / f"{model}-{shape}.pth"
    if file.exists():
        return file
    sys.argv = sys.argv[:1]  # RecBole reads it
    settings = {**MODELS[model][0], **single_run.QUIET, "epochs": 1, "eval_step": 0}
    settings |= {"data_path": str(folder), "checkpoint_dir": str(folder), "eval_args": SPLIT}
    if model == "AutoRec":
        settings |= {"eval_args": {**SPLIT, "mode": "labeled"}}
    run = single_run.prepare(model, shape, settings)
    run.fit()
    return Path(run.trainer.saved_model_file).rename(file)


def peak(n: int = 2048) -> float:
    """Multiplications and additions a second of a product of matrices, the best of five."""
    a, b = torch.rand(n, n), torch.rand(n, n)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * n**3 / min(times)


def command(file: Path, output: Path) -> tuple[float, float, float]:
    """Wall seconds, those until the first user is scored, and the peak GiB of the command."""
    words = [sys.executable, "-m", "recbole_ext.cli.main", "recommend", str(file), "--all"]
    start = time.perf_counter()
    process = subprocess.Popen([*words, "--output", str(output)], stdout=subprocess.DEVNULL)
    began, ended = 0.0, 0
    while not ended:
        parts = [*output.parent.glob(f".{output.name}.*.part")]
        if not began and any(part.stat().st_size > 4096 for part in parts):
            began = time.perf_counter() - start
        time.sleep(0.05)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    if status:
        raise SystemExit(f"{file}: the command failed")
    return time.perf_counter() - start, began, usage.ru_maxrss / 2**20


@click.command()
@click.option("--shape", type=click.Choice([*shapes.SHAPES]), default="20m")
@click.option("--data", type=click.Path(path_type=Path), help="Where the ratings are, or will be.")
@click.argument("names", nargs=-1)
def main(shape: str, data: Path | None, names: tuple[str, ...]) -> None:
    """Print a line for each model."""
    users, items = shapes.SHAPES[shape].users, shapes.SHAPES[shape].items
    with tempfile.TemporaryDirectory() as temporary:
        folder = data or Path(temporary)
        if not (folder / shape).exists():
            # in a process of its own, so that its memory is not theirs
            making = [sys.executable, "-m", "tests.benchmarks.shapes", shape, str(folder)]
            subprocess.run(making, check=True)
        best = peak()
        threads = torch.get_num_threads()
        print(f"{users:,} users, {items:,} items; {threads} threads, {best / 1e9:.0f} GFLOP/s")
        print("model | seconds | of them before the first list | users a second | product | GiB")
        for name in names or MODELS:
            file = train(name, shape, folder)
            seconds, before, memory = command(file, folder / "recs.csv")
            rate = users / (seconds - before)
            product = best / (2 * MODELS[name][1] * items)
            cells = [name, f"{seconds:.0f}", f"{before:.0f}", f"{rate:,.0f}", f"{product:,.0f}"]
            print(" | ".join([*cells, f"{memory:.2f}"]), flush=True)


if __name__ == "__main__":
    main()

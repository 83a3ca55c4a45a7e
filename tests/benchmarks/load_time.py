"""Seconds until a trained model answers: loading it, a user's list, a new person's.

    python -m tests.benchmarks.load_time            # or with names of models

Each model is trained for an epoch on ml-100k. Then a process of its own, of one thread, imports
torch, RecBole and recbole_ext, and the time of each step is taken from there on; the medians of
three processes are printed, of the load its CPU time too, which other processes of the machine do
not change much.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from recbole_ext.trainer import single_run

REPEATED = 3
PERSON: dict[int | str, float] = {"50": 5, "181": 4, "172": 5, "1": 2, "56": 4}

# name -> model, settings
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "AutoRec": ("AutoRec", {}),
    "AutoRec by users": ("AutoRec", {"orientation": "user"}),
    "NCFMLP": ("NCFMLP", {}),
    "NCFMLP, histories": ("NCFMLP", {"history": "both"}),
    "BPR": ("BPR", {}),
    "EASE": ("EASE", {}),
    "ItemKNN": ("ItemKNN", {}),
    "MultiVAE": ("MultiVAE", {"train_batch_size": 128}),
    "LightGCN": ("LightGCN", {}),
    "Pop": ("Pop", {}),
}


def train(name: str, folder: Path) -> Path:
    """A checkpoint of one epoch."""
    model, settings = MODELS[name]
    given = {**settings, **single_run.QUIET, "epochs": 1, "checkpoint_dir": str(folder)}
    run = single_run.prepare(model, "ml-100k", given)
    run.fit()
    return Path(run.trainer.saved_model_file)


def measure(file: str) -> dict[str, float]:
    """Seconds of each step; called in a process of its own."""
    import recbole.quick_start  # noqa: F401
    import torch

    import recbole_ext
    from recbole_ext.errors import UserError

    torch.set_num_threads(1)
    steps = {}

    def timed(step: str, work: Any) -> Any:
        start, cpu = time.perf_counter(), time.process_time()
        try:
            result = work()
        except UserError:  # a model that cannot take in people
            return None
        steps[step] = time.perf_counter() - start
        steps[f"{step}, CPU"] = time.process_time() - cpu
        return result

    recommender = timed("load", lambda: recbole_ext.load(file))
    timed("user", lambda: recommender.recommend(196))
    for step in ("person", "person again"):
        timed(step, lambda: recommender.recommend_for(PERSON))
    return steps


def measured(file: Path) -> dict[str, float]:
    """What ``measure`` returns in a process of its own."""
    words = [sys.executable, "-m", "tests.benchmarks.load_time", "--measure", str(file)]
    result = subprocess.run(words, capture_output=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Print a line for each model."""
    print("model | load | of it CPU | a user's ten | a new person's ten | again")
    sys.argv = sys.argv[:1]  # RecBole reads it
    with tempfile.TemporaryDirectory() as folder:
        for name in names or MODELS:
            file = train(name, Path(folder))
            runs = [measured(file) for _ in range(REPEATED)]
            cells = [name]
            for step in ("load", "load, CPU", "user", "person", "person again"):
                values = [run[step] for run in runs if step in run]
                cells.append(f"{statistics.median(values):.3f}" if values else "-")
            print(" | ".join(cells), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        main()

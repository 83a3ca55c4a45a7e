"""Cases on made-up data of 1, 5 and 20 million ratings (tests/benchmarks/shapes.py)."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.speed.sides import Measured, Side, prepare, prepare_ncf, seconds

RATINGS: dict[str, Any] = {
    "eval_args": {"split": {"RS": [0.9, 0.05, 0.05]}, "group_by": None, "mode": "labeled"},
    "metrics": ["RMSE"],
    "valid_metric": "RMSE",
}


def _ncf(side: Side, shape: str, data_path: str, batch: int) -> Any:
    """The same network; ours with gradients of the rows that a batch has."""
    given = {"data_path": data_path, "train_batch_size": batch, "valid_metric": "NDCG@10"}
    return prepare_ncf(side, shape, {"learner": "sparse_adam"}, **given)


def _step(run: Any, batches: Iterator[Any]) -> None:
    run.trainer.optimizer.zero_grad()
    run.model.calculate_loss(next(batches)).backward()
    run.trainer.optimizer.step()


def _since_the_start_of_the_process() -> float:
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / 100


def first_step(
    side: Side, shape: str, data_path: str, cached: bool, model: str = "NCFMLP"
) -> Measured:
    """Seconds from the start of the process to the end of the first step of training."""
    if not cached:
        shutil.rmtree(Path(data_path) / shape / f"{shape}.cache", ignore_errors=True)
    if model == "NCFMLP":
        run = _ncf(side, shape, data_path, 8192)
    elif model == "AutoRec":
        run = _autorec(side, shape, data_path, "user")
    else:
        run = prepare(side, model, shape, data_path=data_path, train_batch_size=8192)
    run.model.train()
    _step(run, iter(run.train))
    return Measured(_since_the_start_of_the_process())


def training(side: Side, shape: str, data_path: str, batch: int, steps: int) -> Measured:
    """Examples a second, one drawn negative for each interaction."""
    run = _ncf(side, shape, data_path, batch)
    run.model.train()
    batches = iter(run.train)
    for _ in range(3):
        _step(run, batches)
    return Measured(batch / seconds(lambda: _step(run, batches), steps))


def quality(side: Side, shape: str, data_path: str) -> Measured:
    """NDCG@10 of the validation split after one epoch of batches of 8,192."""
    run = _ncf(side, shape, data_path, 8192)
    run.trainer._train_epoch(run.train, 0)
    found = run.trainer.evaluate(run.valid, load_best_model=False)
    return Measured(found["ndcg@10"])


def _autorec(side: Side, shape: str, data_path: str, orientation: str) -> Any:
    own = {"orientation": orientation, "mlp_hidden_size": [500], "train_batch_size": 2048}
    return prepare(side, "AutoRec", shape, data_path=data_path, **own, **RATINGS)


def autorec_epoch(side: Side, shape: str, data_path: str, orientation: str) -> Measured:
    """Seconds of one epoch."""
    run = _autorec(side, shape, data_path, orientation)
    return Measured(seconds(lambda: run.trainer._train_epoch(run.train, 0), 1))


def autorec_rmse(side: Side, shape: str, data_path: str, orientation: str) -> Measured:
    """Seconds of the RMSE of the held-out ratings."""
    run = _autorec(side, shape, data_path, orientation)
    return Measured(seconds(lambda: run.trainer.evaluate(run.test, load_best_model=False), 1))

"""Several real processes that train and evaluate, and one that evaluates the same checkpoints."""

import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch.multiprocessing as mp

from recbole_ext.data.dataloader import WideRankingLoader
from recbole_ext.trainer import checkpoint
from tests import runs

RANKING = {
    "metrics": [
        *("Recall", "MRR", "NDCG", "Hit", "Precision", "MAP", "GAUC", "ItemCoverage"),
        *("AveragePopularity", "ShannonEntropy", "GiniIndex", "TailPercentage"),
    ],
    "topk": [1, 3],
    "valid_metric": "NDCG@3",
    "tail_ratio": 0.5,
}
LABELED = {
    "metrics": ["RMSE", "MAE", "AUC", "LogLoss"],
    "valid_metric": "RMSE",
    "threshold": {"rating": 3.5},
    "load_col": {"inter": ["user_id", "item_id", "rating"]},
    "train_neg_sample_args": None,  # trained on the labels
}
RATINGS = {"metrics": ["RMSE", "MAE"], "valid_metric": "RMSE"}
SCORES = {**RATINGS, "LABEL_FIELD": "rating", "load_col": LABELED["load_col"]}


def job(model: str, mode: str, **settings: Any) -> dict[str, Any]:
    """A run of one model, evaluated in one mode by every metric of that mode."""
    split = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"}
    measures = RANKING
    if mode == "labeled":
        measures = {"AutoRec": RATINGS, "BPR": SCORES}.get(model, LABELED)
    small = runs.SMALL.get(model, {"train_batch_size": 64})
    return {
        "model": model,
        "epochs": 2,
        **small,
        "eval_batch_size": 64,
        **measures,
        "eval_args": {**split, "mode": mode},
        **settings,
    }


def small_batches() -> None:
    """Batches of three users in full rankings of our models too, not one of all."""
    WideRankingLoader.scores = 64


def slow_saves() -> None:
    """A checkpoint takes a while, as that of a large model does."""
    save = checkpoint.save

    def late(*args: Any) -> None:
        time.sleep(0.1)
        save(*args)

    checkpoint.save = late


def free_port() -> int:
    """A port of this machine that no one listens to."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def _work(process: int, n: int, ports: list[int], jobs: list[dict[str, Any]], out: str) -> None:
    import torch.distributed as dist

    sys.argv = sys.argv[:1]  # Config reads it
    small_batches()
    slow_saves()
    results = []
    for port, settings in zip(ports, jobs, strict=True):
        group = {"nproc": n, "world_size": n, "ip": "localhost", "port": port, "offset": 0}
        run = runs.prepare(**settings, **group, local_rank=process)
        run.fit()
        np.random.seed(7 + process)
        metrics = run.trainer.evaluate(run.test, show_progress=False)
        results.append(
            {
                "metrics": {name: float(value) for name, value in metrics.items()},
                "score": float(run.trainer.best_valid_score),
                "file": run.trainer.saved_model_file,
            }
        )
        dist.destroy_process_group()
    (Path(out) / f"{process}.json").write_text(json.dumps(results))


def by_several(n: int, jobs: list[dict[str, Any]], out: Path) -> list[list[dict[str, Any]]]:
    """Train and test each job by n processes; of each process, of each job: metrics, file, score.

    Before the test, process p draws from the numpy seed 7 + p.
    """
    out.mkdir(exist_ok=True)
    ports = [free_port() for _ in jobs]
    mp.spawn(_work, (n, ports, jobs, str(out)), nprocs=n)
    return [json.loads((out / f"{process}.json").read_text()) for process in range(n)]


def by_one(settings: dict[str, Any], file: str) -> dict[str, float]:
    """Test metrics of a checkpoint by this process alone, which draws from the numpy seed 7."""
    run = runs.prepare(**settings)
    run.trainer.eval_collector.data_collect(run.train)
    np.random.seed(7)
    return run.trainer.evaluate(run.test, model_file=file, show_progress=False)

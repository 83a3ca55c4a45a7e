"""Cases on ml-100k, which RecBole's wheel brings."""

from typing import Any

import torch

from tests.benchmarks.speed.sides import Measured, Side, prepare, prepare_ncf, seconds


def _ncf(side: Side, dataset: str = "ml-100k", **settings: Any) -> Any:
    """The same network, with the same weights."""
    run = prepare_ncf(side, dataset, {}, **settings)
    torch.manual_seed(0)
    net = run.model.net if side == "recbole_ext" else run.model
    names = ("user_embedding", "item_embedding")
    if side == "RecBole":
        names = ("user_mlp_embedding", "item_mlp_embedding")
    for part in (*(getattr(net, name) for name in names), net.mlp_layers, net.predict_layer):
        for parameter in part.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return run


def training(side: Side, batch: int) -> Measured:
    """Examples a second, one drawn negative for each interaction: the second epoch and on."""
    run = _ncf(side, train_batch_size=batch)
    run.trainer._train_epoch(run.train, 0)
    taken = seconds(lambda: run.trainer._train_epoch(run.train, 1), 9)
    return Measured(2 * len(run.train._dataset) / taken)


def evaluation(side: Side, batch: int) -> Measured:
    """Seconds of one ``trainer.evaluate`` of all users, full ranking."""
    run = _ncf(side, eval_batch_size=batch)
    found: dict[str, float] = {}

    def evaluate() -> None:
        found.update(run.trainer.evaluate(run.valid, load_best_model=False))

    taken = seconds(evaluate, 1 if side == "RecBole" else 9)
    return Measured(taken, {name: round(value, 6) for name, value in found.items()})


def grid(side: Side, data_path: str) -> Measured:
    """Cells a second in an epoch over the training cells of the grid; ours by whole users."""
    own = {"negatives": "all", "loss_type": "RMSE", "train_batch_size": 32}  # users
    if side == "RecBole":
        own = {"train_batch_size": 8192}  # cells
    run = _ncf(side, "ml-100k-grid", data_path=data_path, **own)
    run.trainer._train_epoch(run.train, 0)
    taken = seconds(lambda: run.trainer._train_epoch(run.train, 1), 1)
    return Measured(len(run.train._dataset) / taken)


def autoencoder(side: Side, orientation: str, batch: int) -> Measured:
    """Seconds of an epoch of AutoRec, or of RecBole's MultiDAE with the one hidden layer."""
    if side == "RecBole":
        size = {"mlp_hidden_size": [], "latent_dimension": 500}
        run = prepare(side, "MultiDAE", "ml-100k", train_batch_size=batch, **size)
    else:
        own = {"orientation": orientation, "mlp_hidden_size": [500]}
        run = prepare(side, "AutoRec", "ml-100k", train_batch_size=batch, **own)
    run.trainer._train_epoch(run.train, 0)
    return Measured(seconds(lambda: run.trainer._train_epoch(run.train, 1), 21))

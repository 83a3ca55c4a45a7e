"""The weights of a trained AutoRec as the start of another one with the same layers."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from recbole_ext.errors import SettingError
from recbole_ext.models.autorec.batches import DenseBatches
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.models.ema import predictor_weights


def weights(file: str, state: Mapping[str, Any], net: nn.Module) -> dict[str, Tensor]:
    """The weights that a trained model predicts by, without those of a global kernel.

    Args:
        file: the checkpoint, for messages.
        state: its ``state_dict``.
        net: the net that starts from them.

    Raises:
        SettingError: the net has other layers.
    """
    trained = {k: v for k, v in predictor_weights(state).items() if "global_kernel" not in k}
    own = {k: v for k, v in net.state_dict().items() if "global_kernel" not in k}
    if (shapes := _shapes(trained)) != (expected := _shapes(own)):
        raise SettingError(
            f"pretrained: {file}: expected a model with {expected}, found "
            f"{shapes or 'none of these'}; train both with the same layers on the same data set"
        )
    return trained


@torch.no_grad()
def mean_ratings(net: AutoRecNet, batches: DenseBatches, blocks: Iterable[Tensor]) -> Tensor:
    """The mean of every row as the net rebuilds it, [rows]; no dropout, no global kernel.

    Args:
        net: has the weights of the trained one.
        batches: have the ratings.
        blocks: the ids of all rows, some at a time.
    """
    was_training = net.training
    net.eval()
    means = []
    for ids in blocks:
        ratings, observed = batches.ratings.dense(ids)
        rows = batches.baseline.taken_from(ratings, observed, batches.baseline.rows[ids])
        means.append(net(rows).mean(1))
    net.train(was_training)
    return torch.cat(means)


def _shapes(of: Mapping[str, Tensor]) -> str:
    shapes = {name: list(weight.shape) for name, weight in sorted(of.items())}
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())

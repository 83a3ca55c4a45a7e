"""Predicting by the running mean of the weights over the steps of training.

    mean <- kept * mean + (1 - kept) * weights          after each step

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, with a mean
that forgets. The net that is trained is not touched.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

N = TypeVar("N", bound=nn.Module)


class Averaging(Generic[N]):
    """What a model adds to its ``net``; the trainer calls ``on_step_end``."""

    net: N
    averaged: AveragedModel | None

    def average(self, kept: float) -> None:
        """Keep a mean of the net's weights from here on, unless ``kept`` is 0."""
        self.averaged = None
        if kept:
            mean = get_ema_multi_avg_fn(kept)
            self.averaged = AveragedModel(self.net, multi_avg_fn=mean).requires_grad_(False)

    @property
    def predictor(self) -> N:
        """The net that predicts: the trained one, or the running mean of its weights."""
        return self.net if self.averaged is None else cast(N, self.averaged.module)

    def on_step_end(self) -> None:
        """What the trainer calls after each step of the optimiser."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.net)

    def start(self, weights: Mapping[str, Tensor]) -> None:
        """Take other weights for the net, and for the mean; names that are missing stay."""
        self.net.load_state_dict(weights, strict=False)
        if self.averaged is not None:
            self.averaged.module.load_state_dict(self.net.state_dict())


def predictor_weights(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """What the predictor of a saved model consists of, by the names of its net."""
    source = "averaged.module." if "averaged.n_averaged" in state else "net."
    return {k.removeprefix(source): v for k, v in state.items() if k.startswith(source)}

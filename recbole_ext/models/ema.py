"""Exponential moving average (EMA) of the weights: it predicts in the place of the last weights.

    mean <- decay * mean + (1 - decay) * weights        after each step

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, with
exponential forgetting. Training itself does not change.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

N = TypeVar("N", bound=nn.Module)


class EmaMixin(Generic[N]):
    """A model with a ``net``, and an average of the net's weights where ``ema_decay`` asks for it.

    Attributes:
        net: is trained.
        averaged: has the average; None without one.
    """

    net: N
    averaged: AveragedModel | None

    def start_ema(self, ema_decay: float) -> None:
        """Average the net's weights from here on.

        Args:
            ema_decay: in [0, 1); 0 for no average.
        """
        self.averaged = None
        if ema_decay:
            update = get_ema_multi_avg_fn(ema_decay)
            self.averaged = AveragedModel(self.net, multi_avg_fn=update).requires_grad_(False)

    @property
    def predictor(self) -> N:
        """The net that predicts: the averaged one, or without an average the trained one."""
        return self.net if self.averaged is None else cast(N, self.averaged.module)

    def on_step_end(self) -> None:
        """Update the average; the trainer calls this after each step of the optimiser."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.net)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the net's weights, and the average by them.

        Args:
            weights: by the names of the net; weights without an entry stay.
        """
        self.net.load_state_dict(weights, strict=False)
        if self.averaged is not None:
            self.averaged.module.load_state_dict(self.net.state_dict())


def predictor_weights(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights that predict, of a saved model's ``state_dict``, by the names of its net."""
    prefix = "averaged.module." if "averaged.n_averaged" in state else "net."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

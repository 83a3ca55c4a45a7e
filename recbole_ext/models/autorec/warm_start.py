"""The weights of a trained AutoRec as the start of another one with the same layers."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from recbole_ext.errors import SettingError
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


def _shapes(of: Mapping[str, Tensor]) -> str:
    shapes = {name: list(weight.shape) for name, weight in sorted(of.items())}
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())

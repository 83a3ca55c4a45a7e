r"""NeuMF from a GMF and an MLP that were trained apart.

    h = [alpha h_GMF ; (1 - alpha) h_MLP],    c = alpha c_GMF + (1 - alpha) c_MLP

He et al., "Neural Collaborative Filtering", WWW 2017, section 3.4.1; all other weights are taken
as they are.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from recbole_ext.errors import SettingError

_HEAD = ("predict_layer.weight", "predict_layer.bias")


class Part(NamedTuple):
    """One of the two trained nets.

    Attributes:
        file: where its checkpoint is, for messages.
        weights: by the names of its net.
        share: alpha, or 1 - alpha.
    """

    file: str
    weights: Mapping[str, Tensor]
    share: float


def fuse(state: Mapping[str, Tensor], gmf: Part, mlp: Part) -> dict[str, Tensor]:
    """The weights of a NeuMF.

    Args:
        state: those it has now, whose names and shapes are expected.
        gmf, mlp: the nets it starts from.

    Raises:
        SettingError: a checkpoint is of another model or other sizes.
    """
    fused = dict(state)
    heads, biases = [], []
    for name, part in (("gmf", gmf), ("mlp", mlp)):
        weight, bias = (part.weights.get(key, torch.empty(0)) for key in _HEAD)
        heads.append(part.share * weight)
        biases.append(part.share * bias)
        for key in sorted(state.keys() - set(_HEAD)):
            if ("gmf" in key) == (name == "gmf"):
                fused[key] = _weight(name, part, key, state[key])
    fused["predict_layer.weight"] = torch.cat(heads, dim=1)
    fused["predict_layer.bias"] = biases[0] + biases[1]
    return fused


def _weight(name: str, part: Part, key: str, expected: Tensor) -> Tensor:
    """A weight of a part, of the shape that is expected."""
    weight = part.weights.get(key)
    if weight is None or weight.shape != expected.shape:
        raise SettingError(
            f"pretrain: {name}: {part.file}: expected {key} of shape {list(expected.shape)}, "
            f"found {'none' if weight is None else list(weight.shape)}; give a checkpoint of "
            f"NCF{name.upper()} with the same sizes on the same data set"
        )
    return weight

"""The mean of LightGCN's layers, without a copy of all of them side by side.

``torch.mean`` of at most four stacked tensors adds one after another, and divides; from the fifth
on it adds in fours. The gradient of each layer is the same tensor, which RecBole has once for
each layer, in rows that are not contiguous.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

MOST = 4  # layers that torch adds one after another


def lightgcn_forward(self: Any) -> tuple[Tensor, ...]:
    """``LightGCN.forward``: the embeddings of the users and of the items."""
    embeddings = self.get_ego_embeddings()
    layers = [embeddings]
    for _ in range(self.n_layers):
        embeddings = torch.sparse.mm(self.norm_adj_matrix, embeddings)
        layers.append(embeddings)
    return torch.split(mean(layers), [self.n_users, self.n_items])


def mean(layers: Sequence[Tensor]) -> Tensor:
    """The mean of tensors of one shape, with the bits of ``torch.mean`` and of its gradients."""
    plain = all(x.dtype == torch.float32 and x.device.type == "cpu" for x in layers)
    if plain and 2 <= len(layers) <= MOST:
        return _Mean.apply(*layers)
    return torch.stack(list(layers), dim=1).mean(dim=1)


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *layers: Tensor) -> Tensor:
        ctx.n = len(layers)
        total = layers[0] + layers[1]
        for layer in layers[2:]:
            total += layer
        return total.div_(ctx.n)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (grads[0] / ctx.n,) * ctx.n

r"""Neural Collaborative Filtering: GMF, the MLP, and NeuMF, which has both.

    GMF     z^G     = p^G_u * q^G_i                           element by element, F wide
    MLP     z_1     = [p_u ; q_i]                             E wide each
            z_{l+1} = a(norm(W_l Dropout(z_l) + b_l))         hidden sizes H_1, ..., H_L
    all     s_ui    = h^T [z^G ; z_{L+1}] + c,   y_ui = sigmoid(s_ui)

He et al., "Neural Collaborative Filtering", WWW 2017, equations 8 to 12. GMF and MLP have one of
the two parts each.

Departures from the paper: the tower is RecBole's ``MLPLayers``, with dropout before each layer;
all weights start as N(0, 0.01) unless asked otherwise, all biases as 0; a class model has a row
of h for each class, and K scores for a pair.

Symbols: B pairs or users, I items, E and F embedding sizes, K classes (1 where there are none).

All items are scored by splitting the first layer, W_1 [p_u ; q_i] = W_p p_u + W_q q_i: each
item is projected once, and each user once. Dropout before the first layer then falls on each
user's and each item's embedding once, not on each pair anew.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from recbole.model.layers import MLPLayers
from torch import Tensor, nn
from torch.nn import functional

from recbole_ext.models.memo import Memo

Activation = Literal["relu", "sigmoid", "tanh", "leakyrelu", "none"]
Norm = Literal["none", "batch", "layer"]
Initialisation = Literal["normal", "paper", "xavier", "kaiming"]

# Scoring all items keeps I x H_1 activations a user; users are taken in blocks that keep this
# many numbers at a time (64 MiB in float32), which stay near the processor.
_BLOCK = 2**24


class UserVectors(NamedTuple):
    """What the net knows of some users: [B, E] for the MLP, [B, F] for GMF; None without it."""

    mlp: Tensor | None
    gmf: Tensor | None


class NCFNet(nn.Module):
    """The two parts and their last layer.

    Args:
        n_users, n_items: rows of the embeddings, the padding id 0 included.
        gmf_size: F; 0 for no GMF.
        mlp_size: E; 0 for no MLP.
        mlp_hidden_size: H_1, ..., H_L; at least one where there is an MLP.
        dropout_prob: in [0, 1), before each hidden layer.
        activation: a.
        norm: after each linear layer of the tower.
        initialisation: ``normal``, N(0, 0.01) for all; ``paper``, that for the embeddings, and for
            the layers what the authors' code has: Glorot's uniform, for the last one LeCun's;
            ``xavier`` and ``kaiming``, normal, for all.
        n_scores: K.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        gmf_size: int = 0,
        mlp_size: int = 0,
        mlp_hidden_size: Sequence[int] = (),
        dropout_prob: float = 0.0,
        activation: Activation = "relu",
        norm: Norm = "none",
        initialisation: Initialisation = "normal",
        n_scores: int = 1,
    ) -> None:
        super().__init__()
        self.mlp_size, self.gmf_size, self.n_scores = mlp_size, gmf_size, n_scores
        if gmf_size:
            self.user_gmf_embedding = nn.Embedding(n_users, gmf_size)
            self.item_gmf_embedding = nn.Embedding(n_items, gmf_size)
        if mlp_size:
            self.user_embedding = nn.Embedding(n_users, mlp_size)
            self.item_embedding = nn.Embedding(n_items, mlp_size)
            sizes = [2 * mlp_size, *mlp_hidden_size]
            self.mlp_layers = MLPLayers(sizes, dropout_prob, activation, bn=norm != "none")
            if norm == "layer":
                _replace_norms(self.mlp_layers.mlp_layers)
        width = gmf_size + (mlp_hidden_size[-1] if mlp_size else 0)
        self.predict_layer = nn.Linear(width, n_scores)
        self._item_part = Memo()
        _initialise(self, initialisation)

    def users(self, ids: Tensor) -> UserVectors:
        """The embeddings of some users, [B]."""
        return UserVectors(
            self.user_embedding(ids) if self.mlp_size else None,
            self.user_gmf_embedding(ids) if self.gmf_size else None,
        )

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """The scores of each pair: [B], [B] -> [B], with classes [B, K]."""
        z = []
        if self.gmf_size:
            z.append(self.user_gmf_embedding(users) * self.item_gmf_embedding(items))  # [B, F]
        if self.mlp_size:
            pair = torch.cat([self.user_embedding(users), self.item_embedding(items)], dim=-1)
            z.append(self.mlp_layers(pair))  # [B, H_L]
        return self._squeeze(self.predict_layer(torch.cat(z, dim=-1)))

    def score_all(self, users: UserVectors) -> Tensor:
        """The scores of every item for each user: [B, I], with classes [B, I, K]."""
        h_gmf, h_mlp = self.predict_layer.weight.split(
            [self.gmf_size, self.predict_layer.in_features - self.gmf_size], dim=1
        )
        scores: Tensor | int = 0
        if users.gmf is not None:
            items = self.item_gmf_embedding.weight
            scores = torch.einsum("bf,kf,if->bik", users.gmf, h_gmf, items)
        if users.mlp is not None:
            scores = scores + functional.linear(self._tower_of_all(users.mlp), h_mlp)
        return self._squeeze(scores + self.predict_layer.bias)

    def _tower_of_all(self, users: Tensor) -> Tensor:
        """z_{L+1} of every item for each user: [B, E] -> [B, I, H_L]."""
        dropout, first, *rest = self.mlp_layers.mlp_layers
        w_user, w_item = first.weight.chunk(2, dim=1)  # [H_1, E] each
        items = self.item_embedding.weight  # [I, E]
        item_part = self._item_part.get((items, first.weight), lambda: dropout(items) @ w_item.T)
        user_part = functional.linear(dropout(users), w_user, first.bias)  # [B, H_1]
        blocks = []
        for block in user_part.split(max(1, _BLOCK // item_part.numel())):
            z = (block[:, None, :] + item_part).flatten(0, 1)  # [b * I, H_1]
            for layer in rest:
                z = layer(z)
            blocks.append(z.unflatten(0, (len(block), -1)))
        return torch.cat(blocks)

    def _squeeze(self, scores: Tensor) -> Tensor:
        return scores.squeeze(-1) if self.n_scores == 1 else scores

    def train(self, mode: bool = True) -> "NCFNet":
        """As ``nn.Module.train``; what an evaluation keeps is forgotten."""
        self._item_part.clear()
        return super().train(mode)


def _replace_norms(layers: nn.Sequential) -> None:
    """RecBole's tower knows batch norm alone."""
    for number, layer in enumerate(layers):
        if isinstance(layer, nn.BatchNorm1d):
            layers[number] = nn.LayerNorm(layer.num_features)


def _initialise(net: NCFNet, kind: Initialisation) -> None:
    for module in _weighted(net):
        last = module is net.predict_layer
        _START[kind](module.weight, isinstance(module, nn.Embedding), last)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


def _weighted(net: NCFNet) -> Iterator[nn.Embedding | nn.Linear]:
    return (module for module in net.modules() if isinstance(module, (nn.Embedding, nn.Linear)))


def _paper(weight: Tensor, embedding: bool, last: bool) -> None:
    if embedding:
        nn.init.normal_(weight, std=0.01)
    elif last:
        nn.init.uniform_(weight, -((3 / weight.shape[1]) ** 0.5), (3 / weight.shape[1]) ** 0.5)
    else:
        nn.init.xavier_uniform_(weight)


_START: dict[Initialisation, Callable[[Tensor, bool, bool], object]] = {
    "normal": lambda weight, embedding, last: nn.init.normal_(weight, std=0.01),
    "paper": _paper,
    "xavier": lambda weight, embedding, last: nn.init.xavier_normal_(weight),
    "kaiming": lambda weight, embedding, last: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
}

r"""Neural Collaborative Filtering: GMF, the MLP, and NeuMF, which has both.

    GMF     z^G     = p^G_u * q^G_i                           element by element, F wide
    MLP     z_1     = [p_u ; q_i]                             E wide each
            z_{l+1} = a(norm(W_l Dropout(z_l) + b_l))         hidden sizes H_1, ..., H_L
    all     s_ui    = h^T [z^G ; z_{L+1}] + c,   y_ui = sigmoid(s_ui)

He et al., "Neural Collaborative Filtering", WWW 2017, equations 8 to 12. GMF and MLP have one of
the two parts each. p and q are profiles.py's: embeddings, or with what the user's, or item's,
history adds.

Departures from the paper: the tower is RecBole's ``MLPLayers``, with dropout before each layer;
all weights start as N(0, 0.01) unless asked otherwise, all biases as 0; a class model has a row
of h for each class, and K scores for a pair.

Symbols: B pairs or users, I items, E and F embedding sizes, K classes (1 where there are none).

The first layer is split, W_1 [p_u ; q_i] = W_p p_u + W_q q_i: each item is projected once, and
each user once. Where all items are scored, or some for all, dropout before the first layer falls
on each user's and each item's embedding once, not on each pair anew.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from recbole.model.layers import MLPLayers
from torch import Tensor, nn
from torch.nn import functional

from recbole_ext.config.types import Orientation
from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.models.memo import Memo
from recbole_ext.models.ncf.choices import Activation, Initialisation, Norm
from recbole_ext.models.ncf.profiles import Profile, once_each

# Scoring all items keeps I x H_1 activations a user; users are taken in blocks that keep this
# many numbers at a time: 8 MiB in float32, which stay in the processor's cache, and on a GPU, which
# would wait for many small blocks, 256 MiB.
_BLOCK = 2**21
_BLOCK_OF_GPU = 2**26


class Vectors(NamedTuple):
    """Some users' p, or some items' q: [B, E] for the MLP, [B, F] for GMF; None without it."""

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
        embedding_dropout_prob: before the first one instead; None for the same.
        activation: a.
        norm: after each linear layer of the tower.
        initialisation: ``normal``, N(0, 0.01) for all; ``paper``, that for the embeddings, and for
            the layers what the authors' code has: Glorot's uniform, for the last one LeCun's;
            ``xavier`` and ``kaiming``, normal, for all.
        n_scores: K.
        user_histories, item_histories: see profiles.py; None for none.
        history_dropout_prob: in [0, 1), of what is in them.
        sparse: see profiles.py.
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
        embedding_dropout_prob: float | None = None,
        user_histories: RatingMatrix | None = None,
        item_histories: RatingMatrix | None = None,
        history_dropout_prob: float = 0.0,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.n_users, self.n_items, self.n_scores = n_users, n_items, n_scores
        self.mlp_size, self.gmf_size = mlp_size, gmf_size
        profile = partial(Profile, dropout_prob=history_dropout_prob, sparse=sparse)
        users = partial(profile, n_users, histories=user_histories)
        items = partial(profile, n_items, histories=item_histories)
        if gmf_size:
            self.user_gmf_embedding = users(size=gmf_size)
            self.item_gmf_embedding = items(size=gmf_size)
        if mlp_size:
            self.user_embedding = users(size=mlp_size)
            self.item_embedding = items(size=mlp_size)
            sizes = [2 * mlp_size, *mlp_hidden_size]
            self.mlp_layers = MLPLayers(sizes, dropout_prob, activation, bn=norm != "none")
            if embedding_dropout_prob is not None:
                self.mlp_layers.mlp_layers[0] = nn.Dropout(embedding_dropout_prob)
            _settle(self.mlp_layers.mlp_layers, norm)
        width = gmf_size + (mlp_hidden_size[-1] if mlp_size else 0)
        self.predict_layer = nn.Linear(width, n_scores)
        self._other_part = Memo()
        _initialise(self, initialisation)

    def vectors(self, of: Orientation, ids: Tensor) -> Vectors:
        """The vectors of some users or items: [B] ids."""
        return Vectors(*(None if table is None else table(ids) for table in self.tables(of)))

    def newcomer(self, of: Orientation, others: Tensor) -> Vectors:
        """The vectors of a user, or item, that was not in training, by its history: [|R|] ids."""
        tables = self.tables(of)
        return Vectors(*(None if table is None else table.newcomer(others) for table in tables))

    def tables(self, of: Orientation) -> tuple[Profile | None, Profile | None]:
        """The profiles of users or items: the MLP's, and GMF's."""
        mlp, gmf = f"{of}_embedding", f"{of}_gmf_embedding"
        return getattr(self, mlp, None), getattr(self, gmf, None)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """The scores of each pair: [B], [B] -> [B], with classes [B, K]."""
        z = []
        if self.gmf_size:
            z.append(self.user_gmf_embedding(users) * self.item_gmf_embedding(items))  # [B, F]
        if self.mlp_size:
            z.append(self._tower(users, items))  # [B, H_L]
        return self._squeeze(self.predict_layer(torch.cat(z, dim=-1)))

    def _tower(self, users: Tensor, items: Tensor) -> Tensor:
        """z_{L+1} of each pair: [B], [B] -> [B, H_L]."""
        dropout, first, *rest = self.mlp_layers.mlp_layers
        if dropout.p and self.training:  # falls on each pair anew: there is nothing to share
            pairs = torch.cat([self.user_embedding(users), self.item_embedding(items)], dim=-1)
            return self.mlp_layers(pairs)
        w_user, w_item = first.weight.chunk(2, dim=1)  # [H_1, E] each
        p, q = self.user_embedding, self.item_embedding
        z = once_each(users, p.num_embeddings, lambda u: functional.linear(p(u), w_user))
        z = z + once_each(
            items, q.num_embeddings, lambda i: functional.linear(q(i), w_item, first.bias)
        )
        for layer in rest:
            z = layer(z)
        return z

    def score_pairs(self, users: Vectors, items: Vectors, row: Tensor, column: Tensor) -> Tensor:
        """The scores of n pairs of some users and items.

        Args:
            users, items: their vectors.
            row, column: [n], the places of each pair's user and item among these.

        Returns:
            [n], with classes [n, K].
        """
        z = []
        if users.gmf is not None and items.gmf is not None:
            z.append(functional.embedding(row, users.gmf) * functional.embedding(column, items.gmf))
        if users.mlp is not None and items.mlp is not None:
            dropout, first, *rest = self.mlp_layers.mlp_layers
            w_user, w_item = first.weight.chunk(2, dim=1)  # [H_1, E] each
            user_part = functional.linear(dropout(users.mlp), w_user, first.bias)
            item_part = functional.linear(dropout(items.mlp), w_item)
            hidden = functional.embedding(row, user_part) + functional.embedding(column, item_part)
            for layer in rest:
                hidden = layer(hidden)
            z.append(hidden)
        return self._squeeze(self.predict_layer(torch.cat(z, dim=-1)))

    def score_all(self, known: Vectors, of: Orientation = "user") -> Tensor:
        """The scores of some users with every item: [B, I], with classes [B, I, K].

        Of items with every user, where ``of`` is ``item``.
        """
        h_gmf, h_mlp = self.predict_layer.weight.split(
            [self.gmf_size, self.predict_layer.in_features - self.gmf_size], dim=1
        )
        scores: Tensor | int = 0
        mlp, gmf = self.tables("item" if of == "user" else "user")
        if known.gmf is not None and gmf is not None:
            scores = torch.einsum("bf,kf,if->bik", known.gmf, h_gmf, gmf())
        if known.mlp is not None and mlp is not None:
            scores = scores + self._tower_scores_of_all(known.mlp, mlp, of, h_mlp)
        return self._squeeze(scores + self.predict_layer.bias)

    def _tower_scores_of_all(
        self, known: Tensor, others: Profile, of: Orientation, h: Tensor
    ) -> Tensor:
        """h z_{L+1} of some users with every item, or the other way: [B, E] -> [B, I, K]."""
        dropout, first, *rest = self.mlp_layers.mlp_layers
        w_known, w_others = first.weight.chunk(2, dim=1)  # [H_1, E] each
        if of == "item":
            w_known, w_others = w_others, w_known

        def project() -> Tensor:
            return dropout(others()) @ w_others.T

        weights = (*others.parameters(), first.weight)
        other_part = self._other_part.get(weights, project)  # [I, H_1]
        known_part = functional.linear(dropout(known), w_known, first.bias)  # [B, H_1]
        blocks = []
        most = _BLOCK if known.device.type == "cpu" else _BLOCK_OF_GPU
        for block in known_part.split(max(1, most // other_part.numel())):
            z = (block[:, None, :] + other_part).flatten(0, 1)  # [b * I, H_1]
            for layer in rest:
                z = layer(z)
            blocks.append(functional.linear(z, h).unflatten(0, (len(block), -1)))
        return torch.cat(blocks)

    def _squeeze(self, scores: Tensor) -> Tensor:
        return scores.squeeze(-1) if self.n_scores == 1 else scores


def _settle(layers: nn.Sequential, norm: Norm) -> None:
    """RecBole's tower knows batch norm alone, and copies what it could write over."""
    for number, layer in enumerate(layers):
        if isinstance(layer, nn.BatchNorm1d) and norm == "layer":
            layers[number] = nn.LayerNorm(layer.num_features)
        if isinstance(layer, nn.ReLU):
            layer.inplace = True  # what comes before it needs its own output for no gradient


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

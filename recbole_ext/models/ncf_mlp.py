r"""NCFMLP: the MLP of Neural Collaborative Filtering.

    z_1     = [p_u ; q_i]                                 p_u, q_i: embeddings, E wide
    z_{l+1} = ReLU(W_l Dropout(z_l) + b_l)                hidden sizes H_1, ..., H_L
    y_ui    = sigmoid(h^T z_{L+1} + c)                    the predicted interaction

He et al., "Neural Collaborative Filtering", WWW 2017, section 3.3, equation 10. Trained on
implicit feedback: 1 for an interaction, 0 for a sampled item without one (equation 7).

Departures from the paper: the tower is RecBole's ``MLPLayers``, with dropout before each
layer; all weights start as N(0, 0.01), all biases as 0.

Symbols: B pairs or users, I items, E embedding size.

All items are scored by splitting the first layer, W_1 [p_u ; q_i] = W_p p_u + W_q q_i: each
item is projected once an evaluation, and each user once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.model.layers import MLPLayers
from recbole.utils import InputType
from torch import Tensor, nn
from torch.nn import functional

from recbole_ext import settings
from recbole_ext.interactions import Orientation
from recbole_ext.models.memo import Memo

Loss = Literal["BCE", "MSE", "RMSE"]

# Scoring all items keeps I x H_1 activations a user; users are taken in blocks that keep this
# many numbers at a time (64 MiB in float32), which stay near the processor.
_BLOCK = 2**24


@dataclass(frozen=True)
class NCFMLPSettings:
    """See properties/model/NCFMLP.yaml for what each one is."""

    embedding_size: settings.Count
    mlp_hidden_size: Annotated[list[settings.Count], settings.Filled()]
    dropout_prob: settings.Probability
    loss_type: Loss


class NCFMLPNet(nn.Module):
    """The tower and its two embeddings.

    Args:
        n_users, n_items: rows of the embeddings, the padding id 0 included.
        embedding_size: E.
        mlp_hidden_size: H_1, ..., H_L; at least one.
        dropout_prob: in [0, 1), before each hidden layer.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        embedding_size: int,
        mlp_hidden_size: Sequence[int],
        dropout_prob: float = 0.0,
    ) -> None:
        super().__init__()
        self.user_embedding = nn.Embedding(n_users, embedding_size)
        self.item_embedding = nn.Embedding(n_items, embedding_size)
        self.mlp_layers = MLPLayers([2 * embedding_size, *mlp_hidden_size], dropout_prob)
        self.predict_layer = nn.Linear(mlp_hidden_size[-1], 1)
        self._item_part = Memo()
        self.apply(_init_weights)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:  # [B], [B] -> [B]
        """The logit of each pair."""
        z = torch.cat([self.user_embedding(users), self.item_embedding(items)], dim=-1)  # [B, 2E]
        return self.predict_layer(self.mlp_layers(z)).squeeze(-1)

    def score_all(self, users: Tensor) -> Tensor:  # [B] -> [B, I]
        """The logit of every item for each user; without dropout, whatever the mode."""
        tower = self.mlp_layers.mlp_layers
        first: nn.Linear = next(layer for layer in tower if isinstance(layer, nn.Linear))
        after_first = [layer for layer in tower if not isinstance(layer, nn.Dropout)][1:]
        w_user, w_item = first.weight.chunk(2, dim=1)  # [H_1, E] each
        items = self.item_embedding.weight  # [I, E]
        item_part = self._item_part.get((items, first.weight), lambda: items @ w_item.T)
        scores = []
        for block in users.split(max(1, _BLOCK // item_part.numel())):
            user_part = functional.linear(self.user_embedding(block), w_user, first.bias)
            z = user_part[:, None, :] + item_part  # [b, I, H_1]
            for layer in after_first:
                z = layer(z)
            scores.append(self.predict_layer(z).squeeze(-1))
        return torch.cat(scores)

    def train(self, mode: bool = True) -> "NCFMLPNet":
        """As ``nn.Module.train``; what an evaluation keeps is forgotten."""
        self._item_part.clear()
        return super().train(mode)


def _init_weights(module: nn.Module) -> None:
    if isinstance(module, (nn.Embedding, nn.Linear)):
        nn.init.normal_(module.weight, std=0.01)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def interaction_loss(logits: Tensor, labels: Tensor, kind: Loss) -> Tensor:
    """The mean loss of predicting ``labels`` by ``sigmoid(logits)``.

    Args:
        logits: [B].
        labels: [B], 0 or 1.
        kind: BCE, the paper's (equation 7); MSE; or RMSE, the root of the batch's MSE.

    Returns:
        A scalar.
    """
    if kind == "BCE":
        return functional.binary_cross_entropy_with_logits(logits, labels)
    squared_error = functional.mse_loss(torch.sigmoid(logits), labels)
    return squared_error if kind == "MSE" else squared_error.sqrt()


class NCFMLP(GeneralRecommender):
    """RecBole's view of ``NCFMLPNet``: interactions in, losses and scores in (0, 1) out."""

    input_type = InputType.POINTWISE

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        chosen = settings.read(NCFMLPSettings, config.final_config_dict)
        self.label_field = config["LABEL_FIELD"]
        self.loss_type = chosen.loss_type
        self.net = NCFMLPNet(
            self.n_users,
            self.n_items,
            chosen.embedding_size,
            chosen.mlp_hidden_size,
            chosen.dropout_prob,
        )

    def calculate_loss(self, interaction: Any) -> Tensor:
        logits = self.net(interaction[self.USER_ID], interaction[self.ITEM_ID])
        return interaction_loss(logits, interaction[self.label_field], self.loss_type)

    def predict(self, interaction: Any) -> Tensor:
        return torch.sigmoid(self.net(interaction[self.USER_ID], interaction[self.ITEM_ID]))

    def vectors(self, of: Orientation) -> Tensor:
        """The embeddings of users or items, [users or items, E], the padding id included."""
        embedding = self.net.user_embedding if of == "user" else self.net.item_embedding
        return embedding.weight

    def full_sort_predict(self, interaction: Any) -> Tensor:
        return torch.sigmoid(self.net.score_all(interaction[self.USER_ID])).view(-1)

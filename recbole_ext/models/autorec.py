r"""AutoRec: the rating autoencoder.

    h(r) = f(W g(V r + mu) + b)                           the row r, rebuilt

    min  (1/B) sum_rows sum_{c observed} (r_c - h(r)_c)^2  +  lambda/2 (||W||^2 + ||V||^2)

Sedhain et al., "AutoRec: Autoencoders Meet Collaborative Filtering", WWW 2015, equations 1
and 2. A row holds the ratings of one item by all users (I-AutoRec, the paper's better one) or
of one user for all items (U-AutoRec); a missing rating is a 0 in the input and is not seen by
the loss.

Departures from the paper: the squared error is the mean over the rows of a batch, not the sum
over all rows, so lambda is the paper's divided by the number of rows; dropout on the hidden
layer; ids are RecBole's, whose id 0 is padding: a column that nobody has rated.

Symbols: B rows, C columns (items of a user's row, users of an item's), H hidden units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType
from torch import Tensor, nn

from recbole_ext import settings
from recbole_ext.interactions import Orientation, RatingRows
from recbole_ext.models.memo import Memo

Activation = Literal["identity", "sigmoid", "relu", "tanh"]

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "tanh": torch.tanh,
}

# Rows that are encoded at a time where all of them are.
_ROWS = 1024


@dataclass(frozen=True)
class AutoRecSettings:
    """See properties/model/AutoRec.yaml for what each one is."""

    orientation: Orientation
    hidden_size: settings.Count
    hid_activation: Activation
    out_activation: Activation
    dropout_prob: settings.Probability
    reg_weight: settings.NonNegative


class AutoRecNet(nn.Module):
    """V, mu, W, b and the two activations.

    Args:
        n_columns: C.
        hidden_size: H.
        hid_activation, out_activation: g and f.
        dropout_prob: in [0, 1), on the hidden units.
    """

    def __init__(
        self,
        n_columns: int,
        hidden_size: int,
        hid_activation: Activation = "sigmoid",
        out_activation: Activation = "identity",
        dropout_prob: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = nn.Linear(n_columns, hidden_size)  # V, mu
        self.decoder = nn.Linear(hidden_size, n_columns)  # W, b
        self.g = _ACTIVATIONS[hid_activation]
        self.f = _ACTIVATIONS[out_activation]
        self.dropout = nn.Dropout(dropout_prob)
        for layer in (self.encoder, self.decoder):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode(self, rows: Tensor) -> Tensor:  # [B, C] -> [B, H]
        """g(V r + mu)."""
        return self.g(self.encoder(rows))

    def decode(self, hidden: Tensor) -> Tensor:  # [B, H] -> [B, C]
        """f(W h + b)."""
        return self.f(self.decoder(hidden))

    def decode_cells(self, hidden: Tensor, columns: Tensor) -> Tensor:  # [B, H], [B] -> [B]
        """One column of each row: f(W_c h + b_c)."""
        weights = self.decoder.weight[columns]  # [B, H]
        return self.f((hidden * weights).sum(-1) + self.decoder.bias[columns])

    def forward(self, rows: Tensor) -> Tensor:  # [B, C] -> [B, C]
        """h(r), the rows rebuilt."""
        return self.decode(self.dropout(self.encode(rows)))

    def penalty(self) -> Tensor:
        """||W||^2 + ||V||^2, without the biases."""
        return self.decoder.weight.square().sum() + self.encoder.weight.square().sum()


def observed_squared_error(rebuilt: Tensor, rows: Tensor, observed: Tensor) -> Tensor:
    """The squared error of the observed ratings, summed over columns, averaged over rows.

    Args:
        rebuilt, rows: [B, C].
        observed: [B, C], true where there is a rating; a rating may be 0.

    Returns:
        A scalar. What stands in an unobserved cell changes neither it nor its gradient.
    """
    error = torch.where(observed, rebuilt - rows, rebuilt.new_zeros(()))
    return error.square().sum() / len(rows)


class AutoRec(GeneralRecommender):
    """RecBole's view of ``AutoRecNet``: ids of rows in, losses and ratings out.

    The input rows are the training split's ratings, whatever the phase.
    """

    input_type = InputType.POINTWISE

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        chosen = settings.read(AutoRecSettings, config.final_config_dict)
        self.by_user = chosen.orientation == "user"
        self.row_field = self.USER_ID if self.by_user else self.ITEM_ID
        self.reg_weight = chosen.reg_weight
        self.rows = RatingRows.of_dataset(dataset, config["RATING_FIELD"], chosen.orientation)
        self.rows = self.rows.to(config["device"])
        self.net = AutoRecNet(
            self.rows.n_columns,
            chosen.hidden_size,
            chosen.hid_activation,
            chosen.out_activation,
            chosen.dropout_prob,
        )
        self._hidden = Memo()

    def calculate_loss(self, interaction: Any) -> Tensor:
        rows, observed = self.rows.dense(interaction[self.row_field])
        error = observed_squared_error(self.net(rows), rows, observed)
        return error + self.reg_weight / 2 * self.net.penalty()

    def hidden(self) -> Tensor:
        """The hidden units of every row, [rows, H], the padding row included; no dropout."""

        def encode_all() -> Tensor:
            ids = torch.arange(self.rows.n_rows, device=self.rows.device)
            return torch.cat(
                [self.net.encode(self.rows.dense(some)[0]) for some in ids.split(_ROWS)]
            )

        encoder = self.net.encoder
        return self._hidden.get((encoder.weight, encoder.bias), encode_all)

    def predict(self, interaction: Any) -> Tensor:
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        rows, columns = (users, items) if self.by_user else (items, users)
        return self.net.decode_cells(self.hidden()[rows], columns)

    def full_sort_predict(self, interaction: Any) -> Tensor:
        users = interaction[self.USER_ID]
        if self.by_user:
            return self.net.decode(self.hidden()[users]).view(-1)
        decoder = self.net.decoder
        weights, biases = decoder.weight[users], decoder.bias[users]  # [B, H], [B]
        return self.net.f(weights @ self.hidden().T + biases[:, None]).view(-1)  # [B * items]

    def train(self, mode: bool = True) -> "AutoRec":
        """As ``nn.Module.train``; what an evaluation keeps is forgotten."""
        self._hidden.clear()
        return super().train(mode)

r"""AutoRec: the rating autoencoder.

    h(r) = f(W g(V r + mu) + b)                           the row r, rebuilt

    min  (1/B) sum_rows sum_{c observed} (r_c - h(r)_c)^2  +  lambda/2 (||W||^2 + ||V||^2)

Sedhain et al., "AutoRec: Autoencoders Meet Collaborative Filtering", WWW 2015, equations 1
and 2. A row holds the ratings of one item by all users (I-AutoRec, the paper's better one) or
of one user for all items (U-AutoRec); a missing rating is a 0 in the input and is not seen by
the loss.

Departures from the paper: the squared error is the mean over the rows of a batch, not the sum
over all rows, so lambda is the paper's divided by the number of rows; dropout on the input and
the hidden layer; a mean or biases may be taken from the ratings first (see centring.py); the input
may be corrupted in training (see corruption.py), while the loss compares with the clean row; ids
are RecBole's, whose id 0 is padding: a column that nobody has rated.

Predictions of ratings are kept in the range of the training ratings; scores for ranking are not,
so that items at the top of the range are told apart. For a user or an item without a training
rating the paper predicts 3 (``unseen_rating: 3``); by default the network's answer stands.

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
from recbole_ext.errors import SettingError
from recbole_ext.interactions import Orientation, RatingRows
from recbole_ext.models.centring import Centring, centred, fit_baseline
from recbole_ext.models.corruption import Corruption, corrupt
from recbole_ext.models.memo import Memo

Activation = Literal["identity", "sigmoid", "relu", "selu", "tanh"]
Initialisation = Literal["xavier", "kaiming", "normal"]

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "selu": torch.selu,
    "tanh": torch.tanh,
}

_INITIALISE: dict[Initialisation, Callable[[Tensor], Tensor]] = {
    "xavier": nn.init.xavier_normal_,
    "kaiming": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "normal": lambda weight: nn.init.normal_(weight, std=0.01),
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
    input_dropout_prob: settings.Probability
    dropout_prob: settings.Probability
    reg_weight: settings.NonNegative
    initialisation: Initialisation
    centring: Centring
    damping: settings.NonNegative
    clip_ratings: bool
    unseen_rating: float | None
    corruption: Corruption
    corruption_rate: settings.NonNegative


class AutoRecNet(nn.Module):
    """V, mu, W, b and the two activations.

    Args:
        n_columns: C.
        hidden_size: H.
        hid_activation, out_activation: g and f.
        dropout_prob: in [0, 1), on the hidden units.
        input_dropout_prob: in [0, 1), on the row.
        initialisation: of V and W; the biases start as 0.
    """

    def __init__(
        self,
        n_columns: int,
        hidden_size: int,
        hid_activation: Activation = "sigmoid",
        out_activation: Activation = "identity",
        dropout_prob: float = 0.0,
        input_dropout_prob: float = 0.0,
        initialisation: Initialisation = "xavier",
    ) -> None:
        super().__init__()
        self.encoder = nn.Linear(n_columns, hidden_size)  # V, mu
        self.decoder = nn.Linear(hidden_size, n_columns)  # W, b
        self.g = _ACTIVATIONS[hid_activation]
        self.f = _ACTIVATIONS[out_activation]
        self.dropout = nn.Dropout(dropout_prob)
        self.input_dropout = nn.Dropout(input_dropout_prob)
        for layer in (self.encoder, self.decoder):
            _INITIALISE[initialisation](layer.weight)
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
        return self.decode(self.dropout(self.encode(self.input_dropout(rows))))

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
        ratings = RatingRows.of_dataset(dataset, config["RATING_FIELD"], chosen.orientation)
        ratings = ratings.to(config["device"])
        self.corruption, self.corruption_rate = chosen.corruption, chosen.corruption_rate
        self.levels = ratings.values.unique()  # sorted
        if chosen.corruption == "flip" and len(self.levels) < 2:
            raise SettingError(
                "corruption: flip puts another rating in the place of one, but all are "
                f"{self.levels.tolist()}; use drop or gaussian"
            )
        self.baseline = fit_baseline(ratings, chosen.centring, chosen.damping)
        self.rows = centred(ratings, self.baseline)
        self.clip_ratings = chosen.clip_ratings
        self.range = (float(ratings.values.min()), float(ratings.values.max()))
        self.unseen_rating = chosen.unseen_rating
        self.unseen_rows = ratings.starts.diff() == 0  # [rows]
        self.unseen_columns = ratings.columns.new_ones(ratings.n_columns, dtype=torch.bool)
        self.unseen_columns[ratings.columns] = False  # [C]
        self.net = AutoRecNet(
            self.rows.n_columns,
            chosen.hidden_size,
            chosen.hid_activation,
            chosen.out_activation,
            chosen.dropout_prob,
            chosen.input_dropout_prob,
            chosen.initialisation,
        )
        self._hidden = Memo()

    def calculate_loss(self, interaction: Any) -> Tensor:
        ids = interaction[self.row_field]
        rows, observed = self.rows.dense(ids)
        error = observed_squared_error(self.net(self._shown(rows, observed, ids)), rows, observed)
        return error + self.reg_weight / 2 * self.net.penalty()

    def _shown(self, rows: Tensor, observed: Tensor, ids: Tensor) -> Tensor:
        """What the network sees of some rows in training: corrupted as ratings, then centred."""
        if self.corruption == "none":
            return rows
        columns = torch.arange(self.rows.n_columns, device=rows.device)
        baseline = self.baseline.at(ids[:, None], columns)  # [B, C]
        ratings = torch.where(observed, rows + baseline, 0.0)
        ratings, observed = corrupt(
            ratings, observed, self.corruption, self.corruption_rate, self.levels
        )
        return torch.where(observed, ratings - baseline, 0.0)

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
        """The rating of each pair [B], in the range of the training ratings."""
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        rows, columns = (users, items) if self.by_user else (items, users)
        ratings = self.net.decode_cells(self.hidden()[rows], columns)
        ratings = self._finish(ratings + self.baseline.at(rows, columns), rows, columns)
        return ratings.clamp(*self.range) if self.clip_ratings else ratings

    def full_sort_predict(self, interaction: Any) -> Tensor:
        """The score of every item for each user [B * items]: ratings, not clipped."""
        users = interaction[self.USER_ID][:, None]  # [B, 1]
        items = torch.arange(self.n_items, device=users.device)
        if self.by_user:
            rows, columns = users, items
            scores = self.net.decode(self.hidden()[users[:, 0]])  # [B, items]
        else:
            rows, columns = items, users
            decoder = self.net.decoder
            weights, biases = decoder.weight[users[:, 0]], decoder.bias[users]  # [B, H], [B, 1]
            scores = self.net.f(weights @ self.hidden().T + biases)
        return self._finish(scores + self.baseline.at(rows, columns), rows, columns).view(-1)

    def _finish(self, ratings: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The paper's rule for what training has not seen, where it is asked for."""
        if self.unseen_rating is None:
            return ratings
        unseen = self.unseen_rows[rows] | self.unseen_columns[columns]
        return torch.where(unseen, self.unseen_rating, ratings)

    def train(self, mode: bool = True) -> "AutoRec":
        """As ``nn.Module.train``; what an evaluation keeps is forgotten."""
        self._hidden.clear()
        return super().train(mode)

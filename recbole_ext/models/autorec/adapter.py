"""AutoRec as RecBole sees it: ids of rows in, losses, ratings and scores out."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType
from torch import Tensor
from torch.nn import functional

from recbole_ext.config import settings
from recbole_ext.data.rating_matrix import Cells, Orientation, RatingMatrix
from recbole_ext.errors import SettingError
from recbole_ext.models.autorec.centring import fit_baseline
from recbole_ext.models.autorec.corruption import Corruption, corrupt
from recbole_ext.models.autorec.kernels import GlobalKernel
from recbole_ext.models.autorec.net import (
    AutoRecNet,
    cross_entropy,
    observed_cross_entropy,
    observed_squared_error,
)
from recbole_ext.models.autorec.settings import AutoRecSettings
from recbole_ext.models.averaging import Averaging, predictor_weights
from recbole_ext.models.memo import Memo

# Rows that are encoded at a time where all of them are.
_ROWS = 1024

# Cells of a dense matrix product that take the time of one that is looked up: rows with fewer
# ratings than one in so many columns are kept as their cells.
_CELL = 30


class _Batch(NamedTuple):
    """Some rows: as ``AutoRecNet.encode`` takes them, and as ratings, each [B, C].

    Attributes:
        inputs: see there.
        shown: the ratings in them, corrupted.
        clean, observed: the ratings that there are, and where.
    """

    inputs: Tensor
    shown: Tensor
    clean: Tensor
    observed: Tensor


class AutoRec(Averaging[AutoRecNet], GeneralRecommender):
    """RecBole's view of ``AutoRecNet``.

    The input rows are the training split's ratings, whatever the phase.
    """

    input_type = InputType.POINTWISE

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.chosen = chosen = settings.read(AutoRecSettings, config.final_config_dict)
        self.by_user = chosen.orientation == "user"
        self.row_field = self.USER_ID if self.by_user else self.ITEM_ID
        self.rating_field = config["RATING_FIELD"]
        ratings = RatingMatrix.of_dataset(dataset, self.rating_field, chosen.orientation)
        self.rows = ratings = ratings.to(config["device"])
        self.levels = ratings.values.unique()  # [K], sorted
        if chosen.corruption == "flip" and len(self.levels) < 2:
            raise SettingError(
                "corruption: flip puts another rating in the place of one, but all are "
                f"{self.levels.tolist()}; use drop or gaussian"
            )
        self.baseline = fit_baseline(ratings, chosen.centring, chosen.damping)
        self.range = (float(ratings.values.min()), float(ratings.values.max()))
        self.unseen_rows = ratings.starts.diff() == 0  # [rows]
        self.unseen_columns = ratings.columns.new_ones(ratings.n_columns, dtype=torch.bool)
        self.unseen_columns[ratings.columns] = False  # [C]
        size = chosen.global_kernel_size
        n_cells = ratings.n_rows * ratings.n_columns
        self.by_cells = _CELL * len(ratings.values) < n_cells and not (
            size or chosen.refeeding or chosen.learner == "lbfgs"  # which need whole rows
        )
        self.net = AutoRecNet(
            ratings.n_columns,
            chosen.mlp_hidden_size,
            chosen.hid_activation,
            chosen.out_activation,
            chosen.dropout_prob,
            chosen.input_dropout_prob,
            chosen.initialisation,
            n_inputs=ratings.n_columns * (2 if chosen.mask_input_scale else 1),
            tied=chosen.tied,
            kernel_dim=chosen.kernel_dim,
            levels=self.levels if chosen.loss_type == "CE" else None,
            global_kernel=GlobalKernel(ratings.n_rows, size) if size else None,
            pattern=ratings.pattern() if chosen.svdpp_scale else None,
            pattern_step=chosen.svdpp_scale,
            by_cells=self.by_cells,
        )
        self.average(chosen.ema_decay)
        self._hidden = Memo()
        self.rebuilt: Tensor | None = None  # h(r) of the last batch, where it is fed back

    # --- training ---------------------------------------------------------------------------

    def calculate_loss(self, interaction: Any) -> Tensor:
        ids = interaction[self.row_field]
        if self.by_cells:
            return self._loss_of_cells(ids) + self._penalty()
        batch = self._inputs(ids, self.chosen.corruption, self.chosen.corruption_rate)
        observed = batch.observed
        rows = self.baseline.taken_from(batch.clean, observed, self.baseline.rows[ids])
        scores = self.net.scores(self.net.encode(batch.inputs))
        if self.net.levels is not None:
            error = observed_cross_entropy(scores, rows, observed, self.net.levels)
        else:
            rebuilt = self.net.ratings(scores)
            error = observed_squared_error(rebuilt, rows, observed)
            self.rebuilt = rebuilt.detach() if self.chosen.refeeding else None
        return error + self._penalty()

    def _loss_of_cells(self, ids: Tensor) -> Tensor:
        """The same error, of the observed cells alone."""
        inputs, clean = self._cells(ids, self.chosen.corruption, self.chosen.corruption_rate)
        scores = self.net.scores_of_cells(self.net.encode(inputs), clean)
        if self.net.levels is not None:
            error = cross_entropy(scores, clean.values, self.net.levels)
        else:
            ratings = self.net.ratings(scores)
            error = functional.mse_loss(ratings, clean.values, reduction="sum")
        return error / len(ids)

    def refeeding_loss(self, interaction: Any, rows: Tensor) -> Tensor:
        """The loss of rebuilt rows, fed back as rows in which every cell is a rating.

        The error is scaled to weigh as much as that of the batch's observed ratings.

        Args:
            interaction: the batch.
            rows: [B, C], h(r).
        """
        ids = interaction[self.row_field]
        counts = self.rows.starts[ids + 1] - self.rows.starts[ids]
        rebuilt = self.net(rows)
        self.rebuilt = rebuilt.detach()
        error = observed_squared_error(rebuilt, rows, torch.ones_like(rows, dtype=torch.bool))
        return error * counts.sum() / rows.numel() + self._penalty()

    def _penalty(self) -> Tensor:
        penalty = self.chosen.reg_weight / 2 * self.net.penalty()
        if self.chosen.kernel_dim:
            penalty = penalty + self.chosen.kernel_reg_weight / 2 * self.net.kernel_penalty()
        return penalty

    def warm_start(self, load: Callable[[str], Mapping[str, Any]]) -> None:
        """Take the weights of a trained model, and for a global kernel what that predicts.

        Args:
            load: reads a checkpoint; the one of ``pretrained`` has to have the same layers.

        Raises:
            SettingError: it has other layers.
        """
        if self.chosen.pretrained is None:
            return
        state = load(self.chosen.pretrained)["state_dict"]
        weights = {k: v for k, v in predictor_weights(state).items() if "global_kernel" not in k}
        own = {k: v for k, v in self.net.state_dict().items() if "global_kernel" not in k}
        if (found := _shapes(weights)) != (expected := _shapes(own)):
            raise SettingError(
                f"pretrained: expected a model with {expected}, found {found}; train both with "
                "the same layers on the same data set"
            )
        self.start(weights)
        if self.net.global_kernel is not None:
            with torch.no_grad():
                pooled = self._mean_ratings()
            self.start({"global_kernel.pooled": pooled})

    def _mean_ratings(self) -> Tensor:
        """The mean of every row as the net rebuilds it, [rows]; no dropout, no global kernel."""
        was_training = self.net.training
        self.net.eval()
        means = []
        for ids in self._all_rows():
            ratings, observed = self.rows.dense(ids)
            rows = self.baseline.taken_from(ratings, observed, self.baseline.rows[ids])
            means.append(self.net(rows).mean(1))
        self.net.train(was_training)
        return torch.cat(means)

    # --- what the net is given --------------------------------------------------------------

    def _assemble(self, ratings: Tensor, observed: Tensor, row_biases: Tensor) -> Tensor:
        """Centred rows, and where it is asked for their pattern: [B, inputs]."""
        rows = self.baseline.taken_from(ratings, observed, row_biases)
        if not self.chosen.mask_input_scale:
            return rows
        return torch.cat([rows, self.chosen.mask_input_scale * observed.to(rows)], dim=-1)

    def _inputs(self, ids: Tensor, corruption: Corruption = "none", rate: float = 0.0) -> "_Batch":
        """What the net is given for some rows, corrupted as ratings and then centred."""
        size = self.chosen.global_kernel_size or 1
        near = ids[:, None] + torch.arange(size, device=ids.device) - size // 2  # [B, size]
        # beyond the ends lies the padding row, which is empty
        near = near.masked_fill((near < 0) | (near >= self.rows.n_rows), 0).ravel()
        clean, observed = self.rows.dense(near)
        shown, kept = corrupt(clean, observed, corruption, rate, self.levels)
        inputs = self._assemble(shown, kept, self.baseline.rows[near])
        if self.chosen.global_kernel_size:
            inputs = inputs.unflatten(0, (-1, size))
        middle = slice(size // 2, None, size)
        return _Batch(inputs, shown[middle], clean[middle], observed[middle])

    def _cells(
        self, ids: Tensor, corruption: Corruption = "none", rate: float = 0.0
    ) -> tuple[Cells, Cells]:
        """The same by cells: what the net is given for some rows, and their centred ratings."""
        cells = self.rows.cells(ids)
        all_of_them = torch.ones_like(cells.values, dtype=torch.bool)
        shown, kept = corrupt(cells.values, all_of_them, corruption, rate, self.levels)
        baseline = self.baseline.at(ids[cells.row], cells.columns)
        clean = cells._replace(values=cells.values - baseline)
        values = torch.where(kept, shown - baseline, 0.0)
        if not self.chosen.mask_input_scale:
            return cells._replace(values=values), clean
        pattern = self.chosen.mask_input_scale * kept.to(values)
        both = Cells(  # each rating and its part of the pattern, which has columns of its own
            2 * cells.starts,
            cells.row.repeat_interleave(2),
            torch.stack([cells.columns, cells.columns + self.rows.n_columns], dim=1).ravel(),
            torch.stack([values, pattern], dim=1).ravel(),
        )
        return both, clean

    def _all_rows(self) -> tuple[Tensor, ...]:
        return torch.arange(self.rows.n_rows, device=self.rows.device).split(_ROWS)

    # --- prediction -------------------------------------------------------------------------

    def hidden(self) -> Tensor:
        """The last hidden layer of every row, [rows, H], the padding row included."""
        weights = self.predictor.state_dict(keep_vars=True).values()
        return self._hidden.get(weights, lambda: self._encode_all(None))

    def _encode_all(self, depth: int | None) -> Tensor:
        blocks = []
        for ids in self._all_rows():
            inputs = self._cells(ids)[0] if self.by_cells else self._inputs(ids).inputs
            blocks.append(self.predictor.encode(inputs, depth))
        return torch.cat(blocks)

    def predict(self, interaction: Any) -> Tensor:
        """The rating of each pair [B], in the range of the training ratings."""
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        rows, columns = (users, items) if self.by_user else (items, users)
        ratings = self.predictor.decode_cells(self.hidden()[rows], columns)
        return self._clip(self._finish(ratings, rows, columns))

    def full_sort_predict(self, interaction: Any) -> Tensor:
        """The score of every item for each user [B * items]: ratings, not clipped."""
        users = interaction[self.USER_ID]  # [B]
        items = torch.arange(self.n_items, device=users.device)
        if self.by_user:
            scores = self.predictor.decode(self.hidden()[users])  # [B, items]
            return self._finish(scores, users[:, None], items).view(-1)
        scores = self.predictor.decode(self.hidden(), users).T
        return self._finish(scores, items, users[:, None]).reshape(-1)

    def rebuild(self, ids: Tensor, corruption: Corruption, rate: float) -> tuple[Tensor, Tensor]:
        """Rows as the model rebuilds them from corrupted ratings.

        Args:
            ids: [B], of rows.
            corruption, rate: see corruption.py; drawn from torch's random numbers.

        Returns:
            the ratings [B, C], and whether a rating was corrupted [B, C].
        """
        batch = self._inputs(ids, corruption, rate)
        columns = torch.arange(self.rows.n_columns, device=ids.device)
        rebuilt = self.predictor.decode(self.predictor.encode(batch.inputs))
        rebuilt = self._clip(self._finish(rebuilt, ids[:, None], columns))
        return rebuilt, batch.shown != batch.clean

    def _finish(self, ratings: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The baseline added, and the paper's rule for the unseen where it is asked for."""
        ratings = ratings + self.baseline.at(rows, columns)
        if self.chosen.unseen_rating is None:
            return ratings
        unseen = self.unseen_rows[rows] | self.unseen_columns[columns]
        return torch.where(unseen, self.chosen.unseen_rating, ratings)

    def _clip(self, ratings: Tensor) -> Tensor:
        return ratings.clamp(*self.range) if self.chosen.clip_ratings else ratings

    # --- representations --------------------------------------------------------------------

    def encode(self, ratings: Tensor, observed: Tensor | None = None) -> Tensor:
        """The code of rows that need not be of the training ratings.

        Args:
            ratings: [B, C].
            observed: [B, C], true where there is a rating; by default where it is not 0.

        Returns:
            [B, H], the narrowest hidden layer (the first one, where several are).
        """
        observed = ratings != 0 if observed is None else observed
        rows = self._assemble(ratings, observed, ratings.new_zeros(len(ratings)))
        if size := self.chosen.global_kernel_size:
            rows = torch.nn.functional.pad(rows[:, None], (0, 0, size // 2, size // 2))
        return self.predictor.encode(rows, self.predictor.code_depth)

    def vectors(self, of: Orientation) -> Tensor:
        """A vector for every user or item, [users or items, H], the padding id included.

        For what a row is, its code; for what a column is, its weights in the last layer.
        """
        if (of == "user") == self.by_user:
            return self._encode_all(self.predictor.code_depth)
        return self.predictor.last_layer.matrix().unflatten(0, (self.rows.n_columns, -1)).flatten(1)

    def train(self, mode: bool = True) -> "AutoRec":
        """As ``nn.Module.train``; what an evaluation keeps is forgotten."""
        self._hidden.clear()
        return super().train(mode)


def _shapes(weights: Mapping[str, Tensor]) -> str:
    shapes = {name: list(weight.shape) for name, weight in sorted(weights.items())}
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())

"""AutoRec as RecBole sees it: ids of rows in, losses, ratings and scores out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType
from torch import Tensor
from torch.nn import functional

from recbole_ext.config.types import Orientation
from recbole_ext.data.dataset import RatingDataset
from recbole_ext.data.rating_matrix import Cells, RatingMatrix
from recbole_ext.errors import SettingError
from recbole_ext.models.autorec import exposure_head, fold_in, warm_start
from recbole_ext.models.autorec.batches import CellBatches, DenseBatches
from recbole_ext.models.autorec.centring import fit_baseline
from recbole_ext.models.autorec.choices import Corruption
from recbole_ext.models.autorec.heads import observed_squared_error
from recbole_ext.models.autorec.kernels import GlobalKernel
from recbole_ext.models.autorec.loader import autorec_loader
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.models.autorec.predictions import RatingScale
from recbole_ext.models.autorec.ranking import Ranker
from recbole_ext.models.autorec.settings import AutoRecSettings, read_settings
from recbole_ext.models.ema import EmaMixin
from recbole_ext.models.memo import Memo
from recbole_ext.trainer.trainer import AutoRecTrainer  # noqa: F401  found by its name

# Rows that are encoded at a time where all of them are.
_BLOCK = 1024

# Cells of a dense matrix product that take the time of one that is looked up: rows with fewer
# ratings than one in so many columns are kept as their cells.
_CELL_COST = 30


class AutoRec(EmaMixin[AutoRecNet], GeneralRecommender):
    """AutoRec, the rating autoencoder, as a RecBole model.

    The input rows are the training split's ratings, whatever the phase.
    """

    input_type = InputType.POINTWISE
    reads_ratings = True
    scores_all_items = True

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.settings: AutoRecSettings = read_settings(config.final_config_dict)
        self.by_user = self.settings.orientation == "user"
        self.row_field = self.USER_ID if self.by_user else self.ITEM_ID
        self.rating_field = config["RATING_FIELD"]
        ratings = RatingMatrix.of_dataset(dataset, self.rating_field, self.settings.orientation)
        self.ratings = ratings = ratings.to(config["device"])
        self.levels = ratings.values.unique()  # [K], sorted
        if self.settings.corruption == "flip" and len(self.levels) < 2:
            raise SettingError(
                "corruption: flip puts another rating in the place of one, but all are "
                f"{self.levels.tolist()}; use drop or gaussian"
            )
        centring, damping = self.settings.centring, self.settings.damping
        self.baseline = fit_baseline(ratings, centring, damping, self.settings.standardise)
        self.scale = RatingScale.of(
            ratings,
            self.baseline,
            self.settings.clip_ratings,
            self.settings.unseen_rating,
            damping if centring == "bias" else None,
        )
        size, mask = self.settings.global_kernel_size, self.settings.mask_input_scale
        n_cells = ratings.n_rows * ratings.n_columns
        self.by_cells = _CELL_COST * len(ratings.values) < n_cells and not (
            size or self.settings.refeeding or self.settings.learner == "lbfgs"
        )  # which need dense rows
        self.dense = DenseBatches(ratings, self.baseline, self.levels, mask, size)
        cells = CellBatches(ratings, self.baseline, self.levels, mask)
        self.batches = cells if self.by_cells else self.dense
        self.net = AutoRecNet(
            ratings.n_columns,
            self.settings.mlp_hidden_size,
            self.settings.hid_activation,
            self.settings.out_activation,
            self.settings.dropout_prob,
            self.settings.input_dropout_prob,
            self.settings.initialisation,
            n_inputs=ratings.n_columns * (2 if mask else 1),
            tied=self.settings.tied,
            kernel_dim=self.settings.kernel_dim,
            levels=self.levels if self.settings.loss_type == "CE" else None,
            global_kernel=GlobalKernel(ratings.n_rows, size) if size else None,
            pattern=ratings.pattern() if self.settings.svdpp_scale else None,
            pattern_step=self.settings.svdpp_scale,
            by_cells=self.by_cells,
            exposure_head=exposure_head.maker(self.settings, self.n_items),
        )
        self.ranker = Ranker(self.settings, ratings, dataset)
        self.start_ema(self.settings.ema_decay)
        self._hidden = Memo()
        self._rates = True
        self.rebuilt: Tensor | None = None  # h(r) of the last batch, where it is fed back

    # --- training ---------------------------------------------------------------------------

    def warm_start(self, load: Callable[[str], Mapping[str, Any]]) -> None:
        """Take the weights of a trained model, and for a global kernel what that predicts.

        Args:
            load: reads a checkpoint; the one of ``pretrained`` has to have the same layers.

        Raises:
            SettingError: it has other layers.
        """
        if self.settings.pretrained is None:
            return
        state = load(self.settings.pretrained)["state_dict"]
        self.load_weights(warm_start.weights(self.settings.pretrained, state, self.net))
        if self.net.global_kernel is not None:
            means = warm_start.mean_ratings(self.net, self.dense, self._all_rows())
            self.load_weights({"global_kernel.pooled": means})

    def calculate_loss(self, interaction: Any) -> Tensor:
        ids = interaction[self.row_field]
        batch = self.batches.batch(ids, self.settings.corruption, self.settings.corruption_rate)
        hidden = self.net.encode(batch.inputs)
        outputs = batch.outputs(self.net, hidden)
        if self.settings.refeeding:
            self.rebuilt = outputs.detach()
        error = batch.error(self.net, outputs)
        if self.settings.exposure_weight:
            error = error + self.ranker.loss(self.net, hidden, ids)
        return error + self._penalty()

    def refeeding_loss(self, interaction: Any, rows: Tensor) -> Tensor:
        """The loss of rebuilt rows, fed back as rows in which every cell is a rating.

        The error is scaled to weigh as much as that of the batch's observed ratings.

        Args:
            interaction: the batch.
            rows: [B, C], h(r).
        """
        ids = interaction[self.row_field]
        counts = self.ratings.starts[ids + 1] - self.ratings.starts[ids]
        rebuilt = self.net(rows)
        self.rebuilt = rebuilt.detach()
        error = observed_squared_error(rebuilt, rows, torch.ones_like(rows, dtype=torch.bool))
        return error * counts.sum() / rows.numel() + self._penalty()

    def _penalty(self) -> Tensor:
        penalty = self.settings.reg_weight / 2 * self.net.penalty()
        if self.settings.kernel_dim:
            penalty = penalty + self.settings.kernel_reg_weight / 2 * self.net.kernel_penalty()
        return penalty

    # --- prediction -------------------------------------------------------------------------

    @property
    def ranks_by_ratings(self) -> bool:
        """Whether the scores that items are ranked by are the predicted ratings."""
        return not self.settings.exposure_weight

    def predict(self, interaction: Any) -> Tensor:
        """The rating of each pair [B], in the range of the training ratings (``clip_ratings``)."""
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        rows, columns = (users, items) if self.by_user else (items, users)
        net, hidden = self.predictor, self.hidden()

        def ratings() -> Tensor:
            return self.scale.restore(net.decode_pairs(hidden[rows], columns), rows, columns)

        if self._rates:
            return self.scale.clip(ratings())
        return self.ranker.of_pairs(net, hidden, rows, columns, ratings)

    @contextmanager
    def for_ranking(self) -> Iterator[None]:
        """Within this block ``predict`` returns scores for a ranking, as ``full_sort_predict``.

        All items beyond the end of the scale would be tied.
        """
        self._rates = False
        try:
            yield
        finally:
            self._rates = True

    def full_sort_predict(self, interaction: Any) -> Tensor:
        """The score of every item for each user [B * items]: see exposure.py.

        Without an exposure head these are ratings, not clipped.
        """
        users = interaction[self.USER_ID]  # [B]
        items = torch.arange(self.n_items, device=users.device)
        net, hidden = self.predictor, self.hidden()

        def ratings() -> Tensor:  # [B, items]
            rows, columns = (users[:, None], items) if self.by_user else (items, users[:, None])
            whole = net.decode(hidden[users]) if self.by_user else net.decode(hidden, users).T
            return self.scale.restore(whole, rows, columns)

        return self.ranker.of_users(net, hidden, users, ratings).reshape(-1)

    def fold_in(self, items: Tensor, ratings: Tensor) -> Tensor:
        """The scores of every item for a user that was not in training, see fold_in.py.

        Args:
            items, ratings: [n], what the user has rated.

        Returns:
            [items], the padding id included; as ``full_sort_predict`` for users of training.
        """
        net, scale, reg_weight = self.predictor, self.scale, self.settings.reg_weight
        with torch.no_grad():
            if self.by_user:
                row = ratings.new_zeros(1, self.n_items)
                observed = torch.zeros_like(row, dtype=torch.bool)
                row[0, items], observed[0, items] = ratings, True
                stars, hidden = fold_in.of_rows(net, self.dense, scale, row, observed)
                baskets = Cells.of_mask(observed)
                return self.ranker.of_new_rows(net, hidden, baskets, lambda: stars)[0]
            column = self.hidden(), scale, items, ratings, reg_weight
            return self.ranker.of_new_column(
                net, column[0], items, lambda: fold_in.of_column(net, *column)
            )

    def rebuild(self, ids: Tensor, corruption: Corruption, rate: float) -> tuple[Tensor, Tensor]:
        """Rows as the model rebuilds them from corrupted ratings.

        Args:
            ids: [B], of rows.
            corruption, rate: see corruption.py; drawn from torch's random numbers.

        Returns:
            the ratings [B, C], and whether a rating was corrupted [B, C].
        """
        batch = self.dense.batch(ids, corruption, rate)
        columns = torch.arange(self.ratings.n_columns, device=ids.device)
        rebuilt = self.predictor.decode(self.predictor.encode(batch.inputs))
        ratings = self.scale.clip(self.scale.restore(rebuilt, ids[:, None], columns))
        return ratings, batch.shown != batch.clean

    # --- representations --------------------------------------------------------------------

    def hidden(self) -> Tensor:
        """The last hidden layer of every row, [rows, H], the padding row included."""
        weights = self.predictor.state_dict(keep_vars=True).values()
        return self._hidden.get(weights, lambda: self._encode_all(None))

    def encode(self, ratings: Tensor, observed: Tensor | None = None) -> Tensor:
        """The code of rows that need not be of the training ratings.

        Args:
            ratings: [B, C].
            observed: [B, C], true where there is a rating; by default where it is not 0.

        Returns:
            [B, H], the narrowest hidden layer (the first one, where several are).
        """
        observed = ratings != 0 if observed is None else observed
        rows = self.dense.assemble(ratings, observed, ratings.new_zeros(len(ratings)))
        if size := self.settings.global_kernel_size:
            rows = functional.pad(rows[:, None], (0, 0, size // 2, size // 2))
        return self.predictor.encode(rows, self.predictor.code_depth)

    def vectors(self, of: Orientation) -> Tensor:
        """A vector for every user or item, [users or items, H], the padding id included.

        For what a row is, its code; for what a column is, its weights in the last layer.
        """
        if (of == "user") == self.by_user:
            return self._encode_all(self.predictor.code_depth)
        weights = self.predictor.last_layer.matrix()
        return weights.unflatten(0, (self.ratings.n_columns, -1)).flatten(1)

    def _encode_all(self, depth: int | None) -> Tensor:
        blocks = [
            self.predictor.encode(self.batches.inputs(ids), depth) for ids in self._all_rows()
        ]
        return torch.cat(blocks)

    def _all_rows(self) -> tuple[Tensor, ...]:
        return torch.arange(self.ratings.n_rows, device=self.ratings.device).split(_BLOCK)


# what the registry finds by these names (registry/model_parts.py)
AutoRecDataset = RatingDataset
AutoRecLoader = autorec_loader

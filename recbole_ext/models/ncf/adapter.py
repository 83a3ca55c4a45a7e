"""NCF as RecBole sees it: interactions or users in, losses and scores out."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType
from torch import Tensor

from recbole_ext.config.types import Orientation
from recbole_ext.models.ema import EmaMixin, predictor_weights
from recbole_ext.models.item_weights import ItemWeights
from recbole_ext.models.ncf.feedback import Feedback, Fields, check_columns
from recbole_ext.models.ncf.fold_in import fold_in
from recbole_ext.models.ncf.loader import ncf_loader
from recbole_ext.models.ncf.net import NCFNet
from recbole_ext.models.ncf.objective import build_objective, loss_function
from recbole_ext.models.ncf.pretrain import Part, fuse
from recbole_ext.models.ncf.settings import (
    NCFGMFSettings,
    NCFMLPSettings,
    NCFNeuMFSettings,
    NCFSettings,
    read_settings,
)
from recbole_ext.trainer.trainer import CallbackTrainer


class _NCF(EmaMixin[NCFNet], GeneralRecommender):
    """The base of the three models, which differ in the parts of their nets."""

    input_type = InputType.POINTWISE
    scores_all_items = True
    settings_class: type[NCFSettings]

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.settings = read_settings(self.settings_class, config.final_config_dict)
        kind, negatives = self.settings.loss_type, self.settings.negatives
        fields = Fields(self.USER_ID, self.ITEM_ID, config["LABEL_FIELD"], config["RATING_FIELD"])
        n_drawn = _n_drawn(config["train_neg_sample_args"])
        n_samples = self.settings.item_samples
        check_columns(kind, negatives, n_drawn, n_samples, fields, dataset.inter_feat.columns)

        feedback = Feedback(dataset, fields, kind == "CE", self.device)
        self.levels: Tensor
        self.register_buffer("levels", feedback.levels)  # its tensor is the loss's as well
        loss = loss_function(
            kind,
            self.settings.margin,
            feedback.popularity if negatives == "in_batch" else None,
            self.levels,
            self.settings.prediction,
        )
        self.objective = build_objective(negatives, loss, feedback, n_drawn, n_samples)
        history = self.settings.history
        self.net = NCFNet(
            self.n_users,
            self.n_items,
            **self._parts(),
            initialisation=self.settings.initialisation,
            n_scores=loss.n_scores,
            user_histories=feedback.by_user if history in ("user", "both") else None,
            item_histories=feedback.by_item if history in ("item", "both") else None,
            history_dropout_prob=self.settings.history_dropout_prob,
            sparse=config["learner"] == "sparse_adam",
        )
        self.start_ema(self.settings.ema_decay)
        self.item_weights: ItemWeights | None = None
        if self.settings.ease_weight:
            weights = self.settings.ease_weight, self.settings.ease_reg_weight
            self.item_weights = ItemWeights.fitted(feedback.by_user, *weights)

    def _parts(self) -> dict[str, Any]:
        """The sizes of the net's parts, GMF and the MLP, as arguments of ``NCFNet``."""
        raise NotImplementedError

    # --- training ---------------------------------------------------------------------------

    def warm_start(self, load: Callable[[str], Mapping[str, Any]]) -> None:
        """Called by the trainer before the first step; ``load`` reads a checkpoint."""

    def calculate_loss(self, interaction: Any) -> Tensor:
        return self.objective(self.net, interaction)

    @staticmethod
    def trains_on_labels(config: Any, drawn: bool) -> bool:
        """Whether labels are trained on as they are, not every row as a positive."""
        return bool(config["negatives"] == "all" or not drawn)

    @staticmethod
    def needs_labels(config: Any, drawn: bool) -> bool:
        """Whether training reads a label of each row."""
        of_pairs = config["loss_type"] in ("BPR", "hinge", "softmax")
        return bool(config["negatives"] == "sampled" and not drawn and not of_pairs)

    # --- prediction -------------------------------------------------------------------------

    def predict(self, interaction: Any) -> Tensor:
        """The prediction of each pair [B]: a probability, or with classes a rating."""
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        scores = self.predictor(users, items)
        if self.item_weights is not None:
            scores = scores + self.item_weights.of_pairs(users, items)
        return self.objective.loss.prediction(scores)

    def full_sort_predict(self, interaction: Any) -> Tensor:
        """The prediction of every item for each user [B * items]."""
        users = interaction[self.USER_ID]
        scores = self.predictor.score_all(self.predictor.vectors("user", users))
        if self.item_weights is not None:
            scores = scores + self.item_weights.of_users(users)
        return self.objective.loss.prediction(scores).reshape(-1)

    def fold_in(
        self,
        interactions: Tensor,
        of: Orientation = "user",
        penalty: float = 0.01,
        steps: int = 50,
    ) -> Tensor:
        """The predictions for a user, or an item, that was not in training: see fold_in.py.

        Args:
            interactions: [n], ids of the user's items, or of the item's users.
            of: whether a user or an item is new.
            penalty: on the squares of what the fit adds to the vectors; at least 0.
            steps: of L-BFGS; at least 1.
        """
        fit = penalty, steps
        return fold_in(self.predictor, self.objective, self.item_weights, interactions, of, *fit)

    def vectors(self, of: Orientation) -> Tensor:
        """The vectors of all users or items, GMF's and the MLP's side by side: [.., F + E]."""
        ids = torch.arange(self.n_users if of == "user" else self.n_items, device=self.device)
        mlp, gmf = self.predictor.vectors(of, ids)
        return torch.cat([part for part in (gmf, mlp) if part is not None], dim=1)


def _n_drawn(arguments: Mapping[str, Any] | None) -> int:
    """The items that RecBole draws for each interaction, by its ``train_neg_sample_args``."""
    number = (arguments or {}).get("sample_num", "none")
    return 0 if number in ("none", None) else int(number)


class NCFMLP(_NCF):
    """The MLP of Neural Collaborative Filtering."""

    settings_class: type[NCFMLPSettings] = NCFMLPSettings
    settings: NCFMLPSettings

    def _parts(self) -> dict[str, Any]:
        return {
            "mlp_size": self.settings.embedding_size,
            "mlp_hidden_size": self.settings.mlp_hidden_size,
            "dropout_prob": self.settings.dropout_prob,
            "embedding_dropout_prob": self.settings.embedding_dropout_prob,
            "activation": self.settings.hid_activation,
            "norm": self.settings.norm,
        }


class NCFGMF(_NCF):
    """GMF, the generalised matrix factorisation of Neural Collaborative Filtering."""

    settings_class = NCFGMFSettings

    def _parts(self) -> dict[str, Any]:
        return {"gmf_size": self.settings.embedding_size}


class NCFNeuMF(NCFMLP):
    """NeuMF: GMF and the MLP with a common last layer; may start from trained parts."""

    settings_class = NCFNeuMFSettings
    settings: NCFNeuMFSettings

    def _parts(self) -> dict[str, Any]:
        return {**super()._parts(), "gmf_size": self.settings.gmf_embedding_size}

    def warm_start(self, load: Callable[[str], Mapping[str, Any]]) -> None:
        """Start from the weights of ``pretrain``, see pretrain.py.

        Raises:
            SettingError: a checkpoint is of another model or other sizes.
        """
        if self.settings.pretrain is None:
            return
        alpha = self.settings.alpha
        gmf, mlp = (
            Part(file, predictor_weights(load(file)["state_dict"]), share)
            for file, share in (
                (self.settings.pretrain.gmf, alpha),
                (self.settings.pretrain.mlp, 1 - alpha),
            )
        )
        self.load_weights(fuse(self.net.state_dict(), gmf, mlp))


# what the registry finds by these names (registry/model_parts.py)
NCFMLPTrainer = NCFGMFTrainer = NCFNeuMFTrainer = CallbackTrainer
NCFMLPLoader = NCFGMFLoader = NCFNeuMFLoader = ncf_loader

"""NCF as RecBole sees it: interactions or users in, losses and scores out."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType
from torch import Tensor

from recbole_ext.config import settings
from recbole_ext.data.rating_matrix import Orientation, RatingMatrix, nearest_level
from recbole_ext.errors import SettingError
from recbole_ext.models.averaging import Averaging, predictor_weights
from recbole_ext.models.ncf import losses
from recbole_ext.models.ncf.net import NCFNet, Vectors
from recbole_ext.models.ncf.settings import (
    NCFGMFSettings,
    NCFMLPSettings,
    NCFNeuMFSettings,
    NCFSettings,
)


class _NCF(Averaging[NCFNet], GeneralRecommender):
    """What the three models share; each says of what parts its net is."""

    input_type = InputType.POINTWISE
    settings_class: type[NCFSettings]

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.chosen = settings.read(self.settings_class, config.final_config_dict)
        self.label_field, self.rating_field = config["LABEL_FIELD"], config["RATING_FIELD"]
        self.n_negatives = _drawn(config["train_neg_sample_args"])
        feat = dataset.inter_feat
        labelled = self.label_field in feat.columns  # a grid, say: cells without a rating as well
        self._check(feat.columns)
        known = {"user", "item"} if self.chosen.history == "both" else {self.chosen.history}
        feat = feat[feat[self.label_field] > 0] if labelled else feat
        interactions = partial(RatingMatrix.of_dataset, dataset, feat=feat)
        self.rows: RatingMatrix | None = None  # the interactions of each user
        self.cells: RatingMatrix | None = None  # where a user's labels are; None for everywhere
        if self.chosen.negatives != "sampled" or "user" in known:
            field = self.rating_field if self.chosen.loss_type == "CE" else None
            self.rows = interactions(field, "user").to(self.device)
        if self.chosen.negatives == "all" and labelled:
            self.cells = RatingMatrix.of_dataset(dataset, None, "user").to(self.device)
        counts = torch.bincount(feat[self.ITEM_ID], minlength=self.n_items)
        self.popularity = (counts / counts.sum()).to(config["device"])  # [I]
        levels = torch.empty(0)
        if self.chosen.loss_type == "CE":
            levels = feat[self.rating_field].unique()
        self.levels: Tensor
        self.register_buffer("levels", levels)  # [K - 1], sorted
        self.net = NCFNet(
            self.n_users,
            self.n_items,
            **self._parts(),
            initialisation=self.chosen.initialisation,
            n_scores=len(levels) + 1 if len(levels) else 1,
            user_histories=self.rows if "user" in known else None,
            item_histories=interactions(None, "item").to(self.device) if "item" in known else None,
            history_dropout_prob=self.chosen.history_dropout_prob,
            sparse=config["learner"] == "sparse_adam",
        )
        self.average(self.chosen.ema_decay)

    def _parts(self) -> dict[str, Any]:
        """What the net is made of."""
        raise NotImplementedError

    def _check(self, columns: Collection[str]) -> None:
        kind, negatives = self.chosen.loss_type, self.chosen.negatives
        if kind == "CE" and self.rating_field not in columns:
            raise SettingError(
                f"loss_type: CE needs the ratings, found no column {self.rating_field} loaded; "
                f"add it to load_col: {{inter: [..., {self.rating_field}]}}"
            )
        if negatives == "in_batch" and self.label_field in columns:
            raise SettingError(
                "negatives: in_batch tells interactions from each other, found a data set that has "
                f"labels of its own, {self.label_field}; set negatives: all, or sampled for the "
                "labelled lines as they are"
            )
        contrastive = kind in losses.PAIRWISE or kind == "softmax"
        if negatives == "sampled" and contrastive and not self.n_negatives:
            raise SettingError(
                f"loss_type: {kind} compares with drawn items; set train_neg_sample_args: "
                "{distribution: uniform, sample_num: 1}, or another negatives"
            )

    # --- training ---------------------------------------------------------------------------

    def calculate_loss(self, interaction: Any) -> Tensor:
        if self.chosen.negatives == "all":
            return self._loss_of_users(interaction[self.USER_ID])
        if self.chosen.negatives == "in_batch":
            return self._loss_in_batch(interaction[self.USER_ID], interaction[self.ITEM_ID])
        scores = self.net(interaction[self.USER_ID], interaction[self.ITEM_ID])
        labels = interaction[self.label_field]
        kind = self.chosen.loss_type
        if kind == "CE":
            classes = torch.where(labels > 0, self._classes(interaction[self.rating_field]), 0)
            return losses.class_loss(scores, classes)
        if kind in losses.POINTWISE:
            return losses.interaction_loss(scores, labels, kind)
        # RecBole's order: the interactions, then the first item drawn for each, the second, ...
        positives, *drawn = scores.view(1 + self.n_negatives, -1)
        negatives = torch.stack(drawn, dim=1)
        return losses.contrastive_loss(positives, negatives, None, kind, self.chosen.margin)

    def _loss_in_batch(self, users: Tensor, items: Tensor) -> Tensor:
        """Every user of the batch with every item of it, but the user's other interactions."""
        assert self.rows is not None
        n = len(users)
        ratings, seen = self.rows.dense(users)
        scores = self.net(users.repeat_interleave(n), items.repeat(n))
        seen, ratings = seen[:, items], ratings[:, items]  # [B, B]
        counted = ~seen
        own = torch.eye(n, dtype=torch.bool, device=users.device)
        kind = self.chosen.loss_type
        if kind == "CE":
            classes = torch.where(seen, self._classes(ratings), 0)
            return losses.class_loss(scores, classes.ravel())
        scores = scores.view(n, n)
        if kind == "softmax":  # an item is in a batch as often as it is popular
            scores = scores - self.popularity[items].log()
        if kind in losses.POINTWISE:
            used = counted | own
            return losses.interaction_loss(scores[used], own[used].to(scores), kind)
        return losses.contrastive_loss(scores.diagonal(), scores, counted, kind, self.chosen.margin)

    def _loss_of_users(self, users: Tensor) -> Tensor:
        """Every labelled item for each user of the batch, the padding item left out."""
        assert self.rows is not None
        ratings, seen = (matrix[:, 1:] for matrix in self.rows.dense(users))
        counted = None if self.cells is None else self.cells.dense(users)[1][:, 1:]
        scores = self.net.score_all(self.net.vectors("user", users))[:, 1:]  # [B, I - 1] or with K
        kind = self.chosen.loss_type
        if kind == "CE":
            classes = torch.where(seen, self._classes(ratings), 0)
            if counted is None:
                return losses.class_loss(scores.flatten(0, 1), classes.ravel())
            return losses.class_loss(scores[counted], classes[counted])
        return losses.loss_of_rows(scores, seen, counted, kind, self.chosen.margin)

    def _classes(self, ratings: Tensor) -> Tensor:
        """The class of each rating, from 1 on."""
        return 1 + nearest_level(ratings, self.levels)

    # --- prediction -------------------------------------------------------------------------

    def predict(self, interaction: Any) -> Tensor:
        return self._finish(self.predictor(interaction[self.USER_ID], interaction[self.ITEM_ID]))

    def full_sort_predict(self, interaction: Any) -> Tensor:
        users = self.predictor.vectors("user", interaction[self.USER_ID])
        return self._finish(self.predictor.score_all(users)).view(-1)

    def _finish(self, scores: Tensor) -> Tensor:
        """A probability; of a class model that of being rated, or the mean of the ratings."""
        if self.chosen.loss_type != "CE":
            return torch.sigmoid(scores)
        chances = scores.softmax(-1)
        if self.chosen.prediction == "rated":
            return 1 - chances[..., 0]
        rated = chances[..., 1:]
        return rated @ self.levels / rated.sum(-1)

    def fold_in(
        self, others: Tensor, of: Orientation = "user", penalty: float = 0.01, steps: int = 50
    ) -> Tensor:
        """Scores for a user, or an item, that was not in training, by fitting its embeddings.

        They start as the mean of all; a history adds what it has. All else is frozen. What is
        minimised is the loss of one user with all items (one item with all users), where those
        without an interaction weigh as much as they do in training.

        Args:
            others: the user's items, or the item's users.
            of: what is new.
            penalty: on the squares of what the fit adds to the vectors.
            steps: of L-BFGS.

        Returns:
            [I], as ``full_sort_predict`` has them; of an item [users].

        Raises:
            SettingError: for a class model, whose loss needs ratings.
        """
        if self.chosen.loss_type == "CE":
            raise SettingError("fold_in: not for loss_type: CE, which needs the user's ratings")
        was_training = self.training
        self.eval()
        net = self.predictor
        seen = torch.zeros(self.n_items if of == "user" else self.n_users, dtype=torch.bool)
        seen = seen.to(others.device)
        seen[others] = True
        with torch.no_grad():
            start = net.newcomer(of, others)
        free = [torch.zeros_like(part, requires_grad=True) for part in start if part is not None]
        optimizer = torch.optim.LBFGS(free, max_iter=steps, line_search_fn="strong_wolfe")

        def scores() -> Tensor:
            fitted = iter(free)
            parts = (None if part is None else part + next(fitted) for part in start)
            return net.score_all(Vectors(*parts), of)

        def evaluate() -> Tensor:
            optimizer.zero_grad()
            loss = self._loss_of_newcomer(scores()[:, 1:], seen[None, 1:])
            loss = loss + penalty * torch.stack([part.square().sum() for part in free]).sum()
            gradients = torch.autograd.grad(loss, free)
            for part, gradient in zip(free, gradients, strict=True):
                part.grad = gradient
            return loss

        with torch.enable_grad():
            optimizer.step(evaluate)
        with torch.no_grad():
            found = self._finish(scores())[0]
        self.train(was_training)
        return found

    def _loss_of_newcomer(self, scores: Tensor, seen: Tensor) -> Tensor:
        kind = self.chosen.loss_type
        if kind not in losses.POINTWISE or self.chosen.negatives == "all":
            return losses.loss_of_rows(scores, seen, None, kind, self.chosen.margin)
        positives, others = scores[seen], scores[~seen]
        n = max(self.n_negatives, 1)
        loss = losses.interaction_loss(positives, torch.ones_like(positives), kind)
        against = losses.interaction_loss(others, torch.zeros_like(others), kind)
        return (loss + n * against) / (1 + n)

    def vectors(self, of: Orientation) -> Tensor:
        """What is known of all users or items, its parts side by side, [users or items, F + E]."""
        ids = torch.arange(self.n_users if of == "user" else self.n_items, device=self.device)
        mlp, gmf = self.predictor.vectors(of, ids)
        return torch.cat([part for part in (gmf, mlp) if part is not None], dim=1)

    def warm_start(self, load: Callable[[str], Mapping[str, Any]]) -> None:
        """What the trainer calls before the first step; ``load`` reads a checkpoint."""


def _drawn(arguments: Mapping[str, Any] | None) -> int:
    number = (arguments or {}).get("sample_num", "none")
    return 0 if number in ("none", None) else int(number)


class NCFMLP(_NCF):
    """The MLP."""

    settings_class: type[NCFMLPSettings] = NCFMLPSettings
    chosen: NCFMLPSettings

    def _parts(self) -> dict[str, Any]:
        return {
            "mlp_size": self.chosen.embedding_size,
            "mlp_hidden_size": self.chosen.mlp_hidden_size,
            "dropout_prob": self.chosen.dropout_prob,
            "embedding_dropout_prob": self.chosen.embedding_dropout_prob,
            "activation": self.chosen.hid_activation,
            "norm": self.chosen.norm,
        }


class NCFGMF(_NCF):
    """Generalised matrix factorisation."""

    settings_class = NCFGMFSettings

    def _parts(self) -> dict[str, Any]:
        return {"gmf_size": self.chosen.embedding_size}


class NCFNeuMF(NCFMLP):
    """Both, with a last layer over both; may start from one of each, trained apart."""

    settings_class = NCFNeuMFSettings
    chosen: NCFNeuMFSettings

    def _parts(self) -> dict[str, Any]:
        return {**super()._parts(), "gmf_size": self.chosen.gmf_embedding_size}

    def warm_start(self, load: Callable[[str], Mapping[str, Any]]) -> None:
        """He et al. 2017, section 3.4.1: h = [alpha h_GMF ; (1 - alpha) h_MLP].

        Raises:
            SettingError: a checkpoint is of another model or other sizes.
        """
        if self.chosen.pretrain is None:
            return
        alpha, merged = self.chosen.alpha, dict(self.net.state_dict())
        heads, biases = [], []
        for part, weight in (("gmf", alpha), ("mlp", 1 - alpha)):
            file = getattr(self.chosen.pretrain, part)
            state = predictor_weights(load(file)["state_dict"])
            heads.append(weight * state.get("predict_layer.weight", torch.empty(0)))
            biases.append(weight * state.get("predict_layer.bias", torch.empty(0)))
            own = {n: v for n, v in merged.items() if ("gmf" in n) == (part == "gmf")}
            for name in sorted(own.keys() - {"predict_layer.weight", "predict_layer.bias"}):
                found = state.get(name)
                if found is None or found.shape != merged[name].shape:
                    raise SettingError(
                        f"pretrain: {part}: {file}: expected {name} of shape "
                        f"{list(merged[name].shape)}, found "
                        f"{'none' if found is None else list(found.shape)}; give a checkpoint of "
                        f"NCF{part.upper()} with the same sizes on the same data set"
                    )
                merged[name] = found
        merged["predict_layer.weight"] = torch.cat(heads, dim=1)
        merged["predict_layer.bias"] = biases[0] + biases[1]
        self.start(merged)

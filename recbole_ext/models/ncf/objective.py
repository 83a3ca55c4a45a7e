"""The objective of NCF: a loss (losses.py), and where its negatives come from.

sampled     the items that RecBole draws for each interaction, ``train_neg_sample_args``
in_batch    the other items of the batch, without those the user has an interaction with
all         all items that the user has no interaction with; a batch is of users, for which
            ``item_samples`` of the items may be drawn to stand for all
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.models.ncf import item_sample, losses
from recbole_ext.models.ncf.choices import Loss, Negatives, Prediction
from recbole_ext.models.ncf.class_loss import Classes
from recbole_ext.models.ncf.feedback import Feedback, Fields
from recbole_ext.models.ncf.item_sample import ItemSample
from recbole_ext.models.ncf.losses import LossFunction
from recbole_ext.models.ncf.net import NCFNet


def loss_function(
    kind: Loss,
    margin: float = 1.0,
    popularity: Tensor | None = None,
    levels: Tensor | None = None,
    prediction: Prediction = "rated",
) -> LossFunction:
    """The loss of a name.

    Args:
        kind: the name.
        margin: of the hinge.
        popularity: see ``losses.Softmax``.
        levels, prediction: see ``Classes``.
    """
    match kind:
        case "BCE":
            return losses.Pointwise(functional.binary_cross_entropy_with_logits)
        case "MSE":
            return losses.Pointwise(losses.squared_error)
        case "RMSE":
            return losses.Pointwise(losses.root_squared_error)
        case "BPR":
            return losses.Pairwise(losses.bpr)
        case "hinge":
            return losses.Pairwise(partial(losses.hinge, margin=margin))
        case "softmax":
            return losses.Softmax(popularity)
        case "CE":
            assert levels is not None
            return Classes(levels, prediction)


class Objective(ABC):
    """What training minimises.

    Args:
        loss: of the scores.
        fields: of the batch.
        n_drawn: items that RecBole draws for each interaction.
    """

    def __init__(self, loss: LossFunction, fields: Fields, n_drawn: int) -> None:
        self.loss, self.fields, self.n_drawn = loss, fields, n_drawn

    @abstractmethod
    def __call__(self, net: NCFNet, batch: Any) -> Tensor:
        """The loss of a batch, a RecBole ``Interaction``: a scalar."""

    def newcomer(self, scores: Tensor, seen: Tensor) -> Tensor:
        """The loss of one user (or item) that was not in training, with all items (users).

        Args:
            scores: [1, N].
            seen: [1, N], true for an interaction.
        """
        return self.loss.newcomer(scores, seen, max(self.n_drawn, 1))


class Sampled(Objective):
    """Interactions and the items that RecBole has drawn for them; or labelled lines as they are."""

    def __call__(self, net: NCFNet, batch: Any) -> Tensor:
        scores = net(batch[self.fields.user], batch[self.fields.item])
        ratings = batch[self.fields.rating] if self.loss.needs_ratings else None
        return self.loss.sampled(scores, batch[self.fields.label], ratings, self.n_drawn)


class InBatch(Objective):
    """Each user of the batch with each item of it.

    Args:
        interactions: of each user.
    """

    def __init__(
        self, loss: LossFunction, fields: Fields, n_drawn: int, interactions: RatingMatrix
    ) -> None:
        super().__init__(loss, fields, n_drawn)
        self.interactions = interactions

    def __call__(self, net: NCFNet, batch: Any) -> Tensor:
        users, items = batch[self.fields.user], batch[self.fields.item]
        n = len(users)
        ratings, seen = self.interactions.dense(users)
        scores = net(users.repeat_interleave(n), items.repeat(n)).unflatten(0, (n, n))
        return self.loss.in_batch(scores, ratings[:, items], seen[:, items], items)


class AllItems(Objective):
    """Each user of the batch with each item there is, the padding item left out.

    Args:
        interactions: of each user.
        labels: where each user has labels; None for everywhere.
    """

    def __init__(
        self,
        loss: LossFunction,
        fields: Fields,
        n_drawn: int,
        interactions: RatingMatrix,
        labels: RatingMatrix | None,
    ) -> None:
        super().__init__(loss, fields, n_drawn)
        self.interactions, self.labels = interactions, labels

    def __call__(self, net: NCFNet, batch: Any) -> Tensor:
        users = batch[self.fields.user]
        ratings, seen = (matrix[:, 1:] for matrix in self.interactions.dense(users))
        labelled = None if self.labels is None else self.labels.dense(users)[1][:, 1:]
        scores = net.score_all(net.vectors("user", users))[:, 1:]  # [B, I - 1] or [B, I - 1, K]
        return self.loss.all_items(scores, ratings, seen, labelled)

    def newcomer(self, scores: Tensor, seen: Tensor) -> Tensor:
        return self.loss.all_items(scores, scores, seen, None)


class SomeItems(AllItems):
    """Each user of the batch with its interactions and with M items that are drawn for the batch.

    Args:
        n_samples: M, below the number of items.
    """

    def __init__(
        self,
        loss: LossFunction,
        fields: Fields,
        n_drawn: int,
        interactions: RatingMatrix,
        n_samples: int,
    ) -> None:
        super().__init__(loss, fields, n_drawn, interactions, None)
        self.n_samples = n_samples

    def __call__(self, net: NCFNet, batch: Any) -> Tensor:
        users = batch[self.fields.user]
        sample = item_sample.draw(self.interactions, users, self.n_samples)
        return self.loss.some_items(*self.scores(net, users, sample), sample)

    @staticmethod
    def scores(net: NCFNet, users: Tensor, sample: ItemSample) -> tuple[Tensor, Tensor]:
        """The scores of the interactions, and of each user with each drawn item.

        Args:
            net: scores them.
            users: [B].
            sample: of these.

        Returns:
            [P] and [B, M], with classes [P, K] and [B, M, K].
        """
        n_own, n_samples = len(sample.own.columns), len(sample.items)
        items, column = torch.cat([sample.own.columns, sample.items]).unique(return_inverse=True)
        everyone = torch.arange(len(users), device=users.device)
        row = torch.cat([sample.own.row, everyone.repeat_interleave(n_samples)])
        column = torch.cat([column[:n_own], column[n_own:].repeat(len(users))])
        scores = net.score_pairs(
            net.vectors("user", users), net.vectors("item", items), row, column
        )
        return scores[:n_own], scores[n_own:].unflatten(0, (len(users), n_samples))


def build_objective(
    negatives: Negatives,
    loss: LossFunction,
    feedback: Feedback,
    n_drawn: int,
    item_samples: int = 0,
) -> Objective:
    """The objective of an origin of negatives.

    Args:
        negatives: the origin.
        loss: of the scores.
        feedback: of the training split.
        n_drawn: items that RecBole draws for each interaction.
        item_samples: items that stand for ``all``; 0, or as many as there are, for all themselves.
    """
    fields = feedback.fields
    match negatives:
        case "sampled":
            return Sampled(loss, fields, n_drawn)
        case "in_batch":
            return InBatch(loss, fields, n_drawn, feedback.by_user)
        case "all" if 0 < item_samples < feedback.by_user.n_columns - 1:
            return SomeItems(loss, fields, n_drawn, feedback.by_user, item_samples)
        case "all":
            return AllItems(loss, fields, n_drawn, feedback.by_user, feedback.labels)

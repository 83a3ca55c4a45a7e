"""The training split as NCF reads it: who has an interaction with what, and what is refused."""

from collections.abc import Collection
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.errors import SettingError
from recbole_ext.models.ncf.choices import Loss, Negatives


class Fields(NamedTuple):
    """RecBole's names of the columns."""

    user: str
    item: str
    label: str
    rating: str


class Feedback:
    """The interactions of the training split, in the forms that objectives and nets take.

    Each form is computed at its first use.

    Args:
        dataset: a RecBole ``Dataset`` whose ids are remapped.
        fields: of its interactions.
        with_ratings: whether the values of ``by_user`` are the ratings, else 1 each.
        device: where the results are.
    """

    def __init__(
        self, dataset: Any, fields: Fields, with_ratings: bool, device: torch.device
    ) -> None:
        self.dataset, self.fields, self.device = dataset, fields, device
        self.labelled = fields.label in dataset.inter_feat.columns
        feat = dataset.inter_feat
        self.feat = feat[feat[fields.label] > 0] if self.labelled else feat
        self.rating_field = fields.rating if with_ratings else None

    @cached_property
    def by_user(self) -> RatingMatrix:
        """The interactions of each user."""
        matrix = RatingMatrix.of_dataset(self.dataset, self.rating_field, "user", self.feat)
        return matrix.to(self.device)

    @cached_property
    def by_item(self) -> RatingMatrix:
        """The interactions of each item, 1 each."""
        matrix = RatingMatrix.of_dataset(self.dataset, None, "item", self.feat)
        return matrix.to(self.device)

    @cached_property
    def labels(self) -> RatingMatrix | None:
        """Where each user has labels, of 1 or 0; None where the data set has no labels."""
        if not self.labelled:
            return None
        return RatingMatrix.of_dataset(self.dataset, None, "user").to(self.device)

    @cached_property
    def popularity(self) -> Tensor:
        """[items], the share of each item in the interactions."""
        items = self.feat[self.fields.item]
        counts = torch.bincount(items, minlength=self.dataset.item_num)
        return (counts / counts.sum()).to(self.device)

    @cached_property
    def levels(self) -> Tensor:
        """[K - 1], the ratings that occur, ascending; empty without ratings."""
        if self.rating_field is None:
            return torch.empty(0, device=self.device)
        return self.feat[self.rating_field].unique().to(self.device)


def check_columns(
    kind: Loss,
    negatives: Negatives,
    n_drawn: int,
    item_samples: int,
    fields: Fields,
    columns: Collection[str],
) -> None:
    """Refuse an objective that the data set, or RecBole's negative sampling, does not allow.

    Args:
        kind, negatives: of the objective.
        n_drawn: items that RecBole draws for each interaction.
        item_samples: items that are drawn to stand for all.
        fields: RecBole's names.
        columns: of the interactions that are loaded.

    Raises:
        SettingError: the ratings are missing, there are labels, or no drawn items.
    """
    if kind == "CE" and fields.rating not in columns:
        raise SettingError(
            f"loss_type: CE needs the ratings, found no column {fields.rating} loaded; "
            f"add it to load_col: {{inter: [..., {fields.rating}]}}"
        )
    if negatives == "in_batch" and fields.label in columns:
        raise SettingError(
            "negatives: in_batch takes the other interactions as negatives, found a data set that "
            f"has labels of its own, {fields.label}; set negatives: all, or sampled for the "
            "labelled lines as they are"
        )
    if item_samples and fields.label in columns:
        raise SettingError(
            f"item_samples: {item_samples} draws from the items that a user has no interaction "
            f"with, found a data set that has labels of its own, {fields.label}; set "
            "item_samples: 0 for all labelled items"
        )
    contrastive = kind in ("BPR", "hinge", "softmax")
    if negatives == "sampled" and contrastive and not n_drawn:
        raise SettingError(
            f"loss_type: {kind} compares with drawn items; set train_neg_sample_args: "
            "{distribution: uniform, sample_num: 1}, or another negatives"
        )

"""The loss of NCF's class model, CE; losses.py has its formula and the other losses."""

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.data.rating_matrix import nearest_level
from recbole_ext.models.ncf.choices import Prediction
from recbole_ext.models.ncf.item_sample import ItemSample
from recbole_ext.models.ncf.losses import LossFunction


class Classes(LossFunction):
    """Predicts the class of each pair: 0 for not rated, 1, 2, ... for the ratings that occur.

    Args:
        levels: [K - 1], the ratings that occur, ascending.
        predicts: ``rated``, the probability of a rating; or ``expectation``, of the rating if there
            is one.
    """

    needs_ratings = True

    def __init__(self, levels: Tensor, predicts: Prediction = "rated") -> None:
        self.levels, self.predicts = levels, predicts
        self.n_scores = 1 + len(levels)

    def classes(self, ratings: Tensor, rated: Tensor) -> Tensor:
        """The class of each pair: [...], [...] -> [...]."""
        return torch.where(rated, 1 + nearest_level(ratings, self.levels), 0)

    def sampled(
        self, scores: Tensor, labels: Tensor, ratings: Tensor | None, n_drawn: int
    ) -> Tensor:
        assert ratings is not None
        return functional.cross_entropy(scores, self.classes(ratings, labels > 0))

    def in_batch(self, scores: Tensor, ratings: Tensor, seen: Tensor, items: Tensor) -> Tensor:
        return self.all_items(scores, ratings, seen, None)

    def all_items(
        self, scores: Tensor, ratings: Tensor, seen: Tensor, labelled: Tensor | None
    ) -> Tensor:
        classes = self.classes(ratings, seen)
        if labelled is None:
            return functional.cross_entropy(scores.flatten(0, 1), classes.ravel())
        return functional.cross_entropy(scores[labelled], classes[labelled])

    def some_items(self, own: Tensor, drawn: Tensor, sample: ItemSample) -> Tensor:
        positives = functional.cross_entropy(
            own, 1 + nearest_level(sample.own.values, self.levels), reduction="sum"
        )
        negatives = -drawn.log_softmax(-1)[..., 0] * sample.weights
        return (positives + negatives.sum()) / (len(drawn) * sample.n_items)

    def prediction(self, scores: Tensor) -> Tensor:
        """The probability of a rating, or the mean of the ratings: [..., K] -> [...]."""
        chances = scores.softmax(-1)
        if self.predicts == "rated":
            return 1 - chances[..., 0]
        rated = chances[..., 1:]
        return rated @ self.levels / rated.sum(-1)

"""What AutoRec ranks items by: the exposure head in training, for users and for new people.

exposure.py has the formulas.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.data.rating_matrix import Cells, RatingMatrix
from recbole_ext.models.autorec.exposure import Exposure, Factors
from recbole_ext.models.autorec.exposure_head import ExposureHead
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.models.autorec.settings import AutoRecSettings
from recbole_ext.models.item_weights import ItemWeights
from recbole_ext.models.minimise import minimum

_STEPS = 100  # of L-BFGS


class Ranker:
    """What items are ranked by: exposure, or without an exposure head the ratings; read-only.

    Args:
        settings: of the model.
        ratings: of the training split, a row as the model has it.
        dataset: RecBole's, of the training split.
    """

    def __init__(self, settings: AutoRecSettings, ratings: RatingMatrix, dataset: Any) -> None:
        self.settings, self.ratings = settings, ratings
        self.by_user = settings.orientation == "user"
        self.exposure = Exposure(settings.exposure_loss, self.by_user, settings.exposure_samples)
        self.mean = float(ratings.values.mean())
        self.deviation = float(ratings.values.std(correction=0)) or 1.0
        self.item_weights: ItemWeights | None = None
        if settings.exposure_hidden_size or settings.ease_weight:
            self.baskets = RatingMatrix.of_dataset(dataset, None, "user").to(ratings.device)
        if settings.ease_weight:
            weights = settings.ease_weight, settings.ease_reg_weight
            self.item_weights = ItemWeights.fitted(self.baskets, *weights)

    def loss(self, net: AutoRecNet, hidden: Tensor, ids: Tensor) -> Tensor:
        """What the head adds to the loss of a batch.

        Args:
            net: is trained.
            hidden: [B, H], the codes of the rows.
            ids: [B], of the rows.

        Returns:
            a scalar.
        """
        error = self.exposure.error(self.factors(net, hidden, ids), self.ratings.cells(ids))
        penalty = self.settings.exposure_reg_weight / 2 * _head_of(net).penalty()
        return self.settings.exposure_weight * (error + penalty)

    def of_users(
        self, net: AutoRecNet, hidden: Tensor, users: Tensor, ratings: Callable[[], Tensor]
    ) -> Tensor:
        """The scores of every item for each user.

        Args:
            net: is trained.
            hidden: [rows, H], of all rows.
            users: [B].
            ratings: what it predicts of the same cells, not clipped; called where it is needed.

        Returns:
            [B, items].
        """

        def exposure() -> Tensor:
            if self.by_user:
                return self.factors(net, hidden[users], users).whole()
            items = torch.arange(len(hidden), device=hidden.device)
            return self.factors(net, hidden, items, users).whole().T

        return self._combined(exposure, ratings, lambda z: z.of_users(users))

    def of_pairs(
        self,
        net: AutoRecNet,
        hidden: Tensor,
        rows: Tensor,
        columns: Tensor,
        ratings: Callable[[], Tensor],
    ) -> Tensor:
        """The scores of single cells, by their rows and columns: [B], [B] -> [B]."""

        def exposure() -> Tensor:
            return self.factors(net, hidden[rows], rows, columns).of_pairs()

        users, items = (rows, columns) if self.by_user else (columns, rows)
        return self._combined(exposure, ratings, lambda z: z.of_pairs(users, items))

    def of_new_rows(
        self,
        net: AutoRecNet,
        hidden: Tensor,
        baskets: Cells,
        ratings: Callable[[], Tensor],
        items: Tensor | slice = slice(None),
    ) -> Tensor:
        """By users: the scores of items for people who were not in training.

        Args:
            net: is trained.
            hidden: [B, H], the codes of their ratings.
            baskets: what each of them has.
            ratings: what the net predicts of the same cells, not clipped; called where it is
                needed.
            items: [T]; by default all.

        Returns:
            [B, T].
        """

        def exposure() -> Tensor:
            head = _head_of(net)
            scores = functional.linear(hidden, head.layer.matrix(items), head.layer.bias[items])
            if head.tower is None:
                return scores
            return scores + head.tower(baskets) @ head.tower.e[items].T

        return self._combined(exposure, ratings, lambda z: z.of_baskets(baskets, items))

    def of_new_column(
        self, net: AutoRecNet, hidden: Tensor, items: Tensor, ratings: Callable[[], Tensor]
    ) -> Tensor:
        """By items: the scores of every item for a person who was not in training.

        The person is a column, whose w, d are fitted to the items, all else being what it is:

            min over w, d    l(s) + N exposure_reg_weight / 2 ||w||^2

        l is the error of one user, N the number of items.

        Args:
            net: is trained.
            hidden: [items, H], of all items.
            items: [n], the person's.
            ratings: what the net predicts of all items, not clipped; called where it is needed.

        Returns:
            [items].
        """
        return self._combined(
            lambda: self._exposure_of_column(net, hidden, items),
            ratings,
            lambda z: z.of_baskets(_basket(items))[0],
        )

    def _exposure_of_column(self, net: AutoRecNet, hidden: Tensor, items: Tensor) -> Tensor:
        head = _head_of(net)
        layer, added = head.layer, hidden.new_zeros(1)
        if head.tower is not None:
            added = head.tower.e @ head.tower(_basket(items))[0]
        column = [of_all[1:].mean(0, keepdim=True) for of_all in (layer.matrix(), layer.bias)]
        weight = (len(hidden) - 1) * self.settings.exposure_reg_weight / 2

        def scores(column: Sequence[Tensor]) -> Tensor:
            return functional.linear(hidden, *column)[:, 0] + added

        def loss(column: Sequence[Tensor]) -> Tensor:
            error = self.exposure.error_of_column(scores(column), items)
            return error + weight * column[0].square().sum()

        return scores(minimum(loss, column, _STEPS))

    def _combined(
        self,
        exposure: Callable[[], Tensor],
        ratings: Callable[[], Tensor],
        ease: Callable[[ItemWeights], Tensor],
    ) -> Tensor:
        """The last formula of exposure.py; a part that has no say is not called."""
        if not self.settings.exposure_weight:
            return ratings()
        scores = exposure()
        if self.settings.ranking_rating_weight:
            standardised = (ratings() - self.mean) / self.deviation
            scores = scores + self.settings.ranking_rating_weight * standardised
        return scores if self.item_weights is None else scores + ease(self.item_weights)

    def factors(
        self, net: AutoRecNet, hidden: Tensor, rows: Tensor, columns: Tensor | None = None
    ) -> Factors:
        """Exposure of some rows, by their codes [B, H] and ids [B], and of some columns or all."""
        head, which = _head_of(net), slice(None) if columns is None else columns
        weights, bias = head.layer.matrix(which), head.layer.bias[which]
        if head.tower is None:
            return Factors(hidden, weights, bias)
        users, items = (rows, columns) if self.by_user else (columns, rows)
        if users is None:
            users = torch.arange(self.baskets.n_rows, device=hidden.device)
        t = head.tower(self.baskets.cells(users))
        e = head.tower.e if items is None else head.tower.e[items]
        of_rows, of_columns = (t, e) if self.by_user else (e, t)
        return Factors(torch.cat([hidden, of_rows], 1), torch.cat([weights, of_columns], 1), bias)


def _basket(items: Tensor) -> Cells:
    """One person's items, [n]."""
    start = torch.zeros_like(items)
    return Cells(start[:1], start, items, start)


def _head_of(net: AutoRecNet) -> ExposureHead:
    assert net.exposure_head is not None  # it was made with one
    return net.exposure_head

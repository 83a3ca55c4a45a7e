"""Some of the items, drawn for a batch of users to stand for all of them.

Symbols: B users, P interactions of these, M drawn items.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from recbole_ext.data.rating_matrix import Cells, RatingMatrix


class ItemSample(NamedTuple):
    """The interactions of B users, and M items that were drawn uniformly without replacement.

    Attributes:
        own: the interactions.
        items: [M], the drawn items, the same for all users.
        weights: [B, M], how many items each stands for: |N_u| / |S_u| where the user has no
            interaction with it, else 0 (losses.py).
        n_items: of which they were drawn, the padding item left out.
    """

    own: Cells
    items: Tensor
    weights: Tensor
    n_items: int

    @classmethod
    def of(cls, interactions: RatingMatrix, users: Tensor, items: Tensor) -> "ItemSample":
        """The sample of some users and drawn items.

        Args:
            interactions: of all users.
            users: [B] ids.
            items: [M] ids, distinct, without the padding id.
        """
        own, n_items = interactions.cells(users), interactions.n_columns - 1
        place = torch.full((interactions.n_columns,), -1, device=items.device)
        place[items] = torch.arange(len(items), device=items.device)
        drawn = place[own.columns]  # [P], the place among the drawn items; -1 for none
        not_seen = torch.ones(len(users), len(items), dtype=torch.bool, device=items.device)
        not_seen[own.row[drawn >= 0], drawn[drawn >= 0]] = False
        n_not_seen = n_items - torch.bincount(own.row, minlength=len(users))  # |N_u|
        share = n_not_seen / not_seen.sum(1).clamp(min=1)
        return cls(own, items, not_seen * share[:, None], n_items)


def draw(interactions: RatingMatrix, users: Tensor, n_drawn: int) -> ItemSample:
    """Draw the items of a step.

    Args:
        interactions: of all users.
        users: [B] ids.
        n_drawn: M, at most the number of items.
    """
    items = torch.randperm(interactions.n_columns - 1, device=users.device)[:n_drawn] + 1
    return ItemSample.of(interactions, users, items)

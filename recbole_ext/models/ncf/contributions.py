r"""What each interaction of a user adds to NCF's predictions for it.

With ``history`` of users, each item i is left out of the user's history; the user's own embeddings
stay as they are (profiles.py):

    y_t(p_u) - y_t(p'_u),    p'_u = own_u + (|R| - 1)^(-1/2) sum_{j in R, j != i} y_j

EASE's part of the score, where there is one, loses the item's weights.

Else the user is fitted as a new one (fold_in.py), to R and to R without each i.

Symbols: R the user's items, n of them; T targets: items to be explained.
"""

from typing import Any

import torch
from torch import Tensor

from recbole_ext.errors import DataError
from recbole_ext.models.leave_one_out import without_each
from recbole_ext.models.ncf.net import Vectors

_BLOCK = 2**22  # predictions at a time


def has_history(model: Any) -> bool:
    """Whether the users' vectors are made of their items."""
    return model.settings.history in ("user", "both")


def items_of(model: Any, user: int, feat: Any) -> Tensor:
    """The items of a user's interactions in the training split, [n].

    Args:
        model: an NCF model.
        user: RecBole's number.
        feat: the interactions of the training split.
    """
    fields = model.objective.fields
    own = feat[fields.user] == user
    if fields.label in feat.columns:
        own &= feat[fields.label] > 0
    return feat[fields.item][own].unique().to(model.device)


@torch.no_grad()
def contributions(model: Any, user: int | None, items: Tensor, targets: Tensor) -> Tensor:
    """What each interaction adds to each prediction.

    Args:
        model: an NCF model, trained.
        user: of training, whose ``items_of`` are the items; None for a new person.
        items: [n].
        targets: [T], items.

    Returns:
        [n, T], float64.

    Raises:
        DataError: a user who has to be fitted has a single item, so that nothing is left.
        SettingError: see fold_in.py.
    """
    if user is not None and has_history(model):
        return _of_history(model, user, items, targets)
    if len(items) == 1:
        raise DataError(
            f"one item alone cannot be explained: {type(model).__name__} fits a vector to the "
            "person's items, and without it there are none; give at least two"
        )

    def score(kept: Tensor) -> Tensor:
        fits = [model.fold_in(items[row])[targets] for row in kept.to(items.device)]
        return torch.stack(fits)

    return without_each(score, len(items), model.n_items)


def _of_history(model: Any, user: int, items: Tensor, targets: Tensor) -> Tensor:
    net = model.predictor
    number = torch.tensor([user], device=items.device)

    weights = model.item_weights
    of_items = items.new_zeros(len(items), 1)
    if weights is not None:
        of_items = weights.matrix[items][:, targets]  # what each adds to EASE's score

    def predictions(vectors: Vectors, ease: Tensor) -> Tensor:
        scores = net.score_all(vectors)[:, targets]
        if weights is not None:
            scores = scores + ease
        return model.objective.loss.prediction(scores).double()

    def without(table: Any) -> Tensor | None:
        return None if table is None else table.without_each(user, items)

    ease = of_items.sum(0)
    whole = predictions(net.vectors("user", number), ease)
    left = Vectors(*map(without, net.tables("user")))
    step = max(1, _BLOCK // net.n_items)
    blocks = []
    for start in range(0, len(items), step):
        here = slice(start, start + step)
        vectors = Vectors(*(None if part is None else part[here] for part in left))
        blocks.append(whole - predictions(vectors, ease - of_items[here]))
    return torch.cat(blocks)

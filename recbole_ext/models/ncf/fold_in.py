r"""Scores for a user, or an item, that was not in training.

Its embeddings are fitted to its interactions R, all other weights stay as they are:

    min over d    loss(p + d; R) + penalty ||d||^2

p is the mean of all embeddings, with what the history R adds to it (profiles.py). The loss is that
of training, for one user with all items: items without an interaction weigh as much as they do in
training.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from recbole_ext.config.types import Orientation
from recbole_ext.data.rating_matrix import Cells
from recbole_ext.errors import SettingError
from recbole_ext.models.item_weights import ItemWeights
from recbole_ext.models.minimise import minimum
from recbole_ext.models.ncf.net import NCFNet, Vectors
from recbole_ext.models.ncf.objective import Objective


def fold_in(
    net: NCFNet,
    objective: Objective,
    item_weights: ItemWeights | None,
    interactions: Tensor,
    of: Orientation = "user",
    penalty: float = 0.01,
    steps: int = 50,
) -> Tensor:
    """The predictions for a user with every item, or for an item with every user.

    Args:
        net: is trained; nothing in it changes.
        objective: what it was trained by.
        item_weights: EASE's, whose score joins that of the fitted vectors; None for none.
        interactions: [|R|], ids of the user's items, or of the item's users.
        of: whether a user or an item is new.
        penalty: on the squares of what the fit adds to the vectors; at least 0.
        steps: of L-BFGS; at least 1.

    Returns:
        [items], or for an item [users], the padding id included.

    Raises:
        SettingError: for ``loss_type: CE``, which needs ratings, and for a new item with
            ``ease_weight``, which has no weights for it.
    """
    if objective.loss.needs_ratings:
        raise SettingError("fold_in: not for loss_type: CE, which needs the user's ratings")
    if item_weights is not None and of == "item":
        raise SettingError(
            "fold_in: EASE has no weights of an item that was not in training, found ease_weight "
            "above 0; train a model with ease_weight: 0"
        )
    n = net.n_items if of == "user" else net.n_users
    seen = torch.zeros(1, n, dtype=torch.bool, device=interactions.device)
    seen[0, interactions] = True
    was_training = net.training
    net.eval()
    with torch.no_grad():
        start = net.newcomer(of, interactions)

    def scores(offsets: Sequence[Tensor]) -> Tensor:
        d = iter(offsets)
        return net.score_all(Vectors(*(None if p is None else p + next(d) for p in start)), of)

    def loss(offsets: Sequence[Tensor]) -> Tensor:
        squares = torch.stack([d.square().sum() for d in offsets]).sum()
        return objective.newcomer(scores(offsets)[:, 1:], seen[:, 1:]) + penalty * squares

    with _frozen(net):
        offsets = minimum(loss, [torch.zeros_like(p) for p in start if p is not None], steps)
    with torch.no_grad():
        fitted = scores(offsets)
        if item_weights is not None:
            fitted = fitted + item_weights.of_baskets(Cells.of_mask(seen))
        predictions = objective.loss.prediction(fitted)[0]
    net.train(was_training)
    return predictions


@contextmanager
def _frozen(net: nn.Module) -> Iterator[None]:
    """Within this block no gradient of the net's weights is recorded: what depends on them alone,
    such as the items' part of the first layer, is computed once."""
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    net.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)

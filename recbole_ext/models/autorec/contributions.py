r"""What each rating of a user adds to the scores that AutoRec ranks items by.

    by users                  h(r)_t - h(r without i)_t: each rating i is left out of the row
    by items, with SVD++      |R|^(-1/2) s y_i h_t: the part of the prediction that is a sum over R
    by items                  the user's column is fitted to R, and to R without i (fold_in.py)

The sum has the factor that centring.py standardises by. With an exposure head (exposure.py) the
score of t stands in the place of the rating h(r)_t, and by items columns are fitted: the score has
no part that is a sum over R.

For the squared error and f(x) = x the fits need not be made: with a_t, the weights by which the
fitted prediction of t is a sum of the ratings, and the residual e_i,

    prediction(R)_t - prediction(R without i)_t  =  a_ti e_i / (1 - a_ii)

which is exact for least squares with a penalty (Allen, "The Relationship between Variable Selection
and Data Augmentation and a Method for Prediction", 1974).

Symbols: R the user's ratings, n of them; C columns, T targets: items to be explained.
"""

from typing import Literal

import torch
from torch import Tensor

from recbole_ext.data.rating_matrix import Cells
from recbole_ext.errors import DataError
from recbole_ext.models.autorec import fold_in
from recbole_ext.models.autorec.adapter import AutoRec
from recbole_ext.models.autorec.layers import Patterned
from recbole_ext.models.leave_one_out import without_each

Kind = Literal["row", "svdpp", "column"]


def kind(model: AutoRec) -> Kind:
    """Which of the three ways is the model's."""
    if model.by_user:
        return "row"
    is_sum = model.ranks_by_ratings and _is_linear(model) and model.settings.svdpp_scale
    return "svdpp" if is_sum else "column"


def _is_linear(model: AutoRec) -> bool:
    """Whether the predictions are W h + b, fitted by the squared error."""
    return model.settings.loss_type == "MSE" and model.settings.out_activation == "identity"


def is_fitted(model: AutoRec) -> bool:
    """Whether each rating that is left out takes a fit, of which there is no closed form."""
    closed = model.ranks_by_ratings and _is_linear(model) and model.settings.reg_weight
    return kind(model) == "column" and not closed


def ratings_of(model: AutoRec, user: int) -> tuple[Tensor, Tensor]:
    """The items that a user has rated in the training split, and the ratings: [n], [n]."""
    ratings = model.ratings
    if model.by_user:
        cells = ratings.cells(torch.tensor([user], device=ratings.device))
        return cells.columns, cells.values
    places = (ratings.columns == user).nonzero().ravel()
    items = torch.searchsorted(ratings.starts, places, right=True) - 1
    return items, ratings.values[places]


@torch.no_grad()
def contributions(
    model: AutoRec, user: int | None, items: Tensor, ratings: Tensor, targets: Tensor
) -> Tensor:
    """What each rating adds to each score.

    Args:
        model: is trained.
        user: of training, whose ``ratings_of`` are the ratings; None for a new person.
        items, ratings: [n].
        targets: [T], items.

    Returns:
        [n, T], float64.

    Raises:
        DataError: a column has a single rating, so that nothing is left to fit it to.
    """
    way = kind(model)
    if way == "row":
        return _of_row(model, user, items, ratings, targets)
    if way == "svdpp":
        return _of_pattern(model, items, targets)
    if len(items) == 1:
        raise DataError(
            "one rating alone cannot be explained: AutoRec by items fits weights to the person's "
            "ratings, and without it there are none; give at least two"
        )
    of_column = _of_fits if is_fitted(model) else _of_least_squares
    values = of_column(model, items, ratings, targets)
    if model.ranks_by_ratings and model.scale.unseen_rating is not None:
        # which no rating of the person changes
        values[:, model.scale.unseen_rows[targets]] = 0.0
    return values


def _of_row(
    model: AutoRec, user: int | None, items: Tensor, ratings: Tensor, targets: Tensor
) -> Tensor:
    net, batches, scale = model.predictor, model.dense, model.scale
    size = batches.global_kernel_size

    def score(kept: Tensor) -> Tensor:
        kept = kept.to(items.device)
        rows = ratings.new_zeros(len(kept), batches.ratings.n_columns)
        observed = torch.zeros_like(rows, dtype=torch.bool)
        rows[:, items], observed[:, items] = torch.where(kept, ratings, 0.0), kept
        baskets = Cells.of_mask(observed)
        if user is None:
            stars, hidden = fold_in.of_rows(net, batches, scale, rows, observed)
            stars = stars[:, targets]
        else:
            number = torch.tensor(user, device=items.device)
            inputs = batches.assemble(rows, observed, scale.baseline.rows[number].expand(len(rows)))
            if size:
                middle = inputs
                inputs = batches.inputs(number[None]).repeat(len(rows), 1, 1)
                inputs[:, size // 2] = middle
            hidden = net.encode(inputs)
            stars = scale.restore(net.decode(hidden, targets), number, targets)
        return model.ranker.of_new_rows(net, hidden, baskets, lambda: stars, targets)

    return without_each(score, len(items), batches.ratings.n_columns * (size or 1))


def _of_pattern(model: AutoRec, items: Tensor, targets: Tensor) -> Tensor:
    layer = model.predictor.last_layer
    assert isinstance(layer, Patterned)
    products = layer.y[items].double() @ model.hidden()[targets].double().T
    deviation = model.baseline.deviation.double()
    return layer.step * deviation * products / len(items) ** 0.5


def _of_least_squares(model: AutoRec, items: Tensor, ratings: Tensor, targets: Tensor) -> Tensor:
    hidden, baseline = model.hidden().double(), model.scale.baseline
    penalty = (len(hidden) - 1) * model.settings.reg_weight / 2
    # the bias of the column is free: it takes up every constant
    r = (ratings - baseline.rows[items]).double()
    mean = hidden[items].mean(0)
    h, h_t = hidden[items] - mean, hidden[targets] - mean
    eye = torch.eye(len(items), dtype=torch.float64, device=h.device)
    inverse = torch.linalg.inv(h @ h.T + penalty * eye)
    of_items = inverse @ (h @ h.T) + 1 / len(items)  # [n, n], symmetric
    of_targets = inverse @ (h @ h_t.T) + 1 / len(items)  # [n, T]
    residuals = r - of_items @ r
    return of_targets * (residuals / (1 - of_items.diagonal()))[:, None]


def _of_fits(model: AutoRec, items: Tensor, ratings: Tensor, targets: Tensor) -> Tensor:
    def score(kept: Tensor) -> Tensor:
        fits = [model.fold_in(items[row], ratings[row])[targets] for row in kept.to(items.device)]
        return torch.stack(fits)

    return without_each(score, len(items), 1)

"""Scores for a person who was not in training, from the person's items.

    NCF                             the vectors of the user are fitted (models/ncf/fold_in.py)
    AutoRec by users                the person's ratings are a row: encoded, decoded
    AutoRec by items                the weights of the user's column are fitted
                                    (models/autorec/fold_in.py)
    EASE, SLIMElastic, ADMMSLIM     r B: the person's items r, the model's item-item weights B
    ItemKNN (knn_method: item)      r W: the same with the similarities of the nearest items
    MultiVAE, MultiDAE, RecVAE,     the person's items are encoded, decoded
    MacridVAE, RaCT
    CDAE                            the same, the user's own vector being the mean of all users'

A model of your own takes part by a method ``fold_in(items)``: [n] -> [items]. All other models have
learned vectors for the users of training only, or no users at all.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from recbole_ext.errors import DataError, SettingError
from recbole_ext.inference.trained_model import TrainedModel


@torch.no_grad()
def scores(trained: TrainedModel, items: np.ndarray, ratings: np.ndarray | None) -> Tensor:
    """The scores of all items for the person, on the same scale as for a user of training.

    Args:
        trained: the model.
        items: [n], RecBole's numbers of the person's items.
        ratings: [n]; None where only the items are known.

    Returns:
        [items], ``-inf`` for the padding item.

    Raises:
        DataError: there is no item, one occurs twice, or a rating is missing or out of range.
        SettingError: the model cannot take in new people.
    """
    check(trained, items, ratings)
    model = trained.model
    numbers = torch.from_numpy(items).to(trained.device)
    if trained.needs_ratings:
        result = model.fold_in(
            numbers, torch.as_tensor(ratings, dtype=torch.float32).to(numbers.device)
        )
    elif hasattr(model, "fold_in"):
        result = model.fold_in(numbers)
    else:
        row = torch.zeros(1, trained.dataset.item_num, device=numbers.device)
        row[0, numbers] = 1.0
        result = _FOLD_INS[trained.name](copy.copy(model), row)
    result = result.detach().clone().reshape(-1)
    result[0] = -torch.inf
    return result


def check_model(trained: TrainedModel) -> None:
    """Refuse a model that cannot take in new people.

    Raises:
        SettingError: it says why.
    """
    if trained.needs_ratings and trained.ratings is not None and trained.ratings.file is not None:
        raise SettingError(
            f"{trained.name} cannot take in a new person's ratings: it was trained on ratings that "
            "were squeezed into [0, 1]; train it with normalize_all: False"
        )
    folds_in = trained.needs_ratings or hasattr(trained.model, "fold_in")
    if not (folds_in or trained.name in _FOLD_INS):
        raise SettingError(
            f"{trained.name} cannot take in a person who was not in training: it has learned a "
            "vector for each user of training, or has no users; models that can: NCFMLP, NCFGMF, "
            f"NCFNeuMF, AutoRec, {', '.join(_FOLD_INS)}"
        )
    if trained.name == "ItemKNN" and trained.model.method != "item":
        raise SettingError(
            f"ItemKNN with knn_method: {trained.model.method} cannot take in a person who was not "
            "in training: it compares the users of training; train it with knn_method: item"
        )


def _check_range(trained: TrainedModel, item: str, rating: float) -> None:
    """Raise an error if a rating is not a number, or out of the range of the data set.

    Raises:
        DataError: it names the range.
    """
    ratings = trained.ratings
    low, high = (-np.inf, np.inf) if ratings is None else ratings.range
    if not (np.isfinite(rating) and low <= rating <= high):
        expected = "a number"
        if ratings is not None:
            expected = f"{low:g} to {high:g}, as in {trained.dataset.dataset_name}"
        raise DataError(f"item {item}: rating: expected {expected}, found {rating:g}")


def check(trained: TrainedModel, items: np.ndarray, ratings: np.ndarray | None) -> None:
    """Raise an error if the items are not a valid history of a new person.

    Args:
        trained, items, ratings: see ``scores``.

    Raises:
        DataError, SettingError: see ``scores``.
    """
    dataset = trained.dataset
    if not len(items):
        raise DataError("a new person: expected at least one item, found none; name some")
    tokens = [dataset.id2token(dataset.iid_field, int(item)) for item in items]
    for place, token in enumerate(tokens):
        if token in tokens[:place]:
            raise DataError(f"item {token}: given twice; give each item once")
    if ratings is None:
        if trained.needs_ratings:
            raise DataError(
                f"item {tokens[0]}: {trained.name} needs the person's ratings, found none; give a "
                "rating for each item, such as 50=5"
            )
    else:
        for token, rating in zip(tokens, ratings, strict=True):
            _check_range(trained, token, float(rating))
    check_model(trained)


def _by_matrix(model: Any, row: Tensor) -> Tensor:
    """The model's own prediction for user 0 of a matrix that has the person alone."""
    model.interaction_matrix = csr_matrix(row.cpu().numpy())
    return model.full_sort_predict(_user_0(model))


def _by_neighbours(model: Any, row: Tensor) -> Tensor:
    model.pred_mat = (csr_matrix(row.cpu().numpy()) @ model.w).tolil()
    return model.full_sort_predict(_user_0(model))


def _cdae(model: Any, row: Tensor) -> Tensor:
    hidden = model.h_act(model.h_item(row) + model.h_user.weight[1:].mean(0))
    return model.o_act(model.out_layer(hidden))


def _user_0(model: Any) -> Any:
    return {model.USER_ID: torch.zeros(1, dtype=torch.long, device=model.device)}


def encode(model: Any, rows: Tensor, name: str, user: int | None) -> Tensor:
    """The scores of all items for rows of items, by a model of ``ENCODED``.

    Args:
        model: may be changed.
        rows: [B, items], 1 for an item that the person has.
        name: the model's.
        user: whose vector CDAE adds; None for the mean of all.

    Returns:
        [B, items].
    """
    if name == "CDAE" and user is None:
        return _cdae(model, rows)
    model.get_rating_matrix = lambda users: rows
    users = torch.full((len(rows),), user or 0, device=model.device)
    return model.full_sort_predict({model.USER_ID: users}).reshape(len(rows), -1)


ENCODED = ("MultiVAE", "MultiDAE", "RecVAE", "MacridVAE", "RaCT", "CDAE")

_FOLD_INS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    **dict.fromkeys(("EASE", "SLIMElastic", "ADMMSLIM"), _by_matrix),
    "ItemKNN": _by_neighbours,
    **{name: partial(encode, name=name, user=None) for name in ENCODED},
}

"""How much each item of a person contributes to the scores of other items.

    EASE, SLIMElastic, ADMMSLIM     x_i B_it: person's items x, item-item weights B; they sum to the
    ItemKNN (knn_method: item)      score (of ADMMSLIM with center_columns: less a constant of t)
    MultiVAE, MultiDAE, RecVAE,     score of t less the score without i: each i is left out of what
    MacridVAE, RaCT, CDAE           is encoded
    AutoRec, NCF                    see models/autorec/contributions.py, models/ncf/contributions.py

A model of your own with a method ``fold_in(items)`` is called once for each item left out.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import DataError, SettingError
from recbole_ext.inference import new_person
from recbole_ext.inference.trained_model import TrainedModel
from recbole_ext.models.autorec.adapter import AutoRec
from recbole_ext.models.leave_one_out import without_each
from recbole_ext.models.ncf.adapter import NCFGMF, NCFMLP

_EXACT = "exact: the contributions of all that a person has add up to the score of the item"
_LEFT_OUT = (
    "each of the person's items is left out of the model's input in turn: a contribution is by how "
    "much the score is lower without it"
)
_FITTED = (
    "the person is taken as a new one, to whose items {} are fitted, once to all of them and once "
    "without each: a contribution is by how much the score is lower without it"
)
_SVDPP = (
    "exact for a part of the score: what the person's items add to the person's learned weights "
    "(SVD++); the learned weights themselves are not divided among items"
)


class Person(NamedTuple):
    """The person whose scores are explained.

    Attributes:
        user: RecBole's number of a user of training; None for a new person.
        items: [n], RecBole's numbers of the person's items; of a user, those of the training part.
        ratings: [n]; None for a model without ratings.
    """

    user: int | None
    items: np.ndarray
    ratings: np.ndarray | None


@dataclass(frozen=True)
class Way:
    """How contributions are computed for a model.

    Attributes:
        sentence: describes it in words.
        history: user -> the person of training.
        contributions: person, targets [T] -> [n, T], float64.
        is_fitted: whether each of the person's items needs a fit, which is slow.
    """

    sentence: str
    history: Callable[[int], Person]
    contributions: Callable[[Person, np.ndarray], np.ndarray]
    is_fitted: bool = False


def way_of(trained: TrainedModel) -> Way:
    """How contributions are computed for a model.

    Raises:
        SettingError: the scores are not computed from the person's items, or not item by item.
    """
    name, model = trained.name, trained.model
    if isinstance(model, AutoRec):
        return _autorec(trained)
    if isinstance(model, (NCFMLP, NCFGMF)):
        return _ncf(trained)
    if name in _LINEAR and not (name == "ItemKNN" and model.method != "item"):
        return Way(
            _EXACT if not getattr(model, "center_columns", False) else f"{_EXACT}, less a constant",
            lambda user: Person(user, _row(model.interaction_matrix, user)[0], None),
            lambda person, targets: _linear(trained, person, targets),
        )
    if name in new_person.ENCODED:
        return Way(
            _LEFT_OUT,
            lambda user: _of_training(trained, user),
            lambda person, targets: _encoded(trained, person, targets),
        )
    if hasattr(model, "fold_in"):
        return Way(
            _LEFT_OUT,
            lambda user: _of_training(trained, user),
            lambda person, targets: _folded_in(trained, person, targets),
            is_fitted=True,
        )
    kind = f"{name} with knn_method: {model.method}" if name == "ItemKNN" else name
    raise SettingError(
        f"{kind} cannot be explained: its scores are not made of what a user has, item by item; "
        "models that can: NCFMLP, NCFGMF, NCFNeuMF, AutoRec, "
        f"{', '.join([*_LINEAR, *new_person.ENCODED])}"
    )


def _of_training(trained: TrainedModel, user: int) -> Person:
    interactions = InteractionSet.of_dataset(trained.parts["train"])
    return Person(user, interactions.of(np.array([user]))[1], None)


# --- sums -----------------------------------------------------------------------------------

_LINEAR = {
    **dict.fromkeys(("EASE", "SLIMElastic", "ADMMSLIM"), "item_similarity"),
    "ItemKNN": "w",
}  # -> the attribute with the item-item weights


def _row(matrix: Any, user: int) -> tuple[np.ndarray, np.ndarray]:
    """The items of a user in RecBole's matrix, ascending, and the numbers there."""
    row = matrix[user].tocsr().sorted_indices()
    return row.indices.astype(np.int64), row.data.astype(np.float64)


def _linear(trained: TrainedModel, person: Person, targets: np.ndarray) -> np.ndarray:
    weights = getattr(trained.model, _LINEAR[trained.name])
    if issparse(weights):
        block = weights.tocsc()[:, targets].tocsr()[person.items].toarray()
    else:
        block = np.asarray(weights[np.ix_(person.items, targets)])
    x = np.ones(len(person.items))
    if person.user is not None:  # an interaction that occurs twice counts twice
        x = _row(trained.model.interaction_matrix, person.user)[1]
    return x[:, None] * block.astype(np.float64)


# --- each item left out ---------------------------------------------------------------------


@torch.no_grad()
def _encoded(trained: TrainedModel, person: Person, targets: np.ndarray) -> np.ndarray:
    items, columns = _tensors(trained, person.items, targets)

    def score(kept: Tensor) -> Tensor:
        rows = torch.zeros(len(kept), trained.dataset.item_num, device=items.device)
        rows[:, items] = kept.to(rows)
        model = copy.copy(trained.model)
        return new_person.encode(model, rows, trained.name, person.user)[:, columns]

    return without_each(score, len(items), trained.dataset.item_num).cpu().numpy()


@torch.no_grad()
def _folded_in(trained: TrainedModel, person: Person, targets: np.ndarray) -> np.ndarray:
    items, columns = _tensors(trained, person.items, targets)
    if len(items) == 1:
        raise DataError("one item alone cannot be explained: without it there are none")

    def score(kept: Tensor) -> Tensor:
        fits = [trained.model.fold_in(items[row])[columns] for row in kept.to(items.device)]
        return torch.stack(fits)

    return without_each(score, len(items), trained.dataset.item_num).cpu().numpy()


def _tensors(trained: TrainedModel, *arrays: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(array).to(trained.device) for array in arrays]


# --- the models of this package -------------------------------------------------------------


def _autorec(trained: TrainedModel) -> Way:
    from recbole_ext.models.autorec import contributions

    model = trained.model

    def history(user: int) -> Person:
        items, ratings = (part.cpu().numpy() for part in contributions.ratings_of(model, user))
        return Person(user, items, ratings)

    def of_person(person: Person, targets: np.ndarray) -> np.ndarray:
        items, columns = _tensors(trained, person.items, targets)
        ratings = torch.as_tensor(person.ratings, dtype=torch.float32).to(items.device)
        parts = model, person.user, items, ratings, columns
        return contributions.contributions(*parts).cpu().numpy()

    sentence = {"row": _LEFT_OUT, "svdpp": _SVDPP, "column": _FITTED.format("weights")}
    is_fitted = contributions.is_fitted(model)
    return Way(sentence[contributions.kind(model)], history, of_person, is_fitted)


def _ncf(trained: TrainedModel) -> Way:
    from recbole_ext.models.ncf import contributions

    model = trained.model

    def history(user: int) -> Person:
        feat = trained.parts["train"].inter_feat
        return Person(user, contributions.items_of(model, user, feat).cpu().numpy(), None)

    def of_person(person: Person, targets: np.ndarray) -> np.ndarray:
        items, columns = _tensors(trained, person.items, targets)
        return contributions.contributions(model, person.user, items, columns).cpu().numpy()

    has_history = contributions.has_history(model)
    sentence = _LEFT_OUT if has_history else _FITTED.format("vectors")
    return Way(sentence, history, of_person, is_fitted=not has_history)

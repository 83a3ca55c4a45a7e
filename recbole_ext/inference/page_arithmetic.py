"""The weights with which the page of `explore` computes scores for a new person.

new_person.py defines the scores; the page does the same arithmetic in JavaScript
(page/new_person.js), with the weights in 16 bits:

    AutoRec by items                what ``models/autorec/fold_in.of_column`` reads
    AutoRec by users                what ``models/autorec/fold_in.of_rows`` reads
    EASE, SLIMElastic, ADMMSLIM,    scores = offset + the sum of the rows of B of the person's
    ItemKNN (knn_method: item)      items; B is [items, items]

Items are RecBole's without the padding: place 0 is RecBole's number 1.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix, issparse
from torch import Tensor

from recbole_ext.errors import SettingError
from recbole_ext.inference import new_person
from recbole_ext.inference.page_arrays import (
    Content,
    packed_floats,
    packed_numbers,
    quantised,
    quantised_sparse,
)
from recbole_ext.inference.trained_model import TrainedModel
from recbole_ext.models.autorec.layers import Patterned
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.models.autorec.predictions import RatingScale

MOST_BYTES = 9 * 2**20  # of weights, in 16 bits; 12 MiB of base64
_MOST_RATINGS = 21  # that a person can select


def content(trained: TrainedModel) -> Content:
    """The weights, or why the page has none.

    Returns:
        ``kind`` and what belongs to it; ``{"kind": "none", "reason": a sentence}`` where the page
        cannot do it.
    """
    try:
        new_person.check_model(trained)
        if trained.name == "AutoRec":
            _check_head(trained)
            of_model = _by_users(trained) if trained.model.by_user else _by_items(trained)
        elif trained.name in _LINEAR:
            of_model = _linear(trained)
        else:
            raise SettingError(
                f"this page cannot do the arithmetic of {trained.name} for a new person; "
                "`recbole-ext recommend --for` can"
            )
    except SettingError as error:
        return {"kind": "none", "reason": str(error)}
    return {**of_model, "ratings": _ratings(trained)}


def _ratings(trained: TrainedModel) -> list[float] | None:
    """The ratings that a person can select; None for a model that needs no ratings."""
    if not trained.needs_ratings:
        return None
    assert trained.ratings is not None  # it is trained on them
    low, high = trained.ratings.range
    levels = np.unique(trained.dataset.inter_feat[trained.ratings.field])
    if len(levels) > _MOST_RATINGS:
        levels = np.linspace(low, high, _MOST_RATINGS)
    return [round(float(level), 4) for level in levels]


def _check_size(name: str, n_weights: int) -> None:
    if 2 * n_weights > MOST_BYTES:
        raise SettingError(
            f"{name} has {n_weights:,} weights that a new person needs; this page holds at most "
            f"{MOST_BYTES // 2:,}; `recbole-ext recommend --for` has no such limit"
        )


# --- AutoRec ------------------------------------------------------------------------------------


def _check_head(trained: TrainedModel) -> None:
    if not trained.model.ranks_by_ratings:
        raise SettingError(
            "this page cannot do the arithmetic of AutoRec with an exposure head (exposure_weight) "
            "for a new person; `recbole-ext recommend --for` can"
        )


def _of_scale(scale: RatingScale, biases: Tensor, unseen: Tensor) -> Content:
    """How ratings are centred and restored: of what a person rates, without the padding."""
    is_known = scale.unseen_rating is None
    return {
        "mean": float(scale.baseline.mean),
        "deviation": float(scale.baseline.deviation),
        "biases": packed_floats(_numpy(biases[1:])),
        "damping": scale.bias_damping,
        "unseenRating": scale.unseen_rating,
        "unseen": None if is_known else packed_numbers(_numpy(unseen[1:])),
    }


def _of_head(net: AutoRecNet, activation: str) -> Content:
    """How the last layer becomes ratings: by an activation, or from classes."""
    levels = None if net.levels is None else [float(level) for level in net.levels]
    return {"activation": activation, "levels": levels}


@torch.no_grad()
def _by_items(trained: TrainedModel) -> Content:
    model = trained.model
    net, settings, scale = model.predictor, model.settings, model.scale
    hidden, layer = model.hidden(), net.last_layer
    has_pattern = isinstance(layer, Patterned)
    _check_size("AutoRec by items", hidden.numel() * (2 if has_pattern else 1))
    matrix = layer.inner.matrix() if has_pattern else layer.matrix()
    k = net.head.n_scores
    start, bias = (of_all.unflatten(0, (-1, k))[1:].mean(0) for of_all in (matrix, layer.bias))
    return {
        "kind": "column",
        "hidden": quantised(_numpy(hidden[1:])),
        "pattern": quantised(_numpy(layer.step * layer.y[1:])) if has_pattern else None,
        "start": packed_floats(_numpy(start).ravel()),
        "startBias": packed_floats(_numpy(bias)),
        "penalty": (len(hidden) - 1) * settings.reg_weight / 2,
        **_of_head(net, settings.out_activation),
        **_of_scale(scale, scale.baseline.rows, scale.unseen_rows),
    }


@torch.no_grad()
def _by_users(trained: TrainedModel) -> Content:
    model = trained.model
    net, settings, scale = model.predictor, model.settings, model.scale
    if settings.global_kernel_size:
        raise SettingError(
            "this page cannot do the arithmetic of AutoRec by users with a global kernel for a "
            "new person; `recbole-ext recommend --for` can"
        )
    first, *others = net.hidden_layers
    layers = [*others, net.last_layer]
    n_columns = model.ratings.n_columns
    sizes = [first.n_in, *(len(layer.bias) for layer in net.hidden_layers)]
    widths = [*(len(layer.bias) for layer in net.hidden_layers), len(net.last_layer.bias)]
    _check_size("AutoRec by users", int(np.dot(sizes, widths)))
    inputs = _numpy(first.matrix().T)  # [inputs, H]: one row is read for each rating
    masks = inputs[n_columns + 1 :]
    k = net.head.n_scores
    matrices = [_numpy(layer.matrix()) for layer in layers]
    biases = [_numpy(layer.bias) for layer in layers]
    matrices[-1], biases[-1] = matrices[-1][k:], biases[-1][k:]  # without the padding's
    return {
        "kind": "row",
        "inputs": quantised(inputs[1:n_columns]),
        "masks": quantised(masks) if settings.mask_input_scale else None,
        "maskScale": settings.mask_input_scale,
        "inputBias": packed_floats(_numpy(first.bias)),
        "layers": [
            {"weights": quantised(matrix), "bias": packed_floats(bias)}
            for matrix, bias in zip(matrices, biases, strict=True)
        ],
        "hiddenActivation": settings.hid_activation,
        **_of_head(net, settings.out_activation),
        **_of_scale(scale, scale.baseline.columns, scale.unseen_columns),
    }


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


# --- linear models ------------------------------------------------------------------------------


def _linear(trained: TrainedModel) -> Content:
    weights, offset = _LINEAR[trained.name](trained.model)
    n_items = trained.dataset.item_num - 1
    n_weights = weights.nnz if issparse(weights) else n_items**2
    is_sparse = issparse(weights) and 4 * n_weights < 2 * n_items**2
    # a place of an entry takes as much as its value
    _check_size(trained.name, 2 * n_weights if is_sparse else n_items**2)
    if is_sparse:
        of_matrix = quantised_sparse(csr_matrix(weights)[1:, 1:])
    else:
        dense = weights.toarray() if issparse(weights) else np.asarray(weights)
        of_matrix = quantised(dense[1:, 1:])
    return {
        "kind": "linear",
        "weights": of_matrix,
        "offset": None if offset is None else packed_floats(np.asarray(offset).ravel()[1:]),
    }


def _of_similarity(model: Any) -> tuple[Any, Any]:
    return model.item_similarity, None


def _of_centred_similarity(model: Any) -> tuple[Any, Any]:
    """(r - means) B + means."""
    if not model.center_columns:
        return model.item_similarity, None
    means = np.asarray(model.item_means).ravel()
    return model.item_similarity, means - means @ np.asarray(model.item_similarity)


def _of_neighbours(model: Any) -> tuple[Any, Any]:
    return model.w, None


_LINEAR: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "EASE": _of_similarity,
    "SLIMElastic": _of_similarity,
    "ADMMSLIM": _of_centred_similarity,
    "ItemKNN": _of_neighbours,
}

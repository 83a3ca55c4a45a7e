"""Vectors of users and items whose inner products give a model's scores.

A vector index finds the items with the largest inner products. Models keep their vectors under
different names; comparing the products with the model's scores shows which vectors are right.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recbole_ext.errors import SettingError
from recbole_ext.inference.trained_model import TrainedModel
from recbole_ext.inference.user_scores import UserScores
from recbole_ext.models.autorec.adapter import AutoRec
from recbole_ext.models.ncf.adapter import NCFGMF, NCFMLP

Link = Literal["identity", "sigmoid"]

TOLERANCE = 1e-5  # of scores, those above 1 relative to their size
_COMPARED = 100  # users


class InnerProducts(NamedTuple):
    """Vectors, and the function that turns their inner products into scores.

    Attributes:
        users, items: [U, D], [I, D], float32; row 0 is the padding.
        link: the score is this function of the inner product; both give the same order of items.
    """

    users: np.ndarray
    items: np.ndarray
    link: Link


@torch.no_grad()
def of(trained: TrainedModel) -> tuple[InnerProducts, float]:
    """The vectors of a model.

    Returns:
        the vectors, and the largest difference between their scores and the model's, over all items
        and at most 100 users.

    Raises:
        SettingError: the model has none.
    """
    n_users, n_items = trained.dataset.user_num, trained.dataset.item_num
    random = np.random.default_rng(0)
    users = random.permutation(np.arange(1, n_users))[:_COMPARED]
    expected = _scores(trained, users)
    differences = [np.inf]
    for users_, items_, link in _candidates(trained):
        product = InnerProducts(_array(users_), _array(items_), link)
        if (len(product.users), len(product.items)) != (n_users, n_items):
            continue
        if product.users.ndim != 2 or product.users.shape[1] != product.items.shape[-1]:
            continue
        scores = product.users[users] @ product.items[1:].T
        if link == "sigmoid":
            scores = 1 / (1 + np.exp(-scores))
        differences.append(difference(scores, expected))
        if differences[-1] <= TOLERANCE:
            return product, differences[-1]
    found = "no vectors" if len(differences) == 1 else f"a difference of {min(differences):.2g}"
    raise SettingError(
        f"--format embeddings: the scores of {trained.name} are no inner products of a vector of "
        f"the user and one of the item, found {found}; models such as BPR, LightGCN and NCFGMF "
        "have them, for others write --format safetensors"
    )


def difference(scores: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of scores; relative for scores above 1."""
    if not expected.size:
        return 0.0
    return float((np.abs(scores - expected) / np.maximum(np.abs(expected), 1.0)).max())


def _scores(trained: TrainedModel, users: np.ndarray) -> np.ndarray:
    if trained.is_sequential:
        raise SettingError(
            f"--format embeddings: {trained.name} scores a sequence of items, not a user; write "
            "--format safetensors"
        )
    of_users = UserScores(trained)
    step = of_users.users_at_a_time
    blocks = [of_users.of(users[start : start + step]) for start in range(0, len(users), step)]
    return torch.cat(blocks)[:, 1:].cpu().numpy()


def _array(values: Any) -> np.ndarray:
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return array.astype(np.float32)


def _candidates(trained: TrainedModel) -> Iterator[tuple[Any, Any, Link]]:
    """Candidates for the vectors of users and items, with their link."""
    model = trained.model
    if isinstance(model, AutoRec):
        if (factors := _of_autorec(model)) is not None:
            rows, columns = factors
            yield (rows, columns, "identity") if model.by_user else (columns, rows, "identity")
        return
    if isinstance(model, (NCFMLP, NCFGMF)):
        if not model.predictor.mlp_size and model.predictor.n_scores == 1:
            yield _of_gmf(model.predictor)
        return
    # after UserScores has called the model: LightGCN, for example, keeps its propagated vectors
    for users, items in (
        ("restore_user_e", "restore_item_e"),
        ("user_embedding", "item_embedding"),
        ("user_embeddings", "item_embeddings"),
        ("user_emb", "item_emb"),
    ):
        parts: list[Any] = [getattr(model, name, None) for name in (users, items)]
        parts = [part.weight if isinstance(part, nn.Embedding) else part for part in parts]
        if all(isinstance(part, (Tensor, np.ndarray)) and part.ndim == 2 for part in parts):
            yield parts[0], parts[1], "identity"
            yield parts[0], parts[1].T, "identity"  # NCEPLRec's are columns


def _of_autorec(model: AutoRec) -> tuple[Tensor, Tensor] | None:
    """The scores as products of rows and of columns; None where they are none."""
    settings, ranker = model.settings, model.ranker
    kind = settings.out_activation, settings.loss_type, model.scale.unseen_rating
    ratings = _of_ratings(model) if kind == ("identity", "MSE", None) else None
    if model.ranks_by_ratings:
        return ratings
    hidden = model.hidden()
    all_rows = torch.arange(len(hidden), device=hidden.device)
    rows, columns, bias = ranker.factors(model.predictor, hidden, all_rows)
    rows = torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)
    if not settings.ranking_rating_weight:
        return rows, torch.cat([columns, bias[:, None]], dim=1)
    if ratings is None:
        return None
    share = settings.ranking_rating_weight / ranker.deviation
    columns = torch.cat([columns, (bias - share * ranker.mean)[:, None], ratings[1]], dim=1)
    return torch.cat([rows, share * ratings[0]], dim=1), columns


def _of_ratings(model: AutoRec) -> tuple[Tensor, Tensor]:
    """s (W_c h_r + b_c) + mean + b'_r + b'_c as products: of rows, and of columns.

    s is the deviation of centring.py.
    """
    layer, baseline, hidden = model.predictor.last_layer, model.scale.baseline, model.hidden()
    ones = torch.ones_like(hidden[:, :1])
    rows = torch.cat([hidden, ones, baseline.rows[:, None]], dim=1)
    offset = (baseline.deviation * layer.bias + baseline.mean + baseline.columns)[:, None]
    return rows, torch.cat(
        [baseline.deviation * layer.matrix(), offset, torch.ones_like(offset)], dim=1
    )


def _of_gmf(net: Any) -> tuple[Tensor, Tensor, Link]:
    """h^T (p * q) + c."""
    p, q = net.user_gmf_embedding(), net.item_gmf_embedding()
    h, c = net.predict_layer.weight, net.predict_layer.bias
    users = torch.cat([p * h, c.expand(len(p), 1)], dim=1)
    return users, torch.cat([q, torch.ones_like(q[:, :1])], dim=1), "sigmoid"

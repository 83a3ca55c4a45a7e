"""EASE's item-item weights beside our models: the matrix, the scores, and what stays as it was."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.data.interaction import Interaction
from recbole.model.general_recommender.ease import EASE

from recbole_ext.data.rating_matrix import Cells, RatingMatrix
from recbole_ext.errors import SettingError
from recbole_ext.inference import trained_model
from recbole_ext.models.item_weights import ItemWeights
from recbole_ext.trainer import checkpoint
from tests import runs

WEIGHTS = {"ease_weight": 2.0, "ease_reg_weight": 5.0}
BY_USERS = {"orientation": "user", "exposure_weight": 0.5, "exposure_hidden_size": 4}
BY_ITEMS = {"orientation": "item", "exposure_weight": 0.5, "ranking_rating_weight": 0.5}
RANKERS = [
    ("NCFMLP", {"negatives": "all", "history": "both", "ema_decay": 0.5}),
    ("NCFGMF", {}),
    ("NCFNeuMF", {}),
    ("AutoRec", BY_USERS),
    ("AutoRec", BY_ITEMS),
]
each = pytest.mark.parametrize(("name", "own"), RANKERS)


def matrix_of(rows):
    """Users' items from rows of 0 and 1, the padding user and item included."""
    cells = Cells.of_mask(torch.as_tensor(rows, dtype=torch.bool))
    starts = torch.cat([cells.starts, torch.tensor([len(cells.columns)])])
    return RatingMatrix(starts, cells.columns, cells.values, len(rows[0]))


# --- the matrix -----------------------------------------------------------------------------


def test_a_hand_worked_example():
    """Two users with the items 1 and 2, one with 2 alone; lambda 1.

    X^T X + I = [[3, 2], [2, 4]], its inverse [[4, -2], [-2, 3]] / 8: b_12 = 2 / 3, the regression
    of item 2 on item 1, and b_21 = 2 / 4.
    """
    users = matrix_of([[0, 0, 0], [0, 1, 1], [0, 1, 1], [0, 0, 1]])
    weights = ItemWeights.fitted(users, weight=1.0, reg_weight=1.0)
    expected = [[0, 0, 0], [0, 0, 2 / 3], [0, 2 / 4, 0]]
    np.testing.assert_allclose(weights.matrix, expected, atol=1e-7)
    scores = [[0, 0, 0], [0, 1 / 2, 2 / 3], [0, 1 / 2, 2 / 3], [0, 1 / 2, 0]]
    np.testing.assert_allclose(weights.of_users(torch.arange(4)), scores, atol=1e-7)
    thrice = ItemWeights.fitted(users, weight=3.0, reg_weight=1.0)
    np.testing.assert_allclose(thrice.matrix, 3 * weights.matrix, rtol=1e-6)


@given(st.integers(0, 2**16), st.floats(0.1, 50.0))
@settings(max_examples=25, deadline=None)
def test_a_column_is_the_ridge_regression_of_an_item_on_the_others(seed, reg_weight):
    """Solved item by item, without an inverse."""
    x = np.random.default_rng(seed).random((12, 6)) < 0.4
    x[:, 0] = x[0] = False
    found = ItemWeights.fitted(matrix_of(x), 1.0, reg_weight).matrix.numpy()
    for item in range(1, 6):
        others = [other for other in range(6) if other != item]
        a = x[:, others].astype(float)
        b = np.linalg.solve(a.T @ a + reg_weight * np.eye(5), a.T @ x[:, item])
        np.testing.assert_allclose(found[others, item], b, atol=1e-5)
        assert found[item, item] == 0


def test_it_is_recboles_ease(ratings):
    run = runs.prepare("NCFGMF", **{**runs.SMALL["NCFGMF"], **WEIGHTS, "ease_weight": 1.0})
    config = copy.copy(run.config)
    config.final_config_dict = {**run.config.final_config_dict, "reg_weight": 5.0}
    users = torch.arange(1, run.model.n_users)
    theirs = EASE(config, run.train.dataset).full_sort_predict({"user_id": users})
    ours = run.model.item_weights.of_users(users)
    np.testing.assert_allclose(ours.reshape(-1), theirs.reshape(-1), atol=1e-5)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 5)), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_pairs_have_the_scores_of_the_whole(pairs):
    """Whatever fits into a block: here two users."""
    x = np.random.default_rng(0).random((12, 6)) < 0.4
    weights = ItemWeights.fitted(matrix_of(x), 1.0, 2.0)
    users, items = (torch.tensor(part) for part in zip(*pairs, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recbole_ext.models.item_weights._BLOCK", 12)
        scores = weights.of_pairs(users, items)
    expected = torch.as_tensor(x).float() @ weights.matrix
    np.testing.assert_allclose(scores, expected[users, items], atol=1e-6)


# --- the models -----------------------------------------------------------------------------


def trained(name, own, **more):
    run = runs.prepare(name, **{**runs.SMALL[name], "learning_rate": 0.1, **own, **more})
    run.fit()
    run.model.eval()
    return run, list(run.trainer.train_loss_dict.values())


def whole(model):
    users = torch.arange(1, model.n_users)
    with torch.no_grad():
        scores = model.full_sort_predict(Interaction({"user_id": users}))
    return scores.reshape(len(users), -1)[:, 1:]


@each
def test_the_score_is_added_and_training_is_the_same(name, own, ratings):
    without, losses = trained(name, own)
    run, with_weights = trained(name, own, **WEIGHTS)
    assert with_weights == losses
    run.model.load_state_dict(without.model.state_dict())  # of the same epoch
    model = run.model
    item_weights = model.ranker.item_weights if name == "AutoRec" else model.item_weights
    added = item_weights.of_users(torch.arange(1, model.n_users))[:, 1:]
    before, after = whole(without.model), whole(model)
    if name != "AutoRec":
        before, after = before.logit(), after.logit()
    assert added.abs().max() > 0.1
    np.testing.assert_allclose(after, before + added, rtol=1e-3, atol=1e-4)


@each
def test_pairs_are_scored_as_the_whole(name, own, ratings):
    run, _ = trained(name, own, **WEIGHTS)
    users, items = torch.tensor([3, 1, 3, 7]), torch.tensor([2, 2, 5, 1])
    of_pairs = Interaction({"user_id": users, "item_id": items})
    with torch.no_grad():
        if name == "AutoRec":
            with run.model.for_ranking():
                scores = run.model.predict(of_pairs)
        else:
            scores = run.model.predict(of_pairs)
    expected = whole(run.model)[users - 1, items - 1]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_a_predicted_rating_does_not_change(ratings):
    without, _ = trained("AutoRec", BY_USERS)
    run, _ = trained("AutoRec", BY_USERS, **WEIGHTS)
    run.model.load_state_dict(without.model.state_dict())
    pairs = Interaction({"user_id": torch.tensor([3, 1]), "item_id": torch.tensor([2, 5])})
    with torch.no_grad():
        assert torch.equal(run.model.predict(pairs), without.model.predict(pairs))


@pytest.mark.parametrize(
    ("name", "own", "message"),
    [
        ("NCFMLP", {"loss_type": "CE"}, "ease_weight: a softmax over ratings"),
        ("AutoRec", {}, "ease_weight: without an exposure head"),
        ("NCFGMF", {"ease_reg_weight": 0.0}, "ease_reg_weight"),
    ],
)
def test_what_it_does_not_go_with(name, own, message, ratings):
    columns = {"load_col": {"inter": ["user_id", "item_id", "rating"]}}
    with pytest.raises(SettingError, match=message):
        runs.prepare(name, **{**runs.SMALL[name], **WEIGHTS, **columns, **own})


def test_a_new_item_has_no_weights(ratings):
    run, _ = trained("NCFGMF", {}, **WEIGHTS)
    with pytest.raises(SettingError, match="EASE has no weights of an item"):
        run.model.fold_in(torch.tensor([1, 2]), of="item")


def test_a_checkpoint_of_an_earlier_release_has_none(ratings):
    run, _ = trained("NCFGMF", {})
    record = checkpoint.load(run.trainer.saved_model_file)
    for key in WEIGHTS:
        del record["config"][key]
    torch.save(record, "earlier.pth")
    model = trained_model.load("earlier.pth").model
    assert model.item_weights is None

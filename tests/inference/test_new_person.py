"""People who were not in training."""

import numpy as np
import pytest
import torch

from recbole_ext.errors import SettingError
from recbole_ext.inference import new_person
from tests import runs

SMALL = {
    "MultiVAE": {"mlp_hidden_size": [8], "latent_dimension": 4},
    "MultiDAE": {"mlp_hidden_size": [8], "latent_dimension": 4},
    "RecVAE": {"hidden_dimension": 8, "latent_dimension": 4},
    "MacridVAE": {"encoder_hidden_size": [8], "embedding_size": 4, "kfac": 2},
    "CDAE": {"embedding_size": 6},
    "EASE": {},
    "ItemKNN": {"k": 5},
    "SLIMElastic": {},
}
AUTOREC = {
    "by users": {"orientation": "user"},
    "by users, centred": {
        **{"orientation": "user", "centring": "bias", "damping": 3.0, "standardise": True},
    },
    "by users, with a mask": {"orientation": "user", "mask_input_scale": 1.0, "centring": "mean"},
}


def _training_items(recommender, user: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a user's items in the training part, and their ratings if loaded."""
    part = recommender.trained.parts["train"]
    rows = part.inter_feat[part.uid_field] == part.token2id(part.uid_field, user)
    items = part.inter_feat[part.iid_field][rows]
    ratings = part.inter_feat["rating"][rows] if "rating" in part.inter_feat else torch.empty(0)
    return items.numpy(), ratings.double().numpy()


@pytest.mark.parametrize("model", SMALL)
def test_a_user_of_training_gets_the_same_scores_as_a_new_person(model, load):
    recommender = load(model, **SMALL[model])
    if model == "CDAE":  # whose users have vectors: all the same here
        vectors = recommender.trained.model.h_user.weight.data
        vectors[:] = vectors[1:].mean(0)
    items, _ = _training_items(recommender, "u4")
    scores = new_person.scores(recommender.trained, items, None)
    number = recommender.trained.dataset.token2id("user_id", "u4")
    expected = recommender._scores.of(np.array([number]))[0]
    torch.testing.assert_close(scores.to(expected), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", AUTOREC)
def test_autorec_by_users_encodes_the_row(kind, load):
    recommender = load("AutoRec", **AUTOREC[kind])
    items, ratings = _training_items(recommender, "u4")
    scores = new_person.scores(recommender.trained, items, ratings)
    number = recommender.trained.dataset.token2id("user_id", "u4")
    expected = recommender._scores.of(np.array([number]))[0]
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)


def test_autorec_by_items_solves_for_the_column(load):
    """Against the normal equations of the loss in training: the bias is free."""
    reg_weight = 0.05
    recommender = load("AutoRec", orientation="item", reg_weight=reg_weight)
    model = recommender.trained.model
    items, ratings = _training_items(recommender, "u4")
    scores = new_person.scores(recommender.trained, items, ratings)
    with torch.no_grad():
        hidden = model.hidden().double().numpy()
    h = np.hstack([hidden, np.ones((len(hidden), 1))])
    penalty = np.diag([20 * reg_weight / 2] * hidden.shape[1] + [0.0])
    column = np.linalg.solve(h[items].T @ h[items] + penalty, h[items].T @ ratings)
    np.testing.assert_allclose(scores[1:], (h @ column)[1:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"centring": "bias", "damping": 2.0, "standardise": True},
        {"svdpp_scale": 0.1},
        {"loss_type": "CE"},
        {"out_activation": "sigmoid", "centring": "mean"},
        {"tied": True, "ema_decay": 0.5},
    ],
    ids=str,
)
def test_autorec_by_items_fits_the_ratings_of_the_person(settings, load):
    """Nearer than one rating for all of them."""
    recommender = load("AutoRec", orientation="item", reg_weight=1e-4, **settings)
    items, ratings = _training_items(recommender, "u4")
    scores = new_person.scores(recommender.trained, items, ratings).numpy()
    assert np.isfinite(scores[1:]).all()
    error = np.abs(scores[items] - ratings).mean()
    if settings.get("out_activation") != "sigmoid":  # which says at most 1 more than the mean
        assert error < np.abs(ratings.mean() - ratings).mean() / 2


def test_ncf_folds_in(load):
    recommender = load("NCFMLP")
    items, _ = _training_items(recommender, "u4")
    scores = new_person.scores(recommender.trained, items, None)
    expected = recommender.trained.model.fold_in(torch.from_numpy(items))
    torch.testing.assert_close(scores[1:], expected[1:])


def test_ratings_are_interactions_for_a_model_of_interactions(load):
    recommender = load("EASE")
    with_ratings = recommender.recommend_for({"i3": 5, "i4": 1}, k=20)
    alone = recommender.recommend_for(["i3", "i4"], k=20)
    assert with_ratings.equals(alone)
    assert set(alone["item_id"]) == set(recommender.items) - {"i3", "i4"}
    assert len(recommender.recommend_for(["i3", "i4"], k=20, exclude=None)) == 20
    assert list(alone) == ["item_id", "score", "rank", "title"]


def test_user_knn_cannot(load):
    recommender = load("ItemKNN", k=5, knn_method="user")
    with pytest.raises(SettingError, match="knn_method: user cannot take in a person"):
        recommender.recommend_for(["i3"])


def test_the_model_stays_as_it_is(load):
    recommender = load("EASE")
    before = recommender.recommend("u4")
    recommender.recommend_for(["i3"])
    assert recommender.recommend("u4").equals(before)


def test_every_named_model_is_one_of_recbole():
    from recbole.utils import get_model

    for name in new_person._FOLD_INS:
        assert get_model(name).__name__ == name
    assert runs.SMALL

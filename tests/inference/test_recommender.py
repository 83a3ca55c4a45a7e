"""What a trained model recommends, by ids."""

from types import SimpleNamespace

import numpy as np
import pytest

import recbole_ext
from recbole_ext.errors import DataError, SettingError
from tests.inference import trained

MODELS = pytest.mark.parametrize("model", trained.SETTINGS)


@pytest.fixture(scope="module")
def recommenders(place) -> dict[str, object]:
    return {model: recbole_ext.load(place / f"{model}.pth") for model in trained.SETTINGS}


@MODELS
def test_scores_and_order_are_those_of_full_sort_topk(model, place, recommenders):
    """RecBole's own function, on RecBole's own loaders."""
    from recbole.quick_start import load_data_and_model
    from recbole.utils.case_study import full_sort_topk

    _, net, dataset, _, _, test = load_data_and_model(str(place / f"{model}.pth"))
    users = ["u3", "u28", "u1"]
    numbers = dataset.token2id(dataset.uid_field, users)
    scores, items = full_sort_topk(numbers, net, test, k=5, device=net.device)
    frame = recommenders[model].recommend(users, k=5)
    # the length that topk is asked for decides between ties
    if model != "Pop":
        expected = dataset.id2token(dataset.iid_field, items.numpy()).ravel()
        assert frame["item_id"].tolist() == expected.tolist()
    np.testing.assert_allclose(frame["score"], scores.numpy().ravel(), rtol=1e-5)
    assert frame["user_id"].tolist() == np.repeat(users, 5).tolist()
    assert frame["rank"].tolist() == [1, 2, 3, 4, 5] * 3


@MODELS
def test_predict_is_the_score_of_recommend(model, recommenders):
    recommender = recommenders[model]
    frame = recommender.recommend(["u7", "u2"], k=4)
    pairs = recommender.predict(frame["user_id"], frame["item_id"])
    np.testing.assert_allclose(pairs["score"], frame["score"], rtol=1e-6, atol=1e-7)
    assert pairs["title"].tolist() == frame["title"].tolist()
    one = recommender.predict("u2", frame["item_id"][4:])
    np.testing.assert_allclose(one["score"], frame["score"][4:], rtol=1e-6, atol=1e-7)


def test_seen_is_training_and_validation(recommenders):
    recommender = recommenders["BPR"]
    parts = recommender.trained.parts
    known = trained.by_user(
        pair for name in ("train", "valid") for pair in trained.pairs_of(parts[name])
    )
    tested = trained.by_user(trained.pairs_of(parts["test"]))
    frame = recommender.recommend(recommender.users, k=20)
    for user, items in frame.groupby("user_id")["item_id"]:
        assert set(items) == set(recommender.items) - known[user]
        assert tested[user] <= set(items)
    everything = recommender.recommend(recommender.users, k=20, exclude=None)
    assert len(everything) == 30 * 20


def test_history_is_what_is_left_out(recommenders):
    recommender = recommenders["AutoRec"]
    history = recommender.history("u5")
    left = recommender.recommend("u5", k=20)["item_id"]
    assert set(history["item_id"]) == set(recommender.items) - set(left)
    assert history["rating"].is_monotonic_decreasing
    assert history["rating"].between(1, 5).all()


def test_candidates_are_those_that_are_named(recommenders):
    recommender = recommenders["NCFMLP"]
    alone = recommender.recommend(["u1", "u2"], k=20, exclude=None, among=["i4", "i9", "i2"])
    assert alone.groupby("user_id")["item_id"].apply(set).tolist() == [{"i4", "i9", "i2"}] * 2
    whole = recommender.recommend(["u1", "u2"], k=20, exclude=None)
    kept = whole[whole["item_id"].isin(["i4", "i9", "i2"])]
    assert alone["item_id"].tolist() == kept["item_id"].tolist()
    np.testing.assert_array_equal(alone["score"], kept["score"])


def test_parts_are_the_whole(recommenders, monkeypatch):
    recommender = recommenders["EASE"]
    whole = recommender.recommend(recommender.users, k=3)
    monkeypatch.setattr(type(recommender._scores), "users_at_a_time", 7)
    parts = list(recommender.recommend_in_parts(k=3))
    assert len(parts) == 5
    assert [row for part in parts for row in part.itertuples(index=False)] == [
        *whole.itertuples(index=False)
    ]


def test_titles_are_those_of_the_item_file(recommenders):
    frame = recommenders["Pop"].recommend("u1", k=20, exclude=None)
    titles = dict(zip(frame["item_id"], frame["title"], strict=True))
    assert titles["i0"] == "Film 0, the first"
    assert titles["i19"] == "Film 19, the next"


def test_similar_items_are_the_nearest_of_all(recommenders):
    recommender = recommenders["NCFMLP"]
    frame = recommender.similar_items(["i3", "i0"], k=4)
    vectors = recommender.trained.model.vectors("item").detach().numpy()
    field = recommender.trained.dataset.iid_field
    number = recommender.trained.dataset.token2id(field, "i3")
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units[number]
    best = [n for n in np.argsort(-cosines) if n not in (0, number)][:4]
    first = frame[frame["item_id"] == "i3"]
    assert (
        first["similar_id"].tolist() == recommender.trained.dataset.id2token(field, best).tolist()
    )
    np.testing.assert_allclose(first["cosine"], cosines[best], rtol=1e-5)
    assert list(recommender.similar_users("u3", k=2)["rank"]) == [1, 2]


def test_ids_may_be_numbers(recommenders):
    with pytest.raises(DataError, match="user 3: no such user_id in made"):
        recommenders["Pop"].recommend(3)


BAD = {
    "user": (lambda r: r.recommend("u100"), "user u100: no such user_id in made; did you mean u10"),
    "item": (lambda r: r.predict("u1", "i77"), "item i77: no such item_id in made"),
    "candidate": (lambda r: r.recommend("u1", among=["x"]), "item x: no such item_id"),
    "nobody": (lambda r: r.recommend([]), "users: expected at least one id"),
    "k": (lambda r: r.recommend("u1", k=0), "k: expected at least 1, found 0"),
    "lengths": (lambda r: r.predict(["u1", "u2"], ["i1"] * 3), "expected as many of each"),
    "exclude": (lambda r: r.recommend("u1", exclude="train"), 'expected "seen" or None'),
    "neighbours": (lambda r: r.similar_items("i1", k=20), "k: expected 1 to 19"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case, recommenders):
    ask, message = BAD[case]
    with pytest.raises((DataError, SettingError)) as error:
        ask(recommenders["AutoRec"])
    assert message in str(error.value)


def test_a_model_without_vectors_says_so(recommenders):
    with pytest.raises(SettingError, match="Pop does not say what its vectors are"):
        recommenders["Pop"].similar_items("i1")


def test_loading_builds_no_loader(place, monkeypatch):
    from recbole.data import utils

    monkeypatch.setattr(utils, "get_dataloader", SimpleNamespace())
    assert len(recbole_ext.load(place / "BPR.pth").recommend("u1", k=3)) == 3


def test_codes_of_all_items_are_computed_once_for_all_blocks_of_users(recommenders, monkeypatch):
    recommender = recommenders["AutoRec"]
    model = recommender.trained.model
    computed = []
    encode = model._encode_all
    monkeypatch.setattr(model, "_encode_all", lambda *words: computed.append(1) or encode(*words))
    model.eval()
    for user in ("u2", "u3", "u4"):
        recommender.recommend(user, k=2)
    assert len(computed) == 1
    model.train()
    recommender.recommend("u2", k=2)
    assert not model.training
    assert len(computed) == 2

"""What a user has that speaks for an item: sums, and what is left when an item is left out."""

import copy

import numpy as np
import pytest
import torch

import recbole_ext
from recbole_ext.errors import DataError, SettingError
from recbole_ext.inference import new_person
from tests.inference import trained
from tests.inference.test_new_person import SMALL

LINEAR = {
    "EASE": {},
    "SLIMElastic": {"alpha": 0.01},
    "ADMMSLIM": {"center_columns": False},
    "ItemKNN": {"k": 5},
}
ENCODED = {name: SMALL[name] for name in ("MultiVAE", "MultiDAE", "RecVAE", "MacridVAE", "CDAE")}
ITEMS = ["i2", "i7", "i11"]


def history_of(recommender, user: str) -> list[str]:
    """The user's items in the training part, by id."""
    pairs = trained.pairs_of(recommender.trained.parts["train"])
    return sorted(trained.by_user(pairs)[user])


def number(recommender, item: str) -> int:
    dataset = recommender.trained.dataset
    return int(dataset.token2id(dataset.iid_field, item))


def contributions(frame, item: str) -> dict[str, float]:
    own = frame[frame["item_id"] == item]
    return dict(zip(own["because_id"], own["contribution"], strict=True))


# --- sums -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", LINEAR)
def test_the_contributions_of_the_whole_history_add_up_to_the_score(model, load):
    recommender = load(model, **LINEAR[model])
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    scores = recommender.predict("u4", ITEMS)["score"]
    for item, score in zip(ITEMS, scores, strict=True):
        own = contributions(frame, item)
        assert sorted(own) == history_of(recommender, "u4")
        # ADMMSLIM adds a random number of up to 1e-5 to its scores
        assert sum(own.values()) == pytest.approx(score, abs=2e-5 if model == "ADMMSLIM" else 1e-5)
    assert recommender.explained_by.startswith("exact: ")
    history = history_of(recommender, "u4")
    as_new = recommender.explain_for(history, ITEMS, k_reasons=None)
    for item in ITEMS:
        assert contributions(as_new, item) == pytest.approx(contributions(frame, item), abs=1e-9)


def test_ease_by_hand(load):
    """The weights of the closed form, in numpy."""
    recommender = load("EASE", reg_weight=10.0)
    part = recommender.trained.parts["train"]
    x = part.inter_matrix(form="csr").toarray().astype(np.float64)
    p = np.linalg.inv(x.T @ x + 10.0 * np.eye(x.shape[1]))
    b = p / -np.diag(p)
    frame = recommender.explain("u4", "i2", k_reasons=2)
    weights = {
        item: b[number(recommender, item), number(recommender, "i2")]
        for item in history_of(recommender, "u4")
        if item != "i2"
    }
    best = sorted(weights, key=weights.__getitem__, reverse=True)[:2]
    assert frame["because_id"].tolist() == best
    np.testing.assert_allclose(frame["contribution"], [weights[i] for i in best], rtol=1e-3)
    total = sum(abs(weight) for weight in weights.values())
    np.testing.assert_allclose(frame["share"], frame["contribution"] / total, rtol=1e-3)
    assert frame["rank"].tolist() == [1, 2]
    assert frame["title"].tolist() == [
        f"Film {i[1:]}, the next" if i != "i0" else "Film 0, the first" for i in best
    ]
    assert list(frame) == [
        *("user_id", "item_id", "because_id", "contribution", "share", "rank", "title")
    ]


def test_a_constant_of_admmslim_is_left_out(load):
    recommender = load("ADMMSLIM", center_columns=True)
    model = recommender.trained.model
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    scores = recommender.predict("u4", ITEMS)["score"]
    constant = model.item_means - model.item_means @ model.item_similarity
    for item, score in zip(ITEMS, scores, strict=True):
        whole = sum(contributions(frame, item).values()) + constant[number(recommender, item)]
        assert whole == pytest.approx(score, abs=2e-5)


def test_the_part_of_svdpp_adds_up(load):
    """To the score, less the score without the implicit feedback."""
    settings = {"svdpp_scale": 0.5, "epochs": 5, "centring": "mean", "standardise": True}
    recommender = load("AutoRec", orientation="item", **settings)
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    scores = recommender.predict("u4", ITEMS)["score"]
    model = recommender.trained.model
    model.net.last_layer.y.data.zero_()
    model.eval()
    without = recommender.predict("u4", ITEMS)["score"]
    assert np.abs(scores - without).max() > 1e-3
    for item, part in zip(ITEMS, scores - without, strict=True):
        assert sum(contributions(frame, item).values()) == pytest.approx(part, abs=1e-5)


# --- each item left out ---------------------------------------------------------------------


@pytest.mark.parametrize("model", ENCODED)
def test_an_encoder_without_the_item(model, load):
    recommender = load(model, **ENCODED[model])
    if model == "CDAE":  # whose users have vectors: all the same here
        vectors = recommender.trained.model.h_user.weight.data
        vectors[:] = vectors[1:].mean(0)
    history = history_of(recommender, "u4")
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    numbers = np.array([number(recommender, item) for item in history])
    whole = new_person.scores(recommender.trained, numbers, None)
    for place, item in enumerate(history):
        rest = np.delete(numbers, place)
        fewer = new_person.scores(recommender.trained, rest, None)
        for target in ITEMS:
            expected = float((whole - fewer)[number(recommender, target)])
            assert contributions(frame, target)[item] == pytest.approx(expected, abs=1e-6)
    again = recommender.explain_for(history, ITEMS, k_reasons=None)
    np.testing.assert_allclose(again["contribution"], frame["contribution"], atol=1e-6)


def test_cdae_keeps_the_vector_of_the_user(load):
    recommender = load("CDAE", **ENCODED["CDAE"])
    model = recommender.trained.model
    model.h_user.weight.data *= 50  # which training has left near 0
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    user = torch.tensor([int(recommender.trained.dataset.token2id("user_id", "u4"))])
    numbers = [number(recommender, item) for item in history_of(recommender, "u4")]
    row = torch.zeros(1, 21)
    row[0, numbers] = 1.0
    whole = torch.sigmoid(model(row, user))[0]
    row[0, numbers[0]] = 0.0
    fewer = torch.sigmoid(model(row, user))[0]
    for target in ITEMS:
        expected = float((whole - fewer)[number(recommender, target)])
        own = contributions(frame, target)[history_of(recommender, "u4")[0]]
        assert own == pytest.approx(expected, abs=1e-6)


AUTOREC = {
    "by users": {"orientation": "user"},
    "by users, centred": {
        **{"orientation": "user", "centring": "bias", "damping": 3.0, "standardise": True},
    },
    "by users, with a mask": {"orientation": "user", "mask_input_scale": 1.0, "centring": "mean"},
    "by users, with a kernel": {"orientation": "user", "global_kernel_size": 3},
}


@pytest.mark.parametrize("kind", AUTOREC)
def test_a_row_of_autorec_without_the_rating(kind, load):
    """The same model asked about data in which the rating is missing."""
    recommender = load("AutoRec", **AUTOREC[kind])
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    history = history_of(recommender, "u4")
    assert sorted(contributions(frame, "i2")) == history
    model = recommender.trained.model
    user = int(recommender.trained.dataset.token2id("user_id", "u4"))
    whole = recommender.predict("u4", ITEMS)["score"].to_numpy()
    for item in history[:3]:
        shortened = copy.copy(model)
        rows = model.ratings.row_of
        kept = ~((rows == user) & (model.ratings.columns == number(recommender, item)))
        counts = torch.bincount(rows[kept], minlength=model.ratings.n_rows)
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
        ratings = model.ratings._replace(
            starts=starts, columns=model.ratings.columns[kept], values=model.ratings.values[kept]
        )
        shortened.dense = model.dense._replace(ratings=ratings)
        shortened.batches = shortened.dense
        shortened._hidden = type(model._hidden)()
        scores = shortened.full_sort_predict({"user_id": torch.tensor([user])}).detach()
        for target, score in zip(ITEMS, whole, strict=True):
            expected = float(score - scores[number(recommender, target)])
            assert contributions(frame, target)[item] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", AUTOREC)
def test_a_new_row_of_autorec_without_the_rating(kind, load):
    recommender = load("AutoRec", **AUTOREC[kind])
    ratings = {"i1": 5.0, "i4": 2.0, "i9": 4.0}
    frame = recommender.explain_for(ratings, ITEMS, k_reasons=None)
    assert_left_out(recommender, frame, ratings, 1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"reg_weight": 0.05},
        {"reg_weight": 0.05, "centring": "bias", "damping": 2.0, "standardise": True},
        {"reg_weight": 0.05, "out_activation": "sigmoid", "centring": "mean"},
        {"reg_weight": 0.05, "loss_type": "CE"},
    ],
    ids=str,
)
def test_a_column_of_autorec_fitted_without_the_rating(settings, load):
    """In closed form, against the fits themselves."""
    recommender = load("AutoRec", orientation="item", **settings)
    ratings = {"i1": 5.0, "i4": 2.0, "i9": 4.0, "i12": 1.0, "i13": 5.0}
    frame = recommender.explain_for(ratings, ITEMS, k_reasons=None)
    assert_left_out(recommender, frame, ratings, 2e-3)
    assert "taken as a new one" in recommender.explained_by


def assert_left_out(recommender, frame, ratings, tolerance) -> None:
    whole = recommender.recommend_for(ratings, k=20, exclude=None).set_index("item_id")["score"]
    for item in ratings:
        rest = {key: value for key, value in ratings.items() if key != item}
        fewer = recommender.recommend_for(rest, k=20, exclude=None).set_index("item_id")["score"]
        for target in ITEMS:
            expected = whole[target] - fewer[target]
            assert contributions(frame, target)[item] == pytest.approx(expected, abs=tolerance)
    assert frame["contribution"].abs().max() > 10 * tolerance


@pytest.mark.parametrize("model", ["NCFMLP", "NCFGMF", "NCFNeuMF"])
def test_a_history_of_ncf_without_the_item(model, load):
    """The same model asked about a history in which the item is missing."""
    alive = {} if model == "NCFGMF" else {"hid_activation": "tanh", "initialisation": "xavier"}
    recommender = load(model, history="both", epochs=5, **alive)
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    history = history_of(recommender, "u4")
    user = int(recommender.trained.dataset.token2id("user_id", "u4"))
    net = recommender.trained.model.predictor
    whole = recommender.predict("u4", ITEMS)["score"].to_numpy()
    for item in history[:3]:
        kept = {}
        for table in net.tables("user"):
            if table is None:
                continue
            matrix = kept[table] = table.histories
            left = ~((matrix.row_of == user) & (matrix.columns == number(recommender, item)))
            counts = torch.bincount(matrix.row_of[left], minlength=matrix.n_rows)
            starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
            table.histories = matrix._replace(
                starts=starts, columns=matrix.columns[left], values=matrix.values[left]
            )
        fewer = recommender.predict("u4", ITEMS)["score"].to_numpy()
        for table, matrix in kept.items():
            table.histories = matrix
        for target, difference in zip(ITEMS, whole - fewer, strict=True):
            assert contributions(frame, target)[item] == pytest.approx(difference, abs=1e-6)
    assert np.abs(frame["contribution"]).max() > 1e-4


def test_ncf_without_histories_is_fitted(load):
    recommender = load("NCFGMF", epochs=3)
    frame = recommender.explain_for(["i1", "i4", "i9"], ITEMS, k_reasons=None)
    assert_left_out(recommender, frame, dict.fromkeys(["i1", "i4", "i9"], 5.0), 1e-6)
    history = history_of(recommender, "u4")
    of_user = recommender.explain("u4", ITEMS, k_reasons=None)
    as_new = recommender.explain_for(history, ITEMS, k_reasons=None)
    np.testing.assert_allclose(of_user["contribution"], as_new["contribution"], atol=1e-5)


# --- reasons --------------------------------------------------------------------------------


def test_reasons_are_the_highest_that_are_above_0(load):
    recommender = load("EASE")
    whole = recommender.explain("u4", ITEMS, k_reasons=None)
    assert (whole["contribution"] < 0).any()
    for k in (2, 100):
        frame = recommender.explain("u4", ITEMS, k_reasons=k)
        for item in ITEMS:
            own = contributions(whole, item)
            best = sorted((value for value in own.values() if value > 0), reverse=True)[:k]
            assert list(contributions(frame, item).values()) == best


def test_nothing_to_explain_is_no_error(load):
    for recommender in (load("EASE"), load("AutoRec", orientation="user")):
        frame = recommender.explain("u4", [])
        assert len(frame) == 0
        assert list(frame)[:3] == ["user_id", "item_id", "because_id"]


BAD = {
    "user": (lambda r: r.explain("u100", "i2"), "user u100: no such user_id in made"),
    "item": (lambda r: r.explain("u4", "i77"), "item i77: no such item_id in made"),
    "reasons": (lambda r: r.explain("u4", "i2", 0), "k_reasons: expected at least 1, found 0"),
    "nothing": (lambda r: r.explain_for([], "i2"), "expected at least one item, found none"),
    "twice": (lambda r: r.explain_for(["i1", "i1"], "i2"), "item i1: given twice"),
    "rating": (lambda r: r.explain_for({"i1": 6.0}, "i2"), "rating: expected 1 to 5"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case, place):
    ask, message = BAD[case]
    with pytest.raises((DataError, SettingError)) as error:
        ask(recbole_ext.load(place / "AutoRec.pth"))
    assert message in str(error.value)


def test_one_rating_alone_is_not_enough_for_a_fit(place):
    for model, interactions in (("AutoRec", {"i1": 5.0}), ("NCFMLP", ["i1"])):
        recommender = recbole_ext.load(place / f"{model}.pth")
        with pytest.raises(DataError, match="alone cannot be explained"):
            recommender.explain_for(interactions, "i2")


def test_other_models_say_that_they_cannot(place, load):
    for model in ("BPR", "Pop"):
        with pytest.raises(SettingError, match=f"{model} cannot be explained"):
            recbole_ext.load(place / f"{model}.pth").explain("u4", "i2")
    with pytest.raises(SettingError, match="ItemKNN with knn_method: user cannot be explained"):
        load("ItemKNN", k=5, knn_method="user").explain("u4", "i2")

"""AutoRec with an exposure head: `recommend` ranks by the score, `predict` has the rating, too."""

import json
import math

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import recbole_ext
from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.protocols import OF_TRAINED_MODELS
from recbole_ext.inference import export, inner_products, page_arithmetic, page_content
from recbole_ext.trainer import refit, single_run
from tests import runs
from tests.inference import trained
from tests.inference.test_explain import contributions

HEADS = {
    **{"exposure_weight": 0.5, "exposure_hidden_size": 4, "ranking_rating_weight": 0.7},
    **{"clip_ratings": True, "learning_rate": 0.05, "train_batch_size": 100, "epochs": 8},
}
PERSON = {"i2": 5.0, "i7": 1.0, "i11": 4.0}
ITEMS = ["i3", "i7", "i15"]


@pytest.fixture(scope="module", params=["user", "item"])
def recommender(request, load):
    return load("AutoRec", orientation=request.param, **HEADS)


def test_the_answers_are_those_of_both_evaluations(recommender):
    """RMSE of `predict`'s ratings, NDCG@10 of `recommend`'s lists."""
    evaluated = {}
    for name in ("rating", "ranking"):
        config = OF_TRAINED_MODELS[name].applied_to(recommender.trained.config)
        trainer, (_, _, test) = single_run.evaluator(config, recommender.trained.model)
        evaluated |= trainer.evaluate(test, load_best_model=False)
    part = recommender.trained.parts["test"]
    users, items = zip(*trained.pairs_of(part), strict=True)
    frame = recommender.predict(list(users), list(items))
    errors = frame["rating"] - part.inter_feat["rating"].numpy()
    assert math.sqrt((errors**2).mean()) == pytest.approx(evaluated["rmse"], abs=1e-6)
    assert frame["rating"].between(1, 5).all()
    lists = recommender.recommend(recommender.users, k=10).groupby("user_id")["item_id"]
    relevant = trained.by_user(zip(users, items, strict=True))
    found = trained.ndcg({user: list(own) for user, own in lists}, relevant)
    assert found == pytest.approx(evaluated["ndcg@10"], abs=1e-6)


@pytest.mark.parametrize("name", OF_TRAINED_MODELS)
def test_every_protocol_evaluates_it(name, recommender):
    protocol = OF_TRAINED_MODELS[name]
    config = protocol.applied_to(recommender.trained.config)
    trainer, (_, _, test) = single_run.evaluator(config, recommender.trained.model)
    result = trainer.evaluate(test, load_best_model=False)
    assert {metric.lower() for metric in protocol.metrics} == result.keys()


def test_predict_has_the_score_that_recommend_ranks_by(recommender):
    listed = recommender.recommend("u4", k=5)
    pairs = recommender.predict("u4", listed["item_id"])
    np.testing.assert_allclose(pairs["score"], listed["score"], rtol=1e-5)
    assert not np.allclose(pairs["score"], pairs["rating"])
    assert "rating" not in listed


def test_other_models_predict_scores_alone(place):
    for name in ("AutoRec", "BPR"):
        frame = recbole_ext.load(place / f"{name}.pth").predict("u4", ["i3"])
        assert list(frame) == ["user_id", "item_id", "score", "title"]


# --- reasons --------------------------------------------------------------------------------


def scores_for(recommender, person):
    frame = recommender.recommend_for(person, k=20, exclude=None)
    return dict(zip(frame["item_id"], frame["score"], strict=True))


@pytest.mark.parametrize("settings", [{}, {"svdpp_scale": 1.0}, {"unseen_rating": 3.0}], ids=str)
@pytest.mark.parametrize("orientation", ["user", "item"])
def test_a_contribution_is_what_the_score_loses_without_the_rating(orientation, settings, load):
    recommender = load("AutoRec", orientation=orientation, **{**HEADS, **settings})
    model = recommender.trained.model
    if "unseen_rating" in settings:  # as if nobody had rated i15: its rating is 3, its score is not
        part = "unseen_columns" if model.by_user else "unseen_rows"
        unseen = getattr(model.scale, part).clone()
        unseen[recommender.trained.dataset.token2id("item_id", "i15")] = True
        model.scale = model.scale._replace(**{part: unseen})
    frame = recommender.explain_for(PERSON, ITEMS, k_reasons=None)
    whole = scores_for(recommender, PERSON)
    for left_out in PERSON:
        kept = {item: rating for item, rating in PERSON.items() if item != left_out}
        without = scores_for(recommender, kept)
        for item in ITEMS:
            expected = whole[item] - without[item]
            assert expected != 0
            assert contributions(frame, item)[left_out] == pytest.approx(expected, abs=1e-4)
    begins = "each of" if model.by_user else "the person is taken"
    assert recommender.explained_by.startswith(begins)


def test_by_users_one_rating_alone_has_a_contribution(load):
    """Without it the person has nothing."""
    recommender = load("AutoRec", orientation="user", **HEADS)
    frame = recommender.explain_for({"i7": 5.0}, ITEMS, k_reasons=None)
    assert np.isfinite(frame["contribution"]).all()
    assert (frame["contribution"] != 0).any()


@pytest.mark.parametrize("settings", [{}, {"unseen_rating": 3.0}, {"svdpp_scale": 1.0}], ids=str)
@pytest.mark.parametrize("orientation", ["user", "item"])
def test_a_user_of_training_is_explained_as_a_new_person(orientation, settings, load):
    recommender = load("AutoRec", orientation=orientation, **{**HEADS, **settings})
    part = recommender.trained.parts["train"]
    stars = part.inter_feat["rating"].tolist()
    own = {i: r for (u, i), r in zip(trained.pairs_of(part), stars, strict=True) if u == "u4"}
    frame = recommender.explain("u4", ITEMS, k_reasons=None)
    as_new = recommender.explain_for(own, ITEMS, k_reasons=None)
    for item in ITEMS:
        assert set(contributions(frame, item)) == set(own)
        expected = contributions(as_new, item)
        # a fit ends within 0.01 of the minimum, by the order of the sums
        assert contributions(frame, item) == pytest.approx(expected, abs=0.01)


# --- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.7, 0.0])
@pytest.mark.parametrize("orientation", ["user", "item"])
def test_scores_are_inner_products(orientation, weight, load):
    settings = {**HEADS, "orientation": orientation, "ranking_rating_weight": weight}
    recommender = load("AutoRec", centring="bias", **settings)
    vectors, difference = inner_products.of(recommender.trained)
    assert difference <= inner_products.TOLERANCE
    scores = recommender.predict("u4", recommender.items)["score"]
    number = recommender.trained.dataset.token2id("user_id", "u4")
    products = vectors.items[1:] @ vectors.users[number]
    np.testing.assert_allclose(products, scores, rtol=1e-4, atol=1e-4)


def test_of_classes_the_exposure_alone_is_an_inner_product(load):
    classes = {**HEADS, "loss_type": "CE"}
    with pytest.raises(SettingError, match=r"no inner products .* found no vectors"):
        inner_products.of(load("AutoRec", **classes).trained)
    alone = load("AutoRec", **{**classes, "ranking_rating_weight": 0.0})
    assert inner_products.of(alone.trained)[1] <= inner_products.TOLERANCE


def test_a_graph_of_two_results_is_refused(recommender, tmp_path):
    with pytest.raises(SettingError, match=r"--format onnx: AutoRec with an exposure head .* two"):
        export.export(recommender.trained, "onnx", tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_the_page_has_lists_by_score_and_no_new_people(recommender):
    found = page_arithmetic.content(recommender.trained)
    assert found["kind"] == "none"
    assert found["reason"].startswith("this page cannot do the arithmetic of AutoRec with an exp")
    content = page_content.content(recommender)
    assert content["newPerson"] == found
    assert ("none" in content["reasons"]) != recommender.trained.model.by_user


# --- commands -------------------------------------------------------------------------------


def test_one_checkpoint_fills_both_tables(place):
    settings = {**HEADS, **runs.RANKING, "valid_rmse_weight": 1.0}
    file = trained.train("AutoRec", place, "AutoRec-both", **settings)
    tables = []
    for words in (["--protocol", "rating", "--protocol", "ranking"], []):
        result = CliRunner().invoke(main.main, ["evaluate", str(file), "--json", *words])
        assert result.exit_code == 0, result.output
        tables.append(json.loads(result.stdout))
    for part in ("valid", "test"):
        by_protocols, by_run = tables[0][part], tables[1][part]
        assert {"rmse", "mae", "ndcg@10"} <= by_protocols.keys() & by_run.keys()
        for name in by_run:
            assert by_run[name] == pytest.approx(by_protocols[name], abs=1e-6)
    again = refit.refit(file)
    both = recbole_ext.load(again.file)
    assert set(both.trained.parts) == {"train"}
    assert len(both.recommend("u4", k=3)) == 3
    assert torch.isfinite(both.trained.model.predictor.exposure_head.layer.weight).all()

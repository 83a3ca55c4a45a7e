"""Models with EASE's item-item weights: new people, reasons, files."""

import numpy as np
import pytest

from recbole_ext.errors import SettingError
from recbole_ext.inference import export, inner_products
from tests.inference import trained
from tests.inference.test_explain import contributions

WEIGHTS = {"ease_weight": 2.0, "ease_reg_weight": 5.0}
EXPOSED = {"exposure_weight": 0.5, "learning_rate": 0.05, "epochs": 8}
MODELS = [
    ("NCFMLP", {}),
    ("NCFMLP", {"history": "both"}),
    ("AutoRec", {**EXPOSED, "orientation": "user"}),
    ("AutoRec", {**EXPOSED, "orientation": "item"}),
]
ITEMS = ["i3", "i15"]
each = pytest.mark.parametrize(("name", "own"), MODELS, ids=str)


def person_of(recommender, user="u4"):
    """A user's items as those of a new person: with ratings, where the model reads them."""
    part = recommender.trained.parts["train"]
    stars = part.inter_feat["rating"].tolist() if recommender.trained.needs_ratings else None
    pairs = trained.pairs_of(part)
    if stars is None:
        return [i for u, i in pairs if u == user]
    return {i: r for (u, i), r in zip(pairs, stars, strict=True) if u == user}


def logits(frame):
    scores = frame.set_index("item_id")["score"]
    return np.log(scores / (1 - scores))


@each
def test_a_new_person_has_the_score_of_the_items(name, own, load):
    """The same model, with the weights and without: they add what a regression says."""
    recommender = load(name, **own, **WEIGHTS)
    model = recommender.trained.model
    person = person_of(recommender)
    after = recommender.recommend_for(person, k=20, exclude=None)
    holder = model.ranker if name == "AutoRec" else model
    weights, holder.item_weights = holder.item_weights, None
    before = recommender.recommend_for(person, k=20, exclude=None)
    holder.item_weights = weights
    numbers = recommender.trained.dataset.token2id("item_id", list(person))
    expected = weights.matrix[list(numbers)].sum(0).cpu().numpy()
    if name == "AutoRec":
        gains = after.set_index("item_id")["score"] - before.set_index("item_id")["score"]
    else:
        gains = logits(after) - logits(before)
    for item, gain in gains.items():
        number = recommender.trained.dataset.token2id("item_id", item)
        assert gain == pytest.approx(expected[number], abs=1e-3)


@each
def test_a_contribution_is_what_the_score_loses_without_the_item(name, own, load):
    recommender = load(name, **own, **WEIGHTS)
    person = person_of(recommender)
    frame = recommender.explain_for(person, ITEMS, k_reasons=None)

    def scores(of):
        found = recommender.recommend_for(of, k=20, exclude=None).set_index("item_id")["score"]
        return found[ITEMS]

    whole = scores(person)
    for item in list(person)[:3]:
        kept = [i for i in person if i != item]
        without = scores({i: person[i] for i in kept} if isinstance(person, dict) else kept)
        for target in ITEMS:
            expected = whole[target] - without[target]
            assert contributions(frame, target)[item] == pytest.approx(expected, abs=2e-3)


def test_a_users_reasons_have_the_weights_of_the_items(load):
    """With a history, whose own part is taken away: reasons with the weights less those without."""
    recommender = load("NCFMLP", history="user", **WEIGHTS)
    model = recommender.trained.model
    model.objective.loss.prediction = lambda scores: scores  # sums, not probabilities
    after = recommender.explain("u4", ITEMS, k_reasons=None)
    weights, model.item_weights = model.item_weights, None
    before = recommender.explain("u4", ITEMS, k_reasons=None)
    number = recommender.trained.dataset.token2id
    for target in ITEMS:
        old = contributions(before, target)
        for item, value in contributions(after, target).items():
            added = weights.matrix[number("item_id", item), number("item_id", target)].item()
            assert value - old[item] == pytest.approx(added, abs=1e-5)
    assert weights.matrix.abs().max() > 0.1


@pytest.mark.parametrize("own", [{}, {"history": "both"}], ids=str)
def test_a_graph_has_them(own, load, tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    recommender = load("NCFMLP", **own, **WEIGHTS)
    export.export(recommender.trained, "onnx", tmp_path / "n.onnx")
    session = onnxruntime.InferenceSession(
        str(tmp_path / "n.onnx"), providers=["CPUExecutionProvider"]
    )
    users, items = np.array([0, 4, 4]), np.array([2, 0, 7])
    (scores,) = session.run(None, {"user": users, "item": items})
    tokens = recommender.trained.dataset.id2token
    frame = recommender.predict(
        list(tokens("user_id", users + 1)), list(tokens("item_id", items + 1))
    )
    np.testing.assert_allclose(scores, frame["score"], rtol=1e-4)


def test_the_scores_are_no_inner_products(load):
    assert inner_products.of(load("NCFGMF").trained)[1] <= inner_products.TOLERANCE
    with pytest.raises(SettingError, match="no inner products"):
        inner_products.of(load("NCFGMF", **WEIGHTS).trained)

"""Items drawn in training: for models that compare with them, and for no others."""

import pytest

from recbole_ext.errors import DataError, SettingError
from recbole_ext.registry import keys, negatives
from tests import runs

TIMES = {"load_col": {"inter": ["user_id", "item_id", "timestamp"]}}


def config(model, **given):
    from recbole.config import Config

    return Config(model, "made", config_dict={"data_path": "dataset", **given})


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        (None, False),
        ("None", False),
        ({"distribution": None}, False),
        ({"distribution": "None"}, False),
        ({"distribution": "none", "sample_num": "none"}, False),  # what RecBole makes of it
        ({}, True),
        ({"sample_num": 3}, True),
        ({"distribution": "popularity"}, True),
    ],
)
def test_what_draws(value, drawn):
    assert negatives.are_drawn(value) == drawn


@pytest.mark.parametrize("value", [None, "None", {"distribution": "None"}])
@pytest.mark.parametrize("model", ["BPR", "LightGCN", "CKE", "MKR"])
def test_a_model_that_compares_with_drawn_items_needs_them(model, value):
    with pytest.raises(SettingError) as refused:
        config(model, train_neg_sample_args=value)
    found = None if value == "None" else value
    assert str(refused.value) == (
        f"train_neg_sample_args: {model} compares each item with a drawn one, expected a dict, "
        f"found {found!r}; write train_neg_sample_args: {{distribution: uniform, sample_num: 1}}"
    )


def test_the_losses_of_sequences():
    with pytest.raises(SettingError) as refused:
        config("GRU4Rec", **TIMES)
    assert str(refused.value).startswith(
        "train_neg_sample_args: GRU4Rec with loss_type: CE compares with all items, expected ~, "
        "found {'distribution': 'uniform', "
    )
    assert str(refused.value).endswith("or loss_type: BPR")
    with pytest.raises(SettingError, match=r"sample_num: 1}, or loss_type: CE$"):
        config("GRU4Rec", loss_type="BPR", train_neg_sample_args=None, **TIMES)
    with pytest.raises(SettingError, match=r"^loss_type: GRU4Rec has the losses CE, .* found 'X'$"):
        config("GRU4Rec", loss_type="X", **TIMES)
    config("GRU4Rec", loss_type="BPR", **TIMES)
    config("GRU4Rec", train_neg_sample_args=None, **TIMES)
    # its CE is of all items although RecBole calls the model pairwise
    config("SINE", loss_type="CE", train_neg_sample_args=None, **TIMES)


@pytest.mark.parametrize("model", ["MultiVAE", "EASE", "ItemKNN", "Pop", "ENMF", "CDAE", "AutoRec"])
def test_a_model_without_drawn_items_does_without(model):
    config(model, train_neg_sample_args=None)


@pytest.mark.parametrize("model", ["NeuMF", "NCFMLP", "DMF"])
def test_without_drawn_items_labels_are_needed(model, ratings):
    with pytest.raises(SettingError) as refused:
        runs.prepare(model, train_neg_sample_args=None)
    assert str(refused.value) == (
        f"train_neg_sample_args: without drawn items {model} trains on label (LABEL_FIELD), found "
        "no such column loaded (there are user_id, item_id); write train_neg_sample_args: "
        "{distribution: uniform, sample_num: 1}, or threshold: {rating: 4} for labels made of "
        "ratings"
    )


def test_every_model_of_recbole_starts_with_its_defaults():
    """Those of next items need one setting, as ever: RecBole asks for it, too."""
    from recbole.config import Config

    for model in keys.known_models():
        if model in ("LightGBM", "XGBoost", "Ensemble"):  # packages of their own; needs members
            continue
        try:
            Config(model, "ml-100k")
        except SettingError:
            Config(model, "ml-100k", config_dict={"train_neg_sample_args": None})


def test_popularity_draws_from_the_items_that_occur(tmp_path):
    """A user who has all of these, not all there are: RecBole would draw for ever."""
    rows = [(f"u{u}", f"i{i}", 3, i) for u in range(4) for i in range(8) if u == 0 or (u + i) % 3]
    runs.write_inter(tmp_path / "dataset", "made", rows)
    items = "".join(f"i{n}\n" for n in range(9))
    (tmp_path / "dataset/made/made.item").write_text("item_id:token\n" + items)
    given = {
        "load_col": {"inter": ["user_id", "item_id"], "item": ["item_id"]},
        "topk": [2],
        "valid_metric": "MRR@2",
        "eval_args": {"split": {"LS": "valid_and_test"}},
    }
    runs.prepare("BPR", **given)
    with pytest.raises(DataError, match=r"with all 8 items that popularity draws from: no item is"):
        runs.prepare("BPR", train_neg_sample_args={"distribution": "popularity"}, **given)


@pytest.mark.parametrize("alpha", [1000, -1000])
def test_an_exponent_by_which_nothing_can_be_drawn(alpha, ratings):
    given = {"train_neg_sample_args": {"distribution": "popularity", "alpha": alpha}}
    with pytest.raises(SettingError, match=rf"^train_neg_sample_args: alpha: .* found {alpha}: no"):
        runs.prepare("BPR", **given)


def test_one_item_cannot_be_told_from_another(tmp_path):
    rows = [(f"u{u}", "i", 3, n) for u in range(3) for n in range(4)]
    runs.write_inter(tmp_path / "dataset", "made", rows)
    given = {"topk": [1], "valid_metric": "MRR@1", "loss_type": "BPR", **TIMES}
    with pytest.raises(DataError, match=r"^made: found 1 item: no other is left to draw"):
        runs.prepare("GRU4Rec", **given)


def test_sequences_need_users_with_two_interactions(tmp_path):
    runs.write_inter(tmp_path / "dataset", "made", [(f"u{n}", f"i{n}", 3, n) for n in range(5)])
    with pytest.raises(DataError) as refused:
        runs.prepare("GRU4Rec", train_neg_sample_args=None, **TIMES)
    assert str(refused.value) == (
        "made: GRU4Rec learns the next item of a user, expected users with two interactions, found "
        "one of each of 5 users; use more data"
    )

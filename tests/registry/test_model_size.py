"""Sizes beyond memory are told with their figure and key; what fits is not refused."""

import pytest

from recbole_ext.errors import SettingError
from recbole_ext.registry import model_size, own_settings
from tests import runs

HUGE = 10**12
MODES = {"eval_args": {"mode": "full"}}


@pytest.fixture
def _gigabyte(monkeypatch):
    monkeypatch.setattr(model_size, "available_bytes", lambda: 10**9)


REFUSED = [
    (
        "BPR",
        {"embedding_size": 10**6},
        "embedding_size: 1000000 numbers for each of 200 users and 100 items need at least 1.2 GB",
    ),
    ("BPR", {"embedding_size": HUGE}, "embedding_size: 1000000000000 numbers for each of"),
    (
        "FISM",
        {"embedding_size": 10**7},
        "embedding_size: 10000000 numbers for each of 100 items need at least 4 GB",
    ),
    (
        "NCFMLP",
        {"embedding_size": 10, "mlp_hidden_size": [10**5, 10**4]},
        "mlp_hidden_size: layers of 10, 100000, 10000 units need at least 4 GB",  # 4 (1e6 + 1e9)
    ),
    (
        "AutoRec",
        {"orientation": "item", "mlp_hidden_size": [2 * 10**6]},
        "mlp_hidden_size: layers of 200, 2000000 units need at least 1.6 GB",
    ),
    (
        "AutoRec",
        {"orientation": "user", "mlp_hidden_size": [3 * 10**6]},
        "mlp_hidden_size: layers of 100, 3000000 units need at least 1.2 GB",
    ),
    (
        "MultiVAE",
        {"mlp_hidden_size": [600], "latent_dimension": 10**6},
        "latent_dimension: layers of 600, 1000000 units need at least 2.4 GB",
    ),
    ("GRU4Rec", {"hidden_size": 10**5}, "hidden_size: layers of 100000, 100000 units need"),
    (
        "SASRec",
        {"MODEL_TYPE": "SEQUENTIAL", "MAX_ITEM_LIST_LENGTH": HUGE},
        "MAX_ITEM_LIST_LENGTH: sequences of 1000000000000 items need at least 8 TB",
    ),
    (
        "BPR",
        {"train_neg_sample_args": {"sample_num": 10**8}},
        "train_neg_sample_args: sample_num: 100000000 items drawn need at least 2.4 GB",
    ),
    (
        "BPR",
        {"eval_args": {"mode": {"valid": "full", "test": f"uni{HUGE}"}}},
        "eval_args: mode: uni1000000000000: so many items need at least 24 TB",
    ),
]


@pytest.mark.usefixtures("_gigabyte")
@pytest.mark.parametrize(("model", "values", "message"), REFUSED)
def test_a_size_that_cannot_fit(model, values, message):
    with pytest.raises(SettingError) as refused:
        model_size.check(model, {**MODES, **values}, n_users=200, n_items=100)
    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith(
        " of memory, found 1 GB on this machine; write a smaller number"
    )


@pytest.mark.usefixtures("_gigabyte")
def test_a_size_that_fits():
    model_size.check("BPR", {**MODES, "embedding_size": 800_000}, n_users=200, n_items=100)
    # what it embeds are the steps of diffusion
    model_size.check("DiffRec", {**MODES, "embedding_size": 10}, n_users=10**9, n_items=10**8)


@pytest.mark.parametrize("model", ["BPR", "NCFMLP", "AutoRec"])
def test_it_is_told_before_the_data_set_is_read(model):
    key = "mlp_hidden_size" if model == "AutoRec" else "embedding_size"
    with pytest.raises(SettingError, match=rf"^{key}: .* need at least .* of memory, found "):
        runs.prepare(model, "nowhere", **{key: [HUGE] if model == "AutoRec" else HUGE})


def test_the_memory_of_a_container(monkeypatch, tmp_path):
    whole = model_size.available_bytes()
    assert whole is None or whole > 10**8
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "limit").write_text("123456789\n")
    files = [str(tmp_path / name) for name in ("max", "limit", "nothing")]
    monkeypatch.setattr(model_size, "_CGROUP_FILES", files)
    assert model_size.available_bytes() == 123456789


GENERAL = ["BPR", "NeuMF", "FISM", "NAIS", "MacridVAE", "DMF", "DiffRec", "LDiffRec", "MultiVAE"]
GENERAL += ["CDAE", "NGCF", "LightGCN", "NNCF", "RecVAE", "SimpleX", "NCFMLP", "NCFGMF", "AutoRec"]
SEQUENTIAL = ["GRU4Rec", "SASRec", "NARM", "Caser", "HRM", "SHAN", "RepeatNet"]


def prepared(model):
    if model not in SEQUENTIAL:
        return runs.prepare(model)
    times = {"inter": ["user_id", "item_id", "timestamp"]}
    return runs.prepare(model, train_neg_sample_args=None, load_col=times)


@pytest.mark.parametrize("model", ["BPR", "FISM", "DiffRec", "MultiVAE", "GRU4Rec", "NCFMLP"])
def test_what_is_counted_is_no_more_than_there_is(model, ratings):
    """The oracle is the model that is built."""
    run = prepared(model)
    bound = model_size._needs(
        model, run.config.final_config_dict, run.dataset.user_num, run.dataset.item_num
    )
    parameters = 4 * sum(parameter.numel() for parameter in run.model.parameters())
    of_layers = [need for need in bound if not need.key.startswith(("train", "MAX"))]
    assert of_layers
    assert all(need.n_bytes <= parameters for need in of_layers), (of_layers, parameters)


@pytest.mark.slow
@pytest.mark.parametrize("model", [*GENERAL, *SEQUENTIAL])
def test_it_is_no_more_for_other_models(model, ratings):
    test_what_is_counted_is_no_more_than_there_is(model, ratings)


@pytest.mark.parametrize(
    ("default", "key", "value", "expected"),
    [
        (64, "embedding_size", 0, "a whole number at least 1"),
        (64, "embedding_size", -4, "a whole number at least 1"),
        (64, "embedding_size", 1.5, "a whole number at least 1"),
        (64, "embedding_size", "abc", "a whole number at least 1"),
        (64, "embedding_size", True, "a whole number at least 1"),
        ([600], "mlp_hidden_size", 600, "a list of whole numbers at least 1"),
        ([600], "mlp_hidden_size", [600, 0], "a list of whole numbers at least 1"),
        (2, "n_layers", "abc", "a whole number"),
        (100, "k", 1.5, "a whole number"),
        (0.1, "reg_weight", "x", "a number"),
        (0.1, "dropout_prob", float("nan"), "a number"),
        (True, "mf_train", 1, "True or False"),
        ("item", "knn_method", 3, "a text"),
        (["class"], "selected_features", "class", "a list"),
        ({"a": 1}, "xgb_params", 3, "a dict"),
    ],
)
def test_a_setting_is_of_the_kind_of_its_default(default, key, value, expected):
    with pytest.raises(SettingError) as refused:
        own_settings.check({key: default}, {key: value})
    assert str(refused.value) == (
        f"{key}: expected {expected}, such as the default {default}, found {value!r} "
        f"({type(value).__name__})"
    )


@pytest.mark.parametrize(
    ("default", "key", "value"),
    [
        (2, "reg_weight", 0.5),
        (0.1, "reg_weight", 1),
        (2, "n_layers", 0),
        (-1, "n_facet_MLP", -1),
        ([600], "mlp_hidden_size", (600, 200)),
        ([], "out_dims", []),
        (None, "fields", ["a"]),
        ("", "pre_model_path", None),
    ],
)
def test_other_values_of_that_kind_are_accepted(default, key, value):
    own_settings.check({key: default}, {key: value})

"""Each setting of our models is declared once; their yaml files are made from there."""

from typing import Annotated

import pytest
import yaml
from msgspec import Meta, Struct, field

from recbole_ext.config import annotations, default_file, settings, yaml_file
from recbole_ext.errors import SettingError
from recbole_ext.registry import defaults, model_parts

NAMES = sorted(defaults.names())

_NCF = {
    "initialisation": "normal",
    "loss_type": "BCE",
    "negatives": "sampled",
    "item_samples": 0,
    "margin": 1.0,
    "prediction": "rated",
    "history": "none",
    "history_dropout_prob": 0.5,
    "ease_weight": 0.0,
    "ease_reg_weight": 300.0,
    "ema_decay": 0.0,
}
_MLP = {
    "dropout_prob": 0.2,
    "embedding_dropout_prob": None,
    "hid_activation": "relu",
    "norm": "none",
}
DEFAULTS = {
    "NCFGMF": {**_NCF, "embedding_size": 64},
    "NCFMLP": {**_NCF, **_MLP, "embedding_size": 512, "mlp_hidden_size": [256, 64]},
    "NCFNeuMF": {
        **_NCF,
        **_MLP,
        "embedding_size": 64,
        "gmf_embedding_size": 64,
        "mlp_hidden_size": [128, 64],
        "pretrain": None,
        "alpha": 0.5,
    },
    "Ensemble": {
        "members": [],
        "combination": "zscore",
        "weights": None,
        "weight_steps": 10,
    },
    "AutoRec": {
        "orientation": "item",
        "mlp_hidden_size": [500],
        "hid_activation": "sigmoid",
        "out_activation": "identity",
        "loss_type": "MSE",
        "tied": False,
        "kernel_dim": 0,
        "kernel_reg_weight": 0.0,
        "global_kernel_size": 0,
        "pretrained": None,
        "mask_input_scale": 0.0,
        "svdpp_scale": 0.0,
        "exposure_weight": 0.0,
        "exposure_loss": "multinomial",
        "exposure_hidden_size": 0,
        "exposure_reg_weight": 0.01,
        "exposure_samples": 0,
        "ranking_rating_weight": 0.0,
        "ease_weight": 0.0,
        "ease_reg_weight": 300.0,
        "valid_rmse_weight": 0.0,
        "input_dropout_prob": 0.0,
        "dropout_prob": 0.5,
        "reg_weight": 0.1,
        "initialisation": "xavier",
        "refeeding": 0,
        "ema_decay": 0.0,
        "centring": "none",
        "damping": 5.0,
        "standardise": False,
        "clip_ratings": True,
        "unseen_rating": None,
        "corruption": "none",
        "corruption_rate": 0.0,
        "learner": "adam",
        "train_batch_size": 128,
        "train_neg_sample_args": None,
        "load_col": {"inter": ["user_id", "item_id", "rating"]},
        "normalize_all": False,
        "LABEL_FIELD": "rating",
        "eval_args": {
            "split": {"RS": [0.8, 0.1, 0.1]},
            "group_by": "user",
            "order": "RO",
            "mode": "labeled",
        },
        "metrics": ["RMSE", "MAE"],
        "valid_metric": "RMSE",
    },
}
# The nearest values outside each range, and the ends inside it.
RANGES = {
    "embedding_size": ([1], [0]),
    "gmf_embedding_size": ([1], [0]),
    "mlp_hidden_size": ([[1]], [[], [0]]),
    "item_samples": ([0], [-1]),
    "margin": ([0], [-1e-9]),
    "history_dropout_prob": ([0, 0.999], [-1e-9, 1]),
    "ema_decay": ([0, 0.999], [-1e-9, 1]),
    "dropout_prob": ([0, 0.999], [-1e-9, 1]),
    "embedding_dropout_prob": ([None, 0, 0.999], [-1e-9, 1]),
    "alpha": ([0, 1], [-1e-9, 1.001]),
    "kernel_dim": ([0], [-1]),
    "kernel_reg_weight": ([0], [-1e-9]),
    "global_kernel_size": ([0], [-1, 2]),
    "mask_input_scale": ([0], [-1e-9]),
    "svdpp_scale": ([0], [-1e-9]),
    "exposure_weight": ([0], [-1e-9]),
    "exposure_hidden_size": ([0], [-1]),
    "exposure_reg_weight": ([0], [-1e-9]),
    "exposure_samples": ([0], [-1]),
    "ranking_rating_weight": ([0], [-1e-9]),
    "ease_weight": ([0], [-1e-9]),
    "ease_reg_weight": ([1e-9], [0]),
    "valid_rmse_weight": ([0], [-1e-9]),
    "input_dropout_prob": ([0, 0.999], [-1e-9, 1]),
    "weights": ([None], [[-1e-9, 1]]),
    "weight_steps": ([1], [0]),
    "reg_weight": ([0], [-1e-9]),
    "refeeding": ([0], [-1]),
    "damping": ([0], [-1e-9]),
    "corruption_rate": ([0], [-1e-9]),
    "unseen_rating": ([None, -1, 3], ["3", True]),
    "train_batch_size": ([1], [0]),
}


def test_every_model_is_here():
    assert set(DEFAULTS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_what_they_have_always_been(name):
    values = model_parts.defaults(name)
    assert values == DEFAULTS[name]
    assert {key: type(v) for key, v in values.items()} == {
        key: type(v) for key, v in DEFAULTS[name].items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_yaml_is_what_the_settings_say(name):
    path = model_parts.default_path(name)
    assert path.read_text(encoding="utf-8") == defaults.text(name), (
        "run `python -m recbole_ext.registry.defaults`"
    )
    assert yaml_file.read(path) == DEFAULTS[name]


def test_a_change_of_the_defaults_does_not_reach_the_next_run():
    model_parts.defaults("AutoRec")["load_col"]["inter"].append("timestamp")
    assert model_parts.defaults("AutoRec") == DEFAULTS["AutoRec"]


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_its_sentence_and_its_range(name):
    for cls in defaults.setting_classes(name):
        for key, annotation in settings.annotations(cls).items():
            assert annotations.description(annotation).endswith("."), key
            words = annotations.in_words(annotation)
            assert "number" not in words or key in RANGES, key


@pytest.mark.parametrize(
    ("cls", "key"),
    [
        pytest.param(cls, key, id=f"{name}-{key}")
        for name in NAMES
        for cls in defaults.setting_classes(name)
        for key in settings.names(cls)
        if key in RANGES
    ],
)
def test_each_range_has_the_ends_that_it_had(cls, key):
    inside, outside = RANGES[key]
    values = default_file.values(cls)
    for value in inside:
        settings.read(cls, {**values, key: value})
    for value in outside:
        with pytest.raises(SettingError, match=f"^{key}: expected "):
            settings.read(cls, {**values, key: value})


class Small(Struct):
    """The small one.

    More.
    """

    rate: Annotated[settings.Probability, Meta(description="A rate.")] = 0.5
    sizes: Annotated[list[settings.Count], settings.Filled(), Meta(description="Sizes.")] = field(
        default_factory=lambda: [3, 4]
    )
    name: Annotated[str | None, Meta(description="A name.")] = None
    nested: Annotated[settings.Values, Meta(description="Others.")] = field(
        default_factory=lambda: {"a": {"b": [1e-5]}}
    )


def test_the_text_of_a_small_class():
    text = default_file.text("Two\nlines", [Small])
    assert text == (
        "# Two\n"
        "# lines\n"
        "\n"
        "# The small one.\n"
        "rate: 0.5                       # (float in [0, 1)) A rate.\n"
        "sizes: [3, 4]                   # (list of int at least 1, not empty) Sizes.\n"
        "name: ~                         # (str or ~) A name.\n"
        "nested: {a: {b: [1.0e-05]}}     # (dict) Others.\n"
    )
    assert yaml.safe_load(text) == default_file.values(Small)

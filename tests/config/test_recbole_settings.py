"""RecBole's settings of a run: what ends in a traceback, or in silence, is one line."""

import importlib.util

import pytest

from recbole_ext.errors import SettingError

CLIPPED = "a dict such as {max_norm: 5, norm_type: 2}, or ~"
DRAWN = "a dict such as {distribution: uniform, sample_num: 1}, or ~ to draw no items"
KEYS = "one of distribution, sample_num, alpha, dynamic, candidate_num"
SEED = "a whole number in [0, 4294967295]"

REFUSED = [
    ("seed", -1, f"{SEED}, found -1 (int)"),
    ("seed", 2**32, f"{SEED}, found 4294967296 (int)"),
    ("epochs", -1, "a whole number at least 0, found -1 (int)"),
    ("train_batch_size", 0, "a whole number at least 1, found 0 (int)"),
    ("eval_batch_size", -4, "a whole number at least 1, found -4 (int)"),
    ("learning_rate", float("nan"), "a number at least 0, found nan (float)"),
    ("learning_rate", -0.1, "a number at least 0, found -0.1 (float)"),
    ("weight_decay", -1, "a number at least 0, found -1 (int)"),
    ("stopping_step", -1, "a whole number at least 0, found -1 (int)"),
    ("eval_step", 1.5, "a whole number at least 0, found 1.5 (float)"),
    ("loss_decimal_place", -1, "a whole number at least 0 or ~, found -1 (int)"),
    ("metric_decimal_place", None, "a whole number at least 0, found None"),
    ("worker", -1, "a whole number at least 0, found -1 (int)"),
    ("shuffle", "x", "True or False, found 'x' (str)"),
    ("clip_grad_norm", 5, f"{CLIPPED}, found 5 (int)"),
    ("clip_grad_norm", {"norm": 5}, f"{CLIPPED}, found {{'norm': 5}} (dict)"),
    ("clip_grad_norm", {"max_norm": 0}, f"{CLIPPED}, found {{'max_norm': 0}} (dict)"),
    (
        "clip_grad_norm",
        {"max_norm": 1, "norm_type": "x"},
        f"{CLIPPED}, found {{'max_norm': 1, 'norm_type': 'x'}} (dict)",
    ),
    (
        "state",
        "loud",
        "one of debug, info, warning, error, critical, or ~, found 'loud' (str)",
    ),
    ("checkpoint_dir", 5, "the path of a folder, found 5 (int)"),
    (
        "transform",
        "crop",
        "one of mask_itemseq, inverse_itemseq, crop_itemseq, reorder_itemseq, user_defined or ~, "
        "found 'crop' (str)",
    ),
    (
        "learner",
        "adm",
        "one of adam, adamw, sgd, adagrad, rmsprop, sparse_adam, found 'adm' (str); did you mean "
        "adam or adamw?",
    ),
    ("train_neg_sample_args", 5, f"{DRAWN}, found 5 (int)"),
    (
        "train_neg_sample_args",
        {"dynamic": True},
        f"{DRAWN}, found {{'dynamic': True}} (dict)",
    ),
    ("train_neg_sample_args: sample_num", -1, "a whole number at least 1, found -1 (int)"),
    ("train_neg_sample_args: sample_num", 0, "a whole number at least 1, found 0 (int)"),
    (
        "train_neg_sample_args: distribution",
        "unifrom",
        "one of uniform, popularity, None or ~, found 'unifrom' (str); did you mean uniform?",
    ),
    ("train_neg_sample_args: dynamic", "x", "True or False, found 'x' (str)"),
    ("train_neg_sample_args: candidate_num", -1, "a whole number at least 0, found -1 (int)"),
    ("train_neg_sample_args: sample_nmu", 2, f"{KEYS}; did you mean sample_num?"),
]


@pytest.mark.parametrize(
    ("key", "value", "message"), REFUSED, ids=[f"{key}={value}" for key, value, _ in REFUSED]
)
@pytest.mark.parametrize("model", ["BPR", "NCFMLP"])
def test_a_value_that_cannot_work_is_one_line(model, key, value, message):
    from recbole.config import Config

    given = value
    for name in reversed(key.split(": ")[1:]):
        given = {name: given}
    with pytest.raises(SettingError) as refused:
        Config(model, "ml-100k", config_dict={key.split(": ")[0]: given})
    assert str(refused.value) == f"{key}: expected {message}"


@pytest.mark.parametrize(
    "given",
    [
        {"seed": 2**32 - 1},
        {"epochs": 0, "eval_step": 0, "stopping_step": 0, "learning_rate": 0},
        {"clip_grad_norm": {"max_norm": 5}},
        {"clip_grad_norm": {"max_norm": 0.5, "norm_type": "inf", "foreach": False}},
        {"train_neg_sample_args": {"distribution": "popularity", "alpha": 0.5, "sample_num": 4}},
        {"train_neg_sample_args": {"dynamic": True, "candidate_num": 2}},
        {"state": "CRITICAL"},
        {"state": None},
    ],
)
def test_a_value_that_works_goes_on_to_work(given):
    from recbole.config import Config

    config = Config("BPR", "ml-100k", config_dict=dict(given))
    for key, value in given.items():
        assert config[key] == value


def test_the_log_of_wandb_needs_wandb(monkeypatch):
    from recbole.config import Config

    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "wandb" else find(name, *rest),
    )
    with pytest.raises(SettingError, match=r"^log_wandb: .*`pip install wandb`, found True"):
        Config("BPR", "ml-100k", config_dict={"log_wandb": True})

"""What is read of RecBole's source is what RecBole has once it is imported."""

import re
import sys
from enum import Enum
from pathlib import Path

import pytest
from recbole.config import Config
from recbole.evaluator import metric_types, smaller_metrics
from recbole.evaluator.register import metric_information, metrics_dict
from recbole.utils import EvaluatorType, get_model

from recbole_ext.errors import SettingError
from recbole_ext.patches import early_config
from recbole_ext.registry import keys, model_parts, recbole_source
from recbole_ext.registry import metrics as registered

# Of every type that RecBole gives settings of its own, and of ours.
MODELS = ("AutoRec", "NCFMLP", "BPR", "Pop", "FM", "DIN", "SASRec", "SASRecF", "GRU4RecKG", "CKE")

# What Config works out after the merging.
COMPUTED = {"MODEL_INPUT_TYPE", "eval_type", "device", "single_spec"}
COMPUTED |= {"local_rank", "valid_neg_sample_args", "test_neg_sample_args"}
REWRITTEN = {"metrics", "topk", "eval_args", "train_neg_sample_args", "gpu_id", "use_gpu"}
REWRITTEN |= {"valid_metric_bigger", "additional_feat_suffix"}


def plain(value):
    """Its enums are of a module of their own."""
    return str(value) if isinstance(value, Enum) else value


def says(model_class):
    return str(model_class.type), str(getattr(model_class, "input_type", None))


def test_the_metrics_are_those_of_recbole():
    metrics = registered.metrics()
    assert list(metrics) == list(metrics_dict)
    for name, metric in metrics.items():
        assert metric.name == metrics_dict[name].__name__
        assert metric.by_value == (metric_types[name] == EvaluatorType.VALUE)
        assert metric.smaller == (name in smaller_metrics)
        assert list(metric.needs) == metric_information[name]


@pytest.mark.parametrize("model", MODELS)
def test_what_the_class_of_a_model_says(model):
    assert says(model_parts.kind(model)) == says(get_model(model))


@pytest.mark.slow
def test_what_the_class_of_every_model_says():
    missing = []
    for model in keys.known_models():
        try:
            expected = says(get_model(model))
        except ImportError:  # of a library that is not there, such as xgboost
            missing.append(model)
            continue
        assert says(model_parts.kind(model)) == expected, model
    assert len(missing) < 5


@pytest.mark.parametrize("dataset", ["ml-100k", "made"])
@pytest.mark.parametrize("model", MODELS)
def test_the_settings_are_those_of_config(model, dataset, ratings):
    Path("mine.yaml").write_text("epochs: 7\nlearning_rate: 1e-3\neval_args: {order: RO}\n")
    given = {"epochs": "3", "data_path": "dataset", "topk": "[10, 5]", "train_batch_size": "64"}
    if model in ("SASRec", "SASRecF", "GRU4RecKG"):
        given |= {"repeatable": "True", "train_neg_sample_args": "None"}
    early = early_config.read(model, dataset, ["mine.yaml"], given)
    config = Config(model, dataset, config_file_list=["mine.yaml"], config_dict=dict(given))
    final = config.final_config_dict
    assert final.keys() - early.keys() <= COMPUTED
    assert early.keys() <= final.keys()
    differing = {key for key in early if plain(early[key]) != plain(final[key])}
    assert differing <= REWRITTEN
    assert (early["epochs"], early["topk"], early["learning_rate"]) == (3, [10, 5], 0.001)


# What RecBole reads by `eval` is read the same, as long as it is a literal or a word.
SAME = [
    *("3", "-3", "+3", "0x1", "2_048", "1e-3", ".5", "1e400", "[1, 2]", "(1, 2)", "0,1", "3,"),
    *("None", "true", "False", "TRUE", "x", "ml-100k", "~", "{'a': [1, {'b': None}]}", "{1, 2}"),
    *("b'x'", "user", "max", "dataset/made", "1 +", "", " 5", "os", "'3'", "nan", "inf", "[user]"),
    *("Enum", "010", "1j", "[1, 2", "it's", "50%", "a\nb", "...", "()", "[]", "{}", "param"),
]


@pytest.mark.parametrize("text", SAME)
def test_a_literal_of_the_command_line_is_what_recbole_reads(text):
    original = recbole_source.config_class()
    expected = original._convert_config_dict(original.__new__(original), {"x": text})
    config_dict = {"x": text}
    assert Config._convert_config_dict(Config.__new__(Config), config_dict) is config_dict
    assert repr(config_dict) == repr(expected)


def test_nothing_of_the_command_line_is_executed(ratings):
    for text in ("exit()", "9**9**9", "1/0", "[1]*10**11", "epochs", "__import__('os')"):
        given = {"epochs": text, "data_path": "dataset"}
        with pytest.raises(SettingError, match=rf"epochs: .* {re.escape(repr(text))}") as early:
            early_config.read("BPR", "made", None, dict(given))
        with pytest.raises(SettingError) as late:
            Config("BPR", "made", config_dict=dict(given))
        assert str(early.value) == str(late.value)


def test_reading_them_leaves_recbole_as_it_is():
    """The classes are others: nothing that is patched or compared is touched."""
    assert recbole_source.config_class() is not Config
    assert recbole_source.config_class().__module__ not in sys.modules
    assert recbole_source.model_class("BPR").type is not get_model("BPR").type

import inspect
import subprocess
import sys

import pytest

import recbole_ext
from recbole_ext.errors import RegistryError
from recbole_ext.patches import install
from recbole_ext.registry import defaults, keys, model_parts, models
from tests import runs

NAMES = sorted(defaults.names())


def config(model, **given):
    from recbole.config import Config

    return Config(model, "ml-100k", config_dict=given)


@pytest.mark.parametrize("name", NAMES)
def test_one_class_under_every_name(name):
    from recbole.utils import get_model

    found = get_model(name)
    assert found is getattr(recbole_ext, name)
    assert found is models.model_class(name)
    assert found.__module__.startswith("recbole_ext.models.")


def test_a_first_question_by_name_is_answered():
    """get_model looks for the module before RecBole's package of models is imported."""
    code = (
        "import recbole_ext; from recbole.utils import get_model; import sys;"
        "assert 'recbole.model.general_recommender' not in sys.modules;"
        "print(get_model('NCFMLP').__name__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "NCFMLP", result.stderr


def test_installing_twice_is_harmless():
    before = config("AutoRec")
    install()
    after = config("AutoRec")
    assert after.final_config_dict == before.final_config_dict
    assert recbole_ext.AutoRec is models.model_class("AutoRec")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "Ensemble"])
def test_defaults_come_from_our_yaml(name):
    """An ensemble needs members: tests/models/test_ensemble.py."""
    merged = config(name)
    for key, value in model_parts.defaults(name).items():
        if key not in ("load_col", "eval_args", "train_neg_sample_args"):
            assert merged[key] == value, key


def test_ratings_stay_on_their_scale_on_ml_100k():
    merged = config("AutoRec")
    assert merged["normalize_all"] is False
    assert merged["load_col"]["inter"] == ["user_id", "item_id", "rating", "timestamp"]


def test_a_users_settings_win_in_recboles_order(tmp_path, monkeypatch):
    from recbole.config import Config

    file = tmp_path / "mine.yaml"
    file.write_text("mlp_hidden_size: [11]\nreg_weight: 0.5\nnormalize_all: True\nepochs: 3\n")
    monkeypatch.setattr(sys, "argv", ["x", "--epochs=9"])
    merged = Config(
        "AutoRec",
        "ml-100k",
        config_file_list=[str(file)],
        config_dict={"reg_weight": 0.7, "epochs": 5},
    )
    assert merged["mlp_hidden_size"] == [11]  # yaml over our default
    assert merged["normalize_all"] is True
    assert merged["reg_weight"] == 0.7  # config_dict over yaml
    assert merged["epochs"] == 9  # command line over all
    assert merged["dropout_prob"] == 0.5  # ours


def test_our_trainer_loader_and_data_set_are_found(ratings):
    from recbole_ext.data.dataloader import ItemLoader, UserLoader
    from recbole_ext.data.dataset import RatingDataset
    from recbole_ext.trainer.trainer import AutoRecTrainer, CallbackTrainer

    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    assert type(run.dataset) is RatingDataset
    assert type(run.train) is ItemLoader
    assert type(run.trainer) is AutoRecTrainer
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], orientation="user")
    assert type(run.train) is UserLoader
    run = runs.prepare("NCFMLP", **runs.SMALL["NCFMLP"], loss_type="softmax", negatives="all")
    assert type(run.train) is UserLoader
    assert type(run.trainer) is CallbackTrainer


def test_recboles_own_models_are_as_they_were(ratings):
    from recbole.data.dataloader import TrainDataLoader
    from recbole.data.dataset import Dataset

    run = runs.prepare("BPR")
    assert type(run.model).__module__ == "recbole.model.general_recommender.bpr"
    assert type(run.dataset) is Dataset
    assert isinstance(run.train, TrainDataLoader)
    assert run.config["embedding_size"] == 64
    assert run.config["normalize_all"] is None
    assert config("BPR")["normalize_all"] is True  # RecBole's ml-100k.yaml


def test_the_quick_start_functions_work_by_name(ratings):
    from recbole.quick_start import objective_function, quick_start

    given = {**runs.SMALL["AutoRec"], "epochs": 1, "state": "ERROR", "data_path": "dataset"}
    result = objective_function({**given, "model": "AutoRec", "dataset": "made"}, saved=False)
    assert 0 < result["best_valid_score"] < 4
    by_class = quick_start.run_recbole(
        model=recbole_ext.AutoRec, dataset="made", config_dict=given, saved=False
    )
    assert by_class["best_valid_score"] == result["best_valid_score"]


def test_a_fresh_process_loads_our_checkpoint_by_the_one_import(ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], epochs=1)
    run.fit()
    code = (
        "import sys, recbole_ext; from recbole.quick_start import load_data_and_model;"
        f"print(type(load_data_and_model({run.trainer.saved_model_file!r})[1]).__name__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip().endswith("AutoRec"), result.stderr


def test_names_are_known_without_importing_recbole():
    known = keys.known_models()
    assert {"NCFMLP", "AutoRec", "BPR", "SASRecF", "Random", "XGBoost"} <= set(known)
    assert "ml-1m" in keys.known_datasets()
    assert inspect.ismodule(keys)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("NCFMPL", "NCFMLP"), ("autorec", "AutoRec"), ("bpr", "BPR"), ("Neumf", "NeuMF")],
)
def test_an_unknown_model_gets_its_near_names(typed, meant):
    with pytest.raises(
        RegistryError, match=f"--model={typed}: no such model.*did you mean.*{meant}"
    ):
        keys.check_model(typed)

"""What the patches of RecBole's settings files and of its quick start mend; each fails without."""

import logging
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest
from recbole.config import Config
from recbole.data import create_dataset
from recbole.model.general_recommender import BPR
from recbole.quick_start import quick_start

from recbole_ext.errors import DataError, RegistryError, SettingError
from recbole_ext.patches.functions import names
from recbole_ext.trainer import tune_report
from tests import runs
from tests.patches.switch import switched_off

# --- yaml files -----------------------------------------------------------------------------

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{of}'] * 10)}]\n"
    for of, name in zip("abcd", "bcde", strict=True)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epochs: 3\ntopk: [5]\nepochs: 7\n", "line 3: epochs: the key is already in line 1"),
        (BOMB, "values, aliases expanded, found more"),
        ("", "line 1: expected lines of `key: value`, found nothing"),
    ],
    ids=["twice", "aliases", "empty"],
)
def test_a_file_given_from_python_is_read_by_our_reader(text, problem, ratings, tmp_path):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(SettingError, match=r"^own\.yaml, line ") as caught:
        Config("BPR", "made", config_file_list=["own.yaml"])
    assert problem in str(caught.value)


def test_of_two_files_the_later_wins_and_numbers_are_recboles(ratings, tmp_path):
    (tmp_path / "one.yaml").write_text("epochs: 3\nlearning_rate: 1e-3\n")
    (tmp_path / "two.yaml").write_text("epochs: 7\nmetrics: [NDCG]\nvalid_metric: NDCG@10\n")
    config = Config("BPR", "made", config_file_list=["one.yaml", "two.yaml"])
    assert (config["epochs"], config["learning_rate"]) == (7, 0.001)
    assert config["metrics"] == ["NDCG"]


# --- names ----------------------------------------------------------------------------------

NO_CONFIG = {
    "a model": (
        {"model": "BPRR"},
        RegistryError,
        "--model=BPRR: no such model in RecBole or recbole_ext; did you mean BPR?",
    ),
    "a model in lower case": ({"model": "bpr"}, RegistryError, "did you mean BPR?"),
    "no model": ({"model": None}, SettingError, "model: expected the name of a model or its class"),
    "a number for a model": ({"model": 5}, SettingError, "its class, found 5; write model='BPR'"),
    "no data set": ({"dataset": None}, SettingError, "dataset: expected the name of a data set"),
    "a number for a data set": ({"dataset": 5}, SettingError, "the name of a data set, found 5"),
    "a file": (
        {"config_file_list": "a.yaml"},
        SettingError,
        "config_file_list: expected a list of files, found 'a.yaml'; write ['a.yaml']",
    ),
    "a list": ({"config_dict": [1]}, SettingError, "config_dict: expected a dict of settings"),
    "a number for a key": ({"config_dict": {2: 3}}, SettingError, "names of settings, found the "),
    "processes": ({"config_dict": {"nproc": 2}}, SettingError, "run(model, dataset, nproc=2)"),
}


@pytest.mark.parametrize("wrong", NO_CONFIG)
def test_what_makes_no_config_is_refused_by_one_line(wrong, ratings):
    given, error, problem = NO_CONFIG[wrong]
    with pytest.raises(error) as caught:
        quick_start.run_recbole(**{"model": "BPR", "dataset": "made"} | given)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_processes_of_a_run_have_its_number():
    """``run`` gives each of them ``nproc`` with ``local_rank``, and none of them is refused."""
    given = {"nproc": 2, "world_size": 2, "local_rank": 0}
    assert names.load_variable_config_dict(dict, None, (given,), {}) == given


@pytest.mark.parametrize(
    ("dataset", "data_path", "problem"),
    [
        (
            "mode",
            "dataset",
            "--dataset=mode: no folder dataset/mode, and RecBole knows no data set",
        ),
        ("made", "no", "--dataset=made: no folder no/made"),
        (
            "ml-32m",
            "no",
            "--dataset=ml-32m: no folder no/ml-32m; get it with `recbole-ext data get",
        ),
    ],
)
def test_a_data_set_that_is_not_there_is_refused_as_by_the_commands(
    dataset, data_path, problem, ratings
):
    for model in ("BPR", "AutoRec"):
        with pytest.raises(DataError, match=f"^{problem}"):
            create_dataset(Config(model, dataset, config_dict={"data_path": data_path}))


def test_recbole_is_asked_for_a_data_set_that_it_can_download(ratings, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "recbole.data.dataset.dataset.decide_download", lambda url: asked.append(url)
    )
    with pytest.raises(SystemExit):  # as where a user answers no
        create_dataset(Config("BPR", "ml-1m", config_dict={"data_path": "no"}))
    assert [url.rpartition("/")[2] for url in asked] == ["ml-1m.zip"]


class OwnModel(BPR):
    """A user's model: the class itself is given, or its module is put where RecBole looks."""


def test_a_users_own_model_is_found(ratings, monkeypatch):
    given = {"data_path": "dataset", "embedding_size": 8}
    assert Config(OwnModel, "made", config_dict=given).model_class is OwnModel
    own = {"model": OwnModel, "dataset": "made", **given}
    assert Config(config_dict=own).model == "OwnModel"
    module = ModuleType("recbole.model.general_recommender.ownmodel")
    module.OwnModel, module.__spec__ = OwnModel, ModuleSpec(module.__name__, None)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert Config("OwnModel", "made", config_dict=given).model_class is OwnModel


def test_names_may_stand_in_a_file_or_a_dict(ratings, tmp_path):
    (tmp_path / "one.yaml").write_text("model: BPR\ndataset: made\n")
    config = Config(config_file_list=["one.yaml"], config_dict={})
    assert (config.model, config.dataset) == ("BPR", "made")
    config = Config(config_dict={"model": "NCFMLP", "dataset": "made"})
    assert (config.model, config.dataset) == ("NCFMLP", "made")


# --- quick start ----------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "times"), [("NCFMLP", 0), ("AutoRec", 0), ("BPR", 1)])
def test_flops_are_logged_for_recboles_models_alone(model, times, ratings, caplog):
    settings = {"data_path": str(ratings), "epochs": 1, "show_progress": False, "state": "INFO"}
    with caplog.at_level(logging.INFO):
        quick_start.run_recbole(
            model, "made", config_dict={**settings, **runs.SMALL.get(model, {})}, saved=False
        )
    lines = [record.message for record in caplog.records if "FLOPs" in record.message]
    assert len(lines) == times


def test_ray_gets_the_metrics_of_validation(ratings, monkeypatch):
    reports = []
    monkeypatch.setattr(tune_report, "report", reports.append)
    tune = SimpleNamespace(report=lambda **metrics: reports.append(metrics))
    monkeypatch.setattr(quick_start, "tune", tune)
    settings = {"data_path": str(ratings), "epochs": 1, "show_progress": False, "state": "ERROR"}
    settings |= {"model": "BPR", "dataset": "made"}
    result = quick_start.objective_function(settings, saved=False)
    assert result["best_valid_result"] != result["test_result"]
    assert reports == [result["best_valid_result"]]
    with switched_off("ray-report"):
        quick_start.objective_function(settings, saved=False)
    assert reports[1] == result["test_result"]


def test_a_run_without_validation_has_no_metrics_for_ray(ratings, monkeypatch):
    """As pre-training of S3Rec, which RecBole's own suite runs this way."""
    reports = []
    monkeypatch.setattr(tune_report, "report", reports.append)
    settings = {"data_path": str(ratings), "epochs": 1, "show_progress": False, "state": "ERROR"}
    settings |= {"model": "BPR", "dataset": "made", "eval_step": 0}
    result = quick_start.objective_function(settings, saved=False)
    assert result["best_valid_result"] is None
    assert 0 <= result["test_result"]["recall@10"] <= 1
    assert reports == [{}]

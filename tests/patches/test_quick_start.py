"""What the patches of RecBole's settings files and of its quick start mend; each fails without."""

import logging

import pytest
from recbole.config import Config
from recbole.quick_start import quick_start

from recbole_ext.errors import SettingError
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
    monkeypatch.setattr(quick_start.tune, "report", lambda **metrics: reports.append(metrics))
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
    monkeypatch.setattr(quick_start.tune, "report", lambda **metrics: reports.append(metrics))
    settings = {"data_path": str(ratings), "epochs": 1, "show_progress": False, "state": "ERROR"}
    settings |= {"model": "BPR", "dataset": "made", "eval_step": 0}
    result = quick_start.objective_function(settings, saved=False)
    assert result["best_valid_result"] is None
    assert 0 <= result["test_result"]["recall@10"] <= 1
    assert reports == [{}]

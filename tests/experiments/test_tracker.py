"""Runs in MLflow."""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.experiments import benchmark_plan, tracker
from recbole_ext.experiments.results import Result
from tests import runs

PLAN = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1]
models:
  BPR: {model: BPR, settings: {embedding_size: 8}}
"""


@pytest.fixture
def plan(ratings, tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN)
    return benchmark_plan.read(tmp_path / "plan.yaml")


def result(plan, **fields):
    key = plan.runs()[0]
    own = {"error": "", "valid": {"ndcg@10": 0.3}, "test": {"ndcg@10": 0.2}, "users": {}}
    own |= {"epochs": 2, "seconds": 3.0, "curve": [(1, 0.1), (2, 0.3)]}
    return Result(*key[:-1], fingerprint=plan.fingerprint(key), **(own | fields))


@pytest.mark.parametrize("name", ["benchmark", "search"])
def test_without_mlflow_a_line_says_what_to_install(name, plan, monkeypatch):
    find = tracker.importlib.util.find_spec
    hidden = lambda name, *rest: None if name == "mlflow" else find(name, *rest)  # noqa: E731
    monkeypatch.setattr(tracker.importlib.util, "find_spec", hidden)
    found = CliRunner().invoke(main.main, [name, "plan.yaml", "--tracker", "mlflow"])
    assert found.exit_code == 2
    expected = "error: --tracker mlflow: MLflow is not installed; pip install 'recbole-ext[mlflow]'"
    assert found.stderr.strip() == expected


def test_an_unknown_tracker_is_refused(plan):
    found = CliRunner().invoke(main.main, ["benchmark", "plan.yaml", "--tracker", "wandb"])
    assert found.exit_code == 2
    assert "'wandb' is not 'mlflow'" in found.output


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="MLflow is optional")
@pytest.mark.slow
def test_a_run_is_a_run(plan, tmp_path):
    from mlflow.tracking import MlflowClient

    folder = tmp_path / "mlruns"
    own = tracker.Tracker("plan", folder)
    own.log(plan, result(plan))
    own.log(plan, result(plan))  # it is there already
    tracker.Tracker("plan", folder).log(plan, result(plan))  # also for a later command
    own.log(plan, result(plan, error="nan", test={}, valid={}, curve=[]))
    client = MlflowClient(tracking_uri=folder.absolute().as_uri())
    experiment = client.get_experiment_by_name("plan")
    failed, good = client.search_runs(
        [experiment.experiment_id], order_by=["attributes.start_time DESC"]
    )
    if failed.info.status == "FINISHED":
        failed, good = good, failed
    assert (good.info.status, failed.info.status) == ("FINISHED", "FAILED")
    assert good.info.run_name == "made, default: BPR, seed 1"
    assert good.data.tags["fingerprint"] == plan.fingerprint(plan.runs()[0])
    assert good.data.params == {"model": "BPR", "embedding_size": "8"}
    assert good.data.metrics["test/ndcg_at_10"] == 0.2
    curve = client.get_metric_history(good.info.run_id, "valid/score")
    assert [(point.step, point.value) for point in curve] == [(1, 0.1), (2, 0.3)]
    assert failed.data.tags["error"] == "nan"


def test_the_curves_of_recboles_own_trackers_are_kept(ratings, monkeypatch):
    """RecBole hands its metrics to wandb, and writes TensorBoard's files."""
    logged = []
    run = SimpleNamespace(summary={})

    def init(**options):
        wandb.run = run

    wandb = ModuleType("wandb")
    wandb.__spec__ = ModuleSpec("wandb", None)
    wandb.run, wandb.init = None, init
    wandb.define_metric = lambda *args, **options: None
    wandb.log = lambda metrics, **options: logged.append(metrics)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    settings = {"metrics": ["Novelty"], "topk": [3], "valid_metric": "Novelty@3"}
    small = runs.prepare("BPR", embedding_size=4, log_wandb=True, **settings)
    small.fit()
    names = {name for metrics in logged for name in metrics}
    assert {"valid/novelty@3", "train/train_loss"} <= names
    assert list(Path("log_tensorboard").glob("*/events*"))

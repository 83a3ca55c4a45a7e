"""Commands that are killed, and a benchmark that loses a node of its cluster."""

import json
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from recbole_ext.errors import UserError
from recbole_ext.experiments import benchmark_plan, ray_cluster
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.plan import Plan, RunKey
from recbole_ext.patches.functions import libraries
from tests import kills, runs

COMMAND = [sys.executable, "-m", "recbole_ext.cli.main", "benchmark"]


def written(folder: Path) -> Path:
    """The plan, with its data beside it."""
    runs.write_ratings(folder / "dataset", "made")
    (folder / "plan.yaml").write_text(kills.PLAN)
    return folder / "plan.yaml"


@pytest.fixture
def file(tmp_path):
    return written(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The results of the command where nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    file = written(folder)
    command = [*COMMAND, file, "--workers", "2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return file.with_suffix(".jsonl")


def keys_of(output: Path, plan: Plan) -> list[RunKey]:
    """Of the lines that are whole."""
    return [result.key for result in results_of.load(output, plan)]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in kills.CASES if name != "search"])
def test_killed_at_a_random_moment(name, tmp_path):
    """`python -m tests.kills` does this ten times each; a search is carried out as a benchmark."""
    survival = kills.survive(kills.CASES[name], tmp_path, moments=1)
    assert survival.starts == 1


@pytest.mark.slow
def test_trials_choose_by_validation_and_read_no_test(undisturbed, file):
    plan = benchmark_plan.read(file)
    results = results_of.load(undisturbed, plan)
    trials = [result for result in results if result.trial is not None]
    assert [trial.values for trial in sorted(trials, key=lambda x: x.trial)] == [
        {"embedding_size": 8},
        {"embedding_size": 4},
    ]
    assert all(trial.test == {} and trial.users == {} and trial.seed == 2020 for trial in trials)
    assert results[:2] == trials  # before anything is tested
    best = max(trials, key=lambda trial: trial.valid["ndcg@10"]).values
    tested = [result for result in results[2:] if result.label == "BPR"]
    assert len(tested) == 2
    assert all(result.values == best and result.test for result in tested)
    ratings = [result for result in results if result.protocol == "rating"]
    assert {(result.label, *result.test) for result in ratings} == {("AutoRec", "rmse", "mae")}


@pytest.mark.slow
def test_two_nodes_of_which_one_is_lost(file, tmp_path, undisturbed, monkeypatch):
    pytest.importorskip("ray", reason="no Ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(libraries.RAY_PROCESS))  # as setuptools<82 would

    plan, output = benchmark_plan.read(file), file.with_suffix(".jsonl")
    memory = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    nodes = Cluster(initialize_head=True, head_node_args=memory)
    try:
        lost = nodes.add_node(node_ip_address="127.0.0.2", **memory)  # not the driver's
        nodes.wait_for_nodes()
        execute = partial(ray_cluster.run_all, address=nodes.address)
        ended = []
        for result in experiment_runs.run(plan, tmp_path / "dataset", output, execute):
            ended.append(result)
            if len(ended) == 3:  # both are at work
                nodes.remove_node(lost, allow_graceful=False)
    finally:
        nodes.shutdown()
    assert [result.error for result in ended if result.error] == []
    found = keys_of(output, plan)
    assert len(found) == len(set(found))
    assert set(found) == {*plan.trial_runs(), *plan.runs()}

    def measured(path):
        lines = map(json.loads, path.read_text().splitlines())
        names = ("protocol", "label", "seed", "trial")
        return {tuple(x[k] for k in names): (x["test"], x["valid"], x["split"]) for x in lines}

    assert measured(output) == measured(undisturbed)


@pytest.mark.parametrize("is_listening", [False, True])
def test_a_cluster_that_does_not_answer_is_one_error(is_listening, monkeypatch, capfd):
    """Ray itself tries for more than a minute; by both doors, as an option and by RAY_ADDRESS."""
    with socket.socket() as held:  # a port that is ours, and at which nobody, or no Ray, listens
        held.bind(("0.0.0.0", 0))
        if is_listening:
            held.listen()
        address = f"127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(UserError, match=f"--ray {address}: no Ray cluster answers there"):
            list(ray_cluster.run_all({}, len, address))
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(UserError, match=f"^RAY_ADDRESS={address}: no Ray cluster answers"):
            ray_cluster.connect(None, "--tool=Ray")
    assert capfd.readouterr().err == ""

"""Commands that are killed, and a benchmark that loses a node of its cluster."""

import json
import socket
import sys
from functools import partial
from pathlib import Path

import pytest

from recbole_ext.errors import UserError
from recbole_ext.experiments import benchmark_plan, ray_cluster
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.plan import Plan, RunKey
from tests import jobs, kills, ray_nodes, runs
from tests.own_models.shapes import SHAPES
from tests.own_models.walk import Walk

PLAN = kills.PLAN.replace("NDCG@10}", "NDCG@10, rating: RMSE}")


def written(folder: Path, plan: str = PLAN) -> Path:
    """The plan, with its data beside it."""
    runs.write_ratings(folder / "dataset", "made")
    (folder / "plan.yaml").write_text(plan)
    return folder / "plan.yaml"


@pytest.fixture
def file(tmp_path):
    return written(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The plan with two seeds, and its results where nothing happens: by this process alone."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["pytest"])
        file = written(folder, PLAN.replace("seeds: [1]", "seeds: [1, 2]"))
        plan, output = benchmark_plan.read(file), file.with_suffix(".jsonl")
        execute = partial(jobs.run_here, workers=2)
        list(experiment_runs.run(plan, folder / "dataset", output, execute))
    return plan, output


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
def test_trials_choose_by_validation_and_read_no_test(undisturbed):
    plan, output = undisturbed
    results = results_of.load(output, plan)
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


# --- a cluster --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nodes():
    """A cluster of two nodes, and the one that is not the driver's, for the rest of this file."""
    pytest.importorskip("ray", reason="no Ray")
    with ray_nodes.two() as both:
        yield both


@pytest.mark.slow
def test_the_source_of_a_model_travels_to_the_nodes(nodes, tmp_path):
    Walk(SHAPES["with a graph"], tmp_path / "walk").on_nodes(nodes[0].address)


@pytest.mark.slow
def test_two_nodes_of_which_one_is_lost(nodes, file, tmp_path, undisturbed):
    """The last test of the cluster."""
    cluster, lost = nodes
    plan, output = benchmark_plan.read(file), file.with_suffix(".jsonl")
    execute = partial(ray_cluster.run_all, address=cluster.address)
    ended = []
    for result in experiment_runs.run(plan, tmp_path / "dataset", output, execute):
        ended.append(result)
        if len(ended) == 3:  # both are at work
            cluster.remove_node(lost, allow_graceful=False)
    assert [result.error for result in ended if result.error] == []
    found = keys_of(output, plan)
    assert len(found) == len(set(found))
    assert set(found) == {*plan.trial_runs(), *plan.runs()}

    def measured(path):
        lines = map(json.loads, path.read_text().splitlines())
        names = ("protocol", "label", "seed", "trial")
        return {tuple(x[k] for k in names): (x["test"], x["valid"], x["split"]) for x in lines}

    expected, found = measured(undisturbed[1]), measured(output)
    assert found == {key: expected[key] for key in found}

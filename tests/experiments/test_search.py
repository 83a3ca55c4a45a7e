import math
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from recbole_ext.experiments import random_search
from tests import runs

TEXT = """\
model: AutoRec
datasets: [made, other]
trials: 3
seed: 4
base: {mlp_hidden_size: [4], epochs: 2}
space:
  learning_rate: [0.01, 1e-1]
  reg_weight: [0.0, 0.2]
"""


@pytest.fixture
def file(ratings, tmp_path):
    runs.write_ratings(ratings, "other", n_users=20)
    (tmp_path / "search.yaml").write_text(TEXT)
    return tmp_path / "search.yaml"


def invoke(*words):
    return CliRunner().invoke(main.main, ["search", *map(str, words)], catch_exceptions=False)


def test_trials_are_the_defaults_and_distinct_combinations(file):
    chosen = random_search.read(file)
    assert chosen.space["learning_rate"] == [0.01, 0.1]
    trials = random_search.draw(chosen, {"learning_rate": 0.001, "reg_weight": 0.1, "x": 1})
    assert trials[0] == {"learning_rate": 0.001, "reg_weight": 0.1}
    assert len({tuple(trial.values()) for trial in trials}) == 3
    assert all(trial["reg_weight"] in (0.0, 0.2) for trial in trials[1:])
    assert trials == random_search.draw(chosen, {"learning_rate": 0.001, "reg_weight": 0.1})


def test_the_defaults_are_not_tried_twice(file):
    chosen = random_search.read(file)
    trials = random_search.draw(chosen, {"learning_rate": 0.01, "reg_weight": 0.2})
    assert trials.count(trials[0]) == 1


@pytest.mark.slow
def test_a_search_ranks_by_validation_and_goes_on_where_it_stopped(file, ratings):
    first = invoke(file, "--workers", 2)
    assert first.exit_code == 0, first.output
    assert sorted(path.name for path in Path().iterdir()) == [
        "dataset",
        "search.csv",
        "search.yaml",
    ]
    results = file.with_suffix(".csv")
    whole = results.read_text().splitlines()
    assert len(whole) == 1 + 3 * 2
    assert whole[0].startswith("trial,dataset,learning_rate,reg_weight,valid_score,")
    trials = random_search.draw(
        random_search.read(file), {"learning_rate": 0.001, "reg_weight": 0.1}
    )
    outcomes = random_search.load_results(results, random_search.read(file), trials)
    for outcome in outcomes:
        given = {"mlp_hidden_size": [4], "seed": 4, "metric_decimal_place": 4, **outcome.values}
        score, _ = runs.prepare("AutoRec", outcome.dataset, **given).fit()
        assert outcome.valid_score == pytest.approx(score, abs=2e-4)
    ranking = random_search.ranked(outcomes, 2, bigger=False)
    means = [score for score, _ in ranking]
    assert means == sorted(means)
    assert f"{means[0]:.4f}" in first.stdout
    # killed in the middle of a line: that run and those after it are done again, no other
    results.write_text("\n".join(whole[:5]) + "\n" + whole[5][:9])
    second = invoke(file)
    assert second.exit_code == 0, second.output
    again = results.read_text().splitlines()
    assert again[:5] == whole[:5]
    assert len(again) == len(whole)
    scores = [sorted(line.split(",")[:5] for line in text) for text in (again, whole)]
    assert scores[0] == scores[1]


def test_variants_are_tried_as_they_stand(file):
    head, _, _ = TEXT.replace("trials: 3\n", "").partition("space:")
    file.write_text(head + "variants: [{}, {epochs: 3}, {reg_weight: 0.5}]\n")
    chosen = random_search.read(file)
    defaults = {"epochs": 2, "reg_weight": 0.1}
    assert random_search.draw(chosen, defaults) == [
        {"epochs": 2, "reg_weight": 0.1},
        {"epochs": 3, "reg_weight": 0.1},
        {"epochs": 2, "reg_weight": 0.5},
    ]


@pytest.mark.slow
def test_workers_end_with_a_killed_search(file):
    file.write_text(TEXT.replace("epochs: 2", "epochs: 100000, stopping_step: 100000"))
    words = [sys.executable, "-m", "recbole_ext.cli.main", "search", str(file), "--workers=2"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    children = psutil.Process(process.pid).children
    deadline = time.monotonic() + 60
    while len([c for c in children() if "spawn_main" in str(c.cmdline())]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    workers = children(recursive=True)
    time.sleep(5)  # they have to be at work: the thread that watches starts after torch
    process.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


def test_a_run_whose_process_died_is_a_line_that_says_so(file, ratings, monkeypatch):
    died = lambda jobs, *_: ((name, random_search.processes.DIED) for name in jobs)  # noqa: E731
    monkeypatch.setattr(random_search.processes, "run_all", died)
    found = invoke(file)
    assert found.exit_code == 1
    assert "no trial has run on every data set" in found.output
    lines = file.with_suffix(".csv").read_text().splitlines()
    assert len(lines) == 1 + 3 * 2
    assert all(random_search.processes.DIED in line for line in lines[1:])


@pytest.mark.slow
def test_a_run_that_fails_is_a_line_that_says_why(file, ratings):
    given = {"data_path": str(ratings), "learning_rate": 1e30, "epochs": 3}
    score, epochs, _, why = random_search.validate("AutoRec", "made", given)
    assert math.isnan(score)
    assert epochs == 0
    assert "nan" in why.lower()  # which place notices it first is RecBole's business
    runs_of_two = [
        random_search.Outcome(0, "made", {"a": 1}, 0.5, 3, 1.0, ""),
        random_search.Outcome(0, "other", {"a": 1}, 0.7, 3, 1.0, ""),
        random_search.Outcome(1, "made", {"a": 2}, 0.1, 3, 1.0, ""),
        random_search.Outcome(1, "other", {"a": 2}, math.nan, 0, 1.0, why),
    ]
    assert random_search.ranked(runs_of_two, 2, bigger=False) == [(pytest.approx(0.6), {"a": 1})]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("trials: 3", "trials: 0", r"search\.yaml: trials: expected a whole number at least 1"),
        ("trials: 3", "variants: [{}]", "expected either trials and space, or variants"),
        ("trials: 3", "trails: 3", r"search\.yaml: trails: expected one of model, datasets"),
        ("trials: 3", "trials: 9", "trials: expected at most 4, the combinations"),
        ("[0.0, 0.2]", "0.2", "space: reg_weight: expected a list of values, found 0.2"),
        ("[made, other]", "[made, nowhere]", "--dataset=nowhere: no folder"),
        ("reg_weight:", "reg_wait:", "reg_wait: neither AutoRec nor RecBole"),
        ("[0.0, 0.2]", "[0.0, -1.0]", "reg_weight: expected a number at least 0, found -1.0"),
        ("model: AutoRec", "model: [", r"search\.yaml, line \d+: not yaml: "),
    ],
)
def test_a_bad_search_is_refused_before_it_runs(old, new, message, file):
    file.write_text(TEXT.replace(old, new))
    result = invoke(file)
    assert result.exit_code == 2, result.output
    import re

    assert re.search(message, result.stderr), result.stderr
    assert not file.with_suffix(".csv").exists()


def test_results_of_another_search_are_refused(file):
    chosen = random_search.read(file)
    trials = random_search.draw(chosen, {"learning_rate": 0.001, "reg_weight": 0.1})
    results = file.with_suffix(".csv")
    results.write_text("trial,dataset\n")
    with pytest.raises(SettingError, match="line 1: expected the columns trial, dataset, learning"):
        random_search.load_results(results, chosen, trials)
    random_search._append(
        file.with_suffix(".two"),
        chosen,
        random_search.Outcome(1, "made", {"learning_rate": 5, "reg_weight": 5}, 1.0, 1, 1.0, ""),
    )
    with pytest.raises(SettingError, match="line 2: trial 1 of this search has other settings"):
        random_search.load_results(file.with_suffix(".two"), chosen, trials)

"""Searches by Optuna's TPE: their study is the results file."""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.experiments import benchmark_plan, report, search_plan, study, summary
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.plan import RunKey, TableKey
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.study import Outcome, Study

SPACE = {"n_layers": [3, 1, 2, 5], "activation": [[8], [4, 2], "relu"], "decay": [0.0]}
FIRST = {"n_layers": 3, "activation": [8], "decay": 0.0}
SEARCH = """\
model: BPR
datasets: [made, other]
trials: 7
sampler: tpe
seed: 4
base: {valid_metric: NDCG@10, metrics: [NDCG], topk: [10], epochs: 2}
space:
  embedding_size: [4, 8, 16]
  learning_rate: [0.001, 0.01, 0.1]
"""
PLAN = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1]
trials: 6
sampler: tpe
models:
  BPR: {model: BPR, space: {embedding_size: [4, 8], learning_rate: [0.001, 0.01, 0.1]}}
  Pop: {model: Pop}
"""


@pytest.fixture(autouse=True)
def _is_installed(request):
    if "without" not in request.node.name:
        pytest.importorskip("optuna")


@pytest.fixture
def file(ratings, tmp_path):
    (tmp_path / "search.yaml").write_text(SEARCH)
    return tmp_path / "search.yaml"


def plan_of(file):
    return search_plan.plan(
        search_plan.read(file),
        {"valid_metric": "NDCG@10", "embedding_size": 64, "learning_rate": 0.001},
    )


def trial_of(plan, key, values, score):
    fields = {"trial": key.trial, "values": values, "curve": [(1, score / 2), (2, score)]}
    mark = plan.fingerprint(key)
    return Result(*key[:-1], mark, "", {"ndcg@10": score}, {}, {}, 2, 1.0, **fields)


def executes(score, seen=None):
    """An executor whose runs have a score by their values; a curve of two epochs."""

    def execute(jobs, measure):
        for key, (plan, _, values, _, others, *_) in jobs.items():
            if seen is not None:
                seen.append((key, dict(values), others))
            yield key, trial_of(plan, key, values, score(values))

    return execute


def test_without_optuna_a_line_says_what_to_install(ratings, tmp_path, monkeypatch):
    find = study.importlib.util.find_spec
    hidden = lambda name, *rest: None if name == "optuna" else find(name, *rest)  # noqa: E731
    monkeypatch.setattr(study.importlib.util, "find_spec", hidden)
    for name, text in (("search", SEARCH), ("benchmark", PLAN)):
        (tmp_path / "plan.yaml").write_text(text)
        found = CliRunner().invoke(main.main, [name, "plan.yaml"])
        assert found.exit_code == 2
        advice = "Optuna is not installed; pip install 'recbole-ext[optuna]'"
        assert found.stderr.strip() == f"error: plan.yaml: sampler: tpe: {advice}"


def test_trials_are_of_the_space_and_never_twice():
    """The whole of a small space is tried before there is nothing left; the first is given."""
    whole = Study(SPACE, FIRST, 12, 7, False)
    outcomes: dict[int, Outcome] = {}
    for number in range(12):
        (trial,) = study.next_trials(whole, outcomes, [], [number], True)
        assert all(trial[name] in values for name, values in SPACE.items())
        assert trial not in [outcome.values for outcome in outcomes.values()]
        outcomes[number] = Outcome(trial, float(trial["n_layers"]), [(1, 0.5)])
    assert outcomes[0].values == FIRST
    again = study.next_trials(whole, dict(list(outcomes.items())[:6]), [], [6], True)
    assert again == [outcomes[6].values]  # by the lines alone


def test_trials_at_once_differ():
    whole = Study(SPACE, FIRST, 12, 7, False)
    four = study.next_trials(whole, {}, [], [0, 1, 2, 3], True)
    assert len({json.dumps(trial) for trial in four}) == 4
    others = study.next_trials(whole, {}, four, [4, 5, 6, 7], True)
    assert not [trial for trial in others if trial in four]


def test_tpe_learns():
    """After the startup it draws from where the best trials were; lower is better, too."""
    space = {"x": list(range(40)), "y": list(range(40))}
    for bigger in (True, False):
        outcomes: dict[int, Outcome] = {}
        for number in range(40):
            (trial,) = study.next_trials(
                Study(space, {"x": 0, "y": 0}, 40, 3, False), outcomes, [], [number], bigger
            )
            distance = abs(trial["x"] - 30) + abs(trial["y"] - 10)
            outcomes[number] = Outcome(trial, -distance if bigger else distance, [])
        distances = [abs(outcome.score) for outcome in outcomes.values()]
        assert sum(distances[-10:]) < sum(distances[: study.STARTUP + 5])
        assert min(distances) <= 5


def test_a_first_trial_outside_the_space_is_run_and_not_learned_from():
    outside = {"n_layers": 9, "activation": None, "decay": 0.0}
    (trial,) = study.next_trials(Study(SPACE, outside, 5, 1, False), {}, [], [0], True)
    assert trial == outside
    (second,) = study.next_trials(
        Study(SPACE, outside, 5, 1, False), {0: Outcome(outside, 1.0, [])}, [], [1], True
    )
    assert second["n_layers"] in SPACE["n_layers"]


def test_a_bad_trial_is_pruned_and_a_good_one_is_not():
    curves = [[(1, 0.1 * n), (2, 0.1 * n)] for n in range(1, 6)]  # the median is 0.3
    watch = study.pruning_watch(curves, True)
    watch(1, 0.31)
    watch(2, 0.2)  # its best until now is above the median
    with pytest.raises(study.PrunedError, match="after 1 epochs"):
        study.pruning_watch(curves, True)(1, 0.29)
    study.pruning_watch(curves, False)(1, 0.29)  # where less is better
    study.pruning_watch(curves[:4], True)(1, 0.0)  # too few to judge by


def test_a_search_goes_on_with_the_trials_that_it_would_have_had(file, tmp_path):
    """The study is the results file: cut in the middle, it ends as the whole one did."""
    plan = plan_of(file)
    score = lambda values: values["embedding_size"] * values["learning_rate"] / 10  # noqa: E731
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    seen = []
    list(experiment_runs.run(plan, Path("dataset"), whole, executes(score, seen)))
    assert len(seen) == 7 * 2
    by_trial = {}
    for key, values, _ in seen:  # a trial has the same values on both data sets
        assert by_trial.setdefault(key.trial, values) == values
    lines = whole.read_text().splitlines()
    cut.write_text("\n".join(lines[:7]) + "\n")
    list(experiment_runs.run(plan, Path("dataset"), cut, executes(score)))
    strip = lambda text: [json.loads(line) for line in text.splitlines()]  # noqa: E731
    assert sorted(strip(cut.read_text()), key=str) == sorted(strip(whole.read_text()), key=str)
    assert len(results_of.load(whole, plan)) == 14
    # more trials: those that there are stay
    file.write_text(SEARCH.replace("trials: 7", "trials: 9"))
    seen.clear()
    list(experiment_runs.run(plan_of(file), Path("dataset"), whole, executes(score, seen)))
    assert {key.trial for key, *_ in seen} == {7, 8}
    rows, best = summary.trials_table(plan_of(file), results_of.load(whole, plan_of(file)))
    assert len(rows) == 9
    ranked = max((score(v), json.dumps(v)) for v in [*by_trial.values(), *(v for _, v, _ in seen)])
    assert score(best) == ranked[0]


def test_a_failed_trial_is_tried_once_more_by_the_next_start(file, tmp_path):
    plan, output = plan_of(file), tmp_path / "out.jsonl"
    tried = []

    def execute(jobs, measure):
        for key, (plan, _, values, *_) in jobs.items():
            tried.append((key.trial, dict(values)))
            ok = trial_of(plan, key, values, 0.1)
            yield key, ok if key.trial != 2 else replace(ok, error="nan", valid={})

    list(experiment_runs.run(plan, Path("dataset"), output, execute))
    assert len(tried) == 14
    values = dict(tried)[2]
    tried.clear()
    list(experiment_runs.run(plan, Path("dataset"), output, execute))
    assert tried == [(2, values)] * 2
    tried.clear()
    list(experiment_runs.run(plan, Path("dataset"), output, execute, keep_failed=True))
    assert tried == []


def test_pruned_trials_are_counted_and_not_ranked(ratings, tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN.replace("sampler: tpe", "sampler: tpe\npruning: True"))
    plan, output = benchmark_plan.read(file), tmp_path / "out.jsonl"
    others = []

    def execute(jobs, measure):
        for key, (plan, _, values, _, curves, *_) in jobs.items():
            others.append((key, None if curves is None else len(curves)))
            pruned = key.trial in (4, 5)
            ended = trial_of(plan, key, values, 0.9 if pruned else 0.1)
            test = {} if key.trial is not None else {"ndcg@10": 0.2}
            yield key, replace(ended, test=test, pruned=pruned, curve=[(1, 0.1)])

    list(experiment_runs.run(plan, tmp_path, output, execute))
    # a trial sees the curves of those before it that were not pruned; a tested run sees none
    assert [n for key, n in others if key.trial is not None] == [0, 1, 2, 3, 4, 4]
    assert {n for key, n in others if key.trial is None} == {None}
    results = results_of.load(output, plan)
    table = TableKey("made", "default")
    best = results_of.best_values(plan, results, table, "BPR")
    assert best == next(r.values for r in results if r.trial == 0)
    assert summary.budgets(plan, results, table) == "Trials on validation: BPR 6 (2 pruned)"
    files = report.write(tmp_path / "report", plan, results, "how")
    assert "Trials on validation: BPR 6 (2 pruned)." in files[1].read_text()
    again = []
    list(experiment_runs.run(plan, tmp_path, output, executes(lambda values: 0.1, again)))
    assert again == []  # all have ended, the pruned ones too


def test_a_fingerprint_follows_the_study(tmp_path, ratings):
    file = tmp_path / "plan.yaml"
    marks = {}
    for name, text in {
        "tpe": PLAN,
        "more": PLAN.replace("trials: 6", "trials: 5"),
        "pruning": PLAN.replace("sampler: tpe", "sampler: tpe\npruning: True"),
        "random": PLAN.replace("sampler: tpe\n", ""),
    }.items():
        file.write_text(text)
        plan = benchmark_plan.read(file)
        key = RunKey("made", "default", "BPR", 1)
        marks[name] = plan.fingerprint(key._replace(trial=1)), plan.fingerprint(key)
    assert marks["tpe"][0] == marks["more"][0]  # a trial does not depend on their number
    assert marks["tpe"][1] != marks["more"][1]
    assert len({trial for trial, _ in marks.values()}) == 3


@pytest.mark.slow
def test_a_search_by_tpe_runs_is_pruned_and_goes_on(ratings, tmp_path, runs_here):
    file = tmp_path / "search.yaml"
    text = SEARCH.replace("[made, other]", "[made]").replace("epochs: 2", "epochs: 4, eval_step: 1")
    file.write_text(text.replace("sampler: tpe", "sampler: tpe\npruning: True"))
    words = ["search", str(file), "--workers", "2"]
    first = CliRunner().invoke(main.main, words, catch_exceptions=False)
    assert first.exit_code == 0, first.output
    lines = [json.loads(line) for line in file.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["trial"] for line in sorted(lines, key=lambda x: x["trial"])] == list(range(7))
    for line in lines:
        assert line["error"] == ""
        if line["pruned"]:
            assert line["valid"] == {"ndcg@10": max(score for _, score in line["curve"])}
    again = CliRunner().invoke(main.main, words, catch_exceptions=False)
    assert again.stdout == first.stdout
    assert len(file.with_suffix(".jsonl").read_text().splitlines()) == 7


def test_a_pruned_run_is_a_line(ratings, tmp_path):
    """``measure`` ends a trial at the first evaluation that is below the others' median."""
    file = tmp_path / "plan.yaml"
    file.write_text(
        PLAN.replace("sampler: tpe", "sampler: tpe\npruning: True\nsettings: {epochs: 3}")
    )
    plan = benchmark_plan.read(file)
    key = RunKey("made", "default", "BPR", 2020, 1)
    values = {"embedding_size": 4, "learning_rate": 0.001}
    curves = [[(n, 1.5) for n in (1, 2, 3)]] * 5
    found = experiment_runs.measure(plan, key, values, str(ratings), curves)
    assert (found.pruned, found.error, found.epochs, found.test) == (True, "", 1, {})
    assert found.valid == {"ndcg@10": found.curve[0][1]}
    whole = experiment_runs.measure(plan, key, values, str(ratings), curves[:4])
    assert (whole.pruned, len(whole.curve)) == (False, 3)
    output = tmp_path / "out.jsonl"
    results_of.append(output, found)
    assert results_of.load(output, plan) == [
        Result(**json.loads(json.dumps(asdict(found))) | {"curve": found.curve})
    ]
    with suppress(FileNotFoundError):
        output.unlink()

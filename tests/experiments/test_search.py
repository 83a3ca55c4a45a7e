import json
import os
import re
import subprocess
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from recbole_ext.experiments import processes, results_file, search_plan, summary
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.plan import RunKey, TableKey
from recbole_ext.experiments.results import Result
from tests import commands, jobs, runs

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


DEFAULTS = {"learning_rate": 0.001, "reg_weight": 0.1, "valid_metric": "RMSE"}


def plan_of(file, **defaults):
    return search_plan.plan(search_plan.read(file), {**DEFAULTS, **defaults})


def trials_of(file, **defaults):
    return plan_of(file, **defaults).models["AutoRec"].trials


def result_of(plan, dataset, trial, score=None, error="", metric="rmse"):
    """A run of a plan as if it had been made; with a score or an error."""
    (label,) = plan.models
    key = RunKey(dataset, "", label, 4, trial)
    valid = {} if score is None else {metric: score}
    return Result(
        *key[:-1], plan.fingerprint(key), error, valid, {}, {}, 1, 1.0,
        trial=trial, values=plan.models[label].trials[trial],
    )  # fmt: skip


def write(path, results):
    path.write_text("".join(json.dumps(asdict(result)) + "\n" for result in results))


def test_trials_are_the_defaults_and_distinct_combinations(file):
    assert search_plan.read(file).space["learning_rate"] == [0.01, 0.1]
    trials = trials_of(file, x=1)
    assert trials[0] == {"learning_rate": 0.001, "reg_weight": 0.1}
    assert len({tuple(trial.values()) for trial in trials}) == 3
    assert all(trial["reg_weight"] in (0.0, 0.2) for trial in trials[1:])
    assert trials == trials_of(file)


def test_the_defaults_are_not_tried_twice(file):
    trials = trials_of(file, learning_rate=0.01, reg_weight=0.2)
    assert trials.count(trials[0]) == 1


def test_variants_are_tried_as_they_stand(file):
    head, _, _ = TEXT.replace("trials: 3\n", "").partition("space:")
    file.write_text(head + "variants: [{}, {epochs: 3}, {reg_weight: 0.5}]\n")
    assert trials_of(file, epochs=2) == [
        {"epochs": 2, "reg_weight": 0.1},
        {"epochs": 3, "reg_weight": 0.1},
        {"epochs": 2, "reg_weight": 0.5},
    ]


def test_a_search_is_a_plan_with_trials_and_no_test(file):
    plan = plan_of(file)
    assert plan.runs() == []
    assert plan.all_runs() == [
        RunKey(dataset, "", "AutoRec", 4, number)
        for dataset in ("made", "other")
        for number in range(3)
    ]
    assert str(plan.all_runs()[1]) == "made: AutoRec, trial 1"
    table = TableKey("made", "")
    assert plan.data_set(table) == "made"
    settings = {"valid_metric": "RMSE", "mlp_hidden_size": [4], "epochs": 2, "seed": 4}
    assert plan.run_settings(table, "AutoRec", {}) == settings


@pytest.mark.parametrize(
    ("metric", "order"), [("NDCG@10", [2, 0, 1]), ("RMSE", [1, 0, 2]), ("LogLoss", [1, 0, 2])]
)
def test_trials_are_ranked_by_their_mean_from_the_best_on(file, metric, order):
    plan, name = plan_of(file, valid_metric=metric), metric.lower()
    scores = {("made", 0): 0.5, ("other", 0): 0.4, ("made", 1): 0.1, ("other", 1): 0.6}
    scores |= {("made", 2): 0.9, ("other", 2): 0.2}  # means: 0.45, 0.35, 0.55
    results = [
        result_of(plan, dataset, trial, score, metric=name)
        for (dataset, trial), score in sorted(scores.items(), key=str)
    ]
    means = {0: 0.45, 1: 0.35, 2: 0.55}
    trials = plan.models["AutoRec"].trials
    ranked = results_of.ranking(plan, results, "AutoRec", plan.tables)
    assert ranked == [(pytest.approx(means[n]), trials[n]) for n in order]
    rows, best = summary.trials_table(plan, results)
    assert [row[0] for row in rows] == [f"{means[n]:.4f}" for n in order]
    assert best == trials[order[0]]
    assert rows[order.index(0)][1] == "-"
    last = {name: value for name, value in trials[1].items() if value != trials[0][name]}
    assert rows[order.index(1)][1] == ", ".join(f"{k}={v}" for k, v in last.items())
    # a trial that has not run on every data set, or has failed on one, is not ranked
    cut = [result for result in results if (result.dataset, result.trial) != ("other", order[0])]
    failed = [*cut, result_of(plan, "other", order[0], error="ValueError: nan")]
    for runs_of_two in (cut, failed):
        best_two = results_of.ranking(plan, runs_of_two, "AutoRec", plan.tables)
        assert [trial for _, trial in best_two] == [trials[n] for n in order[1:]]


def test_equal_trials_are_ranked_in_the_order_of_the_plan(file):
    plan = plan_of(file)
    results = [result_of(plan, d, n, 0.5) for n in (2, 0, 1) for d in ("other", "made")]
    ranked = results_of.ranking(plan, results, "AutoRec", plan.tables)
    assert [trial for _, trial in ranked] == plan.models["AutoRec"].trials


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("epochs: 2}", "epochs: 3}"),
        ("seed: 4", "seed: 5"),
        ("model: AutoRec", "model: NCFMLP"),
        ("weight_decay: [0.0, 0.2]", "weight_decay: [0.0, 0.3]"),
    ],
)
def test_results_of_another_search_are_refused(file, old, new):
    text = TEXT.replace("reg_weight", "weight_decay")  # which both models read
    file.write_text(text)
    before = plan_of(file)
    output = file.with_suffix(".jsonl")
    trial = next(n for n, t in enumerate(trials_of(file)) if n and t["weight_decay"] == 0.2)
    write(output, [result_of(before, "made", trial, 0.5)])
    assert len(results_of.load(output, before)) == 1
    file.write_text(text.replace(old, new))
    with pytest.raises(SettingError, match=r"line 1: made: AutoRec, trial \d ran with another"):
        results_of.load(output, plan_of(file))


def test_a_metric_is_part_of_a_search(file):
    output = file.with_suffix(".jsonl")
    write(output, [result_of(plan_of(file), "made", 0, 0.5)])
    with pytest.raises(SettingError, match="line 1: made: AutoRec, trial 0 ran with another"):
        results_of.load(output, plan_of(file, valid_metric="MAE"))


def test_more_trials_keep_those_that_there_are(file):
    file.write_text(TEXT.replace("trials: 3", "trials: 2"))
    before = plan_of(file)
    output = file.with_suffix(".jsonl")
    write(output, [result_of(before, "made", n, 0.5) for n in (0, 1)])
    file.write_text(TEXT.replace("trials: 3", "trials: 4"))
    assert [result.trial for result in results_of.load(output, plan_of(file))] == [0, 1]
    file.write_text(TEXT.replace("trials: 3", "trials: 1"))
    assert [result.trial for result in results_of.load(output, plan_of(file))] == [0]


@pytest.mark.parametrize("named", [False, True])
def test_results_of_an_earlier_release_are_refused_in_a_line(file, named):
    old = file.with_suffix(".csv")
    old.write_text("trial,dataset,learning_rate,reg_weight,valid_score,epochs,seconds,error\n")
    found = invoke(file, *(("--output", old) if named else ()))
    assert found.exit_code == 2
    assert "search.csv: results of a search are jsonl now" in found.stderr
    assert "remove or rename it" in found.stderr
    assert results_file.is_old_csv(old)
    assert not file.with_suffix(".jsonl").exists()


def test_a_failed_run_is_tried_again_and_the_newest_line_counts(file, tmp_path):
    plan, output = plan_of(file), file.with_suffix(".jsonl")
    failing, begun = {plan.all_runs()[4], plan.all_runs()[5]}, []

    def execute(jobs, _):
        for key in jobs:
            begun.append(key)
            if key in failing:
                yield key, processes.DIED
            else:
                yield key, result_of(plan, key.dataset, key.trial, 0.5)

    list(experiment_runs.run(plan, tmp_path, output, execute))
    assert begun == plan.all_runs()
    begun.clear()
    list(experiment_runs.run(plan, tmp_path, output, execute, keep_failed=True))
    assert begun == []
    failing.remove(plan.all_runs()[4])
    list(experiment_runs.run(plan, tmp_path, output, execute))
    assert begun == plan.all_runs()[4:]
    errors = [json.loads(line)["error"] for line in output.read_text().splitlines()]
    assert errors == ["", "", "", "", processes.DIED, processes.DIED, "", processes.DIED]
    newest = {result.key: result.error for result in results_of.load(output, plan)}
    assert newest == {key: processes.DIED if key in failing else "" for key in plan.all_runs()}


@pytest.mark.slow
def test_a_search_ranks_by_validation_and_goes_on_where_it_stopped(file, monkeypatch):
    """What is lost of the runs of this process is made again by others, and is the same."""
    with monkeypatch.context() as patch:
        patch.setattr(processes, "run_all", jobs.run_here)
        first = invoke(file)
    assert first.exit_code == 0, first.output
    output, plan = file.with_suffix(".jsonl"), plan_of(file)
    whole = output.read_text().splitlines()
    assert len(whole) == 3 * 2
    # killed in the middle of a line: that run and those after it are made again, no other
    output.write_text("\n".join(whole[:4]) + "\n" + whole[4][:9])
    second = invoke(file, "--workers", 2)
    assert second.exit_code == 0, second.output
    assert sorted(path.name for path in Path().iterdir()) == [
        "dataset",
        "search.jsonl",
        "search.yaml",
    ]
    again = output.read_text().splitlines()
    assert again[:4] == whole[:4]
    assert len(again) == len(whole)
    scores = [
        {result.key: result.valid for result in (Result(**json.loads(x)) for x in lines)}
        for lines in (again, whole)
    ]
    assert scores[0] == scores[1]
    results = results_of.load(output, plan)
    assert {result.key for result in results} == set(plan.all_runs())
    for result in results:
        settings = {"mlp_hidden_size": [4], "seed": 4, "metric_decimal_place": 4, **result.values}
        score, _ = runs.prepare("AutoRec", result.dataset, **settings).fit()
        assert result.valid["rmse"] == pytest.approx(score, abs=2e-4)
        assert (result.test, result.users) == ({}, {})
    ranked = results_of.ranking(plan, results, "AutoRec", plan.tables)
    means = [score for score, _ in ranked]
    assert means == sorted(means)
    for text in (first.stdout, second.stdout):
        shown = re.findall(r"^(\d\.\d{4}) ", text, re.MULTILINE)
        assert shown == [f"{mean:.4f}" for mean in means]


@pytest.mark.slow
def test_workers_end_with_a_killed_search(file, tmp_path):
    file.write_text(TEXT.replace("epochs: 2", "epochs: 100000, stopping_step: 100000"))
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    words = ("-m", "recbole_ext.cli.main", "search", str(file), "--workers=2")
    with commands.started(*words, stderr=subprocess.DEVNULL, env=environment) as process:
        workers = commands.family_at_work(process, 2, tmp_path / "tmp")
        process.kill()
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert not alive


def test_a_run_whose_process_died_is_a_line_that_says_so(file, ratings, monkeypatch):
    died = lambda jobs, *_, **__: ((name, processes.DIED) for name in jobs)  # noqa: E731
    monkeypatch.setattr(processes, "run_all", died)
    output = invoke(file)
    assert output.exit_code == 1
    assert "no trial has run on every data set" in output.output
    assert "the next start of this command tries them again" in output.output
    for dataset in ("made", "other"):  # why, and which runs
        sentence = f"{dataset}: AutoRec failed: {processes.DIED} (trial 0, trial 1, trial 2)"
        assert output.output.count(sentence) == 1
    lines = file.with_suffix(".jsonl").read_text().splitlines()
    assert len(lines) == 3 * 2
    assert all(json.loads(line)["error"] == processes.DIED for line in lines)


@pytest.mark.slow
def test_a_run_that_fails_is_a_line_that_says_why(file, ratings):
    file.write_text(
        TEXT.replace("[0.01, 1e-1]", "[1.0e+30, 1.0e+31]").replace("trials: 3", "trials: 2")
    )
    plan = plan_of(file)
    failed = experiment_runs.measure(
        plan, plan.all_runs()[1], plan.models["AutoRec"].trials[1], str(ratings)
    )
    assert failed.key == plan.all_runs()[1]
    assert (failed.valid, failed.epochs) == ({}, 0)
    assert "nan" in failed.error.lower()  # which place notices it first is RecBole's business


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("trials: 3", "trials: 0", r"search\.yaml: trials: expected a whole number at least 1"),
        ("trials: 3", "variants: [{}]", "expected either trials and space, or variants"),
        ("trials: 3", "trails: 3", r"search\.yaml: trails: expected one of model, datasets"),
        ("trials: 3", "trials: 9", "trials: expected at most 4, the combinations"),
        ("[0.0, 0.2]", "0.2", r"search\.yaml: space: reg_weight: expected a list of"),
        ("[0.0, 0.2]", "[0.2, 0.2]", r"search\.yaml: space: reg_weight: 0.2 is there twice; keep"),
        (
            "[made, other]",
            "[made, made]",
            r"search\.yaml: datasets: 'made' is there twice; keep one",
        ),
        ("trials: 3", "trials: 3\ntrials: 3", r"search\.yaml, line 4: trials: the key is already"),
        ("epochs: 2}", "epohcs: 2}", r"search\.yaml: base: epohcs: .*; did you mean epochs\?"),
        ("epochs: 2}", "epochs: two}", r"search\.yaml: base: epochs: expected a whole number"),
        ("reg_weight:", "hidden_size:", r"search\.yaml: space: hidden_size: .* mlp_hidden_size"),
        ("base: {", "base: [3]  # {", r"search\.yaml: base: expected a dict, found \[3\]"),
        ("learning_rate:", "embedding_size:", "space: embedding_size: AutoRec does not read this"),
        ("[made, other]", "[made, nowhere]", "--dataset=nowhere: no folder"),
        ("reg_weight:", "reg_wait:", r"search\.yaml: space: reg_wait: neither AutoRec nor RecBole"),
        (
            "[0.0, 0.2]",
            "[0.0, -1.0]",
            r"search\.yaml: space: reg_weight: expected a number at least 0, f",
        ),
        ("seed: 4", "seed: 4294967296", r"seed: expected a whole number in \[0, 4294967295\]"),
        (
            "[0.0, 0.2]\n",
            "[0.0, 0.2]\n  mlp_hidden_size: [[4], [1000000000000]]\n",
            r"search\.yaml: space: mlp_hidden_size: layers of .*1000000000000 .*of memory",
        ),
        (
            "epochs: 2}",
            "eval_args: {split: {RS: [0.9, 0, 0.1]}}}",
            r"search\.yaml: eval_args: split: expected a validation part, .*\[0\.9, 0, 0\.1\]",
        ),
        ("epochs: 2}", "eval_step: 0}", r"search\.yaml: eval_step: expected 1 or more"),
        ("epochs: 2}", "seed: 3}", "base: seed: cannot be set here; write it as a key"),
        ("reg_weight: [0.0, 0.2]", "topk: [1, 2]", "space: topk: cannot be set here; it has to be"),
        ("model: AutoRec", "model: [", r"search\.yaml, line \d+: not yaml: "),
    ],
)
def test_a_bad_search_is_refused_before_it_runs(old, new, message, file):
    file.write_text(TEXT.replace(old, new))
    result = invoke(file)
    assert result.exit_code == 2, result.output
    assert re.search(message, result.stderr), result.stderr
    assert not file.with_suffix(".jsonl").exists()

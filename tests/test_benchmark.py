"""Benchmarks: the plan, its runs, and the table."""

import csv
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from recbole_ext import processes
from recbole_ext.benchmark import plan as plans
from recbole_ext.benchmark import report, statistics, summary
from recbole_ext.benchmark import runs as benchmark_runs
from recbole_ext.benchmark.plan import Key
from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from tests import runs

TEXT = """\
datasets: [made]
seeds: [1, 2]
metric: NDCG@10
settings: {metrics: [NDCG, Hit], topk: [10], valid_metric: NDCG@10, epochs: 2, embedding_size: 8}
models:
  Pop: {model: Pop}
  BPR: {model: BPR}
  GMF: {model: NCFGMF}
  MLP: {model: NCFMLP, config: mlp.yaml}
  NeuMF:
    model: NCFNeuMF
    settings:
      mlp_hidden_size: [4]
      gmf_embedding_size: 8
      pretrain: {gmf: checkpoint of GMF, mlp: checkpoint of MLP}
"""


@pytest.fixture
def file(ratings, tmp_path):
    (tmp_path / "mlp.yaml").write_text("mlp_hidden_size: [4]\nembedding_size: 99\n")
    (tmp_path / "plan.yaml").write_text(TEXT)
    return tmp_path / "plan.yaml"


def invoke(*words):
    return CliRunner().invoke(main.main, ["benchmark", *map(str, words)], catch_exceptions=False)


def test_a_plan(file):
    plan = plans.read(file)
    assert len(plan.runs()) == 10
    assert plan.runs()[:2] == [Key("made", "Pop", 1), Key("made", "BPR", 1)]
    assert plan.models["MLP"].settings["mlp_hidden_size"] == [4]
    assert plan.models["MLP"].settings["embedding_size"] == 8  # `settings` win over the file
    assert plan.needed_by("NeuMF") == {"checkpoint of GMF": "GMF", "checkpoint of MLP": "MLP"}
    assert plan.needed_by("BPR") == {}
    filled = plans.filled(
        plan.models["NeuMF"].settings, {"checkpoint of GMF": "a", "checkpoint of MLP": "b"}
    )
    assert filled["pretrain"] == {"gmf": "a", "mlp": "b"}


def test_a_fingerprint_follows_the_settings_of_what_a_model_starts_from(file):
    before = plans.read(file)
    (file.parent / "mlp.yaml").write_text("mlp_hidden_size: [4]\ndropout_prob: 0.3\n")
    after = plans.read(file)
    changed = [
        label for label in before.models if before.fingerprint(label) != (after.fingerprint(label))
    ]
    assert changed == ["MLP", "NeuMF"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: [1, 2]", "seeds: []", "seeds: expected a list"),
        ("seeds: [1, 2]", "seeds: [-1]", "seeds: expected a list"),
        ("metric: NDCG@10", "metrics: NDCG@10", "metrics: expected one of datasets, seeds"),
        ("{model: BPR}", "{modell: BPR}", "models: BPR: modell: expected one of model, config"),
        ("{model: BPR}", "BPR", "models: BPR: expected {model: NAME, ...}, found 'BPR'"),
        ("{model: BPR}", "{}", "models: BPR: model: expected a str, found None"),
        ("checkpoint of GMF", "checkpoint of G", "checkpoint of G: expected one of the models"),
        ("checkpoint of GMF", "checkpoint of NeuMF", "needs no checkpoint itself"),
        ("mlp.yaml", "none.yaml", "none.yaml: cannot be read"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(file, old, new, message):
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(SettingError) as raised:
        plans.read(file)
    assert message in str(raised.value)


def test_a_model_that_there_is_not_is_refused_before_anything_runs(file):
    file.write_text(TEXT.replace("model: BPR", "model: BPRR"))
    found = invoke(file)
    assert found.exit_code == 2
    assert "BPRR" in found.output
    assert not file.with_suffix(".jsonl").exists()


@pytest.mark.slow
def test_a_benchmark_runs_goes_on_and_equals_plain_runs(file):
    first = invoke(file, "--workers", 2)
    assert first.exit_code == 0, first.output
    output = file.with_suffix(".jsonl")
    lines = output.read_text().splitlines()
    assert len(lines) == 10
    # some runs are lost, one is half-written: those alone are made again
    output.write_text("\n".join(lines[:7]) + "\n" + lines[7][:30])
    again = invoke(file)
    assert "10 runs, of which" in again.output
    assert "has 7" in again.output
    kept = output.read_text().splitlines()
    assert kept[:7] == lines[:7]

    def told(texts):
        found = {}
        for text in texts:
            line = json.loads(text)
            del line["seconds"], line["test_seconds"], line["environment"]  # of the run, not found
            found[line["label"], line["seed"]] = line
        return found

    assert told(kept) == told(lines)
    plan = plans.read(file)
    results = benchmark_runs.load(output, plan)
    for result in results:
        users = result.users["ndcg@10"]
        assert np.mean(users) == pytest.approx(result.test["ndcg@10"], abs=1e-6)
        assert list(result.users) == ["ndcg@10"]
    plain = runs.prepare("BPR", **plan.models["BPR"].settings, seed=2)
    plain.fit()
    expected = plain.trainer.evaluate(plain.test, show_progress=False)
    found = next(r for r in results if r.key == Key("made", "BPR", 2))
    assert found.test == pytest.approx(dict(expected), abs=1e-6)
    assert first.output.split("\n\n")[-1] == again.output.split("\n\n")[-1]


@pytest.mark.slow
def test_a_run_that_fails_is_a_line_that_says_why(file):
    text = TEXT.replace("{model: BPR}", "{model: BPR, settings: {learning_rate: 1.0e+30}}")
    file.write_text(text.replace("seeds: [1, 2]", "seeds: [1]"))
    found = invoke(file)
    assert found.exit_code == 1
    lines = [json.loads(line) for line in file.with_suffix(".jsonl").read_text().splitlines()]
    assert len(lines) == 5
    (failed,) = [line for line in lines if line["error"]]
    assert failed["label"] == "BPR"
    assert failed["test"] == {}
    assert "nan" in failed["error"].lower() or "found" in failed["error"]


def test_a_run_whose_process_died_is_a_line_that_says_so(file, monkeypatch):
    died = lambda jobs, work, workers: ((name, None) for name in jobs)  # noqa: E731
    monkeypatch.setattr(processes, "run_all", died)
    found = invoke(file)
    assert found.exit_code == 1
    assert "has 0" in found.output
    plan = plans.read(file)
    results = benchmark_runs.load(file.with_suffix(".jsonl"), plan)
    assert [result.key for result in results] == plan.runs()
    assert {result.error for result in results} == {processes.DIED}


def made(label, seed, values, error=""):
    test = {"ndcg@10": float(np.mean(values))} if not error else {}
    users = {"ndcg@10": list(values)} if not error else {}
    return benchmark_runs.Result("made", label, seed, "", error, {}, test, users, 1, 1.0)


def test_the_table_by_hand(file):
    plan = plans.read(file)
    base, noise = np.random.default_rng(0).random((2, 50))
    results = [
        made("Pop", 1, base), made("Pop", 2, base + 0.2),
        made("BPR", 1, noise + 0.5), made("BPR", 2, noise + 0.3),
        made("GMF", 1, base, error="ValueError: nan"),
    ]  # fmt: skip
    lines = summary.lines(plan, results, "made")
    assert [line.label for line in lines][:2] == ["BPR", "Pop"]
    assert lines[0].metrics["ndcg@10"] == pytest.approx((noise.mean() + 0.4, 0.02**0.5))
    assert lines[0].p_value is None
    expected = statistics.paired_test(noise + 0.4, base + 0.1)  # two models: one pair
    assert lines[1].p_value == pytest.approx(expected)
    by_label = {line.label: line for line in lines}
    assert by_label["GMF"].failed == ["ValueError: nan"]
    assert len(by_label["MLP"].runs) == 0
    head, rows = summary.table(plan, lines)
    assert head == ["model", "ndcg@10", "p (ndcg@10)", "runs"]
    assert rows[0][1] == f"{noise.mean() + 0.4:.4f} ± 0.1414"
    assert rows[-1][1] == "-"


def test_errors_are_ranked_from_the_lowest(file):
    file.write_text(TEXT.replace("metric: NDCG@10", "metric: RMSE"))
    plan = plans.read(file)
    results = [
        benchmark_runs.Result("made", label, 1, "", "", {}, {"rmse": value}, {}, 1, 1.0)
        for label, value in (("Pop", 1.1), ("BPR", 0.9))
    ]
    assert [line.label for line in summary.lines(plan, results, "made")][:2] == ["BPR", "Pop"]


def test_results_of_other_settings_are_refused(file):
    plan = plans.read(file)
    line = {
        "dataset": "made", "label": "BPR", "seed": 1, "fingerprint": "x", "error": "", "valid": {},
        "test": {}, "users": {}, "epochs": 1, "seconds": 1.0,
    }  # fmt: skip
    output = file.with_suffix(".jsonl")
    output.write_text(json.dumps(line) + "\n")
    with pytest.raises(SettingError, match="line 1: BPR has run with other settings"):
        benchmark_runs.load(output, plan)
    output.write_text(json.dumps({**line, "label": "an old one"}) + "\n")
    assert benchmark_runs.load(output, plan) == []
    output.write_text("{}\n")
    with pytest.raises(SettingError, match="line 1: expected a run"):
        benchmark_runs.load(output, plan)


def test_a_report(file, tmp_path):
    result = invoke(file, "--report", tmp_path / "report")
    assert result.exit_code == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<h1>5 models on made</h1>" in page
    assert "The test split was read 10 times" in page
    assert f"recbole-ext benchmark {file}" in page
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)  # nothing from elsewhere
    plan = plans.read(file)
    results = benchmark_runs.load(file.with_suffix(".jsonl"), plan)
    head, rows = summary.table(plan, summary.lines(plan, results, "made"))
    for row in rows:
        for cell in row[1:]:
            assert f"<td>{cell}</td>" in page
    for title in ("Learning curves", "Accuracy and scoring time", "Users", "Means and intervals"):
        assert f"<h3>{title}</h3>" in page
    for run in results:
        assert [epoch for epoch, _ in run.curve] == [1, 2] or run.label == "Pop"
        assert run.environment["recbole"] == "1.2.1"
        assert run.test_seconds > 0
    hashes = {seed: {run.split for run in results if run.seed == seed} for seed in (1, 2)}
    assert len(hashes[1]) == len(hashes[2]) == 1
    assert hashes[1] != hashes[2]
    for split in (*hashes[1], *hashes[2]):
        assert split in page
    with (tmp_path / "report" / "made.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [head, *rows]
    markdown = (tmp_path / "report" / "made.md").read_text()
    assert f"| {rows[0][0]} " in markdown
    latex = (tmp_path / "report" / "made.tex").read_text()
    assert latex.count("rule") == 3
    assert rows[0][1].replace("±", "$\\pm$") in latex


def test_ties_and_failures_are_shown_as_such(file, tmp_path):
    plan = plans.read(file)
    base, noise = np.random.default_rng(0).random((2, 50))
    results = [
        made("Pop", 1, base),
        made("BPR", 1, base + 0.5),
        made("MLP", 1, base + 0.4999 + 0.01 * (noise - noise.mean())),
        made("GMF", 1, base, error="ValueError: <nan> & more"),
    ]
    report.write(tmp_path / "report", plan, results, "made by hand")
    page = (tmp_path / "report" / "report.html").read_text()
    marks = dict(re.findall(r'<tr class="(\w*)"><th scope="row">(\w+)', page))
    assert marks == {"best": "BPR", "tie": "MLP", "": "NeuMF"}
    assert page.count("not significantly different from the best") == 1
    assert "ValueError: &lt;nan&gt; &amp; more" in page

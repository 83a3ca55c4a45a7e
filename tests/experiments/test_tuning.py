"""`recbole-ext tune`: what is tried, what is counted, what is written, what is not evaluated."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.experiments import portfolio, processes, tuned_file, tuning
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.portfolio import Candidate, Part
from recbole_ext.experiments.results import Result
from tests import runs

PORTFOLIO = """\
ratings:
  metric: RMSE
  settings: {metrics: [RMSE, MAE], valid_metric: RMSE, eval_args: {mode: labeled}}
  rungs: [2, 6]
  candidates:
    slow: {best_on: nothing, settings: {mlp_hidden_size: [4], learning_rate: 0.00001, epochs: 12}}
    quick: {best_on: made data, settings: {mlp_hidden_size: [4], learning_rate: 0.03, epochs: 12}}
    wide: {best_on: nothing, settings: {mlp_hidden_size: [9], learning_rate: 0.00002, epochs: 12}}
rankings:
  metric: NDCG@10
  settings: {metrics: [NDCG], topk: [10], valid_metric: NDCG@10, eval_args: {mode: full}}
  rungs: [2]
  candidates:
    one: {best_on: nothing, settings: {exposure_weight: 1.0, epochs: 3}}
"""


@pytest.fixture
def small_portfolio(tmp_path, monkeypatch):
    folder = tmp_path / "portfolios"
    folder.mkdir()
    (folder / "AutoRec.yaml").write_text(PORTFOLIO)
    monkeypatch.setattr(portfolio, "FOLDER", folder)


class Here:
    """Carries out jobs in the process of the test."""

    def __init__(self, threads):
        pass

    def run(self, work, arguments, timeout):
        return work(*arguments)

    def close(self):
        pass


@pytest.fixture
def here(small_portfolio, monkeypatch):
    monkeypatch.setattr(processes, "Warm", Here)


def invoke(*words):
    return CliRunner().invoke(main.main, ["tune", *map(str, words)], catch_exceptions=False)


# --- what is tried --------------------------------------------------------------------------

PART = Part(
    metric="RMSE",
    settings={"metrics": ["RMSE"], "valid_metric": "RMSE", "eval_args": {"mode": "labeled"}},
    rungs=[10],
    candidates={
        "a": Candidate(
            best_on="x", settings={"reg_weight": 0.1, "dropout_prob": 0.2, "epochs": 30}
        ),
        "b": Candidate(best_on="y", settings={"reg_weight": 0.5, "dropout_prob": 0.2, "epochs": 8}),
    },
)
DEFAULTS = {"seed": 7, "epochs": 300}


def tuning_of(**of_user):
    return tuning.tuning("AutoRec", "made", PART, of_user, {**DEFAULTS, **of_user})


def test_a_trial_is_a_candidate_in_a_rung():
    tried = tuning_of()
    epochs = [trial["epochs"] for trial in tried.plan.models["AutoRec"].trials]
    assert epochs == [10, 8, 30, 8]
    assert [tried.key(*place).trial for place in ((0, 0), (0, 1), (1, 0), (1, 1))] == [0, 1, 2, 3]
    assert tried.place(tried.key(1, 1)) == (1, 1)
    assert tried.plan.runs() == []  # nothing is tested
    own = tried.plan.models["AutoRec"].settings
    assert (own["seed"], own["metric_decimal_place"], own["valid_metric"]) == (7, 6, "RMSE")


def test_what_the_user_has_decided_is_no_choice():
    tried = tuning_of(reg_weight=0.3, epochs=5, eval_args={"split": {"RS": [0.9, 0.1, 0.0]}})
    assert tried.names == ["a"]  # b is the same now
    assert tried.candidates == [{"dropout_prob": 0.2}]
    assert [trial["epochs"] for trial in tried.plan.models["AutoRec"].trials] == [5, 5]
    assert tried.base["reg_weight"] == 0.3
    assert tried.base["eval_args"] == {"mode": "labeled", "split": {"RS": [0.9, 0.1, 0.0]}}


# --- what is counted ------------------------------------------------------------------------


def result_of(tried, rung, candidate, value, curve, epoch=None, pruned=False, error=""):
    key = tried.key(rung, candidate)
    return Result(
        *key[:-1], tried.plan.fingerprint(key), error, {"rmse": value}, {}, {},
        curve[-1][0] if epoch is None else epoch, 1.0, curve=curve, trial=key.trial,
        values=tried.trial(key), pruned=pruned,
    )  # fmt: skip


def by_key(*results):
    return {result.key: result for result in results}


def test_a_run_that_stops_by_itself_has_its_score_in_the_next_rung_too():
    tried = tuning_of()
    early = result_of(tried, 0, 0, 0.7, [(2, 0.9), (4, 0.7), (6, 0.8), (8, 0.9)], epoch=4)
    score = tried.score(by_key(early), 1, 0)
    assert score == tuning.Score(value=0.7, epoch=4, stopped=False, is_final=True)
    # a further validation after 10 epochs would have fitted in, one after 12 not
    ended = result_of(tried, 0, 0, 0.7, [(4, 0.8), (8, 0.7)], epoch=8)
    assert tried.score(by_key(ended), 0, 0).value == 0.7
    assert tried.score(by_key(ended), 1, 0) is None
    # candidate b has all its epochs in the first rung
    whole = result_of(tried, 0, 1, 0.7, [(n, 0.7) for n in range(1, 9)], epoch=1)
    assert tried.score(by_key(whole), 1, 1).value == 0.7


def test_a_run_whose_time_was_over_is_not_final_and_counts():
    tried = tuning_of()
    stopped = result_of(tried, 0, 0, 0.6, [(1, 0.9), (2, 0.6), (3, 0.7)], pruned=True)
    assert tried.score(by_key(stopped), 0, 0) == tuning.Score(0.6, 2, True, False)
    assert tried.score(by_key(stopped), 1, 0) is None
    failed = result_of(tried, 0, 1, 0.1, [(1, 0.1)], error="died")
    assert tried.score(by_key(failed), 0, 1) is None
    assert tried.best(by_key(stopped, failed))[0] == 0
    assert tried.best({}) is None


def test_the_best_of_all_rungs_wins_and_of_equal_ones_the_first_in_its_last_rung():
    tried = tuning_of()
    results = by_key(
        result_of(tried, 0, 0, 0.8, [(10, 0.8)]),
        result_of(tried, 0, 1, 0.9, [(8, 0.9)]),
        result_of(tried, 1, 0, 0.7, [(10, 0.8), (20, 0.7), (30, 0.71)], epoch=20),
    )
    candidate, score = tried.best(results)
    assert (candidate, score.value, score.epoch) == (0, 0.7, 20)
    head, rows = tried.table(results)
    assert head == ["candidate", "round 1", "round 2"]
    assert rows == [["a", "0.8000", "0.7000"], ["b", "0.9000", "0.9000"]]
    text = tuned_file.text(tried, results, "made", 10.0, "tuned.yaml")
    assert "# a: validation RMSE 0.7000 in epoch 20\n" in text
    assert yaml.safe_load(text) == {**tried.base, **tried.candidates[0], "seed": 7}


# --- the command ----------------------------------------------------------------------------


def lines_of(file):
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


def test_the_command_chooses_by_validation_and_its_file_runs(ratings, here):
    result = invoke("AutoRec", "made", "--output", "a.yaml", "--train_batch_size=8", "--seed=3")
    assert result.exit_code == 0, result.output
    content = yaml.safe_load(Path("a.yaml").read_text())
    assert (content["mlp_hidden_size"], content["learning_rate"]) == ([4], 0.03)
    assert (content["train_batch_size"], content["seed"], content["epochs"]) == (8, 3, 12)
    assert "data_path" not in content
    made = lines_of("a.jsonl")
    assert [line["trial"] for line in made] == [0, 1, 2, 4, 5, 7] or len(made) >= 5
    assert all(line["test"] == {} and not line["error"] for line in made)
    # the same run, by the file alone
    best = min(made, key=lambda line: line["valid"]["rmse"])
    run = runs.prepare("AutoRec", **{**content, "state": "ERROR"})
    _, metrics = run.fit()
    assert metrics["rmse"] == pytest.approx(best["valid"]["rmse"], abs=1e-6)
    assert f"validation RMSE {best['valid']['rmse']:.4f}" in result.output


def test_the_same_command_makes_no_run_twice(ratings, here, monkeypatch):
    assert invoke("AutoRec", "made").exit_code == 0
    first, runs_made = Path("tuned.yaml").read_text(), Path("tuned.jsonl").read_text()
    # an interrupted command has fewer lines
    Path("tuned.jsonl").write_text("".join(runs_made.splitlines(True)[:2]))
    Path("tuned.yaml").unlink()
    assert invoke("AutoRec", "made").exit_code == 0
    assert Path("tuned.yaml").read_text() == first
    assert len(lines_of("tuned.jsonl")) == len(runs_made.splitlines())
    monkeypatch.setattr(Here, "run", None)  # would fail
    assert invoke("AutoRec", "made").exit_code == 0
    other = invoke("AutoRec", "made", "--learning_rate=0.5")
    assert other.exit_code == 2
    assert "ran with another model, other settings" in other.output


def test_the_test_part_has_no_say_and_is_not_evaluated(ratings, here, monkeypatch):
    from recbole.trainer import Trainer

    for name, stars in (("one", "5.0"), ("two", "1.0")):
        place = Path("dataset", name)
        place.mkdir()
        rows = Path("dataset/made/made.inter").read_text().splitlines(True)
        parts = {"train": rows[1:-60], "valid": rows[-60:-30], "test": rows[-30:]}
        for part, own in parts.items():
            own = (
                [re.sub(r"\t\d+\t", f"\t{stars}\t", row) for row in own] if part == "test" else own
            )
            (place / f"{name}.{part}.inter").write_text("".join([rows[0], *own]))
        (place / f"{name}.yaml").write_text("benchmark_filename: [train, valid, test]\n")
    evaluated = []
    original = Trainer.evaluate

    def evaluate(self, eval_data, *args, **kwargs):
        evaluated.append(set(eval_data._dataset.inter_feat["rating"].tolist()))
        return original(self, eval_data, *args, **kwargs)

    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    chosen = {}
    for name in ("one", "two"):
        assert invoke("AutoRec", name, "--output", f"{name}.yaml").exit_code == 0
        chosen[name] = (
            yaml.safe_load(Path(f"{name}.yaml").read_text()),
            [(line["trial"], line["valid"], line["curve"]) for line in lines_of(f"{name}.jsonl")],
        )
    assert chosen["one"] == chosen["two"]
    assert {5.0} not in evaluated
    assert {1.0} not in evaluated


def test_a_candidate_that_fails_is_left_out_and_named(ratings, here, monkeypatch):
    def fails(self, work, arguments, timeout):
        _, key, *_ = arguments
        return processes.DIED if key.trial == 1 else work(*arguments)

    monkeypatch.setattr(Here, "run", fails)
    result = invoke("AutoRec", "made")
    assert result.exit_code == 0
    assert "quick has no score: the process died" in result.output
    assert yaml.safe_load(Path("tuned.yaml").read_text())["learning_rate"] != 0.03
    monkeypatch.setattr(Here, "run", lambda *_: processes.DIED)
    result = invoke("AutoRec", "made", "--output", "b.yaml")
    assert result.exit_code == 1
    assert "error: no candidate has run; see b.jsonl" in result.output
    assert not Path("b.yaml").exists()


def test_the_first_run_is_made_in_whatever_time_and_no_other(ratings, here):
    result = invoke("AutoRec", "made", "--minutes", "0.0001")
    assert result.exit_code == 0
    made = lines_of("tuned.jsonl")
    assert [(line["trial"], line["pruned"], line["epochs"] > 0) for line in made] == [
        (0, False, True)
    ]
    assert "quick has no score: the time was over before" in result.output


def test_a_run_is_stopped_at_the_first_validation_after_its_seconds(ratings):
    """It keeps what it has reached."""
    of_user = {"mlp_hidden_size": [4], "eval_step": 2, "data_path": "dataset"}
    tried = tuning_of(**of_user)
    key, folder = tried.key(0, 1), str(Path("dataset").absolute())  # of 8 epochs
    whole = experiment_runs.measure(tried.plan, key, tried.trial(key), folder)
    stopped = experiment_runs.measure(tried.plan, key, tried.trial(key), folder, seconds=0.0)
    assert (whole.pruned, len(whole.curve), whole.error) == (False, 4, "")
    assert (stopped.pruned, stopped.epochs, stopped.test) == (True, 2, {})
    assert stopped.curve == whole.curve[:1]
    assert stopped.valid == {"rmse": stopped.curve[0][1]}


@pytest.mark.slow
def test_the_command_in_a_process_of_its_own(ratings, small_portfolio):
    result = invoke("AutoRec", "made", "--metric", "NDCG@10", "--train_batch_size=32")
    assert result.exit_code == 0, result.output
    content = yaml.safe_load(Path("tuned.yaml").read_text())
    assert content["valid_metric"] == "NDCG@10"
    assert content["eval_args"]["mode"] == "full"
    assert set(lines_of("tuned.jsonl")[0]["valid"]) == {"ndcg@10"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("BPR", "made"), "BPR: there is no portfolio"),
        (("AutoRek", "made"), "did you mean AutoRec"),
        (("AutoRec", "mede"), "mede"),
        (("AutoRec", "made", "--minutes", "0"), "--minutes"),
        (("AutoRec", "made", "--metric", "NDGC@10"), "did you mean ndcg"),
        (("AutoRec", "made", "--metric", "RMSE", "--valid_metric=MAE"), "give one"),
        (("AutoRec", "made", "--reg_wait=1"), "did you mean reg_weight"),
        (("AutoRec", "made", "--reg_weight=-1"), "reg_weight: expected"),
        (("AutoRec", "made", "--output", "x.jsonl"), "write NAME.yaml"),
        (("AutoRec", "made", "--output", "no/x.yaml"), "no"),
        (("AutoRec", "made", "--config_files=no.yaml"), "no.yaml: cannot be read"),
        (("AutoRec", "made", "--eval_args={'split': {'RS': [0.9, 0.0, 0.1]}}"), "validation"),
        (("--reg_weight=1", "AutoRec", "made"), "write MODEL and DATASET before the settings"),
        (("AutoRec",), "Missing argument 'DATASET'"),
    ],
)
def test_bad_input_is_one_error(words, says, ratings, small_portfolio):
    result = invoke(*words)
    assert result.exit_code == 2
    assert says in result.output
    assert not Path("tuned.jsonl").exists()
    assert not Path("tuned.yaml").exists()


# --- the process that carries them out ------------------------------------------------------


@pytest.mark.slow
def test_a_warm_process_serves_again_after_one_that_died_or_took_too_long():
    from tests.experiments import test_processes as jobs

    process = processes.Warm(1)
    try:
        one, two = (process.run(jobs.double, (n,), None) for n in (1, 2))
        assert (one[0], two[0]) == (2, 4)
        assert one[1] == two[1]  # the same process
        assert one[2] == 1
        assert process.run(jobs.die_if, (True,), None) == processes.DIED
        assert process.run(jobs.wait, (300,), 0.5) == "still running after 0.5 s, its timeout"
        failure = process.run(jobs.double, (), None)
        assert "double" in failure
        assert "Traceback" in failure.traceback
        three = process.run(jobs.double, (3,), None)
        assert three[0] == 6
        assert three[1] != one[1]
        assert Path(three[3]).exists()
    finally:
        process.close()
    assert not Path(three[3]).exists()

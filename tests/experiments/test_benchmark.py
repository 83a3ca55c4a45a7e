"""Benchmarks: the plan, its runs, and the table."""

import csv
import json
import re
from dataclasses import asdict, replace
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from recbole_ext.evaluator import per_user, protocols, significance
from recbole_ext.experiments import (
    benchmark_plan,
    processes,
    report,
    report_pictures,
    run_record,
    study,
    summary,
)
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.plan import TUNING_SEED, RunKey, TableKey, fill_checkpoints
from recbole_ext.experiments.results import Result
from recbole_ext.trainer import single_run
from recbole_ext.trainer.identity import RunIdentity
from tests import jobs, runs

TABLE = TableKey("made", "default")

TEXT = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1, 2]
settings: {epochs: 2, embedding_size: 8}
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


def mark(plan, label, trial=None):
    return plan.fingerprint(RunKey(*TABLE, label, 1, trial))


def test_a_plan(file):
    plan = benchmark_plan.read(file)
    assert len(plan.runs()) == 10
    assert plan.runs()[:2] == [RunKey(*TABLE, "Pop", 1), RunKey(*TABLE, "BPR", 1)]
    assert plan.models["MLP"].settings["mlp_hidden_size"] == [4]
    assert plan.models["MLP"].settings["embedding_size"] == 8  # `settings` win over the file
    assert plan.needed_by("NeuMF") == {"checkpoint of GMF": "GMF", "checkpoint of MLP": "MLP"}
    assert plan.needed_by("BPR") == {}
    filled = fill_checkpoints(
        plan.models["NeuMF"].settings, {"checkpoint of GMF": "a", "checkpoint of MLP": "b"}
    )
    assert filled["pretrain"] == {"gmf": "a", "mlp": "b"}


def test_a_fingerprint_follows_the_settings_of_what_a_model_starts_from(file):
    before = benchmark_plan.read(file)
    (file.parent / "mlp.yaml").write_text("mlp_hidden_size: [4]\ndropout_prob: 0.3\n")
    after = benchmark_plan.read(file)
    changed = [label for label in before.models if mark(before, label) != mark(after, label)]
    assert changed == ["MLP", "NeuMF"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: [1, 2]", "seeds: []", "seeds: expected a list"),
        ("seeds: [1, 2]", "seeds: [-1]", "seeds: expected a list"),
        ("seeds: [1, 2]", "seeds: [4294967296]", "seeds: expected a list"),
        ("seeds: [1, 2]", "seed: [1, 2]", "seed: expected one of datasets, protocols, seeds"),
        (
            "{default: NDCG@10}",
            "{}",
            "plan.yaml: protocols: expected a dict (at least one), found {}",
        ),
        ("{default: NDCG@10}", "{defualt: NDCG@10}", "defualt: expected one of default, leave"),
        ("{default: NDCG@10}", "{default: RMSE}", "default: expected one of NDCG@10"),
        ("{default: NDCG@10}", "{rating: RMSE}", "expected one that suits a model, found none"),
        ("epochs: 2", "topk: [5]", "settings: topk: the protocol or the run decides this"),
        ("{model: BPR}", "{model: BPR, space: {epochs: [1]}}", "how many settings are tried?"),
        ("{model: BPR}", "{model: BPR, space: {seed: [1]}}", "space: seed: the protocol or the"),
        ("seeds: [1, 2]", "seeds: [1]\ntrials: 0", "trials: expected"),
        ("{model: BPR}", "{modell: BPR}", "models: BPR: modell: expected one of model, config"),
        (
            "{model: BPR}",
            "BPR",
            "models: BPR: expected {model: a str or a list, each a str (at least",
        ),
        (
            "{model: BPR}",
            "{}",
            "models: BPR: model: expected a str or a list, each a str (at least one), found None",
        ),
        ("checkpoint of GMF", "checkpoint of G", "checkpoint of G: expected one of the models"),
        ("checkpoint of GMF", "checkpoint of NeuMF", "needs no checkpoint itself"),
        ("mlp.yaml", "none.yaml", "none.yaml: cannot be read"),
        ("seeds: [1, 2]", "seeds: [1, 1]", "plan.yaml: seeds: 1 is there twice; keep one"),
        ("datasets: [made]", "datasets: [made, a, made]", "plan.yaml: datasets: 'made' is there"),
        ("  GMF: {", "  BPR: {", "plan.yaml, line 8: BPR: the key is already in line 7; keep one"),
        ("default: NDCG@10", "default: 3", "plan.yaml: protocols: default: expected a str"),
        ("settings: {epochs: 2, embedding_size: 8}", "settings: 3", "settings: expected a dict"),
        ("epochs: 2", "epochs: two", "plan.yaml: settings: epochs: expected a whole number at"),
        ("epochs: 2", "epohcs: 2", "plan.yaml: settings: epohcs: neither Pop nor RecBole has"),
        (
            "[4]\n      gmf",
            "four\n      gmf",
            "models: NeuMF: settings: mlp_hidden_size: expected a",
        ),
        (
            "pretrain: {gmf: checkpoint of GMF,",
            "pretrain: {",
            "pretrain: gmf: expected a str, found N",
        ),
        (
            "checkpoint of GMF,",
            "3,",
            "models: NeuMF: settings: pretrain: gmf: expected a str, found",
        ),
        (
            "{model: BPR}",
            "{model: BPR, settings: {mlp_hidden_size: [4]}}",
            "settings: mlp_hidden_s",
        ),
        ("{model: BPR}", "{model: BPR, space: {seeed: [1]}}", "models: BPR: space: seeed: neither"),
        (
            "{model: BPR}",
            "{model: BPR, space: {n: 1}}",
            "models: BPR: space: n: expected a list of",
        ),
        (
            "{model: BPR}",
            "{model: BPR, space: {n: []}}",
            "models: BPR: space: n: expected a list of",
        ),
        (
            "{model: BPR}",
            "{model: BPR, space: {epochs: [1, 1]}}",
            "space: epochs: 1 is there twice",
        ),
        (
            "{model: BPR}",
            "{model: BPR, space: {epochs: [1, -1]}}",
            "space: epochs: expected a whole",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused(file, old, new, message):
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(SettingError) as raised:
        benchmark_plan.read(file)
    assert message in str(raised.value)


def test_settings_of_all_models_reach_those_that_read_them(file):
    """A plan's own entry of the same key is an error: see the test above."""
    with pytest.warns(
        UserWarning, match=r"plan\.yaml: settings: embedding_size: Pop does not read"
    ):
        plan = benchmark_plan.read(file)
    assert plan.models["Pop"].settings == {"epochs": 2}
    assert plan.models["BPR"].settings == {"epochs": 2, "embedding_size": 8}
    file.write_text(TEXT.replace("{epochs: 2,", "{mine: 3, allow_unknown_keys: True, epochs: 2,"))
    with pytest.warns(UserWarning, match="mine: neither Pop nor RecBole reads this setting"):
        plan = benchmark_plan.read(file)
    assert plan.models["Pop"].settings["mine"] == 3


SPACE = "{model: BPR, space: {learning_rate: [0.001, 0.003, 0.01], embedding_size: [8, 4]}}"


def with_trials(number):
    text = TEXT.replace("{model: BPR}", SPACE)
    return text.replace("seeds: [1, 2]", f"seeds: [1, 2]\ntrials: {number}")


def test_trials_are_distinct_and_begin_with_the_first_values(file):
    for number in (4, 6, 99):
        file.write_text(with_trials(number))
        plan = benchmark_plan.read(file)
        trials = plan.models["BPR"].trials
        assert len(trials) == len({tuple(trial.values()) for trial in trials}) == min(number, 6)
        assert trials[0] == {"learning_rate": 0.001, "embedding_size": 8}
        assert [key.trial for key in plan.trial_runs()] == list(range(len(trials)))
        assert {key.seed for key in plan.trial_runs()} == {TUNING_SEED}
        assert len(plan.runs()) == 10
    assert benchmark_plan.read(file).models["BPR"].trials == trials  # drawn by a seed


def test_a_fingerprint_follows_the_space(file):
    marks = set()
    for text in (TEXT, with_trials(3), with_trials(4), with_trials(4).replace("0.003", "0.002")):
        file.write_text(text)
        marks.add(mark(benchmark_plan.read(file), "BPR"))
    assert len(marks) == 4


@pytest.mark.parametrize(("metric", "best"), [("NDCG@10", 2), ("AveragePopularity@10", 1)])
def test_what_is_chosen_is_the_best_in_validation(file, metric, best):
    file.write_text(with_trials(4).replace("NDCG@10", metric))
    plan = benchmark_plan.read(file)
    scores = {3: 0.4, 2: 0.5, 1: 0.2, 0: 0.5 if best == 2 else 0.2}
    results = [
        Result(
            *TABLE, "BPR", 2020, "", "", {metric.lower(): score}, {}, {}, 1, 1.0,
            trial=number, values=plan.models["BPR"].trials[number],
        )
        for number, score in scores.items()
    ]  # fmt: skip
    # the first of equals, in whatever order they have ended
    trials = plan.models["BPR"].trials
    assert results_of.best_values(plan, results, TABLE, "BPR") == trials[0]
    failed = [
        replace(result, error="nan", valid={}) if result.trial == 0 else result
        for result in results
    ]
    assert results_of.best_values(plan, failed, TABLE, "BPR") == trials[best]
    assert results_of.best_values(plan, [], TABLE, "BPR") == trials[0]
    assert results_of.best_values(plan, results, TABLE, "Pop") == {}


def test_protocols_are_of_the_models_that_they_suit(file):
    text = TEXT.replace("{default: NDCG@10}", "{default: NDCG@10, rating: RMSE, grid: AUC}")
    file.write_text(text + "  AutoRec: {model: AutoRec}\n")
    plan = benchmark_plan.read(file)
    models = {table.protocol: plan.labels(table) for table in plan.tables}
    assert models["default"] == ["Pop", "BPR", "GMF", "MLP", "NeuMF", "AutoRec"]
    assert models["rating"] == ["AutoRec"]
    assert models["grid"] == ["Pop", "BPR", "GMF", "MLP", "NeuMF"]


@pytest.mark.parametrize("metric", ["RMSE", "NDCG@10"])
def test_one_training_fills_both_tables(metric, ratings, tmp_path):
    """Ratings and ranking of the test part, by the model of one epoch; users of either kind."""
    (tmp_path / "plan.yaml").write_text(
        f"datasets: [made]\nprotocols: {{rating+ranking: {metric}}}\nseeds: [3]\n"
        "settings: {epochs: 3}\nmodels:\n  BPR: {model: BPR}\n"
        "  both: {model: AutoRec, settings: {mlp_hidden_size: [7], exposure_weight: 0.5}}\n"
    )
    plan = benchmark_plan.read(tmp_path / "plan.yaml")
    (key,) = plan.runs()  # BPR predicts no ratings
    assert key.label == "both"
    result = experiment_runs.measure(plan, key, {}, str(tmp_path / "dataset"))
    assert result.error == ""
    assert [*result.test] == ["ndcg@10", "recall@10", "hit@10", "mrr@10", "rmse", "mae"]
    assert {*result.test} == {*result.valid}
    scores = [score for _, score in result.curve]
    best = result.valid["ndcg@10"] - 3 * result.valid["rmse"]
    assert max(scores) == pytest.approx(best, abs=1e-6) == scores[result.epochs - 1]

    values = plan.run_settings(key.table, "both", {})
    run = runs.prepare("AutoRec", **{**values, "seed": 3, "epochs": result.epochs, "eval_step": 0})
    run.fit()
    rating = protocols.RATING.applied_to(run.config)
    _, (_, _, test) = single_run.load(rating)
    trainer = type(run.trainer)(rating, run.model)
    stars, of_stars = per_user.per_user(trainer, test, load_best_model=False)
    ranks, of_ranks = per_user.per_user(run.trainer, run.test, load_best_model=False)
    assert result.test == pytest.approx({**ranks, **stars}, abs=1e-6)
    expected = (of_stars if metric == "RMSE" else of_ranks).metrics[metric.lower()]
    np.testing.assert_allclose(result.users[metric.lower()], expected, atol=1e-5)


def test_both_tables_are_of_models_with_both_heads_and_trials_are_not_pruned(tmp_path, monkeypatch):
    """An own model of ratings has no setting by which its epochs are chosen by both."""
    monkeypatch.setattr(study, "require", lambda where: None)  # Optuna need not be here
    (tmp_path / "mine.py").write_text(
        "from recbole.model.abstract_recommender import GeneralRecommender\n\n\n"
        "class Mine(GeneralRecommender):\n    reads_ratings = True\n"
    )
    text = (
        "datasets: [made]\nprotocols: {rating+ranking: RMSE}\nseeds: [3]\nmodels:\n"
        "  AutoRec: {model: AutoRec}\n  Mine: {model: mine.py:Mine}\n  BPR: {model: BPR}\n"
    )
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    assert [key.label for key in benchmark_plan.read(file).runs()] == ["AutoRec"]
    file.write_text(f"sampler: tpe\npruning: True\n{text}")
    with pytest.raises(SettingError, match=r"rating\+ranking chooses epochs by NDCG@10 and RMSE"):
        benchmark_plan.read(file)


@pytest.mark.parametrize(
    ("protocol", "allowed"),
    [
        ("default: NDCG@10", True),
        ("default: Hit@10", False),
        ("grid: AUC", True),
        ("grid: RMSE", False),
        ("rating: rmse", True),
        ("rating: MAE", False),
    ],
)
def test_trials_are_pruned_by_the_metric_that_stops_training(
    protocol, allowed, tmp_path, monkeypatch
):
    """RMSE is better where it is smaller, AUC, which stops the training of a grid, is not."""
    monkeypatch.setattr(study, "require", lambda where: None)
    file = tmp_path / "plan.yaml"
    models = "{AutoRec: {model: AutoRec}, BPR: {model: BPR}}"
    file.write_text(
        f"datasets: [made]\nprotocols: {{{protocol}}}\nseeds: [3]\nsampler: tpe\n"
        f"pruning: True\nmodels: {models}\n"
    )
    if allowed:
        assert benchmark_plan.read(file).runs()
        return
    with pytest.raises(SettingError, match=r"pruning: .* chooses epochs by"):
        benchmark_plan.read(file)


def test_a_protocol_wins_over_a_model_s_own_file(file):
    (file.parent / "mlp.yaml").write_text("mlp_hidden_size: [4]\nmetrics: [MRR]\nseed: 7\n")
    plan = benchmark_plan.read(file)
    settings = plan.run_settings(TABLE, "MLP", {})
    assert settings["metrics"][0] == "NDCG"
    assert "seed" not in settings
    assert settings["eval_args"]["mode"] == "full"
    assert settings["metric_decimal_place"] == 6
    for table in (TABLE, TableKey("made", "leave-one-out")):  # all models get the same
        of_models = [plan.run_settings(table, label, {}) for label in plan.models]
        for name in ("eval_args", "metrics", "topk", "valid_metric"):
            assert all(other[name] == of_models[0][name] for other in of_models)


@pytest.mark.slow
def test_data_sets_of_protocols_are_made_once(file, runs_here):
    random = np.random.default_rng(0)
    seen = [random.choice(200, 10, replace=False) for _ in range(25)]  # 99 are left to rank
    rows = [(f"u{u}", f"i{i}", 5, n) for u, own in enumerate(seen) for n, i in enumerate(own)]
    runs.write_inter(file.parent / "dataset", "made", rows)
    text = "datasets: [made]\nprotocols: {leave-one-out: HIT@10, grid: AUC}\nseeds: [1]\n"
    text += "settings: {epochs: 1}\nmodels: {GMF: {model: NCFGMF}, MLP: {model: NCFMLP}}\n"
    file.write_text(text)
    dry = invoke(file, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "made, grid: GMF, seed 1: to run" in dry.output
    folder = file.parent / "dataset"
    assert not (folder / "made-loo").exists()
    found = invoke(file)
    assert found.exit_code == 0, found.output
    results = results_of.load(file.with_suffix(".jsonl"), benchmark_plan.read(file))
    assert [list(result.test) for result in results[:2]] == [["ndcg@10", "hit@10"]] * 2
    assert [list(result.test) for result in results[2:]] == [["auc", "logloss", "rmse"]] * 2
    for phase in ("valid", "test"):  # every model is ranked against these
        assert (folder / "made-loo" / f"made-loo.{phase}.negatives").is_file()
    assert len({result.split for result in results}) == 2
    made = (folder / "made-grid" / "made-grid.test.inter").stat().st_mtime_ns
    assert "of which" in invoke(file).output
    assert (folder / "made-grid" / "made-grid.test.inter").stat().st_mtime_ns == made


def test_a_dry_run_tells_how_long(file):
    plan = benchmark_plan.read(file)
    file.write_text(TEXT + "timeout: 720\n")
    told = invoke(file, "--dry-run", "--workers", 2).output
    assert "no run yet to judge by: BPR, GMF, MLP, NeuMF, Pop" in told
    assert "at most 1.0 hours, by the timeout of 720 s a run" in told
    results = [made(label, 1, [0.5]) for label in ("Pop", "BPR")]
    results = [replace(r, seconds=100.0, fingerprint=plan.fingerprint(r.key)) for r in results]
    lines = [json.dumps(asdict(result)) for result in results]
    file.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")
    told = invoke(file, "--dry-run").output
    assert "made, default: BPR, seed 1: done" in told
    assert "about 3 minutes to go with --workers 1; no run yet to judge by: GMF" in told


def test_a_model_that_there_is_not_is_refused_before_anything_runs(file):
    file.write_text(TEXT.replace("model: BPR", "model: BPRR"))
    found = invoke(file)
    assert found.exit_code == 2
    assert "BPRR" in found.output
    assert not file.with_suffix(".jsonl").exists()


@pytest.mark.slow
def test_a_benchmark_runs_goes_on_and_equals_plain_runs(file, monkeypatch):
    """What is lost of the runs of this process is made again by others, and is the same."""
    with monkeypatch.context() as patch:
        patch.setattr(processes, "run_all", jobs.run_here)
        first = invoke(file)
    assert first.exit_code == 0, first.output
    output = file.with_suffix(".jsonl")
    lines = output.read_text().splitlines()
    assert len(lines) == 10
    # some runs are lost, one is half-written: those alone are made again
    output.write_text("\n".join(lines[:7]) + "\n" + lines[7][:30])
    again = invoke(file, "--workers", 2)
    assert "10 runs, of which" in again.output
    assert "has 7" in again.output
    kept = output.read_text().splitlines()
    assert kept[:7] == lines[:7]

    def told(texts):
        found = {}
        for text in texts:
            line = json.loads(text)
            for name in ("seconds", "setup_seconds", "test_seconds", "environment"):
                del line[name]  # of the machine
            found[line["label"], line["seed"]] = line
        return found

    assert told(kept) == told(lines)
    plan = benchmark_plan.read(file)
    results = results_of.load(output, plan)
    for result in results:
        users = result.users["ndcg@10"]
        assert np.mean(users) == pytest.approx(result.test["ndcg@10"], abs=1e-6)
        assert list(result.users) == ["ndcg@10"]
    given = plan.run_settings(TABLE, "BPR", {})
    plain = runs.prepare("BPR", **given, seed=2)
    plain.fit()
    expected = plain.trainer.evaluate(plain.test, show_progress=False)
    found = next(r for r in results if r.key == RunKey(*TABLE, "BPR", 2))
    assert found.test == pytest.approx(dict(expected), abs=1e-6)
    assert first.stdout.split("\n\n")[-1] == again.stdout.split("\n\n")[-1]


@pytest.mark.slow
def test_a_run_that_fails_is_a_line_that_says_why(file, runs_here):
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
    died = lambda jobs, *_, **__: ((name, processes.DIED) for name in jobs)  # noqa: E731
    monkeypatch.setattr(processes, "run_all", died)
    found = invoke(file)
    assert found.exit_code == 1
    assert "has 0" in found.output
    plan = benchmark_plan.read(file)
    results = results_of.load(file.with_suffix(".jsonl"), plan)
    last = [key for key in plan.runs() if key.label == "NeuMF"]  # it needs others of the plan
    others = [key for key in plan.runs() if key.label != "NeuMF"]
    assert [result.key for result in results] == [*others, *last]
    assert {result.error for result in results} == {processes.DIED}


def made(label, seed, values, error=""):
    test = {"ndcg@10": float(np.mean(values))} if not error else {}
    users = {"ndcg@10": list(values)} if not error else {}
    return Result(*TABLE, label, seed, "", error, {}, test, users, 1, 1.0)


def test_the_table_by_hand(file):
    plan = benchmark_plan.read(file)
    base, noise = np.random.default_rng(0).random((2, 50))
    results = [
        made("Pop", 1, base), made("Pop", 2, base + 0.2),
        made("BPR", 1, noise + 0.5), made("BPR", 2, noise + 0.3),
        made("GMF", 1, base, error="ValueError: nan"),
    ]  # fmt: skip
    lines = summary.lines(plan, results, TABLE)
    assert [line.label for line in lines][:2] == ["BPR", "Pop"]
    assert lines[0].metrics["ndcg@10"] == pytest.approx((noise.mean() + 0.4, 0.02**0.5))
    assert lines[0].p_value is None
    expected = significance.paired_test(noise + 0.4, base + 0.1)  # two models: one pair
    assert lines[1].p_value == pytest.approx(expected)
    by_label = {line.label: line for line in lines}
    assert by_label["GMF"].failed == ["ValueError: nan"]
    assert len(by_label["MLP"].runs) == 0
    head, rows = summary.table("ndcg@10", lines)
    assert head == ["model", "ndcg@10", "p (ndcg@10)", "runs"]
    assert rows[0][1] == f"{noise.mean() + 0.4:.4f} ± 0.1414"
    assert rows[-1][1] == "-"


def test_errors_are_ranked_from_the_lowest(file):
    file.write_text(TEXT.replace("default: NDCG@10", "grid: RMSE"))
    plan = benchmark_plan.read(file)
    table = TableKey("made", "grid")
    results = [
        Result(*table, label, 1, "", "", {}, {"rmse": value}, {}, 1, 1.0)
        for label, value in (("Pop", 1.1), ("BPR", 0.9))
    ]
    assert [line.label for line in summary.lines(plan, results, table)][:2] == ["BPR", "Pop"]


@pytest.mark.parametrize("protocol", ["rating+ranking", "grid"])
def test_a_learning_curve_keeps_the_best_of_what_epochs_are_chosen_by(protocol):
    """Which is not RMSE: NDCG@10 less thrice RMSE, and AUC. The shorter curve stays at -2.5."""
    curves = [[(1, -2.0), (2, -1.0), (3, -1.5)], [(1, -2.5), (2, -3.0)]]
    own = [
        replace(Result("made", protocol, "a", n, "", "", {}, {}, {}, 1, 1.0), curve=curve)
        for n, curve in enumerate(curves)
    ]
    styles = {"a": report_pictures._style(0)}
    (line,) = report_pictures._curves("rmse", {"a": own}, styles).data
    assert list(line.y) == [-2.25, -2.0, -2.0]


def test_results_of_other_settings_are_refused(file):
    plan = benchmark_plan.read(file)
    line = {
        "dataset": "made", "protocol": "default", "label": "BPR", "seed": 1, "fingerprint": "x",
        "error": "", "valid": {}, "test": {}, "users": {}, "epochs": 1, "seconds": 1.0,
    }  # fmt: skip
    output = file.with_suffix(".jsonl")
    output.write_text(json.dumps(line) + "\n")
    with pytest.raises(
        SettingError, match="line 1: made, default: BPR, seed 1 ran with another model, other"
    ):
        results_of.load(output, plan)
    output.write_text(json.dumps({**line, "label": "an old one"}) + "\n")
    assert results_of.load(output, plan) == []
    output.write_text("{}\n")
    with pytest.raises(SettingError, match="line 1: dataset: expected a str, found None; remove"):
        results_of.load(output, plan)


def test_a_report(file, tmp_path, runs_here):
    text, *_ = re.split(r"^  (?=NeuMF:)", TEXT.replace("  GMF: {model: NCFGMF}\n", ""), flags=re.M)
    file.write_text(text)
    result = invoke(file, "--report", tmp_path / "report")
    assert result.exit_code == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<h1>3 models on made</h1>" in page
    assert "A test split was read 6\ntimes" in page
    assert f"recbole-ext benchmark {file}" in page
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)  # nothing from elsewhere
    plan = benchmark_plan.read(file)
    results = results_of.load(file.with_suffix(".jsonl"), plan)
    head, rows = summary.table("ndcg@10", summary.lines(plan, results, TABLE))
    for row in rows:
        for cell in row[1:]:
            assert f"<td>{cell}</td>" in page
    for title in ("Learning curves", "Accuracy and scoring time", "Users", "Means and intervals"):
        assert f"<h3>{title}</h3>" in page
    for run in results:
        assert [epoch for epoch, _ in run.curve] == [1, 2] or run.label == "Pop"
        assert run.environment["recbole"] == version("recbole")
        assert run.test_seconds > 0
        assert 0 < run.seconds < run.seconds + run.setup_seconds + run.test_seconds
    assert "were not timed apart" not in page
    hashes = {seed: {run.split for run in results if run.seed == seed} for seed in (1, 2)}
    assert len(hashes[1]) == len(hashes[2]) == 1
    assert hashes[1] != hashes[2]
    for split in (*hashes[1], *hashes[2]):
        assert split in page
    with (tmp_path / "report" / "made-default.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [head, *rows]
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert summary.markdown(head, rows) in markdown
    assert f"`recbole-ext benchmark {file}`" in markdown
    assert (
        "**MLP**: NCFMLP\n\n    embedding_size: 8\n    epochs: 2\n    mlp_hidden_size:" in markdown
    )
    latex = (tmp_path / "report" / "made-default.tex").read_text()
    assert latex.count("rule") == 3
    assert rows[0][1].replace("±", "$\\pm$") in latex


def test_ties_and_failures_are_shown_as_such(file, tmp_path):
    plan = benchmark_plan.read(file)
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


class FakeDataset:
    uid_field = "user_id"

    def id2token(self, field, ids):
        return []


class FakeTime:
    """A clock that stands still but for what the fakes of a run add to it."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(run_record.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(experiment_runs.single_run, "prepare", self.prepare)
        monkeypatch.setattr(experiment_runs.per_user, "per_user", self.per_user)
        monkeypatch.setattr(experiment_runs, "split_hash", lambda _: "")
        monkeypatch.setattr(experiment_runs.group_values, "of_run", lambda *_: {})

    def prepare(self, *_):
        self.now += 100
        return SimpleNamespace(
            fit=self.fit,
            fit_validated=self.fit,
            trainer=SimpleNamespace(saved_model_file="a"),
            test=SimpleNamespace(_dataset=FakeDataset()),
            config=SimpleNamespace(recbole_ext_identity=RunIdentity({}, "", {}, {})),
            best_epoch=1,
            model=None,
        )

    def fit(self, **_):
        self.now += 7
        return 0.5, {"ndcg@10": 0.5}

    def per_user(self, *_, **__):
        self.now += 2
        return {"ndcg@10": 0.5}, SimpleNamespace(metrics={}, users=[])


@pytest.mark.parametrize(("label", "trained"), [("BPR", 1), ("NeuMF", 3)])
def test_seconds_are_of_training_alone(file, monkeypatch, label, trained):
    plan = benchmark_plan.read(file)
    FakeTime(monkeypatch)
    result = experiment_runs.measure(plan, RunKey(*TABLE, label, 1), {}, "dataset")
    assert result.error == ""
    assert (result.seconds, result.setup_seconds) == (7 * trained, 100 * trained)
    assert result.test_seconds == 2
    assert result.all_seconds == 107 * trained + 2


def test_lines_of_an_earlier_release_load_and_the_report_says_what_their_seconds_are(
    file, tmp_path
):
    file.write_text(with_trials(3))
    plan = benchmark_plan.read(file)
    trial, tested = RunKey(*TABLE, "BPR", TUNING_SEED, 1), RunKey(*TABLE, "BPR", 1)
    common = {
        "dataset": "made", "protocol": "default", "label": "BPR", "error": "", "users": {},
        "epochs": 1, "seconds": 12.5, "valid": {"ndcg@10": 0.5},
        "fingerprint": plan.fingerprint(tested),  # of all trials, in the line of a trial, too
    }  # fmt: skip
    values = plan.models["BPR"].trials[1]
    old = [
        {**common, "seed": TUNING_SEED, "test": {}, "trial": 1, "chosen": values},
        {**common, "seed": 1, "test": {"ndcg@10": 0.5}, "chosen": values},
    ]
    output = file.with_suffix(".jsonl")
    output.write_text("".join(json.dumps(line) + "\n" for line in old))
    results = results_of.load(output, plan)
    assert [result.key for result in results] == [trial, tested]
    assert [result.values for result in results] == [values, values]
    assert [result.setup_seconds for result in results] == [None, None]
    report.write(tmp_path / "report", plan, results, "a command")
    sentence = "n 1 of 1 runs the seconds of training include imports and the preparation of data"
    for page in ("report.html", "report.md"):
        assert sentence in (tmp_path / "report" / page).read_text(encoding="utf-8")
    file.write_text(with_trials(4))
    with pytest.raises(SettingError, match="line 1: made, default: BPR, trial 1 ran with another"):
        results_of.load(output, benchmark_plan.read(file))


def test_the_picture_of_training_says_what_its_seconds_are(file):
    plan = benchmark_plan.read(file)
    results = {"Pop": [made("Pop", 1, [0.5])], "BPR": [made("BPR", 1, [0.6])]}
    sentences = {
        timing: {
            picture.title: picture.sentence
            for picture in report_pictures.pictures(plan, "ndcg@10", results, timing)
        }["Accuracy and training time"]
        for timing in ("", "a note")
    }
    assert sentences["a note"] == sentences[""] + "; a note"

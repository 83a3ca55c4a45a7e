"""Benchmarks by the protocols k-fold, temporal, user-holdout and given."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.evaluator import per_user, protocols
from recbole_ext.evaluator.protocol import TAKE_NEW_PEOPLE
from recbole_ext.experiments import benchmark_plan, new_users, same_runs, summary
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import runs as experiment_runs
from recbole_ext.experiments.plan import RunKey, TableKey
from recbole_ext.inference import new_person
from recbole_ext.registry import defaults
from tests import runs

TEXT = """\
datasets: [made]
protocols: {k-fold: NDCG@10, user-holdout: NDCG@10, temporal: NDCG@10}
seeds: [1, 2]
settings: {epochs: 1, train_batch_size: 64}
models:
  BPR: {model: BPR}
  EASE: {model: EASE}
"""


@pytest.fixture
def file(ratings, tmp_path):
    """A plan, and data whose users are active at the same time."""
    data = ratings / "made" / "made.inter"
    header, *lines = data.read_text().splitlines()
    random = np.random.default_rng(1)
    rows = ["\t".join([*line.split("\t")[:3], str(random.integers(0, 900))]) for line in lines]
    data.write_text("\n".join([header, *rows]) + "\n")
    (tmp_path / "plan.yaml").write_text(TEXT)
    return tmp_path / "plan.yaml"


@pytest.fixture
def plan(file):
    return benchmark_plan.read(file)


def test_the_models_that_take_in_new_people_are_those_of_the_fold_in():
    ours = {*defaults.names()} - {"Ensemble"}
    assert set(TAKE_NEW_PEOPLE) == {*ours, *new_person._FOLD_INS}


def test_the_runs_of_folds(plan):
    folds = TableKey("made", "k-fold")
    assert plan.repeats(folds) == [1, 2, 3, 4, 5]  # in the place of the seeds
    assert plan.repeats(TableKey("made", "temporal")) == [1, 2]
    keys = [key for key in plan.runs() if key.table == folds]
    assert [(key.label, key.seed) for key in keys[:3]] == [("BPR", 1), ("EASE", 1), ("BPR", 2)]
    assert str(keys[0]) == "made, k-fold: BPR, fold 1"
    assert plan.data_set(folds, 3) == "made-seed2020-fold3of5"
    assert plan.data_set(TableKey("made", "temporal"), 2) == "made-temporal"


def test_each_fold_has_trials_of_its_own(file):
    file.write_text(TEXT.replace("EASE}", "EASE, space: {reg_weight: [1.0, 9.0]}}") + "trials: 2\n")
    plan = benchmark_plan.read(file)
    folds = TableKey("made", "k-fold")
    trials = [key for key in plan.trial_runs() if key.table == folds]
    assert [(key.seed, key.trial) for key in trials] == [
        (f, t) for f in range(1, 6) for t in (0, 1)
    ]
    assert str(trials[1]) == "made, k-fold: EASE, fold 1, trial 1"
    results = [
        results_of.Result(*key[:-1], "", "", {"ndcg@10": score}, {}, {}, 1, 1.0, trial=key.trial)
        for key, score in zip(trials, [0.1, 0.2, 0.4, 0.3] + [0.5] * 6, strict=True)
    ]
    best = [
        results_of.best_values(plan, results, folds, "EASE", fold)["reg_weight"] for fold in (1, 2)
    ]
    assert best == [9.0, 1.0]


def test_who_is_left_out_is_said(plan):
    holdout = TableKey("made", "user-holdout")
    assert plan.labels(holdout) == ["EASE"]
    (sentence,) = summary.left_out(plan, holdout)
    assert (
        sentence == "BPR is not in this table: BPR cannot take in a person who was not in training"
    )
    assert summary.left_out(plan, TableKey("made", "temporal")) == []


def test_users_of_folds_are_compared_where_all_have_all_folds():
    key = TableKey("made", "k-fold")

    def run(label, fold, users):
        return results_of.Result(*key, label, fold, "", "", {}, {}, {}, 1, 1.0, user_ids=users)

    tested = [run(label, fold, f"u{fold}") for label in "AB" for fold in (1, 2)]
    assert same_runs.same_users(key, tested)
    assert not same_runs.same_users(key, tested[1:])
    assert not same_runs.same_users(key, [*tested[1:], run("A", 1, "other")])
    assert same_runs.same_users(key, [])


# --- new users ------------------------------------------------------------------------------


def histories(name):
    lines = Path(f"dataset/{name}/{name}.history.inter").read_text().splitlines()[1:]
    found = {}
    for line in lines:
        user, item, *_ = line.split("\t")
        found.setdefault(user, []).append(item)
    return found


def test_new_users_are_scored_by_their_histories(file):
    """EASE: r B of the history alone, all of which is no candidate; the metric by a plain loop."""
    protocols.prepare("user-holdout", "made", Path("dataset"))
    run = runs.prepare("EASE", "made-users", metrics=["Recall"], topk=[3], valid_metric="Recall@3")
    new_users.check(run)
    run.fit()
    with new_users.folded_in(run):
        found = run.trainer.evaluate(run.test, show_progress=False)
    assert run.trainer.model is run.model
    item_id = run.dataset.field2token_id["item_id"]
    weights = np.asarray(run.model.item_similarity)
    recalls = []
    test = run.test._dataset.inter_feat
    for user, items in histories("made-users").items():
        number = run.dataset.token2id("user_id", user)
        row = np.zeros(run.dataset.item_num)
        row[[item_id[item] for item in items]] = 1
        scores = row @ weights
        scores[row > 0] = scores[0] = -np.inf
        relevant = set(test["item_id"][test["user_id"] == number].tolist())
        best = np.argsort(-scores)[:3].tolist()
        recalls.append(len(relevant & set(best)) / len(relevant))
    assert found["recall@3"] == pytest.approx(np.mean(recalls), abs=1e-6)


@pytest.mark.parametrize("model", ["NCFMLP", "AutoRec", "MultiVAE", "ItemKNN"])
def test_lists_of_new_users_have_nothing_of_their_histories(model, file):
    """Two users with other histories have other lists, though training has seen neither."""
    protocols.prepare("user-holdout", "made", Path("dataset"))
    settings = {**runs.SMALL.get(model, {}), "metrics": ["Recall"], "topk": [4]}
    settings |= {"valid_metric": "Recall@4", "eval_args": {"mode": "full"}}
    run = runs.prepare(model, "made-users", **settings)
    run.fit()
    with new_users.folded_in(run):
        _, by_user = per_user.per_user(run.trainer, run.test, show_progress=False)
    tokens = run.dataset.id2token("user_id", by_user.users)
    of_histories = histories("made-users")
    assert set(tokens) == set(of_histories)
    for user, items in zip(tokens, by_user.lists, strict=True):
        named = set(run.dataset.id2token("item_id", items[items > 0]))
        assert named
        assert not named & set(of_histories[user])
    assert len({tuple(items) for items in by_user.lists.tolist()}) > 1


def test_a_model_that_cannot_is_refused_before_it_trains(file, ratings):
    run = runs.prepare("BPR", embedding_size=4)
    with pytest.raises(ValueError, match="BPR cannot take in a person who was not in training"):
        new_users.check(run)
    run.model.fold_in = lambda items: None  # a class of the user's own
    new_users.check(run)


@pytest.mark.slow
def test_all_protocols_run(file, runs_here):
    """Tables, p-values and groups; a second start makes nothing."""
    words = ["benchmark", str(file), "--report", "report"]
    found = CliRunner().invoke(main.main, words, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert (
        "made, k-fold, test, mean and standard deviation over folds [1, 2, 3, 4, 5]" in found.output
    )
    assert "BPR is not in this table" in found.output
    plan = benchmark_plan.read(file)
    results = results_of.load(file.with_suffix(".jsonl"), plan)
    assert len(results) == 10 + 2 + 4
    folds = TableKey("made", "k-fold")
    of_folds = [result for result in results if result.key.table == folds]
    assert all(len(r.user_list) == len(r.users["ndcg@10"]) for r in of_folds)
    assert len({result.split for result in of_folds}) == 5
    lines = summary.lines(plan, results, folds)
    assert [line.p_value is None for line in lines] == [True, False]
    by_hand = {}
    for label in ("BPR", "EASE"):
        values: dict = {}
        for result in of_folds:
            if result.label == label:
                for user, value in zip(result.user_list, result.users["ndcg@10"], strict=True):
                    values.setdefault(user, []).append(value)
        by_hand[label] = [np.mean(values[user]) for user in sorted(values)]
    from scipy import stats

    difference = np.array(by_hand[lines[0].label]) - np.array(by_hand[lines[1].label])
    p_value = stats.wilcoxon(difference, zero_method="zsplit").pvalue
    assert lines[1].p_value == pytest.approx(p_value)
    text = Path("report/report.md").read_text()
    assert "the mean over the folds that test the user" in text
    assert "### Users by activity: ndcg@10" in text
    assert Path("report/made-temporal-items.csv").is_file()
    again = CliRunner().invoke(main.main, words[:2], catch_exceptions=False)
    assert "16 runs, of which" in again.output
    assert "has 16" in again.output


@pytest.mark.slow
def test_a_given_split_is_used_as_it_is(file, runs_here):
    protocols.prepare("temporal", "made", Path("dataset"))
    file.write_text(
        "datasets: [made-temporal]\nprotocols: {given: NDCG@10}\nseeds: [1]\n"
        "models: {EASE: {model: EASE}}\n"
    )
    found = CliRunner().invoke(main.main, ["benchmark", str(file)], catch_exceptions=False)
    line = json.loads(file.with_suffix(".jsonl").read_text())
    assert found.exit_code == 0, line["error"]
    plan = benchmark_plan.read(file)
    key = RunKey("made-temporal", "given", "EASE", 1)
    settings = plan.run_settings(key.table, "EASE", {})
    run = runs.prepare("EASE", "made-temporal", **settings, seed=1)
    run.fit()
    expected = run.trainer.evaluate(run.test, show_progress=False)
    assert line["test"] == pytest.approx(dict(expected), abs=1e-6)
    # a leak that is planted is this run's error
    name = Path("dataset/made-temporal/made-temporal")
    planted = Path(f"{name}.test.inter").read_text().splitlines()[1]
    training = Path(f"{name}.train.inter")
    training.write_text(training.read_text() + planted + "\n")
    failed = experiment_runs.measure(plan, key, {}, "dataset")
    assert "expected test interactions that are not in train, found" in failed.error

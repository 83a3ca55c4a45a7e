"""Ensembles of a benchmark: the plan, the runs, what members cost, and the sentences below."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from recbole_ext.experiments import (
    benchmark_plan,
    ensemble_gain,
    kept_checkpoints,
    needed_models,
)
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments.plan import RunKey, TableKey
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.run_record import Clock
from recbole_ext.trainer import single_run

TABLE = TableKey("made", "default")

TEXT = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1, 2]
models:
  both:
    model: Ensemble
    settings: {members: [checkpoint of EASE, checkpoint of GMF], weight_steps: 4}
  EASE: {model: EASE, settings: {reg_weight: 5.0, eval_step: 3}}
  GMF: {model: NCFGMF, settings: {embedding_size: 8, epochs: 2, learning_rate: 0.05}}
  ranks:
    model: Ensemble
    settings:
      {members: [checkpoint of EASE, checkpoint of GMF], combination: rank, weights: [1, 1]}
"""


@pytest.fixture
def file(ratings, tmp_path) -> Path:
    (tmp_path / "plan.yaml").write_text(TEXT)
    return tmp_path / "plan.yaml"


def benchmark(*words):
    return CliRunner().invoke(main.main, ["benchmark", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def trained(monkeypatch) -> list[str]:
    """The models that are trained, in order."""
    names: list[str] = []
    fit = single_run.Run.fit

    def noted(run, *args, **kwargs):
        names.append(run.config["model"])
        return fit(run, *args, **kwargs)

    monkeypatch.setattr(single_run.Run, "fit", noted)
    return names


def test_a_plan_from_its_start_to_its_report(file, runs_here, trained, tmp_path):
    """Members are trained once a seed; the ensembles take their checkpoints and their costs."""
    done = benchmark(file, "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    assert trained == ["EASE", "NCFGMF"] * 2 + ["Ensemble"] * 4
    plan = benchmark_plan.read(file)
    results = {result.key: result for result in results_of.load(tmp_path / "plan.jsonl", plan)}
    assert len(results) == 8
    for seed in (1, 2):
        both, ease, gmf, ranks = (
            results[RunKey(*TABLE, label, seed)] for label in ("both", "EASE", "GMF", "ranks")
        )
        assert not any(run.error for run in (both, ease, gmf, ranks))
        assert both.seconds > ease.seconds + gmf.seconds
        assert both.setup_seconds >= 0
        assert len(both.curve) == 5
        assert max(score for _, score in both.curve) == pytest.approx(both.valid["ndcg@10"])
        # the corners of the grid are the members themselves
        assert both.valid["ndcg@10"] >= max(ease.valid["ndcg@10"], gmf.valid["ndcg@10"])
        assert [*both.weights] == ["EASE", "GMF"]
        assert sum(both.weights.values()) == pytest.approx(1)
        assert ranks.weights == {"EASE": 0.5, "GMF": 0.5}
        assert ease.weights == {}
        assert both.split == ease.split == gmf.split
        assert both.user_ids == ease.user_ids
        assert len(both.users["ndcg@10"]) == len(ease.users["ndcg@10"])
        assert "members" not in both.identity["settings"]
    assert "both: ndcg@10" in done.output
    assert "than its best member" in (tmp_path / "report" / "report.md").read_text()
    assert not (tmp_path / "plan.checkpoints").exists()
    again = benchmark(file)
    assert again.exit_code == 0
    assert trained.count("Ensemble") == 4


def test_a_member_without_its_checkpoint_is_trained_again(file, runs_here, trained, tmp_path):
    """The same model: the scores of an ensemble do not depend on who has trained its members."""
    assert benchmark(file).exit_code == 0
    plan = benchmark_plan.read(file)
    before = {r.key: r for r in results_of.load(tmp_path / "plan.jsonl", plan)}
    lines = (tmp_path / "plan.jsonl").read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["label"] != "both"]
    (tmp_path / "plan.jsonl").write_text("\n".join(kept) + "\n")
    trained.clear()
    assert benchmark(file).exit_code == 0
    assert trained == ["EASE", "NCFGMF", "Ensemble"] * 2
    after = {r.key: r for r in results_of.load(tmp_path / "plan.jsonl", plan)}
    for key, result in before.items():
        assert after[key].test == result.test
        assert after[key].users == result.users
        assert after[key].weights == result.weights


def test_checkpoints_stay_until_all_runs_have_ended_well(file, runs_here, trained, tmp_path):
    """An ensemble that has failed is repeated with them."""
    prepare = needed_models.prepare

    def failing(plan, key, *args):
        if key.label == "ranks" and key.seed == 2:
            raise ValueError("out of luck")
        return prepare(plan, key, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needed_models, "prepare", failing)
        assert benchmark(file).exit_code == 1
    files = list((tmp_path / "plan.checkpoints").iterdir())
    assert len(files) == 4
    assert all(file.suffix == ".pth" for file in files)
    trained.clear()
    assert benchmark(file).exit_code == 0
    assert trained == ["Ensemble"]
    assert not (tmp_path / "plan.checkpoints").exists()


def test_a_kept_checkpoint_is_of_one_run(file, tmp_path):
    """Another seed, protocol, setting of the model or data set has another file."""
    plan = benchmark_plan.read(file)
    kept = kept_checkpoints.KeptCheckpoints(tmp_path, {})
    key = RunKey(*TABLE, "GMF", 1)
    file.write_text(TEXT.replace("learning_rate: 0.05", "learning_rate: 0.1"))
    names = {
        kept.file(plan, key),
        kept.file(plan, key._replace(seed=2)),
        kept.file(plan, key._replace(label="EASE")),
        kept.file(plan, key._replace(protocol="next-item")),
        kept.file(plan, key._replace(dataset="other")),
        kept.file(benchmark_plan.read(file), key),
    }
    assert len(names) == 6
    assert kept.file(plan, key) in names
    assert kept.find(plan, key) is None
    kept.file(plan, key).write_bytes(b"x")
    assert kept.find(plan, key) is None  # its cost is not known
    kept = kept_checkpoints.KeptCheckpoints(tmp_path, {key: 3.5})
    assert kept.find(plan, key) == (kept.file(plan, key), 3.5)
    (tmp_path / "model.pth").write_bytes(b"y")
    kept.keep(plan, key._replace(label="both"), str(tmp_path / "model.pth"))
    assert not kept.file(plan, key._replace(label="both")).exists()  # nobody needs it


def test_a_kept_member_costs_what_its_training_has_cost(file, tmp_path):
    """Its seconds are in the line of the run that has made it; nothing is trained here."""
    plan = benchmark_plan.read(file)
    seconds = {RunKey(*TABLE, "EASE", 1): 3.5, RunKey(*TABLE, "GMF", 1): 1.25}
    kept = kept_checkpoints.KeptCheckpoints(tmp_path, seconds)
    for key in seconds:
        kept.file(plan, key).write_bytes(b"x")
    clock = Clock()
    files = needed_models.checkpoints(plan, RunKey(*TABLE, "both", 1), {}, clock, kept)
    assert files == {f"checkpoint of {key.label}": str(kept.file(plan, key)) for key in seconds}
    assert clock.training == 4.75
    assert clock.since_start() >= 4.75
    assert 0 <= clock.setup() < 3


def test_a_fingerprint_follows_the_members(file):
    before = benchmark_plan.read(file)
    file.write_text(TEXT.replace("reg_weight: 5.0", "reg_weight: 6.0"))
    after = benchmark_plan.read(file)
    keys = [RunKey(*TABLE, label, 1) for label in before.models]
    changed = [k.label for k in keys if before.fingerprint(k) != after.fingerprint(k)]
    assert changed == ["both", "EASE", "ranks"]
    file.write_text(TEXT.replace("weights: [1, 1]", "weights: [1, 2]"))
    other = benchmark_plan.read(file)
    changed = [k.label for k in keys if before.fingerprint(k) != other.fingerprint(k)]
    assert changed == ["ranks"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[checkpoint of EASE, checkpoint of GMF], w", "[checkpoint of EASE], w",
         "both: members: expected two models or more, found EASE"),
        ("checkpoint of GMF], w", "checkpoint of EASE], w", "'checkpoint of EASE' is there twice"),
        ("checkpoint of GMF], w", "checkpoint of BPR], w", "checkpoint of BPR: expected one of"),
        ("checkpoint of GMF], w", "checkpoint of ranks], w", "needs no checkpoint itself"),
        ("checkpoint of GMF], w", "checkpoint of both], w", "needs no checkpoint itself"),
        ("model: NCFGMF, settings: {embedding_size: 8, epochs: 2, learning_rate: 0.05}",
         "model: SASRec", "both: checkpoint of GMF: SASRec is a sequential model"),
        ("{default: NDCG@10}", "{grid: AUC}", "both: the scores of an ensemble rank items, they"),
        ("combination: rank", "combination: mean", "combination: expected one of zscore, rank"),
        ("weights: [1, 1]", "weights: [1]", "weights: expected a number for each of the 2 member"),
        ("weights: [1, 1]", "weights: [0, 0]", "weights: expected one above 0"),
        ("weights: [1, 1]", "weights: none", "weights: expected"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused(file, runs_here, old, new, message):
    assert old in TEXT
    file.write_text(TEXT.replace(old, new))
    result = benchmark(file, "--dry-run")
    assert result.exit_code == 2, result.output
    assert len(result.output.strip().splitlines()) == 1, result.output
    assert message in result.output, result.output


def test_protocols_of_ratings_leave_ensembles_out(file):
    file.write_text(TEXT.replace("{default: NDCG@10}", "{default: NDCG@10, grid: AUC}"))
    plan = benchmark_plan.read(file)
    labels = {table.protocol: plan.labels(table) for table in plan.tables}
    assert labels["default"] == ["both", "EASE", "GMF", "ranks"]
    assert labels["grid"] == ["EASE", "GMF"]


def made(label: str, seed: int, values: np.ndarray, seconds: float, **more) -> Result:
    test = {"ndcg@10": float(values.mean())}
    users = {"ndcg@10": values.tolist()}
    result = Result(*TABLE, label, seed, "", "", {}, test, users, 1, seconds, test_seconds=0.25)
    return replace(result, **more)


def holm_by_hand(raw: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """The k-th smallest of m p-values times m - k + 1, none below the one before, at most 1."""
    corrected, last = {}, 0.0
    for k, pair in enumerate(sorted(raw, key=raw.get)):
        last = corrected[pair] = min(max(last, raw[pair] * (len(raw) - k)), 1.0)
    return corrected


def test_the_sentence_of_a_gain(file):
    """Against the better member, by scipy's test and Holm's correction of six pairs."""
    plan = benchmark_plan.read(file)
    random = np.random.default_rng(5)
    results, of = [], {label: [] for label in plan.models}
    for seed in (1, 2):
        base = random.random(40)
        for label, more in (("both", 0.05), ("EASE", 0.0), ("GMF", 0.02), ("ranks", -0.01)):
            values = np.round(base + more + 0.02 * random.random(40), 6)
            of[label].append(values)
            weights = {"EASE": 0.25 * seed, "GMF": 1 - 0.25 * seed} if label == "both" else {}
            results.append(made(label, seed, values, 2.0 + more * 100, weights=weights))
    mean = {label: np.mean(values, axis=0) for label, values in of.items()}
    pairs = [(a, b) for n, a in enumerate(mean) for b in [*mean][n + 1 :]]
    raw = {
        pair: scipy.stats.wilcoxon(mean[pair[0]] - mean[pair[1]], zero_method="zsplit").pvalue
        for pair in pairs
    }
    corrected = holm_by_hand(raw)
    first, second = ensemble_gain.sentences(plan, results, TABLE)
    score = {label: statistics.fmean(v.mean() for v in values) for label, values in of.items()}
    assert score["GMF"] > score["EASE"]
    assert first == (
        f"both: ndcg@10 {score['both']:.4f}, {score['both'] - score['GMF']:.4f} better than its "
        f"best member GMF (p = {corrected['both', 'GMF']:.2g}); training 7.0 s instead of 4.0 s, "
        "the test 0.2 s instead of 0.2 s; mean weights: EASE 0.38, GMF 0.62"
    )
    assert second.startswith(
        f"ranks: ndcg@10 {score['ranks']:.4f}, {score['GMF'] - score['ranks']:.4f} worse than"
    )
    assert ensemble_gain.sentences(plan, results[1:2], TABLE) == []
    # a member lacks a seed: no gain of other splits; another model that lacks one is not compared
    lacking = [r for r in results if (r.label, r.seed) != ("EASE", 2)]
    assert ensemble_gain.sentences(plan, lacking, TABLE) == []
    lacking = [r for r in results if (r.label, r.seed) != ("ranks", 2)]
    (alone,) = ensemble_gain.sentences(plan, lacking, TABLE)
    three = holm_by_hand({pair: raw[pair] for pair in raw if "ranks" not in pair})
    assert f"best member GMF (p = {three['both', 'GMF']:.2g})" in alone
    others = [replace(r, user_ids="x" if r.label == "both" else "y") for r in results]
    assert "(p" not in ensemble_gain.sentences(plan, others, TABLE)[0]


def test_ensembles_need_a_protocol_that_ranks(file):
    file.write_text(TEXT.replace("{default: NDCG@10}", "{rating: RMSE}"))
    with pytest.raises(SettingError, match=r"both: .* and rating evaluates such; expected a proto"):
        benchmark_plan.read(file)

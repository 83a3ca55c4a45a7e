"""Plans: lists of models, added metrics, and figures taken from elsewhere."""

import csv
import json
from dataclasses import asdict, replace

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from recbole_ext.experiments import benchmark_plan, paper, report, summary
from recbole_ext.experiments.plan import TableKey
from recbole_ext.experiments.results import Result

TABLE = TableKey("made", "default")
TEXT = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1, 2]
models:
  simple: {model: [Pop, BPR], settings: {embedding_size: 8}}
  GMF: {model: NCFGMF}
"""
PAPER = """\
paper:
  - {model: LightGCN, metric: NDCG@10, value: 0.251, source: "A 2020, table 3"}
  - {model: LightGCN, metric: Hit@10, value: 0.7, source: "A 2020, table 3"}
  - {model: LightGCN, metric: NDCG@10, value: 0.24, source: "B 2021"}
"""


@pytest.fixture
def file(ratings, tmp_path):
    (tmp_path / "plan.yaml").write_text(TEXT)
    return tmp_path / "plan.yaml"


def plan_of(file, text):
    file.write_text(text)
    return benchmark_plan.read(file)


def results(plan):
    users = {"Pop": [0.1, 0.2, 0.3], "BPR": [0.2, 0.3, 0.5], "GMF": [0.1, 0.1, 0.2]}
    return [
        Result(
            *TABLE, key.label, key.seed, plan.fingerprint(key), "", {},
            {"ndcg@10": sum(users[key.label]) / 3, "hit@10": 0.5},
            {"ndcg@10": users[key.label]}, 1, 1.0,
        )
        for key in plan.runs()
    ]  # fmt: skip


def test_a_list_of_models_is_a_line_for_each(file):
    with pytest.warns(UserWarning, match="embedding_size: Pop does not read"):
        plan = benchmark_plan.read(file)
    assert list(plan.models) == ["Pop", "BPR", "GMF"]
    assert plan.models["Pop"].settings == {}
    assert plan.models["BPR"].settings == {"embedding_size": 8}
    alone = TEXT.replace("simple: {model: [Pop, BPR],", "BPR: {model: BPR,")
    again = plan_of(file, alone)
    key = next(key for key in again.runs() if key.label == "BPR")
    assert plan.fingerprint(key) == again.fingerprint(key)  # the same runs, however written


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[Pop, BPR]", "[]", "models: simple: model: expected"),
        ("[Pop, BPR]", "[Pop, Pop]", "models: simple: model: 'Pop' is there twice"),
        ("[Pop, BPR]", "[Pop, 3]", "models: simple: model: expected"),
        (
            "GMF: {model: NCFGMF}",
            "BPR: {model: BPR}",
            "BPR is the name of a line already, by simple",
        ),
        (
            "models:",
            "metrics: [Novelti]\nmodels:",
            "metrics: RecBole has no metric Novelti; did you m",
        ),
        (
            "models:",
            "metrics: [RMSE]\nmodels:",
            "metrics: expected metrics of rankings, found RMSE",
        ),
        ("models:", "metrics: [Novelty, novelty]\nmodels:", "metrics: 'novelty' is there twice"),
        ("models:", "metrics: [Novelty@10]\nmodels:", "metrics: expected names without a cutoff"),
        ("NDCG@10}", "Novelty@10}", "protocols: default: expected one of NDCG@10"),
        ("models:", "sampler: grid\nmodels:", "sampler: expected"),
        ("models:", "pruning: True\nmodels:", "pruning: needs sampler: tpe, found random"),
    ],
)
def test_what_cannot_be_is_refused(file, old, new, message):
    with pytest.raises(SettingError) as raised:
        plan_of(file, TEXT.replace(old, new))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value: 0.251, ", "", "paper: figure 1: value: expected a number, found None"),
        ("value: 0.251", "value: high", "paper: figure 1: value: expected a number, found 'high'"),
        (
            'source: "B 2021"',
            "source: ''",
            "paper: figure 3: source: expected a text that is not em",
        ),
        ("metric: Hit@10", "metric: Hit@5", "paper: figure 2: metric: expected one of NDCG@10"),
        (
            "model: LightGCN, metric: Hit",
            "modell: x, metric: Hit",
            "figure 2: modell: expected one of",
        ),
        (
            "value: 0.7",
            "dataset: other, value: 0.7",
            "figure 2: dataset: expected one of made, found",
        ),
        (
            "{default: NDCG@10}",
            "{default: NDCG@10, leave-one-out: NDCG@10}",
            "figure 1: protocol: exp",
        ),
        ("paper:\n", "paper: [3]\nx:\n", ""),
    ],
)
def test_a_figure_that_cannot_be_is_refused(file, old, new, message):
    with pytest.raises(SettingError) as raised:
        plan_of(file, (TEXT + PAPER).replace(old, new))
    assert message in str(raised.value)


def test_figures_stand_beside_and_are_not_tested(file, tmp_path):
    plan = plan_of(file, TEXT + PAPER)
    bare = plan_of(file, TEXT)
    own = results(plan)
    for key in plan.runs():
        assert plan.fingerprint(key) == bare.fingerprint(key)
    head, rows = summary.table("ndcg@10", summary.lines(plan, own, TABLE))
    assert paper.rows(plan, TABLE, head) == [
        ["LightGCN †", "0.251", "0.7", "", ""],
        ["LightGCN †", "0.24", "", "", ""],
    ]
    files = {path.name: path for path in report.write(tmp_path / "report", plan, own, "how")}
    without = {path.name: path for path in report.write(tmp_path / "bare", bare, own, "how")}
    lines = list(csv.reader(files["made-default.csv"].open()))
    assert lines[0] == [*head, "source"]
    assert [line[-1] for line in lines[1:]] == ["", "", "", "A 2020, table 3", "B 2021"]
    # what is tested is tested as without them: the same p-values, the same best model
    assert [line[:-1] for line in lines[1:4]] == rows
    assert list(csv.reader(without["made-default.csv"].open()))[1:] == rows
    for name in ("report.md", "report.html"):
        text = files[name].read_text()
        assert "† LightGCN: figures of A 2020, table 3. Not run here" in text
        assert "LightGCN" not in without[name].read_text()
    assert files["report.html"].read_text().count('<tr class="paper">') == 2
    assert "LightGCN $\\dagger$" in files["made-default.tex"].read_text()


def test_the_command_shows_them(file, tmp_path):
    plan = plan_of(file, TEXT + PAPER)
    lines = [json.dumps(asdict(result)) for result in results(plan)]
    file.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")
    found = CliRunner().invoke(main.main, ["benchmark", str(file)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert "| LightGCN † | 0.251" in found.output
    assert "no test compares them with the others" in found.output


def test_added_metrics_are_reported_by_protocols_that_rank(file):
    text = TEXT.replace("{default: NDCG@10}", "{default: Novelty@10, rating: RMSE}")
    text = (
        text.replace("models:", "metrics: [Novelty, GiniIndex]\nmodels:")
        + "  AutoRec: {model: AutoRec}\n"
    )
    plan = plan_of(file, text)
    ranked = plan.run_settings(TABLE, "BPR", {})
    assert ranked["metrics"][-2:] == ["Novelty", "GiniIndex"]
    assert ranked["metrics"][0] == "NDCG"
    rated = plan.run_settings(TableKey("made", "rating"), "AutoRec", {})
    assert rated["metrics"] == ["RMSE", "MAE"]
    bare = plan_of(file, TEXT)
    key = plan.runs()[1]
    assert plan.fingerprint(key) != bare.fingerprint(key)


def test_lines_of_earlier_releases_have_their_fingerprints(file):
    """Written down once: a plan without anything new reads the results that it had."""
    plan = plan_of(file, TEXT.replace("[Pop, BPR]", "BPR"))
    assert plan.fingerprint(plan.runs()[0]) == "d88ae919f3c4"
    spaced = TEXT.replace(
        "{model: [Pop, BPR], settings: {embedding_size: 8}}",
        "{model: BPR, space: {embedding_size: [8, 4]}}",
    )
    plan = plan_of(file, spaced.replace("seeds:", "trials: 2\nseeds:"))
    assert plan.fingerprint(plan.runs()[0]) == "5a5e069e1660"
    assert plan.fingerprint(plan.trial_runs()[1]) == "bccffdb81a1a"


def test_missing_runs_leave_the_figures(file):
    plan = plan_of(file, TEXT + PAPER)
    failed = [replace(result, error="x", test={}, users={}) for result in results(plan)]
    lines = summary.lines(plan, failed, TABLE)
    head, _ = summary.table("ndcg@10", lines, paper.metrics(plan, TABLE))
    assert head == ["model", "ndcg@10", "hit@10", "p (ndcg@10)", "runs"]

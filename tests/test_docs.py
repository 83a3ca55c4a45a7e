"""Numbers that the documents quote are those of the results in the repository."""

import csv
import dataclasses
import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from recbole_ext.evaluator import protocols
from recbole_ext.experiments import benchmark_plan, report
from recbole_ext.experiments import results as results_of
from recbole_ext.experiments import summary as benchmark_summary
from tests import pages
from tests.benchmarks import transfer
from tests.benchmarks.speed import report as speed

ROOT = Path(__file__).parents[1]
PLANS = sorted(path.with_suffix(".yaml") for path in (ROOT / "configs/benchmark").glob("*.jsonl"))
FULL = ROOT / "configs" / "benchmark" / "ml-100k-full.yaml"
ENSEMBLES = [  # the plan of each table of results.md, its models, and their splits
    ("ensembles", ("MultiVAE+EASE", "MultiVAE", "EASE"), range(2020, 2025)),
    ("ncf_mlp_ease", ("NCFMLP with EASE", "NCFMLP", "EASE"), range(2020, 2025)),
]
RATINGS = ROOT / "tests" / "benchmarks" / "results" / "ratings.csv"


def runs_of(kind: str, name: str) -> list[dict[str, Any]]:
    """The lines of a committed results file: ``search`` or ``benchmark``, and its name."""
    lines = (ROOT / "configs" / kind / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def summary(split: str, model: str, metric: str) -> str:
    with RATINGS.open(encoding="utf-8", newline="") as stream:
        own = [x for x in csv.DictReader(stream) if (x["split"], x["model"]) == (split, model)]
    assert len({line["seed"] for line in own}) == len(own) == 5
    values = [float(line[metric]) for line in own]
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


@pytest.mark.parametrize("split", ["90/10", "80/20"])
def test_the_tables_of_ratings_are_the_results(split):
    text = (ROOT / "configs" / "autorec.md").read_text(encoding="utf-8")
    tables = re.findall(rf"\| {split} \| (.*) \|\n\| ---.*\n((?:\|.*\n)+)", text)
    assert len(tables) == 2  # ratings and rankings
    for header, body in tables:
        for line in body.splitlines():
            model, *cells = line.strip("| ").split(" | ")
            for metric, cell in zip(header.split(" | "), cells, strict=True):
                assert cell == summary(split, model, metric), (model, metric)


def test_the_page_of_results_quotes_the_ratings():
    names = {
        "damped user and item biases": "damped biases",
        "Surprise SVD": "Surprise SVD",
        "Surprise SVD++": "Surprise SVD++",
        "U-AutoRec": "U-AutoRec",
        "I-AutoRec, the paper's": "I-AutoRec, plain",
        "I-AutoRec, the best member of its family": "I-AutoRec, best",
    }
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for shown, model in names.items():
        cells = [summary(split, model, "rmse") for split in ("90/10", "80/20")]
        assert f"| {shown} | {' | '.join(cells)} |" in text


def one_model(table):
    """Of a table of rates_and_ranks: RMSE, NDCG@10, and mean epochs and seconds."""
    file = RATINGS.with_name("rates_and_ranks.csv")
    with file.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["table"] == table]
    assert {(line["tested"], line["settings"]) for line in lines} == {("True", "{}")}
    assert sorted(line["seed"] for line in lines) == [*map(str, range(2020, 2025))]

    def spread(name):
        values = [float(line[f"test {name}"]) for line in lines]
        return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"

    cost = " | ".join(
        f"{statistics.mean(float(line[name]) for line in lines):.0f}"
        for name in ("epochs", "training")
    )
    return spread("rmse"), spread("ndcg@10"), cost


def test_pages_quote_the_model_that_rates_and_ranks():
    rmse, ndcg, cost = one_model("items")
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert f"| RMSE | {rmse} | {cost} |" in results
    assert f"| NDCG@10, full ranking | {ndcg} | {cost} |" in results
    for page in ("README.md", "configs/autorec.md"):
        text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
        assert f"RMSE {rmse} and NDCG@10 {ndcg}" in text, page


def test_pages_quote_the_model_that_ranks_alone():
    _, ndcg, cost = one_model("users, ranking")
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert f"| NDCG@10, full ranking | {ndcg} | {cost} |" in results
    assert f"rankings alone, by users: NDCG@10 {ndcg}" in " ".join(
        (ROOT / "configs" / "autorec.md").read_text(encoding="utf-8").split()
    )


def tables_of(path):
    """Data set and protocol -> the head of a benchmark's table and its rows."""
    plan = benchmark_plan.read(path)
    results = results_of.load(path.with_suffix(".jsonl"), plan)
    return {
        key: benchmark_summary.table(
            plan.protocols[key.protocol], benchmark_summary.lines(plan, results, key)
        )
        for key in plan.tables
    }


def test_the_page_of_results_quotes_the_ranking():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    head, rows = tables_of(FULL)["ml-100k", "default"]
    columns = [head.index(name) for name in ("model", "ndcg@10", "hit@10", "p (ndcg@10)")]
    shown = [f"| {' | '.join(row[column] for column in columns)} |" for row in rows]
    assert "\n".join(shown) in text


def test_the_report_of_the_full_benchmark_is_of_its_results(tmp_path):
    plan = benchmark_plan.read(FULL)
    results = results_of.load(FULL.with_suffix(".jsonl"), plan)
    command = f"recbole-ext benchmark {FULL.relative_to(ROOT)}"
    new = {path.name: path for path in report.write(tmp_path, plan, results, command)}
    sentence = "95 of 100 runs the seconds of training include imports and the preparation of data"
    assert sentence in new.pop("report.html").read_text("utf-8")  # five megabytes with its script
    assert sentence in new["report.md"].read_text("utf-8")
    kept = FULL.with_suffix("")
    assert sorted(new) == sorted(path.name for path in kept.iterdir())
    for name, path in new.items():
        assert (kept / name).read_text("utf-8") == path.read_text("utf-8"), name


@pytest.mark.parametrize("suite", ["ml-100k", "scale"])
def test_the_page_of_speed_quotes_its_results(suite):
    lines = speed.lines(speed.read_csv(RATINGS.parent / f"speed_{suite}.csv"))
    text = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    for line in lines:
        theirs = "-" if line.theirs is None else f"{line.theirs:.4g}"
        ratio = "-" if line.ratio is None else f"{line.ratio:.2f}"
        cells = [line.case, line.unit, theirs, f"{line.ours:.4g}", ratio]
        if suite == "scale":
            if "20,000,263" not in line.case:
                continue
            cells.append(f"{line.memory:,.0f}")
        assert f"| {' | '.join(cells)} |" in text


def ensemble_rows(name, labels, seeds, dataset="ml-100k"):
    """A table of results.md: some models of a plan, on some splits of a data set."""
    path = ROOT / "configs" / "benchmark" / f"{name}.yaml"
    whole = benchmark_plan.read(path)
    models = {label: whole.models[label] for label in labels}
    plan = dataclasses.replace(whole, datasets=[dataset], models=models, seeds=list(seeds))
    results = results_of.load(path.with_suffix(".jsonl"), plan)
    (key,) = plan.tables
    rows = []
    for line in benchmark_summary.lines(plan, results, key):
        assert {run.seed for run in line.runs} == {*seeds}
        mean, spread = line.metrics["ndcg@10"]
        score = f"{mean:.4f} ± {spread:.4f}" if len(seeds) > 1 else f"{mean:.4f}"
        p_value = "" if line.p_value is None else f"{line.p_value:.2g}"
        training, scoring = (
            statistics.fmean(getattr(run, name) for run in line.runs)
            for name in ("seconds", "test_seconds")
        )
        rows.append(f"| {line.label} | {score} | {p_value} | {training:.0f} | {scoring:.1f} |")
    return "\n".join(rows)


def test_the_page_of_results_quotes_the_other_data_set():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    labels = ("NCFMLP with EASE", "EASE", "Pop")
    assert ensemble_rows("other_data_sets", labels, [2020], "ml-1m-lightgcn") in text


@pytest.mark.parametrize(("name", "labels", "seeds"), ENSEMBLES)
def test_the_page_of_results_quotes_the_ensembles(name, labels, seeds):
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert ensemble_rows(name, labels, seeds) in text


def test_readme_quotes_what_is_better_than_ease():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for table, words in zip(
        ENSEMBLES, ("EASE](docs/results.md#ensembles) {}", "has NDCG@10 {}"), strict=True
    ):
        rows = (row.strip("| ").split(" | ") for row in ensemble_rows(*table).splitlines())
        (_, score, *_), (other, second, p_value, *_), _ = rows
        assert other == "EASE"
        assert f"{words.format(score)} (p = {p_value})" in text
        assert f"EASE alone {second}." in text


def test_the_page_of_results_quotes_the_grid():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    _, rows = tables_of(ROOT / "configs" / "benchmark" / "grid.yaml")["ml-100k", "grid"]
    names = {
        "RMSE": "the post's loss, RMSE",
        "BCE": "BCE",
        "CE": "ratings 0 to 5 as classes",
    }
    shown = {row[0]: row[1:4] for row in rows}
    for label, name in names.items():
        assert f"| {name} | {' | '.join(shown[label])} |" in text


@pytest.mark.parametrize(
    ("page", "head", "results", "bigger"),
    [
        ("autorec", "beside the plain model", "autorec_options", False),
        ("ncf", "beside the first trial", "ncf_losses", True),
    ],
)
def test_the_tables_of_options_are_the_results(page, head, results, bigger):
    text = (ROOT / "configs" / f"{page}.md").read_text(encoding="utf-8")
    table = re.search(rf"\| {head} .*\n\| ---.*\n((?:\|.*\n)+)", text)
    shown = [line.strip("| ").split(" | ") for line in table.group(1).splitlines()]
    runs = runs_of("search", results)
    scores = {run["trial"]: next(iter(run["valid"].values())) for run in runs}
    ordered = sorted(scores.values(), reverse=bigger)
    assert [f"{score:.4f}" for score in ordered] == [line[1] for line in shown]
    assert [f"{score - scores[0]:+.4f}" for score in ordered] == [line[2] for line in shown]


def test_the_page_of_ncf_quotes_the_weights_of_ease():
    text = (ROOT / "configs" / "ncf.md").read_text(encoding="utf-8")
    runs = runs_of("search", "ncf_mlp_ease")
    rows = [
        f"| {run['values']['ease_weight']:g} | {run['values']['ease_reg_weight']:g} "
        f"| {run['valid']['ndcg@10']:.4f} |"
        for run in sorted(runs, key=lambda run: -run["valid"]["ndcg@10"])
    ]
    assert "\n".join(rows) in text
    alone = {
        run["label"]: run["valid"]["ndcg@10"]
        for run in runs_of("benchmark", "ncf_mlp_ease")
        if run["seed"] == 2020
    }
    shown = f"EASE alone has {alone['EASE']:.4f} there, NCFMLP alone {alone['NCFMLP']:.4f}."
    assert shown in " ".join(text.split())


def test_the_page_of_ncf_quotes_the_drawn_items():
    text = (ROOT / "configs" / "ncf.md").read_text(encoding="utf-8")
    runs = runs_of("search", "ncf_item_samples")
    rows = [
        f"| {run['values']['item_samples'] or 'all'} | {run['values']['train_batch_size']} "
        f"| {run['values']['learning_rate']:g} | {run['values']['ema_decay']:g} | {run['epochs']} "
        f"| {run['valid']['ndcg@10']:.4f} |"
        for run in sorted(runs, key=lambda run: -run["valid"]["ndcg@10"])
    ]
    assert "\n".join(rows) in text


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_the_tables_of_benchmarks_are_their_results(path):
    """Those of the ensembles, and of the plans after them, are in results.md."""
    if path.stem.startswith("ensembles") or path.stem in ("ncf_mlp_ease", "other_data_sets"):
        return
    pages = [ROOT / "configs" / "ncf.md", path.with_suffix("") / "report.md"]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for page in pages
        for line in (page.read_text(encoding="utf-8").splitlines() if page.is_file() else ())
    ]
    for head, rows in tables_of(path).values():
        start = lines.index(head)
        assert lines[start + 2 : start + 2 + len(rows)] == rows


@pytest.mark.parametrize("kind", ["drop", "flip"])
def test_the_table_of_corrupted_rows_is_the_results(kind):
    text = (ROOT / "configs" / "autorec.md").read_text(encoding="utf-8")
    table = re.search(rf"\| {kind} \| recovered.*\n\| ---.*\n((?:\|.*\n)+)", text)
    with (RATINGS.parent / f"denoising_{kind}.csv").open(encoding="utf-8", newline="") as stream:
        points = list(csv.DictReader(stream))
    for line in table.group(1).splitlines():
        rate, *cells = line.strip("| ").split(" | ")
        columns = [(k, m) for k in ("recovered", "held_out") for m in ("plain", "denoising")]
        for (measured, model), cell in zip(columns, cells, strict=True):
            own = [
                float(point[measured])
                for point in points
                if point["model"] == model and float(point["rate"]) == float(rate)
            ]
            assert len(own) == 3
            if cell != "-":
                mean, spread = (float(part) for part in cell.split(" ± "))
                assert mean == pytest.approx(statistics.mean(own), abs=6e-5)
                assert spread == pytest.approx(statistics.pstdev(own), abs=6e-5)


def test_the_plans_of_the_page_about_benchmarks_are_plans(tmp_path):
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    first, second, third = (block for block in pages.code_blocks(text) if "models:" in block)
    (tmp_path / "configs").symlink_to(ROOT / "configs")  # a plan names files from its folder
    (tmp_path / "plan.yaml").write_text(first)
    plan = benchmark_plan.read(tmp_path / "plan.yaml")
    assert list(plan.models) == ["EASE", "NCFMLP"]
    assert len(protocols.PROTOCOLS) - len(plan.protocols) == 8
    assert "# and eight others" in first
    (tmp_path / "plan.yaml").write_text(second)
    plan = benchmark_plan.read(tmp_path / "plan.yaml")
    assert list(plan.models) == ["Pop", "ItemKNN", "EASE", "BPR"]
    assert plan.metrics == ["Novelty", "IntraListDiversity", "Serendipity"]
    assert [figure.value for figure in plan.paper] == [0.251]
    head = "datasets: [ml-100k]\nprotocols: {default: NDCG@10}\nseeds: [1]\n"
    (tmp_path / "plan.yaml").write_text(head + third)
    plan = benchmark_plan.read(tmp_path / "plan.yaml")
    assert list(plan.needed_by("NCFMLP+EASE").values()) == ["NCFMLP", "EASE"]


def test_the_page_about_benchmarks_names_every_protocol_and_metric():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w+-]+)` \|", text, re.MULTILINE)
    assert set(protocols.PROTOCOLS) <= set(rows)
    for name in protocols.BEYOND_ACCURACY.settings["metrics"]:
        assert f"`{name}`" in text


def test_the_readme_quotes_some_models_of_the_ranking_and_their_seconds():
    """Every row is one of the benchmark, in its order; the first five are there."""
    plan = benchmark_plan.read(FULL)
    results = results_of.load(FULL.with_suffix(".jsonl"), plan)
    lines = benchmark_summary.lines(plan, results, plan.tables[0])
    head, rows = benchmark_summary.table(plan.protocols["default"], lines)
    assert plan.tables[0] == ("ml-100k", "default")
    columns = [head.index(name) for name in ("model", "ndcg@10", "hit@10", "p (ndcg@10)")]
    known = [
        f"| {' | '.join(row[column] for column in columns)} | "
        f"{statistics.mean(run.seconds for run in line.runs):.0f} |"
        for row, line in zip(rows, lines, strict=True)
    ]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"\| model \| NDCG@10 .*\n\| ---.*\n((?:\|.*\n)+)", text).group(1)
    shown = table.splitlines()
    assert shown == [line for line in known if line in shown]
    assert shown[:5] == known[:5]
    not_significant = [line for line in lines if line.p_value is None or line.p_value > 0.05]
    assert len(not_significant) == 5
    best, other = (summary("90/10", name, "rmse") for name in ("I-AutoRec, best", "Surprise SVD++"))
    assert f"is {best}, that of SVD++ {other}" in " ".join(text.split())


def test_the_page_of_results_has_what_tune_has_found():
    results = transfer.read_results(transfer.RESULTS)
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for model in dict.fromkeys(line["model"] for line in results):
        assert "\n".join(transfer.table(results, model)) in text
        best = [line for line in results if line["model"] == model and line["best"] == "True"]
        for line in best:
            own = [
                float(other["valid"])
                for other in results
                if (other["model"], other["dataset"]) == (model, line["dataset"]) and other["valid"]
            ]
            chosen = (min if line["metric"] == "rmse" else max)(own)
            assert float(line["valid"]) == chosen, line

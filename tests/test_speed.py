"""What the speed benchmark reports, and the data that it makes."""

import csv
import re

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks import shapes
from tests.benchmarks.speed import cases, models, report
from tests.benchmarks.speed.sides import Measured


def points(case, unit, ours, theirs=(), same=None):
    return [
        report.Point(case, unit, side, number, Measured(value, same or {}, 100.0 * value))
        for side, values in (("RecBole", theirs), ("recbole_ext", ours))
        for number, value in enumerate(values)
    ]


def test_ratios_are_of_medians_and_above_one_where_we_are_faster():
    found = report.lines(
        [
            *points("a", "s", [2.0, 1.0, 9.0], [4.0, 8.0, 6.0]),
            *points("b", "examples/s", [300.0], [100.0]),
            *points("c", "s", [5.0]),
        ]
    )
    assert [(line.ours, line.theirs, line.ratio) for line in found] == [
        (2.0, 6.0, 3.0),
        (300.0, 100.0, 3.0),
        (5.0, None, None),
    ]
    assert found[0].memory == 200.0
    assert "| a  " in report.table(found)


def test_sides_that_disagree_are_no_comparison():
    found = points("a", "s", [1.0], same={"ndcg@10": 0.1})
    found += points("a", "s", [], [1.0], same={"ndcg@10": 0.2})
    with pytest.raises(AssertionError):
        report.lines(found)


def test_exponents_of_known_powers():
    sizes = [1e6, 5e6, 2e7]
    assert report.exponent(sizes, [3 * n**1.07 for n in sizes]) == pytest.approx(1.07)
    found = []
    for n in (1_000, 5_000, 20_000):
        found += points(f"{n:,} ratings: epoch", "s", [n / 1_000])
        found += points(f"{n:,} ratings: steps", "examples/s", [n**-0.5])
        found += points(f"{n:,} ratings: quality", "NDCG@10", [0.2])
    table = report.growth_table(report.lines(found))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert rows == [["epoch", "1.00", "1.00"], ["steps", "1.50", "-0.50"]]


def test_files_of_a_run(tmp_path):
    found = points("a", "s", [2.0], [4.0])
    report.write_csv(tmp_path / "x.csv", found)
    with (tmp_path / "x.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["side"], line["value"]) for line in lines] == [
        ("RecBole", "4"),
        ("recbole_ext", "2"),
    ]
    report.write_plot(tmp_path / "x.html", report.lines(found))
    assert "Times faster than RecBole" in (tmp_path / "x.html").read_text()


def test_cases_have_names_of_their_own_and_work_that_is_there():
    import importlib

    for made in (cases.of_ml_100k("data"), cases.of_scale("data")):
        assert len({case.name for case in made}) == len(made)
        for case in made:
            module, function = case.work.split(":")
            assert callable(
                getattr(importlib.import_module(f"tests.benchmarks.speed.{module}"), function)
            )


def test_made_up_data_has_the_asked_shape(tmp_path):
    file = shapes.make(tmp_path, "100k", seed=3)
    rows = pd.read_csv(file, sep="\t")
    assert list(rows.columns) == [
        "user_id:token",
        "item_id:token",
        "rating:float",
        "timestamp:float",
    ]
    users, items, stars = (rows.iloc[:, n] for n in range(3))
    assert len(rows) == 100_000
    assert not pd.DataFrame({"u": users, "i": items}).duplicated().any()
    assert (users.nunique(), items.nunique()) == (943, 1_682)
    assert set(stars) == set(np.arange(0.5, 5.5, 0.5))
    popular = items.value_counts()
    assert popular.iloc[:168].sum() > 0.3 * len(rows)  # a tenth of the items
    assert users.value_counts().max() < 1_682 / 2
    again = shapes.make(tmp_path / "again", "100k", seed=3)
    assert again.read_bytes() == file.read_bytes()


# --- every model's run ----------------------------------------------------------------------


def model_line(side, seconds, model="BPR", number=1, **more):
    clocks = {name: [seconds, seconds / 2] for name in models.SECONDS}
    found = {"loss": 27.5, "metrics": {"ndcg@10": 0.25}, "MiB": 100.0 * seconds, **more}
    return {"model": model, "dataset": "ml-100k", "round": number, "side": side, **clocks, **found}


def test_a_models_ratio_is_of_medians_and_the_mean_is_geometric():
    lines = [
        *(model_line("RecBole", seconds) for seconds in (4.0, 8.0, 6.0)),
        model_line("recbole_ext", 2.0),
        model_line("RecBole", 3.0, "FM"),
        model_line("recbole_ext", 4.0, "FM"),
        {"model": "NCL", "dataset": "ml-100k", "round": 1, "side": "RecBole", "error": "no faiss"},
    ]
    bpr, fm, ncl = models.ratios(lines)
    assert bpr["epoch"] == (6.0, 2.0, 3.0)
    assert bpr["MiB"] == [600.0, 200.0]
    assert models.ratios(lines, clock=1)[0]["epoch"] == (3.0, 1.0, 3.0)
    assert fm["full ranking"][2] == 0.75
    assert ncl == {"model": "NCL", "problems": {"RecBole": "no faiss"}}
    assert models.geometric_means([bpr, fm, ncl])["epoch"] == pytest.approx(1.5)
    text = models.table(lines)
    assert "RecBole: no faiss" in text
    assert re.search(r"geometric mean of 2 +\| 1\.50", text)


@pytest.mark.parametrize("more", [{"loss": 27.5001}, {"metrics": {"ndcg@10": 0.250002}}])
def test_models_that_disagree_are_no_comparison(more):
    same = {"loss": 27.50000001, "metrics": {"ndcg@10": 0.2500001}}
    models.ratios([model_line("RecBole", 1.0), model_line("recbole_ext", 1.0, **same)])
    with pytest.raises(AssertionError):
        models.ratios([model_line("RecBole", 1.0), model_line("recbole_ext", 1.0, **more)])


def test_a_run_that_is_started_again_measures_what_is_missing(tmp_path, monkeypatch):
    calls = []

    def measured(side, model, *_):
        calls.append((model, side))
        return {"error": "none"} if len(calls) == 2 else {"epoch": [1.0, 1.0]}

    monkeypatch.setattr(models, "measure", measured)
    file = tmp_path / "lines.jsonl"
    assert len(list(models.run(file, ["BPR"], "ml-100k", "", 2, 9.0))) == 4
    assert calls == 2 * [("BPR", "RecBole"), ("BPR", "recbole_ext")]
    again = list(models.run(file, ["BPR", "FM"], "ml-100k", "", 2, 9.0))
    assert [line["model"] for line in again] == 4 * ["FM"]
    assert len(models.read(file)) == 8


def test_the_suite_has_every_general_model_of_recbole():
    import recbole.model.general_recommender as general

    assert set(models.GENERAL) >= {
        name for name, value in vars(general).items() if isinstance(value, type)
    }

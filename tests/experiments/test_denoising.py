import csv
import math

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.experiments import denoising
from tests import runs


@pytest.mark.parametrize("orientation", ["user", "item"])
@pytest.mark.parametrize("settings", [{}, {"centring": "bias"}, {"global_kernel_size": 3}])
def test_errors_equal_a_plain_loop(orientation, settings, ratings):
    given = {**runs.SMALL["AutoRec"], "orientation": orientation, **settings}
    run = runs.prepare("AutoRec", **given)
    run.fit()
    model, pairs = run.model, run.test.dataset.inter_feat
    recovered, held_out = denoising.errors(model, run.test, "flip", 0.4, seed=3)
    torch.manual_seed(3)
    with torch.no_grad():
        rebuilt, hit = model.rebuild(torch.arange(model.ratings.n_rows), "flip", 0.4)
        clean, observed = model.ratings.dense(torch.arange(model.ratings.n_rows))
    assert 0.3 < hit.sum() / observed.sum() < 0.5
    assert not (hit & ~observed).any()
    total, n = 0.0, 0
    for row, column in np.argwhere(hit.numpy()):
        total, n = total + (rebuilt[row, column] - clean[row, column]).item() ** 2, n + 1
    assert recovered == pytest.approx(math.sqrt(total / n), rel=1e-5)
    total = 0.0
    for user, item, rating in zip(pairs["user_id"], pairs["item_id"], pairs["rating"], strict=True):
        cell = (user, item) if orientation == "user" else (item, user)
        total += (rebuilt[cell] - rating).item() ** 2
    assert held_out == pytest.approx(math.sqrt(total / len(pairs)), rel=1e-5)


def test_without_corruption_the_held_out_error_is_recboles(ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    run.fit()
    expected = run.trainer.evaluate(run.test)["rmse"]
    recovered, held_out = denoising.errors(run.model, run.test, "drop", 0.0, seed=1)
    assert math.isnan(recovered)
    assert held_out == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("plain", "denoising_errors", "expected"),
    [
        ([1.0, 1.2, 1.4], [1.1, 1.1, 1.1], 0.05),  # leads -0.1, 0.1, 0.3
        ([1.0, 1.0, 1.0], [0.9, 0.9, 0.9], 0.0),
        ([math.nan, 1.0, 1.2], [math.nan, 1.1, 1.1], 0.15),
        ([1.0, 1.0, 1.0], [0.9, 0.9, 1.1], math.nan),
    ],
)
def test_crossing(plain, denoising_errors, expected):
    found = denoising.crossing([0.0, 0.1, 0.2], plain, denoising_errors)
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.slow
def test_the_command_prints_writes_and_plots(ratings, tmp_path):
    words = ["denoise", "--dataset=made", "--data_path=dataset", "--rates", "0,0.5", "--seeds", "2"]
    result = CliRunner().invoke(
        main.main, [*words, "--epochs=2", "--mlp_hidden_size=[4]"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader((tmp_path / "denoising.csv").open()))
    assert len(rows) == 2 * 2 * 2
    held = [
        float(row["held_out"]) for row in rows if row["model"] == "plain" and row["rate"] == "0.5"
    ]
    assert f"{np.mean(held):.4f} +- {np.std(held):.4f}" in result.stdout
    page = (tmp_path / "denoising.html").read_text()
    assert "held-out ratings" in page
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "log_tensorboard") == [
        "dataset",
        "denoising.csv",
        "denoising.html",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rates", "0,x"), "expected numbers separated by commas, found 0,x"),
        (("--rates", "0.2,0.1"), "expected rates from 0 on that ascend"),
        (("--rates", "0,2"), "expected shares up to 1 for flip"),
        (("--output", "nowhere/x"), "--output: nowhere/x.csv: no folder nowhere; make it first"),
        (("--mlp_hidden_size=0",), "mlp_hidden_size: expected a list"),
    ],
)
def test_bad_options_are_refused(words, message, ratings):
    words = ["denoise", "--dataset=made", "--data_path=dataset", *words]
    result = CliRunner().invoke(main.main, words)
    assert result.exit_code == 2
    assert message in result.stderr

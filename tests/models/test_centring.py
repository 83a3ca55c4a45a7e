from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.models.autorec import adapter
from recbole_ext.models.autorec.centring import fit_baseline
from tests import runs
from tests.gradients import central_differences


def example(n_rows=6, n_columns=5, seed=0, empty=()):
    """Ratings as ``RatingMatrix`` and as a dense array with NaN where there is none."""
    random = np.random.default_rng(seed)
    dense = random.integers(1, 6, size=(n_rows, n_columns)).astype(float)
    dense[random.random(dense.shape) < 0.4] = np.nan
    dense[list(empty)] = np.nan
    counts = (~np.isnan(dense)).sum(axis=1)
    return dense, RatingMatrix(
        torch.tensor(np.concatenate([[0], np.cumsum(counts)])),
        torch.tensor(np.nonzero(~np.isnan(dense))[1]),
        torch.tensor(dense[~np.isnan(dense)]),
        n_columns,
    )


def test_biases_by_hand():
    """[[5, 3], [3, -]], damping 0: mu = 11/3; an exact fit exists, with b_r + b_c unique."""
    ratings = RatingMatrix(
        torch.tensor([0, 2, 3]), torch.tensor([0, 1, 0]), torch.tensor([5.0, 3.0, 3.0]), 2
    )
    actual = fit_baseline(ratings, "bias", 0.0)
    cells = actual.at(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]))
    assert cells.tolist() == pytest.approx([5, 3, 3, 1], abs=1e-5)
    assert fit_baseline(ratings, "mean", 0.0).at(ratings.row_of, ratings.columns).tolist() == (
        pytest.approx([11 / 3] * 3)
    )
    assert fit_baseline(ratings, "none", 0.0).mean == 0


@pytest.mark.parametrize("damping", [0.1, 5.0])
def test_biases_solve_the_ridge_regression(damping):
    """Against the normal equations of all biases at once; row 2 has no rating."""
    dense, ratings = example(empty=[2])
    actual = fit_baseline(ratings, "bias", damping)
    rows, columns = np.nonzero(~np.isnan(dense))
    design = np.zeros((len(rows), 6 + 5))
    design[np.arange(len(rows)), rows] = design[np.arange(len(rows)), 6 + columns] = 1
    target = dense[rows, columns] - np.nanmean(dense)
    normal = design.T @ design + damping * np.eye(11)
    expected = np.linalg.solve(normal, design.T @ target)
    np.testing.assert_allclose(actual.rows, expected[:6], atol=1e-6)
    np.testing.assert_allclose(actual.columns, expected[6:], atol=1e-6)
    assert actual.rows[2] == 0


@settings(deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["none", "mean", "bias"]))
def test_what_is_taken_is_what_is_added(seed, kind):
    _, ratings = example(seed=seed)
    baseline = fit_baseline(ratings, kind, 1.0)
    ids = torch.tensor([3, 0, 5])
    rows, observed = ratings.dense(ids)
    left = baseline.taken_from(rows, observed, baseline.rows[ids])
    assert not left[~observed].any()
    whole = left + baseline.at(ids[:, None], torch.arange(5))
    torch.testing.assert_close(whole[observed], rows[observed])


def test_the_deviation_by_hand():
    """5, 3 and 3 less their mean are 4/3, -2/3, -2/3: variance (16 + 4 + 4) / 27 = 8/9."""
    ratings = RatingMatrix(
        torch.tensor([0, 2, 3]), torch.tensor([0, 1, 0]), torch.tensor([5.0, 3.0, 3.0]), 2
    )
    baseline = fit_baseline(ratings, "mean", 0.0, standardise=True)
    assert float(baseline.deviation) == pytest.approx((8 / 9) ** 0.5)
    rows, observed = ratings.dense(torch.tensor([0, 1]))
    left = baseline.taken_from(rows, observed, baseline.rows)
    expected = torch.tensor([[4.0, -2.0], [-2.0, 0.0]]) / 3 / (8 / 9) ** 0.5
    torch.testing.assert_close(left, expected)
    assert float(fit_baseline(ratings, "mean", 0.0).deviation) == 1
    # an exact fit leaves nothing, and nothing is divided by 0
    assert float(fit_baseline(ratings, "bias", 0.0, standardise=True).deviation) < 1e-5
    same = ratings._replace(values=torch.full((3,), 4.0))
    assert float(fit_baseline(same, "mean", 0.0, standardise=True).deviation) == 1


@pytest.mark.parametrize("centring", ["none", "mean", "bias"])
@pytest.mark.parametrize("by_cells", [False, True])
def test_standardised_models_do_not_depend_on_the_unit_of_ratings(
    centring, by_cells, ratings, monkeypatch
):
    """The same losses, and predictions that are 20 times as large."""
    monkeypatch.setattr(adapter, "_CELL_COST", 0 if by_cells else 10**9)
    place = Path("dataset", "cents")
    place.mkdir()
    head, *rows = Path("dataset/made/made.inter").read_text().splitlines()
    cells = [row.split("\t") for row in rows]
    lines = ["\t".join([u, i, str(20 * float(r)), t]) for u, i, r, t in cells]
    (place / "cents.inter").write_text("\n".join([head, *lines]) + "\n")
    options = {**runs.SMALL["AutoRec"], "centring": centring, "mask_input_scale": 2.0}
    options |= {"svdpp_scale": 0.1, "clip_ratings": True, "epochs": 3}
    trained = {}
    for dataset in ("made", "cents"):
        run = runs.prepare("AutoRec", dataset, standardise=True, **options)
        assert run.model.by_cells == by_cells
        run.fit()
        pairs = run.test.dataset.inter_feat
        with torch.no_grad():
            predictions = run.model.eval().predict(pairs)
        trained[dataset] = run.trainer.train_loss_dict, predictions
    assert trained["made"][0] == pytest.approx(trained["cents"][0], rel=1e-3)
    torch.testing.assert_close(20 * trained["made"][1], trained["cents"][1], rtol=1e-3, atol=1e-2)
    plain = runs.prepare("AutoRec", "cents", **options)
    plain.fit()
    assert plain.trainer.train_loss_dict != pytest.approx(trained["cents"][0], rel=0.1)


def test_the_gradient_of_the_standardised_loss_by_central_differences(ratings):
    """(1/B) sum ((r - b) / s - W g(V (r - b) / s + mu) - b)^2 + lambda/2 (|W|^2 + |V|^2)."""
    run = runs.prepare(
        "AutoRec",
        **{"mlp_hidden_size": [2], "dropout_prob": 0.0, "reg_weight": 0.3, "train_batch_size": 64},
        **{"centring": "bias", "standardise": True},
    )
    model, ids = run.model, torch.arange(1, 6)
    model.calculate_loss({"item_id": ids}).backward()
    stars, observed = model.ratings.dense(ids)
    base = model.baseline.at(ids[:, None], torch.arange(stars.shape[1]))
    z = torch.where(observed, (stars - base) / model.baseline.deviation, 0.0).double().numpy()

    def loss(weights):
        v, mu, w, b = weights
        rebuilt = 1 / (1 + np.exp(-(z @ v.T + mu))) @ w.T + b
        error = ((rebuilt - z)[observed.numpy()] ** 2).sum() / len(ids)
        return error + 0.3 / 2 * ((v**2).sum() + (w**2).sum())

    layers = (*model.net.hidden_layers, model.net.last_layer)
    parameters = [part for layer in layers for part in (layer.weight, layer.bias)]
    at = [part.detach().double().numpy() for part in parameters]
    for part, expected in zip(parameters, central_differences(loss, at), strict=True):
        np.testing.assert_allclose(part.grad.numpy(), expected, rtol=1e-3, atol=1e-4)


def test_an_untrained_model_without_weights_predicts_the_baseline(ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], centring="bias", damping=2.0)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.zero_()
    pairs = run.test.dataset.inter_feat
    users, items = pairs["user_id"], pairs["item_id"]
    torch.testing.assert_close(
        run.model.eval().predict(pairs), run.model.baseline.at(items, users), rtol=0, atol=1e-6
    )

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.models.autorec.centring import fit_baseline
from tests import runs


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

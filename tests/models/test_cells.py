"""Rows kept as their cells give what whole rows give."""

import pytest
import torch

from recbole_ext.data.rating_matrix import Cells
from recbole_ext.models.autorec import adapter
from recbole_ext.models.autorec.cells import products, weighted_sums
from tests import runs

PLAIN = {"dropout_prob": 0.0, "epochs": 1, "eval_step": 0}


def example():
    """Four rows of five columns, the second without a cell."""
    torch.manual_seed(0)
    row = torch.tensor([0, 0, 0, 2, 3, 3])
    columns = torch.tensor([4, 0, 2, 2, 1, 4])
    values = torch.randn(6, dtype=torch.float64)
    cells = Cells(torch.tensor([0, 3, 3, 4]), row, columns, values)
    rows = torch.zeros(4, 5, dtype=torch.float64)
    rows[row, columns] = values
    return cells, rows


def test_products_equal_those_of_whole_rows():
    cells, rows = example()
    matrix, hidden = (torch.randn(n, 3, dtype=torch.float64) for n in (5, 4))
    torch.testing.assert_close(weighted_sums(cells, matrix), rows @ matrix)
    actual = products(hidden, matrix, cells)
    torch.testing.assert_close(actual, (hidden @ matrix.T)[cells.row, cells.columns])


def test_gradients_equal_finite_differences():
    cells, _ = example()
    matrix, hidden = (torch.randn(n, 3, dtype=torch.float64).requires_grad_() for n in (5, 4))
    assert torch.autograd.gradcheck(lambda h, m: products(h, m, cells), (hidden, matrix))
    assert torch.autograd.gradcheck(lambda m: weighted_sums(cells, m), matrix)


@pytest.mark.parametrize("orientation", ["user", "item"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mlp_hidden_size": [6, 4, 6], "tied": True},
        {"kernel_dim": 2},
        {"centring": "bias", "unseen_rating": 3.0},
        {"centring": "mean", "mask_input_scale": 2.0},
        {"centring": "bias", "standardise": True},
        {"svdpp_scale": 1.5},
        {"svdpp_scale": 1.5, "mlp_hidden_size": [6, 4]},
        {"loss_type": "CE"},
        {"loss_type": "CE", "tied": False, "mask_input_scale": 1.0},
        {"exposure_weight": 0.5},
        {"exposure_weight": 0.5, "exposure_hidden_size": 3, "kernel_dim": 2},
        {"exposure_weight": 0.5, "exposure_loss": "logistic", "exposure_samples": 6},
        {"out_activation": "sigmoid", "hid_activation": "relu", "ema_decay": 0.5},
    ],
    ids=str,
)
def test_a_model_is_the_same_by_cells(settings, orientation, ratings, monkeypatch):
    actual = []
    for worth in (10**6, 0):
        monkeypatch.setattr(adapter, "_CELL_COST", worth)
        options = {**runs.SMALL["AutoRec"], **PLAIN, **settings}
        run = runs.prepare("AutoRec", **options, orientation=orientation)
        assert run.model.by_cells == (worth == 0)
        run.model.train()
        ids = torch.tensor([5, 2, 9, 1])
        loss = run.model.calculate_loss({run.model.row_field: ids})
        loss.backward()
        slopes = {name: p.grad for name, p in run.model.named_parameters() if p.requires_grad}
        run.model.eval()
        with torch.no_grad():
            actual.append((loss, slopes, run.model.hidden(), run.model.vectors("user")))
    torch.testing.assert_close(*actual)


def test_cells_are_kept_where_ratings_are_few(tmp_path):
    rows = [(f"u{u}", f"i{(7 * u + n) % 50}", 1 + n, n) for u in range(50) for n in range(5)]
    runs.write_inter(tmp_path / "dataset", "made", rows)  # one in 10
    assert not runs.prepare("AutoRec", **runs.SMALL["AutoRec"]).model.by_cells
    rows = [(f"u{u}", f"i{(7 * u + n) % 150}", 1 + n, n) for u in range(150) for n in range(3)]
    runs.write_inter(tmp_path / "dataset", "few", rows)
    assert runs.prepare("AutoRec", "few", **runs.SMALL["AutoRec"]).model.by_cells
    for rival in ({"global_kernel_size": 3}, {"refeeding": 1}, {"learner": "lbfgs"}):
        assert not runs.prepare("AutoRec", "few", **runs.SMALL["AutoRec"], **rival).model.by_cells


@pytest.mark.parametrize("kind", ["drop", "flip", "gaussian"])
def test_cells_are_corrupted_as_ratings(kind, ratings, monkeypatch):
    monkeypatch.setattr(adapter, "_CELL_COST", 0)
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], orientation="user", centring="mean")
    torch.manual_seed(0)
    ids = torch.arange(1, 31)
    cells = run.model.ratings.cells(ids)
    shown = run.model.batches.batch(ids, kind, 0.3).inputs.values
    clean = cells.values - run.model.baseline.mean
    hit = shown != clean
    if kind == "gaussian":
        assert (shown - clean).std().item() == pytest.approx(0.3, rel=0.15)
    else:
        assert hit.float().mean().item() == pytest.approx(0.3, abs=0.06)
    if kind == "drop":
        assert (shown[hit] == 0).all()  # as an unrated one, after centring
    if kind == "flip":
        stars = shown + run.model.baseline.mean
        assert torch.isclose(stars[:, None], run.model.levels).any(1).all()


def test_a_model_learns_by_cells(ratings, monkeypatch):
    losses = {}
    for worth in (10**6, 0):
        monkeypatch.setattr(adapter, "_CELL_COST", worth)
        run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], dropout_prob=0.0)
        run.fit()
        losses[worth] = list(run.trainer.train_loss_dict.values())
        losses[worth].append(run.trainer.evaluate(run.test)["rmse"])
    assert losses[0] == pytest.approx(losses[10**6], rel=1e-5)

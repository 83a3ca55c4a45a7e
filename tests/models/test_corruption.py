import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.errors import SettingError
from recbole_ext.models.autorec.corruption import corrupt
from tests import runs

LEVELS = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])


def example(n_rows=200, n_columns=100, seed=0):
    torch.manual_seed(seed)
    observed = torch.rand(n_rows, n_columns) < 0.3
    ratings = LEVELS[torch.randint(5, observed.shape)]
    return torch.where(observed, ratings, 0.0), observed


def test_drop_takes_the_share_of_the_ratings_and_scales_nothing():
    rows, observed = example()
    shown, seen = corrupt(rows, observed, "drop", 0.3, LEVELS)
    assert (seen <= observed).all()
    assert seen.sum() / observed.sum() == pytest.approx(0.7, abs=0.02)
    assert torch.equal(shown, torch.where(seen, rows, 0.0))


def test_gaussian_has_its_standard_deviation():
    rows, observed = example()
    shown, seen = corrupt(rows, observed, "gaussian", 0.5, LEVELS)
    assert torch.equal(seen, observed)
    assert not shown[~observed].any()
    noise = (shown - rows)[observed]
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(0.5, rel=0.03)


def test_flip_puts_another_level_each_as_likely():
    rows, observed = example()
    shown, seen = corrupt(rows, observed, "flip", 0.4, LEVELS)
    assert torch.equal(seen, observed)
    assert not shown[~observed].any()
    changed = observed & (shown != rows)
    assert changed.sum() / observed.sum() == pytest.approx(0.4, abs=0.02)
    assert set(shown[observed].unique().tolist()) <= set(LEVELS.tolist())
    of_threes = shown[changed & (rows == 3)]
    shares = [(of_threes == level).float().mean().item() for level in (1, 2, 4, 5)]
    assert shares == pytest.approx([0.25] * 4, abs=0.05)


@settings(deadline=None)
@given(st.sampled_from(["none", "drop", "gaussian", "flip"]), st.integers(0, 1000))
def test_nothing_is_made_up_where_there_is_no_rating(kind, seed):
    rows, observed = example(6, 5, seed)
    shown, seen = corrupt(rows, observed, kind, 0.5, LEVELS)
    assert not shown[~observed].any()
    assert not (seen & ~observed).any()
    unchanged, _ = corrupt(rows, observed, kind, 0.0, LEVELS)
    assert torch.equal(unchanged, rows)


@pytest.mark.parametrize("centring", ["none", "bias"])
def test_the_loss_compares_with_the_clean_row(centring, ratings):
    """Everything dropped: the network sees an empty row, the error is that of its ratings."""
    options = {"corruption": "drop", "corruption_rate": 1.0, "dropout_prob": 0.0, "reg_weight": 0.0}
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], **options, centring=centring)
    batch = next(iter(run.train))
    loss = run.model.calculate_loss(batch)
    rows, observed = run.model.ratings.dense(batch["item_id"])
    baseline = run.model.baseline.at(batch["item_id"][:, None], torch.arange(rows.shape[1]))
    rebuilt = run.model.net(torch.zeros_like(rows)) + baseline
    expected = ((rebuilt - rows)[observed] ** 2).sum() / len(rows)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_flipped_ratings_are_levels_after_centring_too(ratings):
    options = {"corruption": "flip", "corruption_rate": 1.0, "centring": "bias"}
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], **options)
    ids = torch.arange(1, 6)
    rows, observed = run.model.ratings.dense(ids)
    batch = run.model.batches.batch(ids, "flip", 1.0)
    shown = batch.shown
    stars = batch.inputs + run.model.baseline.at(ids[:, None], torch.arange(rows.shape[1]))
    torch.testing.assert_close(stars[observed], shown[observed])
    torch.testing.assert_close(shown, shown.round(), atol=1e-5, rtol=0)
    assert ((shown - rows)[observed].abs() > 0.5).all()


def test_evaluation_sees_the_clean_rows(ratings):
    options = {**runs.SMALL["AutoRec"], "corruption": "drop", "corruption_rate": 0.9}
    run = runs.prepare("AutoRec", **options)
    pairs = run.test.dataset.inter_feat
    run.model.eval()
    with torch.no_grad():
        torch.testing.assert_close(run.model.predict(pairs), run.model.predict(pairs))
        hidden = run.model.net.encode(
            run.model.ratings.dense(torch.arange(run.model.ratings.n_rows))[0]
        )
        torch.testing.assert_close(run.model.hidden(), hidden)


def test_flip_needs_two_levels(tmp_path):
    runs.write_inter(tmp_path / "dataset", "d", [(u, i, 4, 1) for u in range(9) for i in range(9)])
    with pytest.raises(SettingError, match=r"corruption: flip puts another .* all are \[4\.0\]"):
        runs.prepare("AutoRec", "d", corruption="flip", corruption_rate=0.1)

"""Users are scored many at a time: the recommended items are RecBole's."""

import pytest
import torch

from recbole_ext.patches.functions import near_ties, ranking_blocks
from tests import runs
from tests.patches.rankings import ranked
from tests.patches.switch import switched_off

STEP = 2  # users that RecBole scores at a time, of 20 items
SETTINGS = {
    "BPR": {},
    "LightGCN": {"n_layers": 2},  # keeps what it has computed of its graph
    "GCMC": {},
    "MultiVAE": {"mlp_hidden_size": [8], "latent_dimension": 4},
    "RecVAE": {"hidden_dimension": 8, "latent_dimension": 4},
    "EASE": {},
    "ENMF": {},
}


def prepare(model):
    run = runs.prepare(model, eval_batch_size=21 * STEP, **SETTINGS.get(model, {}), **runs.RANKING)
    run.fit()
    return run


@pytest.fixture
def all_worth_it(monkeypatch):
    monkeypatch.setattr(near_ties, "MOST", 1.0)


@pytest.mark.parametrize("model", SETTINGS)
def test_recommended_items_are_recboles(ratings, model, all_worth_it):
    run = prepare(model)
    state = torch.get_rng_state()
    ours, metrics, sizes = ranked(run, "full_sort_predict")
    assert max(sizes) == 30
    with switched_off("ranking-blocks"):
        theirs, their_metrics, their_sizes = ranked(run, "full_sort_predict")
    assert max(their_sizes) == STEP
    assert metrics == their_metrics
    assert torch.equal(ours.topk(11)[1], theirs.topk(11)[1])
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.equal(ours.isinf(), theirs.isinf())
    assert torch.equal(state, torch.get_rng_state())


def test_blocks_have_no_more_scores_than_they_may(ratings, all_worth_it, monkeypatch):
    monkeypatch.setattr(ranking_blocks, "BLOCK", 21 * 7 + 20)
    run = prepare("BPR")
    with switched_off("ranking-blocks"):
        theirs = ranked(run, "full_sort_predict")[0]
    ours, _, sizes = ranked(run, "full_sort_predict")
    assert torch.equal(ours.topk(11)[1], theirs.topk(11)[1])
    assert max(sizes) == 7
    assert [size for size in sizes if size > STEP] == [7, 7, 7, 7]


def test_batches_of_recboles_that_are_as_large_stay(ratings, monkeypatch):
    monkeypatch.setattr(ranking_blocks, "BLOCK", 21 * STEP)
    assert set(ranked(prepare("BPR"), "full_sort_predict")[2]) == {STEP}


@pytest.mark.parametrize("fault", ["other values", "draws", "writes", "keeps", "raises", "close"])
def test_a_model_that_depends_on_the_batch_is_scored_recboles_way(ratings, monkeypatch, fault):
    run = prepare("BPR")
    score = run.model.full_sort_predict
    monkeypatch.setattr(near_ties, "MOST", -1.0 if fault == "close" else 1.0)
    monkeypatch.setattr(ranking_blocks, "BLOCK", 21 * 7)
    run.model.last = None

    def own(users):
        wide, result = len(users) > STEP, score(users)
        if fault == "other values":
            return result * 1.01 if wide else result
        if fault == "raises" and wide:
            raise ValueError
        if fault == "draws":
            return result + 1e-9 * torch.rand(1)
        if fault == "keeps" and wide:
            run.model.last = users
        if fault == "writes" and wide:
            run.model.user_embedding.weight.data += 0.0
            run.model.other = 1
        return result

    run.model.full_sort_predict = own
    state = torch.get_rng_state()
    ours, metrics, sizes = ranked_keeping(run, own)
    after, _ = torch.get_rng_state(), torch.set_rng_state(state)
    with switched_off("ranking-blocks"):
        theirs, their_metrics, their_sizes = ranked_keeping(run, own)
    if fault == "draws":  # the first call shows it
        assert sizes == [STEP, *their_sizes]
    assert torch.equal(ours, theirs)
    assert metrics == their_metrics
    assert torch.equal(after, torch.get_rng_state())
    assert run.model.last is None
    assert not hasattr(run.model, "other")


def ranked_keeping(run, own):
    """``ranked``, after which the model has its own ``full_sort_predict`` again."""
    result = ranked(run, "full_sort_predict")
    run.model.full_sort_predict = own
    return result

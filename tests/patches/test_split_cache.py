"""A split that was kept is the one that the run would make, and the run goes on as it would."""

from pathlib import Path

import pytest
import torch
from recbole.data.dataset import Dataset

from recbole_ext.patches.functions import dataset_cache, split_cache
from tests import runs
from tests.patches.test_dataset_cache import LOADED, same, users  # noqa: F401 - a fixture

SPLITS = {
    "by user": {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"},
    "of all": {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": None},
    "by time": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user"},
}


def kept():
    return sorted(Path("dataset/made/made.cache").glob("*.split"))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("model", ["BPR", "AutoRec"])
def test_a_run_is_the_same_with_a_kept_split(model, split, monkeypatch):
    given = {**runs.SMALL.get(model, {}), **LOADED, "eval_args": {**SPLITS[split], "mode": "full"}}
    given |= {"metrics": ["NDCG"], "valid_metric": "NDCG@10"}
    with monkeypatch.context() as patch:
        patch.setattr(dataset_cache, "LEAST", 2**40)
        plain = runs.prepare(model, **given)
        scores = plain.fit()
    assert not kept()
    first = runs.prepare(model, **given)
    assert len(kept()) == 1
    with monkeypatch.context() as patch:
        for name in ("shuffle", "split_by_ratio", "leave_one_out"):
            patch.setattr(Dataset, name, None)
        second = runs.prepare(model, **given)
    for run in (first, second):
        same(run, plain)
        for feat in ("inter_feat", "user_feat"):
            found, expected = (getattr(one.dataset, feat) for one in (run, plain))
            assert found.columns == expected.columns
            for column in expected.columns:
                assert torch.equal(found[column], expected[column])
                assert found[column].dtype == expected[column].dtype
    assert second.fit() == scores
    assert second.trainer.train_loss_dict == plain.trainer.train_loss_dict


def test_random_numbers_go_on_as_after_a_split():
    states = []
    for _ in range(2):
        runs.prepare("BPR", **LOADED)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.parametrize(
    "setting",
    [
        {"seed": 7},
        {"eval_args": {"split": {"RS": [0.6, 0.2, 0.2]}}},
        {"eval_args": {"order": "TO"}},
        {"eval_args": {"group_by": None}},
        {"user_inter_num_interval": "[9,inf)"},
    ],
    ids=str,
)
def test_another_split_is_made(setting, monkeypatch):
    runs.prepare("BPR", **LOADED)
    found = runs.prepare("BPR", **LOADED, **setting)
    assert len(kept()) == 2
    monkeypatch.setattr(dataset_cache, "LEAST", 2**40)
    same(found, runs.prepare("BPR", **LOADED, **setting))


def test_how_it_is_evaluated_does_not_matter():
    runs.prepare("BPR", **LOADED)
    runs.prepare("BPR", **LOADED, eval_args={"mode": "uni5"}, learning_rate=0.1)
    assert len(kept()) == 1


def test_columns_that_are_left_out_after_reading_are_not_kept():
    runs.prepare("BPR", **LOADED, unused_col={"inter": ["timestamp"]})
    assert not kept()


def test_a_damaged_split_is_made_anew():
    first = runs.prepare("BPR", **LOADED)
    whole = kept()[0].read_bytes()
    kept()[0].write_bytes(whole[: len(whole) // 2])
    same(runs.prepare("BPR", **LOADED), first)
    assert len(kept()[0].read_bytes()) == len(whole)


def test_the_oldest_splits_go():
    for seed in range(split_cache.KEPT + 2):
        runs.prepare("BPR", **LOADED, seed=seed)
    assert len(kept()) == split_cache.KEPT

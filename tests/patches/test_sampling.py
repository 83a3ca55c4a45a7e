"""RecBole's sets and loops as arrays: the same results, drawn by the same random numbers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.dataloader import FullSortEvalDataLoader, TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.sampler.sampler import AbstractSampler, Sampler

from recbole_ext.data.dataloader import InteractionLoader, RankingLoader, WideRankingLoader
from recbole_ext.data.interaction_set import InteractionSet
from tests import runs

lines = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), max_size=40)


def dataset_of(found):
    users, items = (np.array([pair[n] for pair in found], dtype=np.int64) for n in (0, 1))
    feat = {"u": torch.from_numpy(users), "i": torch.from_numpy(items)}
    return SimpleNamespace(inter_feat=feat, uid_field="u", iid_field="i", user_num=7, item_num=9)


@given(lines, lines)
def test_pairs_are_sets(one, two):
    first, second = (
        InteractionSet.of_dataset(dataset_of(one)),
        InteractionSet.of_dataset(dataset_of(two)),
    )
    for found, expected in (
        (first, set(one)),
        (first | second, set(one) | set(two)),
        (first - second, set(one) - set(two)),
    ):
        sets = [{i for u, i in expected if u == user} for user in range(7)]
        assert list(found) == sets
        assert len(found) == 7
        assert found.counts.tolist() == [len(own) for own in sets]
        users, items = np.divmod(np.arange(63), 9)
        assert found.have(users, items).tolist() == [
            pair in expected for pair in zip(users, items, strict=True)
        ]
        asked = np.array([5, 0, 5, 3])
        row, items = found.of(asked)
        assert [sorted(items[row == n]) for n in range(4)] == [sorted(sets[u]) for u in asked]
        assert (np.diff(row) >= 0).all()


def original(owner, name):
    """RecBole's own function."""
    return vars(owner)[name].__wrapped__


def samplers(run, distribution):
    """Ours and RecBole's, of the same data."""
    datasets = [run.train._dataset, run.valid._dataset, run.test._dataset]
    phases = ["train", "valid", "test"]
    ours = Sampler(phases, datasets, distribution).set_phase("valid")
    theirs = Sampler(phases, datasets, distribution)
    theirs.used_ids = original(Sampler, "get_used_ids")(theirs)
    return ours, theirs.set_phase("valid")


@pytest.mark.parametrize("distribution", ["uniform", "popularity"])
@pytest.mark.parametrize("same_user", [False, True])
def test_drawn_items_are_recboles(distribution, same_user, ratings, monkeypatch):
    run = runs.prepare("BPR")
    ours, theirs = samplers(run, distribution)
    assert list(ours.used_ids) == list(theirs.used_ids)
    users = np.random.default_rng(0).integers(1, run.dataset.user_num, 200)
    if same_user:
        users[:] = 3
    np.random.seed(5)
    found = ours.sample_by_user_ids(users, None, 4)
    after = np.random.random()
    monkeypatch.setattr(
        AbstractSampler, "_pop_sampling", original(AbstractSampler, "_pop_sampling")
    )
    np.random.seed(5)
    expected = original(AbstractSampler, "sample_by_key_ids")(theirs, users, 4)
    assert np.random.random() == after
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


@given(st.lists(st.integers(0, 8)) | st.just([True, False] * 4 + [True]))
def test_tensors_are_indexed_as_by_lists(index):
    values = Interaction({"a": torch.arange(9) ** 2, "b": torch.randn(9, 2)})
    backwards = np.array(index[::-1])[::-1]
    for asked in (index, np.array(index, dtype=None if index else int), backwards):
        if len(index):
            found = values[asked]
            assert torch.equal(found["a"], values["a"][index])
            assert torch.equal(found["b"], values["b"][index])
    assert torch.equal(
        values[torch.tensor(index, dtype=None if index else int)]["a"], values["a"][index]
    )
    assert values[3]["a"] == 9
    assert values[np.array(3)]["a"] == 9
    assert values[2:4]["a"].tolist() == [4, 9]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("drawn", [1, 3])
def test_batches_of_interactions_are_recboles(shuffle, drawn, ratings):
    arguments = {"distribution": "uniform", "sample_num": drawn}
    given = {**runs.SMALL["NCFMLP"], "train_neg_sample_args": arguments, "shuffle": shuffle}
    ours = runs.prepare("NCFMLP", **given)
    assert type(ours.train) is InteractionLoader
    theirs = TrainDataLoader(ours.config, ours.train._dataset, ours.train._sampler, shuffle=shuffle)
    assert len(ours.train) == len(theirs) > 2
    for _ in range(2):
        np.random.seed(3)
        found = list(ours.train)
        np.random.seed(3)
        expected = list(theirs)
        assert len(found) == len(expected)
        for one, two in zip(found, expected, strict=True):
            for column in two.columns:
                assert torch.equal(one[column], two[column]), column


def test_interactions_told_from_each_other_are_interactions(ratings):
    run = runs.prepare("NCFMLP", **runs.SMALL["NCFMLP"], negatives="in_batch")
    found = torch.cat([batch["user_id"] * 100 + batch["item_id"] for batch in run.train])
    own = run.train._dataset.inter_feat
    expected = own["user_id"] * 100 + own["item_id"]
    assert found.sort().values.tolist() == expected.sort().values.tolist()
    assert all(len(batch) <= 64 for batch in run.train)


def test_a_user_who_has_everything_is_refused(tmp_path):
    rows = [("u0", f"i{item}", 1, item) for item in range(10)] + [("u1", "i0", 1, 0)]
    runs.write_inter(tmp_path / "dataset", "made", rows)
    with pytest.raises(ValueError, match="interacted with all 10 items"):
        runs.prepare("BPR")


def test_a_batch_of_users_is_recboles(ratings, monkeypatch):
    monkeypatch.setattr(WideRankingLoader, "scores", 1)
    run = runs.prepare("BPR", eval_batch_size=100)
    assert isinstance(run.test, RankingLoader)
    theirs = FullSortEvalDataLoader(run.config, run.test._dataset, run.test._sampler)
    assert run.test.step == theirs.step
    assert len(run.test) == len(theirs) > 1
    n_items = run.dataset.item_num
    for ours, expected in zip(run.test, theirs, strict=True):
        assert ours[0]["user_id"].tolist() == expected[0]["user_id"].tolist()
        for (row, items), (other_row, others) in (
            (ours[1], expected[1]),
            (ours[2:], expected[2:]),
        ):
            keys, wanted = row * n_items + items, other_row * n_items + others
            assert keys.tolist() == wanted.sort().values.tolist()
    for ours, expected in zip(run.test.uid2history_item, theirs.uid2history_item, strict=True):
        if expected is not None:
            assert ours.tolist() == expected.sort().values.tolist()


@pytest.mark.parametrize("name", ["NCFMLP", "AutoRec"])
def test_all_users_at_once_have_the_metrics_of_a_few_at_a_time(name, ratings):
    mode = {"eval_args": {"mode": "full"}, "metrics": ["NDCG", "Hit"], "valid_metric": "NDCG@10"}
    run = runs.prepare(name, **runs.SMALL[name], **mode)
    assert type(run.test) is WideRankingLoader
    assert len(run.test) == 1
    few = FullSortEvalDataLoader(run.config, run.test._dataset, run.test._sampler)
    found = run.trainer.evaluate(run.test, load_best_model=False)
    expected = run.trainer.evaluate(few, load_best_model=False)
    assert found == expected


def test_wide_batches_have_at_least_the_asked_size(ratings, monkeypatch):
    monkeypatch.setattr(WideRankingLoader, "scores", 1)
    run = runs.prepare("NCFMLP", **runs.SMALL["NCFMLP"], eval_batch_size=100)
    assert run.test.step == 100 // run.dataset.item_num


def test_repeatable_runs_keep_recboles_loaders(ratings):
    run = runs.prepare("BPR", repeatable=True)
    assert type(run.test) is FullSortEvalDataLoader

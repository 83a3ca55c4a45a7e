"""Novelty, diversity within a list and serendipity, beside sets and loops, and by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recbole_ext.evaluator import list_metrics, per_user
from recbole_ext.evaluator.metrics import bigger_is_better, proper
from tests import runs

NAMES = ("Novelty", "IntraListDiversity", "Serendipity")

# users 1 to 4: their training items
TRAINED = {1: {1, 2}, 2: {1, 2}, 3: {1, 3}, 4: {1}}


def matrix(trained, n_items):
    users_of = np.zeros((n_items + 1, max(trained) + 1), dtype=np.float32)
    for user, items in trained.items():
        users_of[sorted(items), user] = 1
    return csr_matrix(users_of)


# --- plain Python ---------------------------------------------------------------------------


def users_with(trained, item):
    return {user for user, items in trained.items() if item in items}


def pairs_of(feat):
    return list(zip(feat["user_id"].tolist(), feat["item_id"].tolist(), strict=True))


def plain_novelty(items, trained):
    n_users = sum(bool(own) for own in trained.values())
    if not items:
        return 0.0
    bits = [math.log2(n_users / max(len(users_with(trained, item)), 1)) for item in items]
    return sum(bits) / len(items)


def plain_diversity(items, trained):
    pairs = [(a, b) for n, a in enumerate(items) for b in items[:n]]
    if not pairs:
        return 0.0

    def distance(a, b):
        one, two = users_with(trained, a), users_with(trained, b)
        return 1 - (len(one & two) / math.sqrt(len(one) * len(two)) if one and two else 0)

    return sum(distance(a, b) for a, b in pairs) / len(pairs)


def plain_popular(trained, candidates, k):
    return sorted(candidates, key=lambda item: (-len(users_with(trained, item)), item))[:k]


def plain_serendipity(items, relevant, popular):
    if not items:
        return 0.0
    return sum(item in relevant and item not in popular for item in items) / len(items)


# --- by hand --------------------------------------------------------------------------------


def test_novelty_by_hand():
    """Items 1, 2, 3 have 4, 2, 1 of 4 users: 0, 1 and 2 bits; item 4 has none: as much as one."""
    lists = np.array([[1, 2, 3], [4, 3, 0]])
    found = list_metrics.novelty(lists, matrix(TRAINED, 4))
    assert found.tolist() == [[0, 0.5, 1], [2, 2, 2]]


def test_diversity_by_hand():
    """cos(1, 2) = 2 / sqrt(8), cos(1, 3) = 1 / sqrt(4), cos(2, 3) = 0."""
    found = list_metrics.intra_list_diversity(np.array([[1, 2, 3], [4, 0, 0]]), matrix(TRAINED, 4))
    one, two = 1 - 2 / math.sqrt(8), 1 - 0.5
    assert found[0] == pytest.approx([0, one, (one + two + 1) / 3])
    assert found[1].tolist() == [0, 0, 0]


def test_serendipity_by_hand():
    """Item 3 is relevant and not among Pop's first two; item 1 is Pop's."""
    lists, expected = np.array([[3, 1, 2]]), np.array([[1, 2, 3]])
    relevant = np.array([[True, True, False]])
    found = list_metrics.serendipity(lists, relevant, expected)
    assert found.tolist() == [[1, 0.5, 0]]  # at rank 3 Pop has item 3, too


def test_popular_lists_are_of_the_candidates():
    counts = torch.tensor([9, 2, 5, 5, 0])  # the padding item's are no candidate's
    scores = torch.zeros(3, 5)
    scores[:, 0] = -torch.inf
    scores[1, 2] = -torch.inf
    scores[2, 1:] = torch.tensor([-torch.inf, -torch.inf, 1.0, -torch.inf])
    assert list_metrics.popular(counts, scores, 3).tolist() == [[2, 3, 1], [3, 1, 4], [3, 0, 0]]


# --- any lists ------------------------------------------------------------------------------

N_ITEMS = 9


@st.composite
def cases(draw):
    item = st.integers(1, N_ITEMS)
    trained = {user: set(draw(st.lists(item, max_size=6))) for user in range(1, 6)}
    trained[1].add(1)
    lists = draw(st.lists(st.lists(item, unique=True, max_size=4), min_size=1, max_size=4))
    relevant = [set(draw(st.lists(item, max_size=4))) for _ in lists]
    return trained, lists, relevant


@given(cases())
def test_metrics_equal_sets_and_loops(case):
    trained, lists, relevant = case
    table = np.array([own + [0] * (4 - len(own)) for own in lists])
    users_of = matrix(trained, N_ITEMS)
    popular = plain_popular(trained, range(1, N_ITEMS + 1), 4)
    hits = np.array([[i in own for i in row] for own, row in zip(relevant, table, strict=True)])
    found = {
        "novelty": list_metrics.novelty(table, users_of),
        "diversity": list_metrics.intra_list_diversity(table, users_of),
        "serendipity": list_metrics.serendipity(table, hits, np.array([popular] * len(table))),
    }
    for row, own in enumerate(lists):
        for rank in range(4):
            items = own[: rank + 1]
            assert found["novelty"][row, rank] == pytest.approx(plain_novelty(items, trained))
            diversity = plain_diversity(items, trained)
            assert found["diversity"][row, rank] == pytest.approx(diversity, abs=1e-6)
            serendipity = plain_serendipity(items, relevant[row], popular[: rank + 1])
            assert found["serendipity"][row, rank] == pytest.approx(serendipity)


def test_pairs_are_computed_in_blocks(monkeypatch):
    random = np.random.default_rng(0)
    trained = {user: set(random.integers(1, 30, 8).tolist()) for user in range(1, 20)}
    lists = np.array([random.permutation(29)[:6] + 1 for _ in range(8)])
    whole = list_metrics.intra_list_diversity(lists, matrix(trained, 29))
    monkeypatch.setattr(list_metrics, "_ENTRIES", 20)
    assert (list_metrics.intra_list_diversity(lists, matrix(trained, 29)) == whole).all()
    assert whole[3, 5] == pytest.approx(plain_diversity(lists[3].tolist(), trained), abs=1e-6)


# --- in RecBole -----------------------------------------------------------------------------


def test_more_is_better():
    for name in NAMES:
        assert bigger_is_better(f"{name}@10")
        assert proper(name.lower()) == name


@pytest.mark.parametrize("mode", ["full", "uni5"])
def test_a_run_reports_them(mode, ratings):
    """Of each user, from the lists of the run, by loops over the files' interactions."""
    settings = {**runs.RANKING, "metrics": [*NAMES, "AveragePopularity"], "topk": [2, 4]}
    settings["eval_args"] = {**runs.RANKING["eval_args"], "mode": mode}
    run = runs.prepare("BPR", embedding_size=4, **{**settings, "valid_metric": "Novelty@4"})
    run.fit()
    result, by_user = per_user.per_user(run.trainer, run.test, show_progress=False)
    if mode == "full":  # nothing of the first evaluation is left
        assert run.trainer.evaluate(run.test, show_progress=False) == result
    loaders = {"train": run.train, "valid": run.valid, "test": run.test}
    parts = {name: pairs_of(data._dataset.inter_feat) for name, data in loaders.items()}
    trained = {user: {i for u, i in parts["train"] if u == user} for user, _ in parts["train"]}
    seen = {
        user: {i for p in ("train", "valid") for u, i in parts[p] if u == user} for user in trained
    }
    n_items = run.dataset.item_num - 1
    for place, user in enumerate(by_user.users.tolist()):
        items = [item for item in by_user.lists[place].tolist() if item]
        relevant = {i for u, i in parts["test"] if u == user}
        for k in (2, 4):
            novelty, diversity = (
                plain_novelty(items[:k], trained),
                plain_diversity(items[:k], trained),
            )
            assert by_user.metrics[f"novelty@{k}"][place] == pytest.approx(novelty)
            assert by_user.metrics[f"intralistdiversity@{k}"][place] == pytest.approx(
                diversity, abs=1e-6
            )
            popularity = np.mean([len(users_with(trained, item)) for item in items[:k]])
            assert by_user.metrics[f"averagepopularity@{k}"][place] == pytest.approx(popularity)
            if mode == "full":
                candidates = set(range(1, n_items + 1)) - seen[user]
                popular = plain_popular(trained, candidates, k)
                expected = plain_serendipity(items[:k], relevant, popular)
                assert by_user.metrics[f"serendipity@{k}"][place] == pytest.approx(expected)
    for name, values in by_user.metrics.items():
        assert result[name] == pytest.approx(values.mean(), abs=1e-9)


def test_pop_is_never_serendipitous(ratings):
    """Its lists are the expected ones, but for the order of equally popular items."""
    rows = [(f"u{u}", f"i{i}", 5, n) for u in range(1, 10) for n, i in enumerate(range(u, 11))]
    rows.append(("u9", "i11", 5, 99))  # no user has all items
    runs.write_inter(ratings, "stairs", rows)  # every item has another number of interactions
    settings = {**runs.RANKING, "metrics": ["Serendipity"], "topk": [1, 3]}
    settings["eval_args"] = {"split": {"LS": "valid_and_test"}, "order": "RO", "mode": "full"}
    run = runs.prepare("Pop", "stairs", **{**settings, "valid_metric": "Serendipity@3", "seed": 3})
    run.fit()
    counts = np.bincount(run.train._dataset.inter_feat["item_id"].numpy())[1:]
    result = run.trainer.evaluate(run.test, show_progress=False)
    if len(set(counts.tolist())) == len(counts):
        assert set(result.values()) == {0.0}
    assert max(result.values()) < 0.2


def test_rows_labelled_0_are_no_interactions(ratings):
    """With a threshold, a training row below it tells nothing of who likes the item."""
    columns = {"inter": ["user_id", "item_id", "rating"]}
    run = runs.prepare("BPR", embedding_size=4, **runs.RANKING, load_col=columns)
    data = run.train._dataset
    whole = list_metrics.interactions(data, "label")
    assert whole.sum() == len(set(pairs_of(data.inter_feat)))
    twice = data.copy(data.inter_feat[[0, 0, 1]])  # an interaction counts once
    assert list_metrics.interactions(twice, "label").sum() == 2
    liked = data.inter_feat["rating"] >= 4
    data.inter_feat.update(type(data.inter_feat)({"label": liked.float()}))
    assert list_metrics.interactions(data, "label").sum() == liked.sum()

"""uniN and popN: N distinct items for each held-out row, by their definition."""

import itertools
import logging
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.data.dataloader import NegSampleEvalDataLoader
from scipy import stats

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.patches.functions.evaluation_candidates import Candidates
from tests import runs
from tests.patches.switch import switched_off

N_ITEMS = 6  # the padding item included


def excluded_of(pairs, n_users=4, n_items=N_ITEMS):
    keys = np.array(sorted({user * n_items + item for user, item in pairs}), dtype=np.int64)
    return InteractionSet(keys, n_users, n_items)


def by_weights(weights):
    """A sampler with replacement."""
    chances = np.asarray(weights, dtype=float)
    return lambda n: np.random.choice(len(chances), n, p=chances / chances.sum())


def only_the_padding_item(n):
    """A sampler whose items are all passed over: the race has to draw everything."""
    return np.zeros(n, dtype=np.int64)


# --- drawing --------------------------------------------------------------------------------


@given(
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=12),
    asked=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=8),
    weights=st.lists(st.integers(0, 3), min_size=5, max_size=5).filter(any),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_items_are_distinct_and_not_the_users_own(pairs, asked, weights, seed):
    np.random.seed(seed)
    own = [{item for user, item in pairs if user == of} for of in range(4)]
    all_weights = np.array([0, *weights], dtype=float)
    candidates = Candidates(excluded_of(pairs), by_weights(all_weights), all_weights)
    users, sizes = (np.array([pair[n] for pair in asked], dtype=np.int64) for n in (0, 1))
    row, items = candidates.draw(users, sizes)
    assert (np.diff(row) >= 0).all()
    for place, (user, size) in enumerate(asked):
        drawn = items[row == place].tolist()
        left = set(range(1, N_ITEMS)) - own[user]
        assert len(drawn) == len(set(drawn)) == min(size, len(left))
        assert set(drawn) <= left
        popular = {item for item in left if all_weights[item]}
        assert len(popular & set(drawn)) == min(len(drawn), len(popular))  # the others come last


def chance_of_sets(weights, left, size):
    """Set of items -> its chance, when one after another is drawn from those that are left."""
    chances = Counter()
    for order in itertools.permutations(left, size):
        chance, rest = 1.0, sum(weights[item] for item in left)
        for item in order:
            chance *= weights[item] / rest
            rest -= weights[item]
        chances[frozenset(order)] += chance
    return chances


@pytest.mark.parametrize("weights", [[0, 1, 1, 1, 1, 1], [0, 1, 2, 3, 4, 8]], ids=["uni", "pop"])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("sampler", [by_weights, lambda _: only_the_padding_item])
def test_sets_have_the_chances_of_drawing_one_after_another(weights, size, sampler):
    """User 1 has item 4. 20000 users at once; the chi-square test fails once in 10000 seeds."""
    np.random.seed(7)
    weights = np.array(weights, dtype=float)
    candidates = Candidates(excluded_of([(1, 4)]), sampler(weights), weights)
    n = 20_000
    _, items = candidates.draw(np.ones(n, dtype=np.int64), np.full(n, size))
    drawn = Counter(map(frozenset, items.reshape(n, size).tolist()))
    expected = chance_of_sets(weights, [1, 2, 3, 5], size)
    assert set(drawn) <= set(expected)
    counts = [drawn[items] for items in expected]
    assert stats.chisquare(counts, [n * chance for chance in expected.values()]).pvalue > 1e-4


def test_the_chances_by_hand():
    """Weights 1, 2, 3: {1, 2} is 1/6 * 2/5 + 2/6 * 1/4."""
    chances = chance_of_sets([0, 1, 2, 3], [1, 2, 3], 2)
    assert chances[frozenset([1, 2])] == pytest.approx(1 / 15 + 1 / 12)
    assert sum(chances.values()) == pytest.approx(1)


# --- RecBole's loader -----------------------------------------------------------------------


def prepare(mode, **more):
    """20 items, of which each user has about half: some are held out several times a user."""
    args = {"split": {"RS": [0.6, 0.1, 0.3]}, "order": "RO", "group_by": "user", "mode": mode}
    ranking = {"metrics": ["NDCG"], "valid_metric": "NDCG@10", "eval_args": args}
    return runs.prepare("BPR", **ranking, **more)


def lists_of(run, loader):
    """User -> the held-out items and the drawn ones, as the loader deals them."""
    held_out, drawn = {}, {}
    for rows, _, _, _ in loader:
        for user, item, label in zip(
            rows["user_id"].tolist(), rows["item_id"].tolist(), rows["label"].tolist(), strict=True
        ):
            (held_out if label else drawn).setdefault(user, []).append(item)
    return held_out, drawn


def own_items(run, *phases):
    own = {}
    for phase in phases:
        feat = getattr(run, phase)._dataset.inter_feat
        for user, item in zip(feat["user_id"].tolist(), feat["item_id"].tolist(), strict=True):
            own.setdefault(user, set()).add(item)
    return own


@pytest.mark.parametrize("mode", ["uni1", "uni3", "uni50", "pop2"])
@pytest.mark.parametrize("batch", [1, 60, 4096])
def test_a_user_has_n_distinct_items_for_each_held_out_row(mode, batch, ratings):
    run = prepare(mode, eval_batch_size=batch)
    n = int(mode[3:])
    for loader, phases in (
        (run.valid, ("train", "valid")),
        (run.test, ("train", "valid", "test")),
    ):
        held_out, drawn = lists_of(run, loader)
        own, of_part = own_items(run, *phases), own_items(run, phases[-1])
        assert set(held_out) == set(of_part)
        for user, items in held_out.items():
            assert set(items) == of_part[user]
            left = set(range(1, run.dataset.item_num)) - own[user]
            assert len(set(drawn[user])) == len(drawn[user]) == min(n * len(items), len(left))
            assert set(drawn[user]) <= left
    assert max(len(items) for items in held_out.values()) > 1


class Dealt:
    """A sampler whose items follow from the row."""

    phase = "test"

    def sample_by_user_ids(self, users, items, n):
        rows = np.asarray(users) * 7 + np.asarray(items) * 3
        return torch.from_numpy(1 + (rows + 5 * np.arange(n)[:, None]).ravel() % 20)


@pytest.mark.parametrize("batch", [1, 60, 4096])
def test_a_batch_is_laid_out_as_recboles(batch, ratings):
    run = prepare("uni3", eval_batch_size=batch)
    loader = run.test
    loader._sampler = Dealt()
    recboles = vars(NegSampleEvalDataLoader)["collate_fn"].__wrapped__
    for start in range(0, len(loader.uid_list), loader.step):
        index = list(range(start, min(start + loader.step, len(loader.uid_list))))
        rows, *rest = loader.collate_fn(index)
        expected, *others = recboles(loader, index)
        assert set(rows.columns) == set(expected.columns)
        for column in expected.columns:
            assert torch.equal(rows[column], expected[column]), column
        for one, other in zip(rest, others, strict=True):
            assert torch.equal(one, other)


def test_a_row_of_fewer_items_keeps_its_place(ratings):
    """With uni50 all that are left are ranked, each once, in the row of its user."""
    run = prepare("uni50")
    for rows, place, positive_u, positive_i in run.test:
        users = rows["user_id"]
        assert (place.diff() >= 0).all()
        assert torch.equal(users[torch.searchsorted(place, positive_u)], users[rows["label"] > 0])
        assert torch.equal(rows["item_id"][rows["label"] > 0], positive_i)
        pairs = torch.stack([users, rows["item_id"]], dim=1)
        assert len(pairs.unique(dim=0)) == len(pairs)
        assert (rows["item_id"] > 0).all()


def test_users_with_too_few_items_are_counted_in_one_line(ratings, caplog):
    run = prepare("uni3")
    own = own_items(run, "train", "valid", "test")
    of_part = Counter(run.test._dataset.inter_feat["user_id"].tolist())
    lacking = sum(run.dataset.item_num - 1 - len(own[user]) < 3 * n for user, n in of_part.items())
    assert 0 < lacking < len(of_part)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            list(run.test)
    lines = [record.message for record in caplog.records if "fewer than" in record.message]
    assert lines == [
        f"{lacking} of {len(of_part)} users have fewer than 3 items for each held-out row that "
        "they have not interacted with: test ranks all of these"
    ]


def test_switched_off_recbole_draws_an_item_twice(ratings):
    run = prepare("uni3")
    with switched_off("evaluation-candidates"):
        _, drawn = lists_of(run, NegSampleEvalDataLoader(run.config, *_parts(run)))
    assert max(Counter(items).most_common(1)[0][1] for items in drawn.values()) > 1


def _parts(run):
    return run.test._dataset, run.test._sampler


def test_sequences_are_ranked_among_distinct_items(ratings):
    """RecBole's repeatable sampler excludes what is held out, not what the user had before."""
    args = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "uni5"}
    ranking = {"metrics": ["NDCG"], "valid_metric": "NDCG@10", "eval_args": args}
    columns = {"inter": ["user_id", "item_id", "timestamp"]}
    small = {"load_col": columns, "train_neg_sample_args": None, "hidden_size": 4}
    run = runs.prepare("GRU4Rec", **ranking, **small)
    held_out, drawn = lists_of(run, run.test)
    seen = own_items(run, "train")
    for user, items in drawn.items():
        assert len(set(items)) == 5
        assert not set(items) & set(held_out[user])
    assert any(set(items) & seen[user] for user, items in drawn.items())


# --- popN -----------------------------------------------------------------------------------


def test_pop_draws_by_the_number_of_interactions_whatever_the_training(ratings):
    """One negative of user 1, 4000 times: chi-square against counts in the file."""
    train = {"distribution": "popularity", "sample_num": 1, "alpha": 0.25}
    run = prepare("pop1", train_neg_sample_args=train)
    assert run.train._sampler.alpha == 0.25
    counts = Counter(run.dataset.inter_feat["item_id"].tolist())
    own = own_items(run, "train", "valid", "test")
    user = max(own, key=lambda u: len(own[u]) if len(own[u]) < 16 else 0)
    place = [run.test.uid_list.tolist().index(user)]
    np.random.seed(3)
    drawn = Counter()
    for _ in range(1500):
        rows = run.test.collate_fn(place)[0]
        drawn.update(rows["item_id"][rows["label"] == 0].tolist()[:1])
    left = sorted(set(range(1, run.dataset.item_num)) - own[user])
    assert set(drawn) <= set(left)
    total = sum(counts[item] for item in left)
    expected = [sum(drawn.values()) * counts[item] / total for item in left]
    assert stats.chisquare([drawn[item] for item in left], expected).pvalue > 1e-4


def test_training_keeps_its_own_alpha(ratings):
    """The chances of RecBole's alias table of the training sampler: count ** 0.25."""
    train = {"distribution": "popularity", "sample_num": 1, "alpha": 0.25}
    run = prepare("pop1", train_neg_sample_args=train)
    counts = Counter(run.dataset.inter_feat["item_id"].tolist())
    for loader, alpha in ((run.train, 0.25), (run.valid, 1.0), (run.test, 1.0)):
        sampler = loader._sampler
        chances = Counter()
        for item, own in sampler.prob.items():
            chances[item] += own / len(sampler.prob)
            chances[sampler.alias[item]] += (1 - own) / len(sampler.prob)
        total = sum(n**alpha for n in counts.values())
        for item, n in counts.items():
            assert chances[item] == pytest.approx(n**alpha / total)

"""Metrics of lists by their formulas, ties, and Pop's counts: by hand and by the reference."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.data.interaction import Interaction
from recbole.evaluator import Collector, Evaluator

from recbole_ext.patches.functions import metrics as ours
from tests import runs
from tests.patches.switch import switched_off
from tests.reference import metrics as reference

NO = -torch.inf
# Scores of the padding item and the items 1 to 5; user 0 has three candidates, user 1 two.
SCORES = torch.tensor([[NO, 5.0, 4.0, 3.0, NO, NO], [NO, NO, 2.0, NO, 9.0, NO]])
TRAINING = Counter({1: 7, 2: 3, 4: 1, 5: 1})  # no row has item 3
LISTS = ["ItemCoverage", "GiniIndex", "ShannonEntropy", "AveragePopularity", "TailPercentage"]


class Config(dict):
    """Of RecBole, as far as the collector and the evaluator read it."""

    def __missing__(self, _):
        return None


def config(*names, topk, **changed):
    fixed = {"metrics": names, "topk": topk, "metric_decimal_place": 12, "device": "cpu"}
    return Config({**fixed, "eval_args": {"mode": {"valid": "full", "test": "full"}}, **changed})


def evaluated(scores, relevant, counts, names, topk, batch=99, **changed):
    """RecBole's metrics of scores [users, items] with (user, item) pairs that are relevant."""
    setup = config(*names, topk=topk, **changed)
    collector = Collector(setup)
    collector.data_struct.set("data.num_items", scores.shape[1])
    collector.data_struct.set("data.count_items", counts)
    for start in range(0, len(scores), batch):
        part = scores[start : start + batch]
        rows = [(u - start, i) for u, i in relevant if start <= u < start + len(part)]
        users, items = torch.tensor(rows, dtype=torch.long).view(-1, 2).T
        collector.eval_batch_collect(part.clone(), None, users, items)
    return Evaluator(setup).evaluate(collector.get_data_struct())


def of_lists(topk, **changed):
    return evaluated(SCORES, [(0, 2), (1, 4)], TRAINING, LISTS, [topk], **changed)


def test_a_list_ends_where_the_candidates_end():
    """The lists are 1 2 3 and 4 2: four of five items are recommended, item 2 twice."""
    values = of_lists(4)
    assert values["itemcoverage@4"] == pytest.approx(4 / 5)
    # ascending 0 1 1 1 2, weights -4 -2 0 2 4
    assert values["giniindex@4"] == pytest.approx((-2 + 0 + 2 + 8) / (5 * 5))
    entropy = -(3 * 0.2 * np.log(0.2) + 0.4 * np.log(0.4))
    assert values["shannonentropy@4"] == pytest.approx(entropy)
    assert values["averagepopularity@4"] == pytest.approx(((7 + 3 + 0) / 3 + (1 + 3) / 2) / 2)


def test_the_tail_is_of_the_items_that_training_has():
    """Of 1, 2, 4 and 5 the least popular half is 4 and 5; item 3 has no row and is no tail."""
    assert of_lists(2, tail_ratio=0.5)["tailpercentage@2"] == pytest.approx((0 / 2 + 1 / 2) / 2)
    assert of_lists(4, tail_ratio=0.5)["tailpercentage@4"] == pytest.approx((0 / 3 + 1 / 2) / 2)
    assert of_lists(4, tail_ratio=3)["tailpercentage@4"] == pytest.approx((1 / 3 + 2 / 2) / 2)


@pytest.mark.parametrize(
    ("patch", "metric", "value"),
    [
        # without the patch: items 1 to 4 and whatever fills up the lists
        ("item-coverage", "itemcoverage@2", 3 / 6),
        ("gini-index", "giniindex@2", (1 * 1 + 3 * 1 + 5 * 2) / (6 * 4)),
        ("shannon-entropy", "shannonentropy@2", 1.5 * np.log(2) / 3),
        ("average-popularity", "averagepopularity@4", (10 / 4 + 4 / 4) / 2),
        ("tail-percentage", "tailpercentage@4", (0 / 4 + 1 / 4) / 2),
    ],
)
def test_what_recbole_computes(patch, metric, value):
    topk = int(metric[-1])
    with switched_off(patch):
        assert of_lists(topk, tail_ratio=0.5)[metric] == pytest.approx(value)
    assert of_lists(topk, tail_ratio=0.5)[metric] != pytest.approx(value)


def test_the_page_of_corrections_quotes_both_values():
    """A user has the candidates 1, 2, 3, another 4 and 2; k is 3."""
    right = of_lists(3, tail_ratio=0.5)
    with switched_off("recommended-items"):
        theirs = of_lists(3, tail_ratio=0.5)
    page = (Path(__file__).parents[2] / "docs" / "corrections.md").read_text(encoding="utf-8")
    for name in LISTS:
        key = f"{name.lower()}@3"
        assert re.search(
            rf"^\| {name} \| .* \| {theirs[key]:.4f} \| {right[key]:.4f} \|$", page, re.MULTILINE
        ), (key, theirs[key], right[key])


def test_masked_items_are_recommended_by_recbole():
    lists = torch.tensor([[1, 2, 3, 0], [4, 2, 0, 1]])
    assert ours.recommended(lists, SCORES).tolist() == [[1, 2, 3, 0], [4, 2, 0, 0]]


@st.composite
def rankings(draw):
    """Scores without ties, of at least one candidate a user; counts of training; a cutoff."""
    n_users, n_items = draw(st.integers(1, 5)), draw(st.integers(2, 7))
    scores = torch.full((n_users, n_items + 1), NO)
    for user in range(n_users):
        items = draw(st.lists(st.integers(1, n_items), min_size=1, unique=True))
        scores[user, items] = torch.arange(len(items), 0, -1.0)
    popular = {i: draw(st.integers(0, 4)) for i in range(1, n_items + 1)}
    counts = Counter({item: n for item, n in popular.items() if n}) or Counter({1: 1})
    return scores, counts, draw(st.integers(1, n_items)), draw(st.integers(1, 3))


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(rankings())
def test_metrics_of_lists_are_those_of_the_reference(drawn):
    scores, counts, k, batch = drawn
    tail_ratio = 2  # items with at most two rows: no choice among equally popular ones
    relevant = [(user, int(row.argmax())) for user, row in enumerate(scores)]
    values = evaluated(scores, relevant, counts, LISTS, [k], batch, tail_ratio=tail_ratio)
    catalogue = {str(item) for item in range(1, scores.shape[1])}
    lists = []
    for row in scores:
        items = [item for item in range(len(row)) if row[item] > NO]
        lists.append([str(i) for i in sorted(items, key=lambda i: -row[i])[:k]])
    popularity = Counter({str(item): n for item, n in counts.items()})
    (tail,) = reference.tails(popularity, tail_ratio) or [set()]
    expected = {name: f(lists, catalogue) for name, f in reference.LISTS.items()}
    expected["averagepopularity"] = reference.average(lists, popularity.__getitem__)
    expected["tailpercentage"] = reference.average(lists, tail.__contains__)
    assert dict(values) == {f"{n}@{k}": pytest.approx(v) for n, v in expected.items()}


# --- Pop ------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [3, 1000])
def test_pop_counts_the_rows_of_training(batch_size, tmp_path):
    """However batches are dealt: item a has three rows, b two, c one and d none."""
    for part, words in (("a", "ua va wa ub vb wc"), ("b", "ud vd"), ("c", "wd uc we")):
        runs.write_inter(tmp_path, "pop", [(word[0], word[1], 1, 1) for word in words.split()])
        (tmp_path / "pop" / "pop.inter").rename(tmp_path / "pop" / f"pop.{part}.inter")
    given = {"benchmark_filename": ["a", "b", "c"], "train_batch_size": batch_size}
    given |= {"metrics": ["NDCG"], "topk": [1], "valid_metric": "NDCG@1"}
    run = runs.prepare("Pop", "pop", tmp_path, **given)
    run.fit()
    items = run.dataset.token2id("item_id", np.array(list("abcd")))
    scores = run.model.full_sort_predict(Interaction({"user_id": torch.tensor([1])}))
    assert scores[items].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    pairs = {"user_id": torch.ones(4, dtype=torch.long), "item_id": torch.tensor(items)}
    assert run.model.predict(Interaction(pairs)).tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    counts = run.model.item_cnt[items, 0].tolist()
    with switched_off("pop-counts"):
        theirs = runs.prepare("Pop", "pop", tmp_path, **given)
        theirs.fit()
        assert theirs.model.item_cnt[items, 0].tolist() != counts == [3, 2, 1, 0]
    file = theirs.trainer.saved_model_file  # with RecBole's counts
    assert run.trainer.evaluate(run.test, model_file=file)
    assert run.model.item_cnt[items, 0].tolist() == counts

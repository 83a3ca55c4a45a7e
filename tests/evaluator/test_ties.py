"""Ties at the cut of a ranking: which users have one, and where it is said."""

import pickle
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.cli.command import result_table
from recbole_ext.evaluator import per_user, ties
from recbole_ext.experiments import summary
from tests import runs
from tests.patches.switch import switched_off
from tests.patches.test_several_processes import by_simulated

NO = -torch.inf


def test_equal_scores_on_both_sides_of_a_rank():
    scores = torch.tensor(
        [
            [NO, 5.0, 4.0, 4.0, 1.0],  # tied at ranks 2 and 3
            [NO, 5.0, 5.0, 5.0, 5.0],  # tied everywhere
            [NO, 5.0, 4.0, 3.0, 2.0],
            [NO, 5.0, NO, NO, NO],  # what is masked is not tied
        ]
    )
    tied = ties.at_ranks(scores, [1, 2, 4])
    assert tied.tolist() == [
        [False, True, False],
        [True, True, False],
        [False, False, False],
        [False, False, False],
    ]
    assert ties.Ties.of(tied, [1, 2, 4]) == ties.Ties(4, {1: 1, 2: 2})
    assert ties.at_ranks(scores, [5, 9]).tolist() == [[False, False]] * 4


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=4),
    st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True),
)
def test_ties_are_those_of_a_sorted_list(rows, ranks):
    scores = torch.tensor([[float(n) if n else NO for n in row] for row in rows])
    expected = []
    for row in rows:
        best = sorted((n for n in row if n), reverse=True)
        expected.append([k < len(best) and best[k - 1] == best[k] for k in ranks])
    assert ties.at_ranks(scores, ranks).tolist() == expected


def run_of(model, mode, **changed):
    split = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"}
    given = {"metrics": ["NDCG"], "valid_metric": "NDCG@2", "topk": [2, 5]}
    given |= {"eval_args": {**split, "mode": mode}, **changed}
    run = runs.prepare(model, **given)
    run.fit()
    return run


@pytest.mark.parametrize("mode", ["full", "uni4"])
@pytest.mark.parametrize("batch_size", [1, 4096])
def test_an_evaluation_counts_its_users_with_ties(mode, batch_size, ratings):
    """All scores equal: every user with more candidates than k has a tie at k."""
    run = run_of("BPR", mode, eval_batch_size=batch_size, embedding_size=2)
    with torch.no_grad():
        for weight in run.model.parameters():
            weight.zero_()
    lengths, collect = [], run.trainer.eval_collector.eval_batch_collect

    def recorded(scores, *others):
        lengths.extend((scores > NO).sum(1).tolist())
        collect(scores, *others)

    run.trainer.eval_collector.eval_batch_collect = recorded
    metrics = run.trainer.evaluate(run.test, load_best_model=False)
    tied = {k: sum(n > k for n in lengths) for k in (2, 5)}
    assert metrics.ties == ties.Ties(len(lengths), {k: n for k, n in tied.items() if n})
    assert 0 < tied[2] <= len(lengths) == len(run.test._dataset.inter_feat["user_id"].unique())
    run.trainer.eval_collector.eval_batch_collect = collect
    again = run.trainer.evaluate(run.test, load_best_model=False)
    assert again.ties.users == len(lengths)  # counted anew in each evaluation
    result, _ = per_user.per_user(run.trainer, run.test, load_best_model=False)
    assert ties.counts(result)["2"] == result.ties.at_rank[2]


@pytest.mark.parametrize("n", [2, 3])
def test_several_processes_count_the_ties_and_short_lists_of_one(n, ratings):
    names = ["NDCG", "ItemCoverage", "GiniIndex", "ShannonEntropy"]
    names += ["AveragePopularity", "TailPercentage"]
    run = run_of("Pop", "full", metrics=names, topk=[2, 12], eval_batch_size=60)
    expected = run.trainer.evaluate(run.test, load_best_model=False)
    result = by_simulated(n, run, run.test)
    assert result == expected
    assert result.ties == expected.ties
    assert expected.ties.at_rank[2] > 0


def test_a_ranking_without_ties_says_nothing(ratings):
    run = run_of("BPR", "full", embedding_size=4)
    metrics = run.trainer.evaluate(run.test)
    assert metrics.ties.at_rank == {}
    assert ties.sentences({"test": metrics}) == []
    assert ties.counts(metrics) == {}
    with switched_off("ties-counted"):
        assert run.trainer.evaluate(run.test) == metrics  # no number changes
    with switched_off("ties-collected"):
        plain = run.trainer.evaluate(run.test)
        assert plain == metrics
        assert not hasattr(plain, "ties")


@pytest.mark.parametrize("names", [["RMSE"], ["GAUC"]])
def test_metrics_without_a_cut_have_no_ties(names, ratings):
    mode = "labeled" if names == ["RMSE"] else "full"
    run = run_of("AutoRec", mode, metrics=names, valid_metric=names[0], mlp_hidden_size=[3])
    assert not hasattr(run.trainer.evaluate(run.test), "ties")


def test_the_line_below_a_table():
    some = ties.Metrics({"ndcg@10": 0.5}, ties.Ties(943, {5: 12, 10: 37}))
    none = ties.Metrics({"ndcg@10": 0.25}, ties.Ties(943, {}))
    table = result_table({"valid": none, "test": some}).splitlines()
    assert table[-1] == (
        "ties: in test, items with equal scores stand on both sides of rank 5 for 12 and of "
        "rank 10 for 37 of 943 users; the metrics depend on their order"
    )
    assert table[:-1] == result_table({"valid": dict(none), "test": dict(some)}).splitlines()
    assert pickle.loads(pickle.dumps(some)).ties == some.ties  # sent between processes
    assert repr(some) == repr(OrderedDict(some))  # as RecBole logs it


def test_the_sentence_of_a_benchmark():
    def line(label, *counts):
        runs_of = [SimpleNamespace(ties=n, users={"ndcg@10": [0.0] * 943}) for n in counts]
        return summary.Line(label, {}, None, runs_of, [])

    lines = [line("EASE", {}, {}), line("Pop", {"10": 37}, {"10": 41}, {}), line("KNN", {"5": 1})]
    assert summary.ties(lines) == (
        "Ties: items with equal scores stand on both sides of the cut for Pop (rank 10: 0 to 41 of "
        "943 users), KNN (rank 5: 1 of 943 users); the metrics depend on their order."
    )
    assert summary.ties(lines[:1]) == ""
    of_an_earlier_release = line("BPR", None, None)
    assert summary.ties([*lines, of_an_earlier_release]).endswith(
        "depend on their order. Ties were not counted for BPR."
    )
    assert summary.ties([of_an_earlier_release]) == ""

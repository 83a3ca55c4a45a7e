"""The reference itself, by examples worked by hand from the textbook definitions."""

import math
from collections import Counter

import pytest

from tests.reference import metrics, splits, ties
from tests.reference.reading import (
    Refused,
    Row,
    by_time,
    known,
    labelled,
    read,
    without_repeats,
)

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


def rows(text: str) -> list[Row]:
    """`ua1 ub2`: user u, item a at time 1; user u, item b at time 2."""
    return [Row(word[0], word[1], {"timestamp": float(word[2:])}) for word in text.split()]


def names(part: list[Row]) -> list[str]:
    return [row.user + row.item for row in part]


def test_tokens_are_names():
    assert [
        (r.user, r.item) for r in read(HEAD + 'NA\tnull\t1\t1\n"u\t01\t1\t1\n 1\tnan\t1\t1\n')
    ] == [
        ("NA", "null"),
        ('"u', "01"),
        (" 1", "nan"),
    ]


def test_numbers_keep_their_precision():
    (row,) = read(HEAD + "u\ti\t4.5\t1600000001\n")
    assert row.values == {"rating": 4.5, "timestamp": 1600000001.0}


@pytest.mark.parametrize(
    "line",
    ["u\ti\t1", "u\ti\t1\t1\t1", "\ti\t1\t1", "u\t\t1\t1"]
    + [f"u\ti\t{n}\t1" for n in ("", "x", "nan", "inf", "1e39", "1_0", " 1")],
)
def test_what_has_no_meaning_is_refused(line):
    with pytest.raises(Refused, match="line 3"):
        read(f"{HEAD}u\ti\t1\t1\n{line}\n")


def test_empty_lines_are_no_rows():
    assert len(read(HEAD + "u\ti\t1\t1\n\nu\tj\t1\t1")) == 2


def test_ties_in_time_keep_the_order_of_the_file():
    assert names(by_time(rows("ua2 ub1 uc2 ud1"))) == ["ub", "ud", "ua", "uc"]


def test_repeats():
    repeated = rows("ua3 ub2 ua1 ub2")
    repeated = [Row(r.user, r.item, {**r.values, "n": n}) for n, r in enumerate(repeated)]
    first, last = (without_repeats(repeated, keep) for keep in ("first", "last"))
    assert [row.values["n"] for row in first] == [2, 1]
    assert [row.values["n"] for row in last] == [3, 0]
    assert without_repeats(repeated, None) == repeated


def test_rows_of_users_or_items_that_a_file_lacks_are_none():
    assert names(known(rows("ua1 ub1 va1"), {"u"}, {"a", "z"})) == ["ua"]


def test_the_label_is_one_from_the_threshold_on():
    read_rows = [Row("u", "i", {"rating": r}) for r in (2.5, 3.0, 4.0)]
    assert [r.values["y"] for r in labelled(read_rows, "y", {"rating": 3})] == [0, 1, 1]


@pytest.mark.parametrize(
    ("n", "ratios", "sizes"),
    [
        (10, [0.8, 0.1, 0.1], [8, 1, 1]),
        (29, [0.8, 0.1, 0.1], [25, 2, 2]),  # 2.9 is rounded down
        (5, [0.8, 0.1, 0.1], [3, 1, 1]),  # half a row takes one of the first part
        (2, [0.8, 0.1, 0.1], [1, 0, 1]),  # test before validation; one row stays
        (1, [0.8, 0.1, 0.1], [1, 0, 0]),
        (10, [6, 3, 1], [6, 3, 1]),
        (4, [0.5, 0, 0.5], [2, 0, 2]),  # nothing is asked for
    ],
)
def test_sizes(n, ratios, sizes):
    assert splits.sizes(n, ratios) == sizes


def test_ratios_of_each_user_or_of_all():
    read_rows = rows("ua1 va1 ub2 vb2 uc3 vc3 ud4")
    train, valid, test = splits.by_ratio(read_rows, [0.5, 0.25, 0.25], "user")
    assert names(train) == ["ua", "ub", "va"]
    assert (names(valid), names(test)) == (["uc", "vb"], ["ud", "vc"])
    train, valid, test = splits.by_ratio(read_rows, [5, 1, 1], "none")
    assert (names(train)[-1], names(valid), names(test)) == ("uc", ["vc"], ["ud"])


def test_leave_one_out():
    read_rows = rows("ua1 ub2 uc3 va1 vb2 wa1")
    parts = {
        mode: splits.leave_one_out(read_rows, mode) for mode in ("valid_and_test", "valid_only")
    }
    train, valid, test = parts["valid_and_test"]
    assert names(train) == ["ua", "va", "wa"]
    assert (names(valid), names(test)) == (["ub"], ["uc", "vb"])
    assert [names(part) for part in parts["valid_only"]] == [
        ["ua", "ub", "va", "wa"],
        ["uc", "vb"],
        [],
    ]
    assert names(splits.leave_one_out(read_rows, "test_only")[2]) == ["uc", "vb"]


def test_time_order_is_by_the_value_in_the_file():
    read_rows = rows("ua1600000002 ub1600000001 uc1600000000")
    args = {"split": {"LS": "test_only"}, "order": "TO", "group_by": "user"}
    assert names(splits.split(read_rows, args)[2]) == ["ua"]


def test_time_split():
    """Of the times 0 to 4, three fifths of the way from the first to the last is 2.4.

    Three quarters is 3: what is of that moment is not later.
    """
    read_rows = rows("ua0 ub3 va1 vb2 vc4")
    train, valid, test = splits.by_moment(read_rows, [0.5, 0.25, 0.25])
    assert (names(train), names(valid), names(test)) == (["ua", "va"], ["ub", "vb"], ["vc"])
    train, valid, test = splits.by_moment(read_rows, [0.3, 0.3, 0.4])
    assert (names(train), names(valid), names(test)) == (["va"], ["ua", "vb"], ["ub", "vc"])


def test_candidates():
    parts = (rows("ua1 ub2 va1"), rows("uc3"), rows("ud4 ua5"))
    catalogue = set("abcde")
    assert splits.all_candidates(catalogue, parts, 1, "u", {"c"}) == set("cde")
    assert splits.all_candidates(catalogue, parts, 2, "u", {"d", "a"}) == set("ade")
    assert splits.not_interacted(catalogue, parts, 2, "u") == {"e"}
    assert splits.not_interacted(catalogue, parts, 1, "u") == {"d", "e"}


def test_metrics_of_a_ranking():
    """Relevant at the ranks 2 and 4, and one that is not in the first five."""
    ranking, relevant = list("axbycd"), set("xyd")
    assert metrics.hit(ranking, relevant, 1) == 0
    assert metrics.hit(ranking, relevant, 2) == 1
    assert metrics.recall(ranking, relevant, 5) == pytest.approx(2 / 3)
    assert metrics.precision(ranking, relevant, 5) == pytest.approx(2 / 5)
    assert metrics.mrr(ranking, relevant, 5) == pytest.approx(1 / 2)
    assert metrics.mrr(ranking, relevant, 1) == 0
    assert metrics.map_(ranking, relevant, 5) == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert metrics.map_(ranking, relevant, 2) == pytest.approx((1 / 2) / 2)
    gain = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert metrics.ndcg(ranking, relevant, 5) == pytest.approx(gain / ideal)
    assert metrics.ndcg(ranking, relevant, 2) == pytest.approx(
        (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    )


def test_metrics_of_lists():
    """Of five items a is recommended twice, b and c once."""
    lists, catalogue = [["a", "b"], ["a", "c"]], set("abcde")
    assert metrics.coverage(lists, catalogue) == pytest.approx(3 / 5)
    assert metrics.entropy(lists, catalogue) == pytest.approx(
        -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
    )
    # ascending 0 0 1 1 2, weights -4 -2 0 2 4
    assert metrics.gini(lists, catalogue) == pytest.approx((2 * 1 + 4 * 2) / (5 * 4))
    assert metrics.gini([["a", "b", "c", "d", "e"]], catalogue) == 0
    popularity = Counter({"a": 7, "b": 3, "c": 1})
    assert metrics.average(lists, popularity.__getitem__) == pytest.approx((5 + 4) / 2)
    assert list(metrics.tails(popularity, 0.1)) == [{"c"}]
    assert list(metrics.tails(popularity, 0.7)) == [{"b", "c"}]
    assert list(metrics.tails(popularity, 3)) == [{"b", "c"}]
    assert list(metrics.tails(Counter("aabc"), 0.1)) == [{"b"}, {"c"}]
    assert metrics.average(lists, {"c"}.__contains__) == pytest.approx((0 + 1 / 2) / 2)


def test_auc_counts_ties_half():
    assert metrics.auc([3.0, 1.0], [2.0, 1.0], 0.0) == (2.5 / 4, 2.5 / 4)
    assert metrics.auc([3.0, 1.0], [2.0, 1.0], 1e-9) == (2 / 4, 3 / 4)


def test_metrics_of_values():
    assert metrics.rmse([1.0, 2.0], [2.0, 4.0]) == pytest.approx(math.sqrt(5 / 2))
    assert metrics.mae([1.0, 2.0], [2.0, 4.0]) == pytest.approx(3 / 2)
    assert metrics.logloss([0.9, 0.2], [1.0, 0.0]) == pytest.approx(
        -(math.log(0.9) + math.log(0.8)) / 2
    )
    assert metrics.logloss([0.0], [1.0]) == pytest.approx(-math.log(1e-15))


def test_tied_items_stand_in_any_order():
    scores = {"a": 3.0, "x": 2.0, "b": 2.0, "y": 1.0}
    worst, best = ties.rankings(scores, {"x"}, 0.0)
    assert (worst, best) == (["a", "b", "x", "y"], ["a", "x", "b", "y"])
    assert ties.top_lists(scores, 2, 0.0) == [["a", "x"], ["a", "b"]]
    assert ties.top_lists(scores, 3, 0.0) == [["a", "x", "b"]]
    assert ties.top_lists(scores, 9, 0.0) == [["a", "x", "b", "y"]]
    assert len(ties.tied_groups({"a": 1.0, "b": 1.0 + 1e-9}, 1e-6)) == 1
    assert ties.choices([[["a"], ["b"]], [["c"]]], 1) is None
    assert ties.choices([[["a"], ["b"]], [["c"]]], 2) == [(["a"], ["c"]), (["b"], ["c"])]

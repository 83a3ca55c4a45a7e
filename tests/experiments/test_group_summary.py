"""Tables of groups, from results that are made by hand and from runs."""

from dataclasses import replace

import numpy as np
import pytest

from recbole_ext.evaluator import significance
from recbole_ext.experiments import group_summary, group_values
from recbole_ext.experiments.plan import Model, Plan, TableKey
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.user_values import mean_over_runs
from tests import runs

TABLE = TableKey("made", "default")
PLAN = Plan(
    datasets=["made"],
    protocols={"default": "ndcg@10"},
    seeds=[1, 2],
    trials=None,
    timeout=None,
    settings={},
    models={name: Model("BPR", {}, []) for name in ("A", "B", "C")},
)


def made(label, seed, users, values, activity):
    groups = {
        "activity": activity,
        "metric": "recall@10",
        "values": values,
        "items": [[7, 0, 3], [2, 4, 9], [0, 0, 0], [1, 20, 20]],
    }
    test = {"ndcg@10": float(np.mean(users))}
    return Result(*TABLE, label, seed, "", "", {}, test, {"ndcg@10": users}, 1, 1.0, groups=groups)


@pytest.fixture
def results():
    random = np.random.default_rng(5)
    found = []
    for label, lift in (("A", 0.0), ("B", 0.3), ("C", 0.1)):
        for seed in (1, 2):
            users = (random.random(40) + lift).round(6).tolist()
            values = [
                (random.random(40) + lift).round(6).tolist(),
                [None if n % 3 == seed else 0.5 + lift for n in range(40)],
                [None] * 40,
                [0.25] * 40,
            ]
            activity = [n + seed for n in range(40)]
            found.append(made(label, seed, users, values, activity))
    return found


def test_users_by_activity_equal_plain_means_and_tests(results):
    users, _ = group_summary.tables(PLAN, results, TABLE)
    assert users.name == "users"
    spans = ["1 to 11", "11 to 21", "21 to 31", "31 to 41"]
    assert users.head == ["model", *(f"{span} (10 users)" for span in spans)]
    means = {
        label: np.mean([r.users["ndcg@10"] for r in results if r.label == label], axis=0)
        for label in "ABC"
    }
    quarters = [slice(10 * n, 10 * n + 10) for n in range(4)]
    expected = significance.in_groups(
        {
            str(n): {label: own[part] for label, own in means.items()}
            for n, part in enumerate(quarters)
        },
        True,
    )
    for label, group, *_, mean, p_value in users.long[1:]:
        place = int(group) - 1
        assert float(mean) == pytest.approx(means[label][quarters[place]].mean(), abs=1e-6)
        best, p_values = expected[str(place)]
        assert p_value == ("" if label == best else f"{p_values[label]:.2g}")
    assert len(users.long) == 1 + 3 * 4


def test_items_by_popularity_leave_out_who_has_none(results):
    _, items = group_summary.tables(PLAN, results, TABLE)
    assert items.head[1:] == ["0 to 3 (7 items)", "4 to 9 (2 items)", "20 (1 items)"]
    second = [line for line in items.long[1:] if line[1] == "2"]
    # each user has a value in one of the two runs at least
    assert [line[5] for line in second] == ["40"] * 3
    assert [float(line[7]) for line in second] == pytest.approx([0.5, 0.8, 0.6])
    third = [line for line in items.long[1:] if line[2] == "20"]
    assert {line[8] for line in third} == {"", "1"}  # all equal: no difference


def test_no_table_where_runs_are_not_comparable(results):
    assert group_summary.tables(PLAN, [replace(results[0], groups={}), *results[1:]], TABLE) == []
    assert group_summary.tables(PLAN, results[1:], TABLE) == []  # A has one seed, the others two
    other = [replace(results[0], user_ids="x"), *(replace(r, user_ids="y") for r in results[1:])]
    assert group_summary.tables(PLAN, other, TABLE) == []


def test_users_of_folds_have_the_mean_of_their_folds():
    def fold(users, values):
        return made("A", 1, values, [], []), users

    pairs = [fold(["b", "a"], [1.0, 2.0]), fold(["b", "c"], [3.0, 5.0])]
    own = [replace(result, user_list=users) for result, users in pairs]
    found = mean_over_runs(own, [result.users["ndcg@10"] for result in own])
    assert found.tolist() == [2.0, 2.0, 5.0]  # a, b, c


@pytest.mark.parametrize(("model", "metric"), [("BPR", "ndcg@5"), ("AutoRec", "rmse")])
def test_a_run_records_its_groups(model, metric, ratings):
    """By loops over the interactions: training counts, hits in lists, errors."""
    from recbole_ext.evaluator import groups, per_user

    settings = dict(runs.SMALL.get(model, {"embedding_size": 4}))
    if model == "BPR":
        settings |= {**runs.RANKING, "topk": [3, 5], "valid_metric": "NDCG@5"}
    run = runs.prepare(model, **settings)
    run.fit()
    _, by_user = per_user.per_user(run.trainer, run.test, show_progress=False)
    record = group_values.of_run(run, by_user, metric)
    train = run.train._dataset.inter_feat
    users, items = train["user_id"].tolist(), train["item_id"].tolist()
    assert record["activity"] == [users.count(user) for user in by_user.users]
    counts = np.array([items.count(item) for item in range(1, run.dataset.item_num)])
    of_items = groups.quarters(counts, counts)
    for group, (size, low, high) in enumerate(record["items"]):
        own = counts[of_items == group]
        assert (size, low, high) == (len(own), min(own, default=0), max(own, default=0))
    test = run.test._dataset.inter_feat
    if model == "BPR":
        assert record["metric"] == "recall@5"
        for group, values in enumerate(record["values"]):
            for place, user in enumerate(by_user.users):
                relevant = {
                    i
                    for u, i in zip(test["user_id"].tolist(), test["item_id"].tolist(), strict=True)
                    if u == user and of_items[i - 1] == group
                }
                hits = len(relevant & set(by_user.lists[place][:5].tolist()))
                expected = round(hits / len(relevant), 6) if relevant else None
                assert values[place] == expected
        whole = [(v, sum(x is not None for x in v)) for v in record["values"]]
        assert any(n for _, n in whole)
    else:
        assert record["metric"] == "rmse"
        error = np.abs(run.trainer.model.predict(test).detach().numpy() - test["rating"].numpy())
        for group, values in enumerate(record["values"]):
            for place, user in enumerate(by_user.users):
                mine = [
                    e
                    for e, u, i in zip(
                        error, test["user_id"].tolist(), test["item_id"].tolist(), strict=True
                    )
                    if u == user and of_items[i - 1] == group
                ]
                if not mine:
                    assert values[place] is None
                else:
                    assert values[place] == pytest.approx(
                        np.sqrt(np.mean(np.square(mine))), abs=1e-5
                    )
    assert "values" not in group_values.of_run(run, by_user, "auc")

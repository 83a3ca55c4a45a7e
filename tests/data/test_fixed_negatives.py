"""Fixed negatives, for users with several held-out items: what RecBole's loader makes of them."""

import math

import numpy as np
import pytest
import torch

from tests import runs

HELD_OUT = {"u1": ["a", "b", "c"], "u2": ["d"], "u3": ["a", "e"]}
NEGATIVES = {"u1": ["x", "y"], "u2": ["y", "z"], "u3": ["z", "x"]}


@pytest.fixture
def run(tmp_path):
    """BPR on a data set whose test part has three, one and two items of its users."""
    folder = tmp_path / "dataset" / "d"
    folder.mkdir(parents=True)
    items = "abcdexyz"
    train = [("t", item) for item in items] + [(user, "t") for user in HELD_OUT]
    held_out = [(user, item) for user, own in HELD_OUT.items() for item in own]
    negatives = [(user, item) for user, own in NEGATIVES.items() for item in own]
    head = "user_id:token\titem_id:token\n"
    for name, rows in (
        ("train.inter", train),
        *((f"{phase}.inter", held_out) for phase in ("valid", "test")),
        *((f"{phase}.negatives", negatives) for phase in ("valid", "test")),
    ):
        lines = "".join(f"{user}\t{item}\n" for user, item in rows)
        (folder / f"d.{name}").write_text(head + lines)
    return runs.prepare(
        "BPR",
        "d",
        benchmark_filename=["train", "valid", "test"],
        load_col={"inter": ["user_id", "item_id"]},
        fixed_negatives=True,
        eval_args={"mode": "uni2"},
        metrics=["NDCG", "Recall"],
        topk=[2],
        valid_metric="NDCG@2",
        embedding_size=4,
    )


def test_the_first_negative_of_each_row_comes_first(run):
    dataset = run.dataset
    users = dataset.token2id("user_id", np.array(["u1", "u2", "u1", "u3"]))
    drawn = run.test._sampler.sample_by_user_ids(users, None, 2)
    assert list(dataset.id2token("item_id", drawn)) == ["x", "y", "x", "z", "y", "z", "y", "x"]


def test_the_loader_ranks_each_held_out_item_among_the_users_own_negatives(run):
    """The rows that RecBole's loader makes, one after another, by a plain loop."""
    rows = {}
    for batch, which, positive_users, positive_items in run.test:
        users = run.dataset.id2token("user_id", batch["user_id"])
        items = run.dataset.id2token("item_id", batch["item_id"])
        for place, (user, item) in enumerate(zip(users, items, strict=True)):
            rows.setdefault(user, []).append(item)
            assert users[which.tolist().index(which[place])] == user
        of_users = [users[which.tolist().index(number)] for number in positive_users.tolist()]
        tokens = run.dataset.id2token("item_id", positive_items)
        assert list(zip(of_users, tokens, strict=True)) == [
            (user, item) for user in dict.fromkeys(users) for item in HELD_OUT[user]
        ]
    expected = {
        user: [*own, *(negative for negative in NEGATIVES[user] for _ in own)]
        for user, own in HELD_OUT.items()
    }
    assert rows == expected


def test_metrics_with_several_held_out_items_by_hand(run):
    """A model that likes x best, then a, y, b, z, c, d, e: see the ranks in the comments."""
    order = "xaybzcde"
    scores = torch.zeros(run.dataset.item_num)
    for place, item in enumerate(order):
        scores[run.dataset.token2id("item_id", item)] = len(order) - place
    run.model.predict = lambda batch: scores[batch["item_id"]]
    result = run.trainer.evaluate(run.test, load_best_model=False)
    # u1: x a | y b c; u2: y z | d; u3: x a | z e
    second = 1 / math.log2(3)
    ndcg = [second / (1 + second), 0, second / (1 + second)]
    assert result["ndcg@2"] == pytest.approx(sum(ndcg) / 3)
    assert result["recall@2"] == pytest.approx((1 / 3 + 0 + 1 / 2) / 3)

"""What the data must have for an evaluation, and which rows of it are relevant."""

import math
from pathlib import Path

import pytest
import torch

from recbole_ext.errors import DataError, SettingError
from recbole_ext.evaluator import per_user
from recbole_ext.patches.functions import labels
from tests import runs

HEADER = "user_id:token\titem_id:token\tlabel:float"
COLUMNS = {"inter": ["user_id", "item_id", "label"]}
RATED = {"inter": ["user_id", "item_id", "rating", "timestamp"]}

# Popularity in training: a 4, b 3, c 2, d 1, e 0.
TRAINING = ("u1 d 1", "u2 a 1", "u2 b 1", "u3 a 1", "u4 a 1", "u4 b 1", "u4 c 1")
TRAINING += ("u6 a 1", "u6 b 1", "u6 c 1")
COUNTS = {"train_batch_size": 1, "train_neg_sample_args": None}  # RecBole's Pop counts these rows
# u1 likes b alone, u3 nothing.
TEST = ("u1 a 0", "u1 b 1", "u1 c 0", "u2 c 1", "u3 c 0")


def write(**parts: tuple[str, ...]) -> dict:
    """A data set `made` of files, one a part; the settings to read it."""
    home = Path("dataset/made")
    home.mkdir(parents=True, exist_ok=True)
    for part, rows in parts.items():
        lines = [HEADER, *("\t".join(row.split()) for row in rows)]
        (home / f"made.{part}.inter").write_text("\n".join(lines) + "\n")
    return {"benchmark_filename": list(parts), "load_col": COLUMNS}


def prepare(model: str, test: tuple[str, ...] = TEST, **settings):
    files = write(train=TRAINING, valid=("u6 e 1",), test=test)
    given = {"metrics": ["Precision", "Recall", "MRR", "NDCG"], "topk": [2]}
    given |= {"valid_metric": "MRR@2", **files, **settings}
    if model == "BPR":
        given["embedding_size"] = 2
    return runs.prepare(model, **given)


# --- relevant rows --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["full", "uni1", "pop1"])
def test_held_out_rows_with_label_0_are_not_relevant(mode):
    """By hand: u1's list is a, b, and b is relevant; u2's starts with c; u3 is left out."""
    run = prepare("Pop", **COUNTS, eval_args={"mode": mode})
    run.fit()
    expected = {"precision@2": 0.5, "recall@2": 1, "mrr@2": (1 / 2 + 1) / 2}
    expected["ndcg@2"] = (1 / math.log2(3) + 1) / 2
    assert run.trainer.evaluate(run.test) == pytest.approx(expected)


def test_users_of_the_metrics_of_each_user_have_a_relevant_item():
    run = prepare("Pop", **COUNTS)
    run.fit()
    _, found = per_user.per_user(run.trainer, run.test)
    names = run.dataset.id2token("user_id", found.users).tolist()
    assert dict(zip(names, found.metrics["mrr@2"], strict=True)) == {"u1": 0.5, "u2": 1}


def test_an_item_with_both_labels_is_relevant():
    run = prepare("Pop", test=("u1 a 0", "u1 a 1"), **COUNTS)
    run.fit()
    assert run.trainer.evaluate(run.test)["mrr@2"] == 1


class Collector:
    config = {"model": "GRU4Rec", "USER_ID_FIELD": "user_id"}  # noqa: RUF012
    relevant = None


def collected(scores, users, place, items, relevant):
    from recbole_ext.data.interaction_set import InteractionSet

    collector, result = Collector(), []
    collector.relevant = InteractionSet(torch.tensor(relevant).numpy(), 5, 10)
    batch = {"user_id": torch.tensor(users)}
    args = (scores, batch, torch.tensor(place), torch.tensor(items))
    labels.eval_batch_collect(lambda *found: result.extend(found), collector, args, {})
    return result and [result[0].tolist(), result[2].tolist(), result[3].tolist()]


def test_the_rows_of_a_sequence_are_each_a_user_of_their_own():
    """User 1 is ranked twice, for items 3 and 4; only 4 is relevant (key: 1 * 10 + 4)."""
    scores = torch.tensor([[0.0, 1], [2, 3]])
    assert collected(scores, [1, 1], [0, 1], [3, 4], [14]) == [[[2, 3]], [0], [4]]
    assert collected(scores, [1, 1], [0, 1], [3, 4], [24]) == []


def test_the_rows_of_drawn_candidates_are_found_by_their_user():
    """Users 2 and 3, of two candidates each; item 7 of user 3 is relevant."""
    scores = torch.tensor([[0.0, 1], [2, 3]])
    assert collected(scores, [2, 2, 3, 3], [0, 1], [7, 7], [37]) == [[[2, 3]], [0], [7]]


def test_ratings_of_0_are_not_relevant_to_autorec():
    rows = [(f"u{u}", f"i{i}", (u + i) % 6, 10 * u + i) for u in range(4) for i in range(u, u + 6)]
    runs.write_inter(Path("dataset"), "made", rows)
    split = {"split": {"LS": "test_only"}, "order": "TO", "mode": "full"}
    run = runs.prepare(
        "AutoRec",
        metrics=["Recall"],
        valid_metric="Recall@9",
        topk=[9],
        eval_args=split,
        load_col=RATED,
        mlp_hidden_size=[2],
    )
    run.fit()
    _, found = per_user.per_user(run.trainer, run.test)
    last = {f"u{u}": (2 * u + 5) % 6 for u in range(4)}  # 5, 1, 3, 5: none is 0
    assert set(run.dataset.id2token("user_id", found.users)) == {u for u in last if last[u]}


# --- training -------------------------------------------------------------------------------

SEEN = {
    "train": ("u1 a 1", "u1 b 0", "u2 b 1", "u2 c 1", "u3 d 1"),
    "valid": ("u1 c 1",),
    "test": ("u2 a 1",),
}


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("BPR", {}),
        ("ItemKNN", {}),
        ("ItemKNN", {"train_neg_sample_args": None}),
        ("MultiVAE", {}),
        ("LightGCN", {}),
        ("NeuMF", {}),
        ("NCFMLP", {}),
        ("CDAE", {"train_neg_sample_args": None}),
    ],
)
def test_rows_with_label_0_do_not_train_as_positives(model, settings):
    message = (
        rf"label: 1 of 5 training rows have label 0, and {model} would train on them as on those "
        r"with 1; leave them out by val_interval: {label: \"\(0,inf\)\"}"
    )
    pointwise = model in ("NeuMF", "NCFMLP")
    end = "; or train on the labels as they are by train_neg_sample_args: ~$" if pointwise else "$"
    with pytest.raises(SettingError, match=message + end):
        runs.prepare(model, topk=[2], valid_metric="MRR@2", **write(**SEEN), **settings)


def test_next_items_with_label_0_are_no_targets_of_a_sequence():
    rows = [(f"u{u}", f"i{(u + n) % 7}", 1 + (u + n) % 5, n) for u in range(6) for n in range(5)]
    runs.write_inter(Path("dataset"), "made", rows)
    settings = {"load_col": RATED, "threshold": {"rating": 3}, "topk": [3]}
    settings |= {"train_neg_sample_args": None, "valid_metric": "MRR@3"}
    with pytest.raises(SettingError, match=r"^threshold: .* and SASRec would train on them as on"):
        runs.prepare("SASRec", **settings)


def test_labels_do_not_take_the_place_of_ratings(ratings):
    settings = {"threshold": {"rating": 3}, "LABEL_FIELD": "label"}
    message = (
        r"^threshold: labels have taken the place of rating, which AutoRec trains on; leave "
        r"threshold out, or write LABEL_FIELD: rating to train on 0 and 1$"
    )
    with pytest.raises(SettingError, match=message):
        runs.prepare("AutoRec", **settings)
    run = runs.prepare("AutoRec", **{**settings, "LABEL_FIELD": "rating"})
    assert run.model.levels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("BPR", {"val_interval": {"label": "(0,inf)"}}),
        ("NeuMF", {"train_neg_sample_args": None}),
        ("NCFMLP", {"train_neg_sample_args": None}),
        ("NCFMLP", {"negatives": "all"}),
    ],
)
def test_what_the_message_says_trains(model, settings):
    if "val_interval" in settings:  # filters the rows of all files
        Path("dataset/made").mkdir(parents=True)
        rows = [row.replace(" ", "\t") for part in SEEN.values() for row in part]
        rows += [f"u{u}\t{i}\t1" for u in (3, 4) for i in "abcd"[: u - 1]] + ["u5\td\t1"]
        Path("dataset/made/made.inter").write_text("\n".join([HEADER, *rows]) + "\n")
        files = {"load_col": COLUMNS, "eval_args": {"split": {"LS": "test_only"}}}
    else:
        files = write(**SEEN)
    run = runs.prepare(model, topk=[2], valid_metric="MRR@2", **files, **settings)
    run.fit()
    trained = run.train._dataset.inter_feat["label"]
    assert (trained == 0).sum() == (0 if "val_interval" in settings else 1)


# --- parts ----------------------------------------------------------------------------------


def pairs(*users: str):
    """Each user's items, one letter each, rated 3 at rising times."""
    rows = [
        (name, item, 3, n)
        for name, *items in map(str.split, users)
        for n, item in enumerate("".join(items))
    ]
    runs.write_inter(Path("dataset"), "made", rows)
    return {"topk": [2], "valid_metric": "MRR@2", "load_col": RATED}


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ({"split": {"LS": "valid_and_test"}}, "validation"),
        ({"split": {"RS": [0.4, 0.3, 0.3]}}, "validation"),
        ({"split": {"TS": [0.4, 0.3, 0.3]}, "order": "TO"}, "test"),
    ],
)
def test_a_part_without_rows_is_named(args, part):
    settings = pairs("u1 ab", "u2 bc", "u3 ca")
    if part == "test":  # all at one moment
        runs.write_inter(Path("dataset"), "made", [(u, i, 3, 5) for u in "xyz" for i in "ab"])
    with pytest.raises(
        DataError, match=rf"^made: the {part} part has no rows \({{'.*}} of 6 rows\)"
    ):
        runs.prepare("BPR", eval_args=args, **settings)


@pytest.mark.parametrize("split", [{"RS": [0.1, 0.5, 0.5]}, {"RS": [1e-9, 5, 5]}])
def test_a_share_of_training_is_at_least_one_row(split):
    """RecBole would train on the row of each user that rounding the other parts down leaves."""
    settings = pairs("u1 abc", "u2 bcd", "u3 cda")
    share = split["RS"][0] / sum(split["RS"]) * 9
    with pytest.raises(
        SettingError,
        match=r"^made: eval_args: split: the share of training in .* is less than one of 9 rows;",
    ):
        runs.prepare("BPR", eval_args={"split": split}, **settings)
    assert share < 1
    run = runs.prepare("BPR", eval_args={"split": {"RS": [0.13, 0.5, 0.5]}}, **settings)
    assert len(run.train.dataset) == 3


def test_a_part_that_the_split_does_not_ask_for_may_be_empty():
    run = runs.prepare(
        "BPR", eval_args={"split": {"LS": "test_only"}}, **pairs("u1 ab", "u2 bc", "u3 ca")
    )
    assert list(map(len, (run.train, run.valid, run.test)))[1] == 0


@pytest.mark.parametrize("mode", ["full", "uni1"])
def test_a_user_who_has_all_items_is_named(mode):
    settings = pairs("u1 abcd", "u2 abcc", "u3 da")
    message = (
        r"^made: user u1 has interacted with all 4 items: no item is left to draw as a negative; "
        r"leave such users out by user_inter_num_interval: \"\[0,3\]\"$"
    )
    with pytest.raises(DataError, match=message):
        runs.prepare("BPR", eval_args={"split": {"LS": "test_only"}, "mode": mode}, **settings)


def test_cutoffs_up_to_the_number_of_items():
    settings = {**pairs("u1 abc", "u2 bcd", "u3 da"), "eval_args": {"split": {"LS": "test_only"}}}
    runs.prepare("BPR", **{**settings, "topk": [2, 4]})
    with pytest.raises(SettingError, match="topk: expected at most 4, the number of items in made"):
        runs.prepare("BPR", **{**settings, "topk": [2, 5]})


def test_value_metrics_have_no_cutoff():
    """RecBole's default topk is 10."""
    settings = pairs("u1 abcd", "u2 bcd", "u3 dab")
    runs.prepare("AutoRec", load_col=settings["load_col"])


VALUES = {"metrics": ["AUC"], "valid_metric": "AUC", "train_neg_sample_args": None}


def test_auc_needs_both_labels():
    message = (
        r"^metrics: AUC compares rows labelled 1 with rows labelled 0, found only 1 in label of "
        r"the validation part; use more data, or metrics: \[LogLoss\] and valid_metric: LogLoss$"
    )
    with pytest.raises(SettingError, match=message):
        prepare("NeuMF", eval_args={"mode": "labeled"}, **VALUES)


def test_a_ranking_needs_a_relevant_row():
    with pytest.raises(DataError, match=r"the test part has no relevant row: label is not above 0"):
        prepare("BPR", test=("u1 a 0", "u3 b 0"))


def test_values_of_a_single_row_are_right():
    """Its prediction is the network's, and the error is the distance."""
    run = prepare(
        "NeuMF",
        test=("u1 a 0",),
        eval_args={"mode": "labeled"},
        **{**VALUES, "metrics": ["RMSE", "MAE", "LogLoss"], "valid_metric": "RMSE"},
    )
    run.fit()
    result = run.trainer.evaluate(run.test)
    with torch.no_grad():
        chance = float(run.model.predict(run.test._dataset.inter_feat))
    assert result == pytest.approx(
        {"rmse": chance, "mae": chance, "logloss": -math.log(1 - chance)}, rel=1e-5
    )


# --- scores that are no numbers -------------------------------------------------------------


def test_a_validation_score_that_is_no_number_is_an_error(ratings, monkeypatch):
    run = runs.prepare("BPR", embedding_size=2)
    evaluate = run.trainer.evaluator.evaluate
    results = iter([0.5, math.nan])
    monkeypatch.setattr(
        run.trainer.evaluator, "evaluate", lambda s: {**evaluate(s), "mrr@10": next(results)}
    )
    message = r"^valid_metric: MRR@10 is nan after epoch 1: no epoch can be chosen by it"
    with pytest.raises(SettingError, match=message):
        run.fit()


@pytest.mark.parametrize("mode", ["full", "uni2"])
def test_predictions_that_are_no_numbers_are_not_ranked(mode, ratings, monkeypatch):
    run = runs.prepare("BPR", embedding_size=2, eval_args={"mode": mode})
    for name in ("predict", "full_sort_predict"):
        wrapped = getattr(run.model, name)
        monkeypatch.setattr(run.model, name, lambda batch, of=wrapped: of(batch) * math.nan)
    with pytest.raises(SettingError, match=r"^BPR predicts values that are no numbers \(nan\)"):
        run.fit()

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.data import interaction_file, leave_one_out, splits
from recbole_ext.data.movielens import known_splits, raw
from recbole_ext.errors import DataError
from recbole_ext.evaluator import protocols
from tests import releases, runs

SMALL = runs.SMALL["AutoRec"]


@pytest.fixture
def source(tmp_path):
    """30 users, 20 items; no user has rated more than 14 of them."""
    path = runs.write_ratings(tmp_path / "dataset", "made") / "made" / "made.inter"
    header, *lines = path.read_text().splitlines()
    of = {}
    for line in lines:
        of.setdefault(line.split("\t")[0], []).append(line)
    path.write_text("\n".join([header, *(x for some in of.values() for x in some[-14:])]) + "\n")
    return interaction_file.read(path)


def part(name: str, phase: str) -> list[str]:
    return Path(f"dataset/{name}/{name}.{phase}.inter").read_text().splitlines()


# --- which rows go where --------------------------------------------------------------------


@given(st.integers(20, 300), st.floats(0.05, 0.5), st.floats(0.05, 0.4), st.integers(0, 2**31))
def test_a_random_split_deals_every_row_once(n, test, valid, seed):
    found = splits.random_split(n, test, valid, seed)
    assert len(found["test"]) == round(test * n)
    assert len(found["valid"]) == round(valid * n)
    assert sorted(np.concatenate(list(found.values()))) == list(range(n))
    assert all((np.diff(index) > 0).all() for index in found.values())


@given(st.integers(20, 200), st.integers(2, 6), st.integers(0, 2**31))
def test_folds_test_every_row_once(n, folds, seed):
    found = splits.kfold(n, folds, 0.1, seed)
    tests = np.concatenate([split["test"] for split in found])
    assert sorted(tests) == list(range(n))
    for split in found:
        assert sorted(np.concatenate(list(split.values()))) == list(range(n))
        assert len(split["valid"]) == round(0.1 * n)


def test_a_seed_gives_the_same_rows_everywhere():
    """Written down once: numpy keeps these streams."""
    assert splits.random_split(10, 0.2, 0.2, 1)["test"].tolist() == [2, 9]
    assert splits.kfold(6, 3, 0.2, 1)[0]["test"].tolist() == [1, 2]
    assert leave_one_out._draw(100, 3, np.random.RandomState(1)).tolist() == [37, 12, 72]


def test_the_latest_of_each_user_is_held_out():
    #                 0  1  2  3  4  5  6  7  8
    users = np.array([0, 1, 0, 1, 0, 2, 2, 1, 0])
    times = np.array([5, 1, 9, 7, 2, 1, 2, 7, 9])
    found = leave_one_out.latest_rows(users, times)
    assert found["test"].tolist() == [7, 8]  # of equal times, the later row
    assert found["valid"].tolist() == [2, 3]
    assert found["train"].tolist() == [0, 1, 4, 5, 6]  # user 2 has two rows: all for training


def test_negatives_are_different_items_without_an_interaction(source):
    held = np.arange(len(source))[::3]
    number = 5
    drawn = leave_one_out.draw_negatives(source, held, number, seed=3)
    seen = {(u, i) for u, i in zip(source.users, source.items, strict=True)}
    assert drawn.shape == (len(held), number)
    for row, items in zip(held, drawn, strict=True):
        assert len(set(items)) == number
        assert not any((source.users[row], item) in seen for item in items)
    assert (drawn == leave_one_out.draw_negatives(source, held, number, seed=3)).all()
    assert (drawn != leave_one_out.draw_negatives(source, held, number, seed=4)).any()
    with pytest.raises(DataError, match=r"user u\d+ has \d+ items without .* expected at least 19"):
        leave_one_out.draw_negatives(source, held, 19, seed=3)


@pytest.mark.parametrize(("n", "number"), [(6, 4), (50, 4)])
def test_negatives_are_uniform(n, number):
    random = np.random.RandomState(0)
    counts = np.zeros(n)
    for _ in range(4000):
        counts[leave_one_out._draw(n, number, random)] += 1
    from scipy.stats import chisquare

    assert chisquare(counts).pvalue > 0.001


# --- what is written ------------------------------------------------------------------------


def test_a_split_keeps_the_text_and_trains(source):
    whole = Path("dataset/made/made.inter").read_text().splitlines()
    found = splits.random_split(len(source), 0.2, 0.1, 7)
    made = splits.write_split(source, found, "made-r", Path("dataset"), "how", {"seed": 7})
    for phase, count in made.counts.items():
        assert part("made-r", phase) == [whole[0], *(whole[1 + row] for row in found[phase])]
        assert count == len(found[phase])
    manifest = json.loads(Path("dataset/made-r/manifest.json").read_text())
    assert manifest["command"] == "how"
    assert manifest["options"] == {"seed": 7}
    assert manifest["counts"] == made.counts
    assert manifest["source"]["file"] == "made.inter"
    run = runs.prepare("AutoRec", "made-r", **SMALL)
    assert [len(data.dataset) for data in (run.train, run.valid, run.test)] == list(
        made.counts.values()
    )
    run.fit()
    assert len(run.model.ratings.values) == made.counts["train"]  # nothing else is in the input


def test_an_empty_part_is_refused_and_nothing_is_left(source):
    found = {**splits.random_split(len(source), 0.2, 0.1, 7), "valid": np.array([], dtype=int)}
    with pytest.raises(DataError, match="no row is left for valid"):
        splits.write_split(source, found, "made-r", Path("dataset"), "how", {})
    assert [path.name for path in Path("dataset").iterdir()] == ["made"]


def test_folds_are_written_all_or_none(source, monkeypatch):
    folds = splits.kfold(len(source), 3, 0.1, 1)
    names, place = ["a", "b", "c"], source.path.parents[1]
    before = sorted(place.rglob("*"))
    write, calls = splits.write_parts, []

    def fail_at_the_third(*args):
        calls.append(args)
        if len(calls) == 3:
            raise OSError("no room")
        write(*args)

    with monkeypatch.context() as patch:
        patch.setattr(splits, "write_parts", fail_at_the_third)
        with pytest.raises(OSError, match="no room"):
            splits.write_folds(source, folds, names, place, "how", {"folds": 3})
    assert (len(calls), sorted(place.rglob("*"))) == (3, before)
    with pytest.raises(DataError, match="no row is left for valid"):
        splits.write_folds(source, splits.kfold(len(source), 2, 0.0, 1), names[:2], place, "", {})
    assert sorted(place.rglob("*")) == before
    datasets = splits.write_folds(source, folds, names, place, "how", {"folds": 3})
    assert [dataset.name for dataset in datasets] == names
    for fold, dataset in enumerate(datasets, 1):
        file = place / dataset.name / f"{dataset.name}.test.inter"
        assert len(file.read_text().splitlines()) - 1 == len(folds[fold - 1]["test"])
        manifest = json.loads((place / dataset.name / "manifest.json").read_text())
        assert manifest["options"] == {"fold": fold, "folds": 3}


def test_features_go_with_the_split(source):
    Path("dataset/made/made.item").write_text("item_id:token\tyear:token\ni1\t1999\n")
    found = splits.random_split(len(source), 0.2, 0.1, 7)
    splits.write_split(source, found, "made-r", Path("dataset"), "how", {})
    assert Path("dataset/made-r/made-r.item").read_text().endswith("i1\t1999\n")


@pytest.mark.parametrize("model", ["BPR", "NCFMLP", "Pop"])
def test_leave_one_out_ranks_the_written_items(model, source):
    made = protocols.leave_one_out(5, 1).write_dataset(source, Path("dataset"))
    users = len({line.split("\t")[0] for line in part("made-loo", "test")[1:]})
    assert made.counts["test"] == made.counts["valid"] == users
    run = runs.prepare(model, "made-loo", **runs.SMALL.get(model, {}))
    assert run.config["eval_args"]["mode"] == {"valid": "uni5", "test": "uni5"}
    lines = Path("dataset/made-loo/made-loo.test.negatives").read_text().splitlines()[1:]
    written = {}
    for user, item in (line.split("\t") for line in lines):
        written.setdefault(user, set()).add(item)
    ranked = {}
    for batch, *_ in run.test:
        tokens = zip(
            run.dataset.id2token("user_id", batch["user_id"]),
            run.dataset.id2token("item_id", batch["item_id"]),
            strict=True,
        )
        for user, item in tokens:
            ranked.setdefault(user, set()).add(item)
    positive = dict(line.split("\t")[:2] for line in part("made-loo", "test")[1:])
    assert ranked == {user: written[user] | {positive[user]} for user in positive}
    run.fit()
    result = run.trainer.evaluate(run.test, load_best_model=False)
    assert 0 <= result["hit@10"] <= 1


def test_hit_and_ndcg_of_leave_one_out_by_hand(source):
    """HR@2 and NDCG@2 of a model that scores by item number, from the files alone."""
    import torch

    protocols.leave_one_out(5, 1).write_dataset(source, Path("dataset"))
    run = runs.prepare("BPR", "made-loo", topk=[2], valid_metric="NDCG@2")
    number = torch.tensor(
        [-1.0] + [float(t[1:]) for t in run.dataset.field2id_token["item_id"][1:]]
    )
    run.model.predict = lambda batch: number[batch["item_id"]]
    result = run.trainer.evaluate(run.test, load_best_model=False)
    lines = Path("dataset/made-loo/made-loo.test.negatives").read_text().splitlines()[1:]
    negatives = {}
    for user, item in (line.split("\t") for line in lines):
        negatives.setdefault(user, []).append(int(item[1:]))
    gains = []
    for user, item, *_ in (line.split("\t") for line in part("made-loo", "test")[1:]):
        rank = sum(other > int(item[1:]) for other in negatives[user])
        gains.append(1 / np.log2(rank + 2) if rank < 2 else 0.0)
    assert result["hit@2"] == pytest.approx(np.mean(np.array(gains) > 0))
    assert result["ndcg@2"] == pytest.approx(np.mean(gains))


def test_fixed_negatives_that_do_not_fit_are_refused(source):
    protocols.leave_one_out(5, 1).write_dataset(source, Path("dataset"))
    run = runs.prepare("BPR", "made-loo", eval_args={"mode": "uni7"})
    with pytest.raises(DataError, match=r"has 5 negatives, .*uni7} expects 7; split again with"):
        next(iter(run.test))
    values = {"metrics": ["RMSE"], "valid_metric": "RMSE", "LABEL_FIELD": "timestamp"}
    labeled = {"eval_args": {"mode": "labeled"}, "train_neg_sample_args": None}
    with pytest.raises(DataError, match=r"fixed_negatives is for eval_args: {mode: uniN}"):
        runs.prepare("NeuMF", "made-loo", **labeled, **values)
    file = Path("dataset/made-loo/made-loo.test.negatives")
    file.write_text(file.read_text() + "u0\tnobody\n")
    with pytest.raises(DataError, match=r"line \d+: item_id nobody is in no interaction"):
        runs.prepare("BPR", "made-loo")
    file.unlink()
    with pytest.raises(DataError, match=r"made-loo\.test\.negatives: no such file"):
        runs.prepare("BPR", "made-loo")


def test_leave_one_out_needs_times(tmp_path):
    path = tmp_path / "d.inter"
    path.write_text("user_id:token\titem_id:token\n1\t2\n")
    with pytest.raises(DataError, match="no column timestamp:float"):
        protocols.leave_one_out(5, 1).write_dataset(interaction_file.read(path), tmp_path)


# --- GroupLens's own ------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_a_known_split_is_tested_on_its_own_rows(packed, tmp_path):
    ratings = releases.made_ratings(20, 30, 300)
    held = np.random.RandomState(0).permutation(300) < 60
    release = releases.write_release(
        tmp_path / "raw",
        "ml-100k",
        ratings,
        u1__base=releases.lines(ratings[~held], "\t"),
        u1__test=releases.lines(ratings[held], "\t"),
    )
    source = raw.Source(releases.zipped(release) if packed else release)
    made = known_splits.write(source, "u1", "ml-100k-u1", Path("dataset"), "how", 0.1, 5)
    assert made.counts == {"train": 216, "valid": 24, "test": 60}
    assert part("ml-100k-u1", "test")[1:] == releases.lines(ratings[held], "\t").splitlines()
    rest = part("ml-100k-u1", "train")[1:] + part("ml-100k-u1", "valid")[1:]
    assert sorted(rest) == sorted(releases.lines(ratings[~held], "\t").splitlines())
    settings = yaml.safe_load(Path("dataset/ml-100k-u1/ml-100k-u1.yaml").read_text())
    assert settings["benchmark_filename"] == ["train", "valid", "test"]
    run = runs.prepare("AutoRec", "ml-100k-u1", **SMALL)
    run.fit()
    # the RMSE is that of exactly the test rows, by a loop over the file
    result = run.trainer.evaluate(run.test, load_best_model=False)
    assert len(run.model.ratings.values) == 216
    users, items = (run.dataset.field2token_id[field] for field in ("user_id", "item_id"))
    errors = []
    run.model.eval()
    for user, item, rating, _ in (line.split("\t") for line in part("ml-100k-u1", "test")[1:]):
        guess = run.model.predict(_pair(users[user], items[item]))
        errors.append(float(guess[0]) - float(rating))
    assert result["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-5)
    with pytest.raises(DataError, match=r"no ua\.base in it; found"):
        known_splits.write(source, "ua", "x", Path("dataset"), "how", 0.1, 5)


def _pair(user, item):
    import torch
    from recbole.data.interaction import Interaction

    return Interaction({"user_id": torch.tensor([user]), "item_id": torch.tensor([item])})


def test_nothing_outside_its_folder_is_of_movielens_alone():
    """Splits, the grid, checks and descriptions serve any data set."""
    for path in Path(splits.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) .*movielens", path.read_text(), re.M), path.name


# --- the rows themselves --------------------------------------------------------------------


def test_rows_are_the_file(source):
    text = Path("dataset/made/made.inter").read_bytes()
    assert source.header + source.lines(np.arange(len(source))) == text
    first = text.splitlines()[1].split(b"\t")
    assert source.user_tokens[source.users[0]] == first[0].decode()
    assert source.users[0] == source.items[0] == 0
    assert source.ratings[0] == float(first[2])


def test_tokens_are_text(tmp_path):
    path = tmp_path / "d.inter"
    path.write_text("user_id:token\titem_id:token\n01\t2\n1\t2\n01\t3.0\n")
    found = interaction_file.read(path)
    assert found.user_tokens.tolist() == ["01", "1"]
    assert found.users.tolist() == [0, 1, 0]
    assert found.item_tokens.tolist() == ["2", "3.0"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user_id:token\n1\n", "no column item_id"),
        ("user_id:token\titem_id:token\n1\t2\n1\n", r"line 3: expected 2 columns.*data check"),
        ("user_id:token\titem_id:token\trating:float\n1\t2\tx\n", r"line 2: rating: expected a n"),
    ],
)
def test_rows_that_cannot_be_dealt(text, message, tmp_path):
    path = tmp_path / "d.inter"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        interaction_file.read(path)


def test_where_a_data_set_is(tmp_path):
    assert interaction_file.locate("ml-100k", tmp_path).is_file()  # inside RecBole
    with pytest.raises(DataError, match=r"ml-1m\.inter: no such file; get .* data get NAME"):
        interaction_file.locate("ml-1m", tmp_path)

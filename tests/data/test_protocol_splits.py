"""The splits at one point in time, by users, in folds and of the user's own: beside plain loops."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.cli import main
from recbole_ext.data import given_split, interaction_file, new_users, splits, temporal
from recbole_ext.errors import DataError
from recbole_ext.evaluator import protocols
from tests import runs

FOLDER = Path("dataset")


def part(name, phase):
    return Path(f"dataset/{name}/{name}.{phase}.inter").read_text().splitlines()[1:]


def fields(lines):
    return [tuple(line.split("\t")) for line in lines]


@pytest.fixture
def source(tmp_path):
    path = runs.write_ratings(tmp_path / "dataset", "made") / "made" / "made.inter"
    header, *lines = path.read_text().splitlines()
    random = np.random.default_rng(1)
    rows = [[*line.split("\t")[:3], str(random.integers(0, 90))] for line in lines]
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n")
    return interaction_file.read(path)


# --- one point in time ----------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 40), min_size=10, max_size=80),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
)
def test_the_parts_are_one_after_another(times, test, valid):
    whole = np.array(times, dtype=float)
    first, second = temporal.moments(whole, test, valid)
    found = temporal.split(whole, first, second)
    assert sorted(np.concatenate(list(found.values()))) == list(range(len(times)))
    # a plain loop: the moments are those of the rows that the shares lead to
    in_order = sorted(times)
    n_test, n_valid = round(test * len(times)), round(valid * len(times))
    assert second == in_order[min(len(times) - n_test, len(times) - 1)]
    assert first == in_order[min(len(times) - n_test - n_valid, len(times) - 1)]
    for row, time in enumerate(times):
        place = "train" if time < first else "valid" if time < second else "test"
        assert row in found[place]
    assert len(found["test"]) >= n_test


def test_nothing_of_the_future_is_in_training(source):
    """A planted interaction, later than all others, is in no part that a model sees."""
    path = source.path
    text = path.read_text()
    planted = "u0\ti3\t5\t1000000"
    path.write_text(text + planted + "\n")
    protocols.prepare("temporal", "made", FOLDER)
    name = "made-temporal"
    times = {phase: [float(row[3]) for row in fields(part(name, phase))] for phase in splits.PARTS}
    assert max(times["train"]) < min(times["valid"])
    assert max(times["valid"]) < min(times["test"])
    assert planted in part(name, "test")
    assert planted not in part(name, "train") + part(name, "valid")
    run = runs.prepare("BPR", name, embedding_size=4)
    user = run.dataset.token2id("user_id", "u0")
    item = run.dataset.token2id("item_id", "i3")
    trained = run.train._dataset.inter_feat
    rows = ((trained["user_id"] == user) & (trained["item_id"] == item)).sum()
    assert rows == part(name, "train").count("u0\ti3")


def test_held_out_rows_are_of_users_and_items_in_training(source):
    text = source.path.read_text()
    source.path.write_text(text + "new\ti3\t5\t1000\nu1\tnovel\t5\t1001\n")
    protocols.prepare("temporal", "made", FOLDER)
    held = fields(part("made-temporal", "valid") + part("made-temporal", "test"))
    trained = fields(part("made-temporal", "train"))
    assert {row[0] for row in held} <= {row[0] for row in trained}
    assert {row[1] for row in held} <= {row[1] for row in trained}
    manifest = json.loads((FOLDER / "made-temporal" / "manifest.json").read_text())
    assert manifest["left_out"]["test"] >= 2
    kept = sum(manifest["counts"].values()) + sum(manifest["left_out"].values())
    assert kept == len(text.splitlines()) + 1


def test_equal_times_are_refused(source):
    rows = [(f"u{n}", f"i{n % 3}", 5, 7) for n in range(30)]
    runs.write_inter(FOLDER, "same", rows)
    with pytest.raises(DataError, match=r"same\.inter: no row is left for train"):
        protocols.prepare("temporal", "same", FOLDER)


# --- new users ------------------------------------------------------------------------------


@given(st.integers(0, 2**31), st.integers(5, 30), st.integers(2, 8))
def test_new_users_are_in_no_training_part(seed, n_users, n_items):
    random = np.random.default_rng(seed % 1000)
    pairs = [(u, i) for u in range(n_users) for i in range(n_items) if random.random() < 0.7]
    users, items = (np.array(column) for column in zip(*pairs, strict=True))
    found = new_users.split(users, items, 0.2, 0.1, seed)
    new = set(users[found["test"]].tolist())
    assert new == set(users[found["history"]].tolist())
    learned = np.concatenate([found["train"], found["valid"]])
    assert not new & set(users[learned].tolist())
    assert len(new) <= round(0.2 * (users.max() + 1))
    for user in new:  # of the items that others have in training, four fifths are given
        known = set(items[found["train"]].tolist())
        own = [row for row in range(len(users)) if users[row] == user and items[row] in known]
        given_rows = [row for row in own if row in found["history"]]
        assert sorted(given_rows + [r for r in own if r in found["test"]]) == own
        assert len(given_rows) == min(round(0.8 * len(own)), len(own) - 1)
    everything = np.concatenate(list(found.values()))
    assert len(everything) == len(set(everything.tolist()))


def test_items_that_only_a_new_user_has_are_left_out():
    """Ten users have items 0, 1 and 2, and one of their own each."""
    pairs = [(user, item) for user in range(10) for item in (0, 1, 2, 3 + user)]
    users, items = (np.array(column) for column in zip(*pairs, strict=True))
    found = new_users.split(users, items, 0.2, 0.0, 1)
    rows = np.concatenate([found["test"], found["history"]])
    assert sorted(items[rows].tolist()) == [0, 0, 1, 1, 2, 2]
    assert len(found["test"]) == 2  # of three items two are given


def test_the_data_set_of_new_users(source):
    protocols.prepare("user-holdout", "made", FOLDER)
    name = "made-users"
    users = {
        phase: {row[0] for row in fields(part(name, phase))} for phase in (*splits.PARTS, "history")
    }
    assert len(users["test"]) == 3  # of 30
    assert users["test"] == users["history"]
    assert not users["test"] & (users["train"] | users["valid"])
    settings = yaml.safe_load(Path(f"dataset/{name}/{name}.yaml").read_text())
    assert settings["benchmark_filename"] == ["train", "valid", "test"]


# --- folds ----------------------------------------------------------------------------------


def test_folds_are_disjoint_and_written_once(source):
    protocols.prepare("k-fold", "made", FOLDER)
    names = [protocols.data_set("k-fold", "made", fold) for fold in range(1, 6)]
    assert names[1] == "made-seed2020-fold2of5"
    tested = [line for name in names for line in part(name, "test")]
    assert sorted(tested) == sorted(source.path.read_text().splitlines()[1:])
    for name in names:
        of_fold = part(name, "train") + part(name, "valid") + part(name, "test")
        assert sorted(of_fold) == sorted(tested)
    # the command writes the same
    before = {path: path.read_bytes() for name in names for path in (FOLDER / name).iterdir()}
    words = json.loads((FOLDER / names[0] / "manifest.json").read_text())["command"].split()
    result = CliRunner().invoke(main.main, words[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert {path: path.read_bytes() for path in before} == before


def test_a_data_set_with_other_options_is_refused(source):
    words = ["data", "split", "made", "temporal", "--test", "0.3"]
    assert CliRunner().invoke(main.main, words).exit_code == 0
    with pytest.raises(DataError, match=r"was written with --test 0\.3, expected 0\.1"):
        protocols.prepare("temporal", "made", FOLDER)


# --- the user's own -------------------------------------------------------------------------


def test_a_data_set_without_its_own_split_is_refused(source):
    with pytest.raises(
        DataError, match=r"made\.yaml: expected benchmark_filename: .* no such file"
    ):
        protocols.prepare("given", "made", FOLDER)
    (FOLDER / "made" / "made.yaml").write_text("load_col: {inter: [user_id, item_id]}\n")
    with pytest.raises(DataError, match="no such key"):
        protocols.prepare("given", "made", FOLDER)


def test_a_test_row_that_is_in_training_is_refused(source):
    """A planted leak: a test interaction is put among the training rows."""
    protocols.prepare("temporal", "made", FOLDER)
    protocols.prepare("given", "made-temporal", FOLDER)
    name = "made-temporal"

    def check():
        run = runs.prepare("BPR", name, embedding_size=4)
        loaders = {"train": run.train, "valid": run.valid, "test": run.test}
        given_split.check_parts({phase: data._dataset for phase, data in loaders.items()})

    for phase in splits.PARTS[1:]:  # made at random: the same pair may be there twice already
        file = FOLDER / name / f"{name}.{phase}.inter"
        seen = {row[:2] for row in fields(part(name, "train"))}
        header, *lines = file.read_text().splitlines()
        kept = [line for line in lines if tuple(line.split("\t")[:2]) not in seen]
        file.write_text("\n".join([header, *kept]) + "\n")
    check()
    planted = part(name, "test")[0]
    training = FOLDER / name / f"{name}.train.inter"
    training.write_text(training.read_text() + planted + "\n")
    user, item = planted.split("\t")[:2]
    with pytest.raises(
        DataError, match=rf"not in train, found 1 that are, such as user {user} with item {item};"
    ):
        check()

"""Order by the times in the file, against the plain reference in tests/reference."""

import logging
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import recbole.data.dataset  # noqa: F401  its patches are applied now
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recbole.config import Config
from recbole.data import create_dataset
from recbole.model.general_recommender.diffrec import DiffRec
from recbole.utils import init_seed

from recbole_ext.errors import SettingError
from recbole_ext.patches.functions import dataset_cache, exact_time
from recbole_ext.trainer import single_run
from tests import runs
from tests.patches.switch import switched_off
from tests.reference import splits
from tests.reference.reading import Row, without_repeats

COLUMNS = {"load_col": {"inter": ["user_id", "item_id", "rating", "timestamp"]}}
LAST = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
PATCH = "exact-time-order"
SEQUENTIAL = {
    "SASRec": {"train_neg_sample_args": None},
    "DIEN": {"metrics": ["AUC"], "valid_metric": "AUC"},
}

# Where float32 has steps of a 128 and more: seconds, milliseconds, and seconds with fractions;
# small numbers, where it has none; negative times, before 1970.
TIMES = st.one_of(
    st.integers(1_600_000_000, 1_600_000_020).map(float),
    st.integers(1_600_000_000_000, 1_600_000_000_020).map(float),
    st.integers(0, 20).map(lambda n: 1e9 + n / 16),
    st.integers(-1_600_000_010, -1_600_000_000).map(float),
    st.integers(-3, 3).map(float),
)
ROWS = st.lists(
    st.tuples(st.sampled_from("uvwx"), st.sampled_from("abcdefgh"), TIMES), min_size=6, max_size=40
)
SPLITS = st.one_of(
    st.sampled_from(["valid_and_test", "valid_only", "test_only"]).map(lambda how: {"LS": how}),
    st.tuples(
        st.sampled_from(["RS", "TS"]),
        st.sampled_from([[0.6, 0.2, 0.2], [0.8, 0.1, 0.1], [0.7, 0.1, 0.2], [3, 1, 2]]),
    ).map(lambda kind: dict([kind])),
)


def reference_rows(rows):
    """The rows; ``rating`` numbers them in the order of the file."""
    return [
        Row(f"u{u}", f"i{i}", {"rating": float(n), "timestamp": t})
        for n, (u, i, t) in enumerate(rows)
    ]


def numbers(part):
    return [int(row.values["rating"]) for row in part]


def load(rows, protocol, model="BPR", **given):
    """RecBole's data set of some rows, and its three parts."""
    with TemporaryDirectory(dir=".") as folder:
        lines = [(f"u{u}", f"i{i}", n, repr(t)) for n, (u, i, t) in enumerate(rows)]
        runs.write_inter(Path(folder), "made", lines)
        given = {
            "data_path": folder,
            "eval_args": protocol,
            "state": "CRITICAL",
            **COLUMNS,
            **SEQUENTIAL.get(model, {}),
            **given,
        }
        config = Config(model, "made", config_dict=given)
        init_seed(1, True)
        dataset = create_dataset(config)
        return dataset, dataset.build()


def settings_of(model):
    if model == "AutoRec":
        labeled = {"eval_args": {**LAST, "mode": "labeled"}}
        return {**runs.SMALL[model], **labeled}
    return SEQUENTIAL.get(model, {})


def found_numbers(part):
    return part.inter_feat["rating"].int().tolist()


# --- splits ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(
    ROWS,
    SPLITS,
    st.sampled_from(["user", "none"]),
    st.sampled_from([None, "first", "last"]),
    st.sampled_from(
        [{}, {"normalize_field": ["timestamp"]}, {"numerical_features": ["timestamp"]}]
    ),
)
@example(
    [("u", i, 1_600_000_009.0 - n) for n, i in enumerate("abcdef")],
    {"LS": "valid_and_test"},
    "user",
    None,
    {},
)
@example(
    [("u", "abcdefgh"[n], n / 1.0) for n in range(8)], {"TS": [0.6, 0.2, 0.2]}, "user", None, {}
)
def test_every_split_is_by_the_times_in_the_file(rows, split, group_by, keep, setting):
    if "numerical_features" in setting and "TS" in split:
        setting = {}
    protocol = {"split": split, "order": "TO", "group_by": group_by, "mode": "full"}
    expected = splits.split(without_repeats(reference_rows(rows), keep), protocol)
    _, parts = load(rows, protocol, rm_dup_inter=keep, **setting)
    assert [found_numbers(part) for part in parts] == [numbers(part) for part in expected]


@pytest.mark.parametrize("keep", ["first", "last"])
def test_of_repeats_at_one_time_the_order_of_the_file_decides(keep):
    """Each pair twice at its time; pandas' default sorting mixes up more than 16 rows."""
    rows = [("uvwxy"[n % 5], "abcdefgh"[n % 8], float(n % 2)) for n in range(80)]
    _, parts = load(rows, LAST, rm_dup_inter=keep)
    kept = {n for part in parts for n in found_numbers(part)}
    assert kept == set(range(40) if keep == "first" else range(40, 80))


@settings(deadline=None, max_examples=60)
@given(ROWS, st.sampled_from([[0.6, 0.2, 0.2], [0.4, 0.3, 0.3], [6, 3, 1]]))
def test_a_split_at_a_moment_needs_no_order(rows, ratios):
    """With order: RO the same rows are later than the moment, and users' rows are in time order."""
    protocol = {"split": {"TS": ratios}, "order": "RO", "group_by": "user", "mode": "full"}
    expected = splits.split(reference_rows(rows), protocol)
    _, parts = load(rows, protocol)
    found = [found_numbers(part) for part in parts]
    assert sorted(found[2]) == sorted(numbers(expected[2]))
    for part in (0, 1):
        users = [sorted(rows[n][0] for n in found[part])]
        assert users == [sorted(row.user[1:] for row in expected[part])]
    for earlier, later in ((found[0], found[1]), (found[1], found[2]), (found[0], found[2])):
        for u, _, t in (rows[n] for n in earlier):
            assert all(t <= rows[n][2] for n in later if rows[n][0] == u)


@given(st.lists(st.integers(0, 9), min_size=1), st.sampled_from(["0.1", "0.2", "0.25", "1/3"]))
def test_the_moment_is_the_percentile(times, test):
    share = Fraction(test)
    moment = exact_time.last_moment(np.array(times, dtype=float), share)
    percentile = np.percentile(times, 100 * float(1 - share)) + 1e-9
    assert moment == max(time for time in times if time <= percentile)


def test_shares_are_exact():
    first, second, third = exact_time.shares([0.6, 0.2, 0.2])
    assert (first, second, third) == (Fraction(3, 5), Fraction(1, 5), Fraction(1, 5))
    assert int(4 * first / (first + second)) == 3  # 2 with floats


def users_whose_latest_is_not_left_out(normalized):
    """Of ml-100k, whose settings in RecBole normalise all numbers to 0 to 1, the times, too."""
    given = {"eval_args": LAST, "normalize_all": normalized, "state": "CRITICAL"}
    run = single_run.prepare("BPR", "ml-100k", given)
    file = Path(run.config["data_path"]) / "ml-100k.inter"
    latest: dict[str, float] = {}
    times = {}
    for line in file.read_text().splitlines()[1:]:
        user, item, _, time = line.split("\t")
        times[user, item] = float(time)
        latest[user] = max(latest.get(user, 0.0), float(time))
    rows, tokens = run.test._dataset.inter_feat, run.dataset.field2id_token
    assert len(rows) == len(latest) == 943
    pairs = [
        (str(tokens["user_id"][u]), str(tokens["item_id"][i]))
        for u, i in zip(rows["user_id"], rows["item_id"], strict=True)
    ]
    return sum(times[pair] < latest[pair[0]] for pair in pairs)


@pytest.mark.parametrize(("normalized", "recboles"), [(True, 4), (False, 149)])
def test_ml_100k_leaves_out_the_latest_of_every_user(normalized, recboles):
    with switched_off(PATCH):
        assert users_whose_latest_is_not_left_out(normalized) == recboles
    assert users_whose_latest_is_not_left_out(normalized) == 0


# --- what models are given ------------------------------------------------------------------


def test_the_times_given_to_models_are_those_of_recbole():
    rows = [("u", i, 1_600_000_009.0 - n) for n, i in enumerate("abcdef")] * 3
    for model in ("BPR", "SASRec", "DIEN"):
        for split in ({"RS": [0.6, 0.2, 0.2]}, {"LS": "valid_only"}):
            mode = "labeled" if model == "DIEN" else "full"
            protocol = {**LAST, "split": split, "mode": mode}
            dataset, parts = load(rows, protocol, model)
            for feat in (dataset.inter_feat, *(part.inter_feat for part in parts)):
                expected = [np.float32(rows[int(n)][2]) for n in feat["rating"]]
                assert feat["timestamp"].dtype == torch.float32
                assert feat["timestamp"].tolist() == expected
                if "timestamp_list" in feat:
                    assert feat["timestamp_list"].dtype == torch.float32


def test_columns_that_are_not_loaded_or_not_used_are_no_problem():
    rows = [(u, i, 1_600_000_009.0 - n) for n, i in enumerate("abcdef") for u in "uv"]
    _, parts = load(rows, LAST, unused_col={"inter": ["timestamp"]})
    assert sorted(found_numbers(parts[2])) == [0, 1]  # the latest of each user
    assert "timestamp" not in parts[0].inter_feat
    assert "timestamp" not in parts[0].field2type
    random = {**LAST, "order": "RO"}
    _, parts = load(rows, random, load_col={"inter": ["user_id", "item_id"]})
    assert [len(part) for part in parts] == [8, 2, 2]


# --- sequences ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from("uv"), st.sampled_from("abcdefgh"), TIMES),
        min_size=8,
        max_size=30,
        unique_by=lambda row: row[:2],
    ).filter(lambda rows: len({row[0] for row in rows}) == 2),
    st.sampled_from(["SASRec", "DIEN"]),
)
def test_sequences_are_in_the_order_of_the_file(rows, model):
    """Each row's sequence is what its user has before it, by the times and the file."""
    of_user = splits.of_each_user(sorted(reference_rows(rows), key=lambda r: r.values["timestamp"]))
    mode = "labeled" if model == "DIEN" else "full"
    dataset, parts = load(rows, {**LAST, "mode": mode}, model)
    items = dataset.field2id_token["item_id"]
    for part in parts:
        for n, row in zip(found_numbers(part), part.inter_feat["item_id_list"], strict=True):
            history = of_user[f"u{rows[n][0]}"]
            history = history[: numbers(history).index(n)]
            length = len(history)
            assert [str(items[i]) for i in row[:length]] == [r.item for r in history]
            assert not row[length:].any()
    held_out = {n for part in parts[1:] for n in found_numbers(part)}
    ends = [n for history in of_user.values() for n in numbers(history)[1:][1:][-2:]]
    assert held_out == set(ends)


def test_sequences_of_all_users_are_split_by_the_times_in_the_file():
    """A ratio of all rows: the latest of them are for test, whoever's they are."""
    rows = [("uv"[n % 2], "abcdefgh"[n // 2], 1_600_000_100.0 - n) for n in range(16)]
    protocol = {"split": {"RS": [0.5, 0.25, 0.25]}, "order": "TO", "group_by": "none"}
    _, parts = load(rows, {**protocol, "mode": "full"}, "SASRec")
    # 14 and 15 are the first of their users: they have no sequence
    assert [found_numbers(part) for part in parts] == [
        [13, 12, 11, 10, 9, 8, 7, 6],
        [5, 4, 3],
        [2, 1, 0],
    ]


@pytest.mark.parametrize("order", ["TO", "RO"])
def test_diffrec_weights_its_items_by_the_times_in_the_file(order):
    """T-DiffRec: from w_min for a user's first item to w_max for the last, in equal steps."""
    rows = [("u", "abcdefgh"[n], 1_600_000_100.0 - n) for n in range(8)]
    rows += [("v", "abcdefgh"[n], 1_600_000_100.0 + n) for n in range(8)]
    protocol = {**LAST, "split": {"RS": [6, 1, 1]}, "order": order}
    dataset, (train, *_) = load(rows, protocol, "DiffRec", **{"time-aware": True})
    model = DiffRec(dataset.config, train)
    weights = torch.zeros(3, dataset.item_num)
    weights.scatter_(1, model.history_item_id.cpu(), model.history_item_value.cpu().float())
    for user in (1, 2):
        mine = [n for n in found_numbers(train) if rows[n][0] == "uv"[user - 1]]
        mine.sort(key=lambda n: rows[n][2])
        ids = [dataset.token2id("item_id", f"i{rows[n][1]}") for n in mine]
        assert weights[user][ids].numpy() == pytest.approx(np.linspace(0.1, 1, 6))


# --- data sets that are kept ----------------------------------------------------------------


@pytest.mark.parametrize("model", ["BPR", "SASRec", "AutoRec"])
def test_a_kept_data_set_has_the_same_order(model, monkeypatch):
    rows = [("uv"[n % 2], str(n), 1_600_000_100 - n % 7) for n in range(40)]
    runs.write_inter(Path("dataset"), "made", [(*row[:2], 3, row[2]) for row in rows])
    monkeypatch.setattr(dataset_cache, "LEAST", 1)
    given = {"eval_args": LAST, **COLUMNS, "rm_dup_inter": "last", **settings_of(model)}
    first, second = (runs.prepare(model, **given) for _ in range(2))
    kept = Path("dataset/made/made.cache")
    if model != "SASRec":  # sequences are not kept
        (file,) = kept.glob("*.pt")
        columns = torch.load(file, weights_only=True)["frames"]["inter_feat"]
        assert columns["timestamp"].tolist() == sorted(float(row[2]) for row in rows)
    for phase in ("train", "valid", "test"):
        one, other = (getattr(run, phase)._dataset.inter_feat for run in (first, second))
        assert all(torch.equal(one[column], other[column]) for column in one.columns)
    if model == "BPR":
        items = first.dataset.field2id_token["item_id"]
        left_out = {str(items[i]) for i in first.test._dataset.inter_feat["item_id"]}
        expected = splits.split([Row(r[0], r[1], {"timestamp": r[2]}) for r in rows], LAST)[2]
        assert left_out == {row.item for row in expected}


def test_a_saved_data_set_has_the_same_order():
    rows = [("uv"[n == 19], str(n), 4, 1_600_000_100 - n % 7) for n in range(20)]
    runs.write_inter(Path("dataset"), "made", rows)
    given = {"eval_args": LAST, **COLUMNS, "save_dataset": True, "checkpoint_dir": "saved"}
    first, second = (runs.prepare("BPR", **given) for _ in range(2))
    assert list(Path("saved").glob("made-Dataset.pth"))
    for phase in ("train", "valid", "test"):
        one, other = (getattr(run, phase)._dataset.inter_feat for run in (first, second))
        assert all(torch.equal(one[column], other[column]) for column in one.columns)
    items = second.dataset.field2id_token["item_id"]
    assert [str(items[i]) for i in second.test._dataset.inter_feat["item_id"]] == ["14"]


# --- refusals and the log -------------------------------------------------------------------

TIME_ORDER = {"eval_args": LAST, **COLUMNS}


@pytest.mark.parametrize("model", ["BPR", "SASRec", "AutoRec"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "order: TO: expected a time column timestamp:float in made.inter, found timestamp:to"),
        (
            {"load_col": {"inter": ["user_id", "item_id", "rating"]}},
            "eval_args: order: TO needs the time .*, found user_id, item_id, rating; write load",
        ),
        ({"TIME_FIELD": None}, "eval_args: order: TO needs the time .*; set TIME_FIELD"),
        ({"rm_dup_inter": "last"}, "rm_dup_inter: last: expected a time column timestamp:float"),
    ],
    ids=str,
)
def test_an_order_without_times_is_refused(model, given, message, ratings):
    file = Path("dataset/made/made.inter")
    file.write_text(file.read_text().replace("timestamp:float", "timestamp:token"))
    with pytest.raises(SettingError, match=f"^{message}") as caught:
        runs.prepare(model, **{**TIME_ORDER, **settings_of(model), **given})
    assert "\n" not in str(caught.value)


def test_times_in_buckets_have_no_order(ratings):
    buckets = {
        "numerical_features": ["timestamp"],
        "discretization": {"timestamp": {"method": "ED", "bucket": 3}},
    }
    with pytest.raises(SettingError, match=r"^order: TO: .*take timestamp out of discretization$"):
        runs.prepare("BPR", **TIME_ORDER, **buckets)


def test_times_are_needed_for_a_split_at_a_moment(ratings):
    protocol = {**LAST, "split": {"TS": [0.8, 0.1, 0.1]}, "order": "RO"}
    with pytest.raises(SettingError, match=r"^eval_args: split: TS needs the time of each inter"):
        runs.prepare("BPR", eval_args=protocol, load_col={"inter": ["user_id", "item_id"]})


FILTERS = {
    "rm_dup_inter": "first",
    "val_interval": {"rating": "[3,inf)"},
    "user_inter_num_interval": "[5,inf)",
    "item_inter_num_interval": "[5,inf)",
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_refused_with_benchmark_files(name, ratings):
    files = {"benchmark_filename": ["a", "b", "c"], **TIME_ORDER}
    text = Path("dataset/made/made.inter").read_text()
    for part in "abc":
        Path(f"dataset/made/made.{part}.inter").write_text(text)
    with pytest.raises(SettingError, match=f"^{name}: .*remove {name}$"):
        runs.prepare("BPR", **files, **{name: FILTERS[name]})
    with switched_off("benchmark-filters"):
        runs.prepare("BPR", **files, **{name: FILTERS[name]})
    runs.prepare("BPR", **files)
    runs.prepare("BPR", **files, user_inter_num_interval="[0,inf)")


@pytest.mark.parametrize(
    ("protocol", "line"),
    [
        (LAST, "order: TO"),
        ({**LAST, "split": {"TS": [0.8, 0.1, 0.1]}, "order": "RO"}, "split: TS"),
        ({**LAST, "order": "RO"}, None),
    ],
)
def test_a_run_says_that_the_times_in_the_file_decide(protocol, line, ratings, caplog):
    caplog.set_level(logging.INFO)
    given = {"eval_args": protocol, **COLUMNS, "state": "INFO"}
    runs.prepare("BPR", **given)
    text = f"{line} by the times in the file (patch {PATCH})"
    assert [m for m in caplog.messages if PATCH in m] == ([text] if line else [])
    caplog.clear()
    with switched_off(PATCH):
        runs.prepare("BPR", **given)
    assert PATCH not in caplog.text

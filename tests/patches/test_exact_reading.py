"""A run has the rows, users and items that ``data check`` counts, or both refuse a line."""

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataset import Dataset

from recbole_ext.data import checks, interaction_file, quotes
from recbole_ext.errors import DataError
from recbole_ext.evaluator import protocols
from recbole_ext.patches import engine
from recbole_ext.patches.functions import dataset_cache
from tests import runs
from tests.patches.switch import switched_off

INTER = {"inter": ["user_id", "item_id", "rating", "timestamp"]}
ROWS = [(f"u{u}", f"i{i}", (u + i) % 5 + 1, 10 * u + i) for u in range(20) for i in range(15)]


@pytest.fixture
def silent(caplog):
    """RecBole's log shows no warnings; yet they must be seen."""
    caplog.set_level(logging.CRITICAL)


def dataset(model="BPR", name="x", **more):
    """What RecBole reads of dataset/x."""
    values = {"data_path": "dataset", "load_col": INTER, "state": "CRITICAL", **more}
    return create_dataset(Config(model, name, config_dict=values))


def counts(data):
    return len(data.inter_feat), data.user_num - 1, data.item_num - 1


def write(rows=ROWS, **files):
    runs.write_inter(Path("dataset"), "x", rows)
    for suffix, text in files.items():
        Path(f"dataset/x/x.{suffix}").write_text(text)


def renamed(users):
    """ROWS, of which some users are called otherwise."""
    names = {f"u{number}": name for number, name in enumerate(users)}
    return [(names.get(user, user), *rest) for user, *rest in ROWS]


# --- what is in the file --------------------------------------------------------------------

FILES = {
    "plain names": (ROWS, (300, 20, 15)),
    "names of missing values": (renamed(["NA", "null", "None", "nan", "N/A"]), (300, 20, 15)),
    "stray quotes": (renamed(['"u0', 'u1"', '"', 'u"3', '"u"4"', '"""']), (300, 20, 15)),
    "quoted names": (renamed(['"u0"', '"u ""1"""']), (300, 20, 15)),
    "a name quoted and not": (renamed(['"u1"']), (300, 19, 15)),
    "zeros and spaces": (renamed(["1", "01", "1.0", " 1", "1 ", "1e0"]), (300, 20, 15)),
    "long numbers": (renamed(["9007199254740993", "9007199254740992", "9" * 400]), (300, 20, 15)),
    "True and False": (renamed(["True", "true", "False"]), (300, 20, 15)),
    "a pair twice": ([*ROWS, ("u0", "i0", 2, 9)], (301, 20, 15)),
}  # fmt: skip


@pytest.mark.parametrize("model", ["Pop", "BPR", "AutoRec"])
@pytest.mark.parametrize("case", FILES)
def test_a_run_has_what_is_in_the_file(case, model):
    rows, expected = FILES[case]
    write(rows)
    data = dataset(model)
    assert counts(data) == expected
    assert checks.check_folder(Path("dataset/x")).rows == {"x.inter": expected[0]}
    names = {quotes.unquoted(str(user)) for user, *_ in rows}
    assert set(data.field2id_token["user_id"]) == {"[PAD]"} | names


BAD = {
    "an empty user": ("\ti0\t3\t1", "user_id: an empty value"),
    "an empty item": ("u0\t\t3\t1", "item_id: an empty value"),
    "an empty name in quotes": ('""\ti0\t3\t1', "user_id: an empty value"),
    "no rating": ("u0\ti0\t\t1", "rating: expected a number, found ''"),
    "no time": ("u0\ti0\t3\t", "timestamp: expected a number, found ''"),
    "a rating beyond float32": ("u0\ti0\t1e39\t1", "rating: expected a number within float32"),
    "an infinite rating": ("u0\ti0\tinf\t1", "rating: expected a number, found 'inf'"),
    "a rating that is NaN": ("u0\ti0\tnan\t1", "rating: expected a number, found 'nan'"),
    "a rating that is NA": ("u0\ti0\tNA\t1", "rating: expected a number, found 'NA'"),
    "a column too few": ("u0\ti0\t3", "expected 4 columns, found 3"),
    "a column too many": ("u0\ti0\t3\t1\t1", "expected 4 columns, found 5"),
    "a carriage return": ("u0\ti0\r\t3\t1", "a carriage return inside the line"),
    "a NUL byte": ("u0\ti\0\t3\t1", "a NUL byte"),
}


@pytest.mark.parametrize("model", ["Pop", "BPR", "AutoRec"])
@pytest.mark.parametrize("case", BAD)
def test_both_refuse_the_same_line(case, model):
    line, what = BAD[case]
    write()
    file = Path("dataset/x/x.inter")
    with file.open("a", newline="") as stream:
        stream.write(f"u0\ti0\t3\t9\n{line}\nu1\ti1\t3\t2\n")
    with pytest.raises(DataError, match=f"line 303: {what}"):
        dataset(model)
    report = checks.check_folder(file.parent)
    assert next(str(p) for p in report.problems if p.severity == "error").startswith(
        f"error: {file}, line 303: {what}"
    )
    with pytest.raises(DataError, match=f"line 303: {what}"):
        interaction_file.read(file)


def test_a_column_that_a_run_does_not_load_may_be_bad():
    write([*ROWS, ("u0", "i0", "", "yesterday")])
    assert counts(dataset(load_col={"inter": ["user_id", "item_id"]})) == (301, 20, 15)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the file is empty"),
        ("user_id\titem_id\n1\t2\n", "line 1: expected columns written name:type"),
        ("user_id:token\titem_id:token\n", "line 2: no interaction after the header"),
    ],
)
def test_a_bad_header_is_one_clear_error(text, what):
    write()
    Path("dataset/x/x.inter").write_text(text)
    with pytest.raises(DataError, match=what):
        dataset(load_col=None)


def test_empty_lines_are_passed_over_by_all():
    write()
    file = Path("dataset/x/x.inter")
    file.write_text(file.read_text().replace("\nu3\t", "\n\nu3\t") + "\n\n")
    report = checks.check_folder(file.parent)
    assert (report.rows, report.errors) == ({"x.inter": 300}, 0)
    assert len(interaction_file.read(file)) == 300
    assert counts(dataset()) == (300, 20, 15)


NAMES = ["NA", "null", "nan", "None", "N/A", "#N/A", "-nan", "True", "inf", "[PAD]", ""]
OTHERS = ['"', '""', '"a"', "01", "1", "1.0", "9" * 30, "0" * 9 + "1", "\u00e9", "e\u0301"]
TOKEN = st.one_of(
    st.sampled_from([*NAMES, *OTHERS]),
    st.text('a"0 ', max_size=4),
    st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n\0"), max_size=5),
)
NUMBER = st.sampled_from(["3", "1e39", "0.1", "nan", " 2", "", "1e400"]) | st.floats(
    -9, 9, width=32
).map(repr)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.tuples(TOKEN, TOKEN), min_size=1, max_size=8),
    st.lists(NUMBER, max_size=2),
    st.sampled_from(["Pop", "BPR", "AutoRec"]),
)
@example([("NA", ""), ("NA", "NA")], ["3", "1e39"], "AutoRec")
def test_check_run_and_a_split_of_the_lines_agree(pairs, numbers, model):
    ratings = [*numbers, *["4"] * len(pairs)]
    rows = [(*pair, rating, 1) for pair, rating in zip(pairs, ratings, strict=False)]
    write(rows)
    bad = [n for n, row in enumerate(rows, 2) if not by_hand(row)]
    report = checks.check_folder(Path("dataset/x"))
    errors = [p.where for p in report.problems if p.severity == "error"]
    places = [f"dataset/x/x.inter, line {n}" for n in bad]
    assert report.rows == {"x.inter": len(rows) - len(bad)}
    if bad:
        assert set(places[:1]) <= set(errors)
        with pytest.raises(DataError, match=f"{places[0]}: "):
            dataset(model)
        return
    assert errors == []
    data = dataset(model)
    users, items, values, _ = zip(*rows, strict=True)
    for field, column in (("user_id", users), ("item_id", items)):
        names = [quotes.unquoted(token) for token in column]
        ids = data.field2id_token[field]
        assert list(ids) == ["[PAD]", *dict.fromkeys(names)]
        numbered = np.array(data.inter_feat[field])
        assert [list(dict.fromkeys(names)).index(name) + 1 for name in names] == numbered.tolist()
    assert data.inter_feat["rating"].tolist() == list(map(float, values))


def by_hand(row):
    """Whether a line can be read."""
    user, item, rating, _ = row
    with np.errstate(over="ignore"):
        number = rating != "" and bool(np.isfinite(np.float32(rating)))
    return number and all(quotes.unquoted(token) for token in (user, item))


# --- the other files ------------------------------------------------------------------------


def test_features_are_read_as_they_stand():
    write(
        item="item_id:token\tclass:token_seq\tyear:float\tmaker:token\tv:float_seq\n"
        'i0\tNA "x" null\t1990\tnan\t1 2.5\n"i1"\t"a ""b"" c"\t\t\t\ni2\t\t2000\tNA\t3\n'
    )
    columns = ["item_id", "class", "year", "maker", "v"]
    data = dataset(
        load_col={**INTER, "item": columns}, filter_inter_by_user_or_item=False, model="BPR"
    )
    features = data.item_feat
    tokens = data.field2id_token

    def row(token):
        n = data.field2token_id["item_id"][token]
        classes = [tokens["class"][c] for c in features["class"][n] if c]
        maker = tokens["maker"][int(features["maker"][n])]
        return classes, float(features["year"][n]), maker, list(features["v"][n])

    assert row("i0") == (["NA", '"x"', "null"], 1990, "nan", [1, 2.5])
    assert row("i1") == (["a", '"b"', "c"], 1995, "[PAD]", [])  # the mean; nothing
    assert row("i2") == ([], 2000, "NA", [3])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("\t1990\t1", "item_id: an empty value"),
        ("i1\told\t1", "year: expected a number, found 'old'"),
        ("i1\tNA\t1", "year: expected a number, found 'NA'"),
        ("i1\t1990\t1 x", "v: expected numbers, found '1 x'"),
        ("i1\t1990\t1 1e39", "v: expected numbers, found '1 1e39'"),
    ],
)
def test_a_bad_line_of_features_is_refused_by_both(line, what):
    write(item=f"item_id:token\tyear:float\tv:float_seq\ni0\t1990\t1\n{line}\n")
    where = f"dataset/x/x.item, line 3: {what}"
    with pytest.raises(DataError, match=where):
        dataset(load_col={**INTER, "item": ["item_id", "year", "v"]})
    report = checks.check_folder(Path("dataset/x"))
    assert f"error: {where}" in map(str, report.problems)


def test_files_of_knowledge_graphs_and_other_suffixes():
    write(
        kg='head_id:token\trelation_id:token\ttail_id:token\nNA\tnull\t"t\nh\tr\tNA\n',
        link="item_id:token\tentity_id:token\ni0\tNA\n",
        near="item_id:token\tother:token\ni0\tnull\n",
    )
    columns = {**INTER, "kg": "*", "link": "*", "near": ["other"]}
    data = dataset(model="CFKG", load_col=columns, additional_feat_suffix=["near"])
    assert len(data.kg_feat) == 2
    assert set(data.field2id_token["entity_id"]) >= {"[PAD]", '"t', "h", "i0"} - {"i0"}
    assert set(data.field2id_token["relation_id"]) >= {"null", "r"}
    assert data.near_feat["other"].tolist() == ["null"]
    file = Path("dataset/x/x.kg")
    file.write_text(file.read_text() + "h\t\tt\n")
    with pytest.raises(DataError, match=r"x\.kg, line 4: relation_id: an empty value"):
        dataset(model="CFKG", load_col=columns, additional_feat_suffix=["near"])


# --- what is dropped ------------------------------------------------------------------------

DROPPED = {
    "nothing": ({}, None),
    "filters that drop nothing": ({"user_inter_num_interval": "[5,inf)"}, None),
    "duplicates": (
        {"rm_dup_inter": "first"},
        "x.inter: 2 of 302 rows dropped: 2 by rm_dup_inter: first",
    ),
    "values and counts": (
        {"val_interval": {"rating": "[2,inf)"}, "item_inter_num_interval": "[17,inf)"},
        "x.inter: 285 of 302 rows dropped: 61 by val_interval: {'rating': '[2,inf)'}, "
        "224 by item_inter_num_interval: [17,inf)",
    ),
}


@pytest.mark.parametrize("case", DROPPED)
@pytest.mark.parametrize("silent", [True, False])
def test_what_is_dropped_is_one_line(case, silent, capsys, caplog):
    options, message = DROPPED[case]
    write([*ROWS, ("u0", "i0", 1, 9), ("u1", "i1", 3, 9)])
    caplog.set_level(logging.CRITICAL if silent else logging.WARNING)
    dataset(**options)
    shown = capsys.readouterr().err if silent else caplog.text
    lines = [line for line in shown.splitlines() if "dropped" in line]
    assert len(lines) == (message is not None)
    if message:
        assert lines[0].endswith(message)
        assert "dataset/x/x.inter" in lines[0]


LEFT = {
    "interaction": (
        {"val_interval": {"rating": "[2,inf)"}, "item_inter_num_interval": "[18,inf)"},
        "dataset/x/x.inter: 300 of 300 rows dropped: 60 by val_interval: {'rating': '[2,inf)'}, "
        "240 by item_inter_num_interval: [18,inf); no interaction is left; write a wider filter",
    ),
    "user": (
        {"val_interval": {"age": "[30,inf)"}, "load_col": {**INTER, "user": ["user_id", "age"]}},
        "dataset/x/x.user: 20 of 20 rows dropped: 20 by val_interval: {'age': '[30,inf)'}; no user "
        "is left; write a wider filter",
    ),
}


@pytest.mark.parametrize("kind", LEFT)
def test_filters_that_leave_nothing_say_what_each_has_dropped(kind, silent, capsys):
    options, message = LEFT[kind]
    write(user="user_id:token\tage:float\n" + "".join(f"u{n}\t{n}\n" for n in range(20)))
    with pytest.raises(DataError) as refused:
        dataset(**options)
    assert str(refused.value) == message
    assert "dropped" not in capsys.readouterr().err


def test_users_and_items_of_one_file_only(silent, capsys):
    users = "".join(f"u{n}\n" for n in [*range(1, 20), 3, 77])
    items = "".join(f"i{n}\n" for n in [*range(15), 15, 16])
    write(user=f"user_id:token\n{users}", item=f"item_id:token\n{items}")
    report = checks.check_folder(Path("dataset/x"))
    told = [str(p) for p in report.problems]
    assert told == [
        "warning: dataset/x/x.item: 2 items (i15, i16) of this file in no interaction; a run that "
        "loads it counts them and ranks them among the others",
        "warning: dataset/x/x.user, line 21: user u3 again, as in line 4: RecBole keeps the first "
        "line of each user (1 line dropped)",
        "warning: dataset/x/x.user: 1 user (u0) of the interactions not in this file; a run that "
        "loads this file drops their 15 interactions (filter_inter_by_user_or_item)",
        "warning: dataset/x/x.user: 1 user (u77) of this file in no interaction; a run that loads "
        "it counts it",
    ]
    assert counts(dataset()) == (300, 20, 15)  # the two files are not loaded
    assert "dropped" not in capsys.readouterr().err
    loaded = {**INTER, "user": ["user_id"], "item": ["item_id"]}
    assert counts(dataset(load_col=loaded)) == (285, 20, 17)  # u1 to u19 and u77
    line = next(x for x in capsys.readouterr().err.splitlines() if "dropped" in x)
    assert line.endswith(
        "dataset/x/x.inter: 15 of 300 rows dropped: 15 by filter_inter_by_user_or_item: True; "
        "dataset/x/x.user: 1 of 21 rows dropped: 1 by users described before"
    )


def test_parts_of_a_run_are_not_filtered():
    write()
    folder = Path("dataset/x")
    for part in ("train", "valid", "test"):
        (folder / f"x.{part}.inter").write_text(
            runs.HEADER + f"\nu1\t{part}\t3\t1\nu0\t{part}2\t3\t1\n"
        )
    (folder / "x.inter").unlink()
    (folder / "x.user").write_text("user_id:token\nu1\n")
    told = [str(p) for p in checks.check_folder(folder).problems]
    assert (
        "warning: dataset/x/x.user: 1 user (u0) of the interactions not in this file; RecBole "
        "fills in their features" in told
    )
    loaded = {"load_col": {**INTER, "user": ["user_id"]}}
    data = dataset(benchmark_filename=["train", "valid", "test"], **loaded)
    assert counts(data) == (6, 2, 6)


def test_an_empty_value_beside_the_rating_is_filled_in_and_said(silent, capsys):
    write()
    file = Path("dataset/x/x.inter")
    lines = file.read_text().splitlines()
    lines = [
        lines[0] + "\tprice:float",
        *(f"{line}\t{n % 3 or ''}" for n, line in enumerate(lines[1:])),
    ]
    file.write_text("\n".join(lines) + "\n")
    data = dataset(load_col={"inter": ["user_id", "item_id", "price"]})
    assert data.inter_feat["price"].tolist()[:3] == [1.5, 1, 2]
    message = "dataset/x/x.inter: price: 100 of 300 values are empty, filled in"
    assert f"warning: {message}" in capsys.readouterr().err.splitlines()
    report = checks.check_folder(file.parent)
    assert report.errors == 0
    assert "price: 100 of 300 values are empty; RecBole fills in the mean of the others" in str(
        report.problems[0]
    )


def test_a_data_set_from_the_cache_says_the_same(silent, monkeypatch, capsys):
    monkeypatch.setattr(dataset_cache, "LEAST", 1)
    write([*ROWS, ("u0", "i0", 1, 9)])
    for _ in range(2):
        dataset(rm_dup_inter="last")
        lines = [x for x in capsys.readouterr().err.splitlines() if "dropped" in x]
        assert len(lines) == 1
        assert lines[0].endswith("1 of 301 rows dropped: 1 by rm_dup_inter: last")


def test_a_data_set_read_without_a_patch_is_not_served_with_it(silent, monkeypatch):
    monkeypatch.setattr(dataset_cache, "LEAST", 1)
    write(renamed(["NA", "null", "nan"]))
    with monkeypatch.context() as patch, switched_off("exact-reading"):
        patch.setitem(engine._states, "exact-reading", "switched off")
        assert counts(dataset()) == (255, 17, 15)
    assert counts(dataset()) == (300, 20, 15)
    assert len(list(Path("dataset/x/x.cache").glob("*"))) == 2


# --- switched off, and the usual data set ---------------------------------------------------


def test_recboles_own_reading_comes_back(silent, capsys):
    write(renamed(["NA", "null", "nan"]))
    with switched_off("exact-reading"), switched_off("dropped-rows"):
        assert counts(dataset()) == (255, 17, 15)
        assert "dropped" not in capsys.readouterr().err
    assert counts(dataset()) == (300, 20, 15)
    code = Dataset._load_feat.__code__
    assert "_recbole_ext_edits" in vars(Dataset._load_feat)
    assert "read_columns" in code.co_names


@pytest.mark.slow
def test_ml_100k_is_the_same_with_and_without():
    loaded = {
        "inter": ["user_id", "item_id", "rating", "timestamp"],
        "user": ["user_id", "age", "gender", "occupation", "zip_code"],
        "item": ["item_id", "movie_title", "release_year", "class"],
    }
    ours = dataset("AutoRec", "ml-100k", load_col=loaded)
    with switched_off("exact-reading"), switched_off("dropped-rows"):
        theirs = dataset("AutoRec", "ml-100k", load_col=loaded)
    assert counts(ours) == (100_000, 943, 1682)
    assert ours.field2type == theirs.field2type
    assert ours.field2seqlen == theirs.field2seqlen
    for field, tokens in theirs.field2id_token.items():
        assert ours.field2id_token[field].tolist() == tokens.tolist()
    ours._change_feat_format()
    theirs._change_feat_format()
    for feat in ("inter_feat", "user_feat", "item_feat"):
        expected = getattr(theirs, feat)
        assert len(expected.columns) == len(getattr(ours, feat).columns)
        for column in expected.columns:
            assert torch.equal(getattr(ours, feat)[column], expected[column]), column


def test_a_command_ends_with_status_2(capsys, monkeypatch):
    from recbole_ext.cli import run

    write([*ROWS, ("", "i0", 3, 1)])
    monkeypatch.setattr(sys, "argv", ["run_recbole", "--model=Pop", "--dataset=x"])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert ended.value.code == 2
    assert "x.inter, line 302: user_id: an empty value" in capsys.readouterr().err


def test_names_that_need_quotes_are_written_with_them():
    odd = ['"""u0"""', 'u"1', "NA", '"u3']
    write(renamed(odd)[::2])
    rows = interaction_file.read(Path("dataset/x/x.inter"))
    protocols.leave_one_out(5, 1).write_dataset(rows, Path("dataset"), "x-loo")
    protocols.grid(0.2, 0.1, 3).write_dataset(rows, Path("dataset"), "x-grid")
    for name in ("x-loo", "x-grid"):
        run = runs.prepare("NeuMF", name, state="CRITICAL")  # reads the labels of the grid
        users = run.dataset.field2id_token["user_id"]
        assert set(users) == {"[PAD]", *rows.user_tokens}
        assert {'"u0"', 'u"1', "NA", '"u3'} < set(users)

"""RecBole's reading and splitting, by sorting and by the C parser: the same results."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.dataset import Dataset

from recbole_ext.data import grouping
from recbole_ext.patches.functions import reading
from tests import runs
from tests.patches.switch import switched_off


@given(st.lists(st.integers(-3, 9) | st.just(2**40)))
def test_counts_are_counters(values):
    for array in (
        np.array(values, dtype=np.int64),
        pd.array([str(v) for v in values], dtype="str"),
    ):
        found, expected = grouping.count(array), Counter(array)
        assert found == expected
        assert list(found) == list(expected)  # the order, too
        assert found - Counter(array[:2]) == expected - Counter(array[:2])
    assert grouping.count() == Counter()
    assert grouping.count(values) == Counter(values)


@given(st.lists(st.integers(0, 9)))
def test_groups_are_recboles(values):
    original = vars(Dataset)["_grouped_index"].__wrapped__
    array = np.array(values, dtype=np.int64)
    found = Dataset.__new__(Dataset)._grouped_index(array)
    assert len(found) == len(set(values))
    assert list(found) == list(original(None, array))


@given(
    st.lists(st.integers(0, 4), max_size=60),
    st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.8]), min_size=1, max_size=4),
)
def test_parts_of_groups_are_recboles(values, ratios):
    """By a loop over groups."""
    dataset = Dataset.__new__(Dataset)
    ratios = [1.0 - sum(ratios) / 8, *(ratio / 8 for ratio in ratios)]
    groups = grouping.Groups.of(np.array(values, dtype=np.int64))
    found = groups.split(lambda tot: dataset._calcu_split_ids(tot, ratios), len(ratios))
    expected = [[] for _ in ratios]
    for group in groups:
        starts = [0, *dataset._calcu_split_ids(len(group), ratios), len(group)]
        for part, start, end in zip(expected, starts, starts[1:], strict=False):
            part.extend(group[start:end])
    assert [part.tolist() for part in found] == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_read_to_the_nearest(tmp_path_factory, values):
    file = tmp_path_factory.mktemp("numbers") / "x"
    file.write_text("x\n" + "\n".join(map(repr, values)))
    found = pd.read_csv(file, delimiter="\t", dtype=np.float64, **reading.parser("\t"))["x"]
    assert found.tolist() == values


@pytest.mark.parametrize("separator", ["\t", ","])
def test_a_data_set_is_the_same_by_either_parser(separator, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    rows = [
        (
            f"ü{u}" if u % 3 else f'"{u} "',
            f"0{i}",
            repr(random.normal() * 10.0 ** (u - 9)),
            "" if i % 5 else 7,
        )
        for u in range(20)
        for i in random.permutation(30)[:12]
    ]
    place = tmp_path / "dataset" / "made"
    place.mkdir(parents=True)
    head = "user_id:token,item_id:token,rating:float,timestamp:float"
    lines = [head, *(",".join(map(str, row)) for row in rows)]
    text = "\n".join(lines).replace(",", separator)
    (place / "made.inter").write_text(text + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    given = {
        "load_col": {"inter": ["user_id", "item_id", "rating", "timestamp"]},
        "field_separator": separator,
        "user_inter_num_interval": "[2,inf)",
        "item_inter_num_interval": "[8,inf)",
    }
    with switched_off("exact-reading"):  # which takes no parser of pandas's choice
        ours = runs.prepare("BPR", **given)
    with switched_off("exact-reading,csv-parser"):
        theirs = runs.prepare("BPR", **given)
    assert len(ours.dataset.inter_feat) > 0
    for field in ("user_id", "item_id"):
        found, expected = (run.dataset.field2id_token[field] for run in (ours, theirs))
        assert found.tolist() == expected.tolist()
    for phase in ("train", "valid", "test"):
        found, expected = (getattr(run, phase)._dataset.inter_feat for run in (ours, theirs))
        for column in expected.columns:
            assert torch.equal(found[column], expected[column]), column


def test_a_separator_of_several_characters_is_left_to_the_python_engine():
    assert reading.parser("::") == {"engine": "python"}


TOKENS = st.sampled_from(["a", "b", "01", "1", "NA", "é", ""])


@given(st.lists(TOKENS | st.none(), min_size=1), st.lists(TOKENS), st.lists(TOKENS, min_size=1))
def test_ids_as_codes_are_numbered_as_texts_are(first, second, third):
    texts = [np.array(tokens, dtype=object) for tokens in (first, second, third)]
    parts = [pd.Categorical(texts[0]), pd.array(second, dtype="str"), texts[2].astype(str)]
    numbers, names = pd.factorize(reading.concatenate(parts))
    expected_numbers, expected_names = pd.factorize(np.concatenate(texts))
    assert numbers.tolist() == expected_numbers.tolist()
    assert list(names) == list(expected_names)
    assert reading.concatenate([texts[2]]).tolist() == third


def test_a_data_set_has_the_same_numbers_with_codes_and_without(ratings):
    users = ["user_id:token\tfriend:token", *(f"u{n}\tu{n * 7 % 40}" for n in range(9, 30))]
    Path("dataset/made/made.user").write_text("\n".join(users) + "\n")
    given = {
        "load_col": {"inter": ["user_id", "item_id", "rating"], "user": ["user_id", "friend"]},
        "alias_of_user_id": ["friend"],
        "filter_inter_by_user_or_item": False,
        "val_interval": {"item_id": [f"i{n}" for n in range(1, 12)]},
        "user_inter_num_interval": "[2,9]",
    }
    ours = runs.prepare("BPR", **given)
    with switched_off("ids-as-codes"):
        theirs = runs.prepare("BPR", **given)
    for field in ("user_id", "item_id", "friend"):
        found, expected = (run.dataset.field2id_token[field] for run in (ours, theirs))
        assert found.tolist() == expected.tolist()
        assert found.dtype == expected.dtype
    for phase in ("train", "valid", "test"):
        found, expected = (getattr(run, phase)._dataset.inter_feat for run in (ours, theirs))
        for column in expected.columns:
            assert torch.equal(found[column], expected[column]), column

"""Typed, strict reading: what passes unchanged, and one line for what does not."""

import math
import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from recbole_ext.config import settings
from recbole_ext.errors import SettingError


class Part(Struct, frozen=True):
    gmf: str
    mlp: str


class Example(Struct, frozen=True, kw_only=True):
    size: settings.Count
    rate: settings.Probability
    sizes: Annotated[list[settings.Count], settings.Filled()]
    kind: Literal["adam", "sgd"]
    flag: bool
    name: str | None
    number: float | None = None
    upper: Annotated[float, Meta(gt=0, le=2)] = 1.0
    part: Part | None = None
    space: settings.Space = msgspec.field(default_factory=dict)


GOOD = {"size": 3, "rate": 0, "sizes": (4, 5), "kind": "adam", "flag": True, "name": None}
GOOD |= {"number": None, "upper": 2, "part": None, "space": {}, "else": 1}


def test_good_values_are_read_and_converted():
    example = settings.read(Example, GOOD)
    assert example == Example(
        size=3, rate=0.0, sizes=[4, 5], kind="adam", flag=True, name=None, upper=2.0
    )
    assert isinstance(example.rate, float)
    assert settings.names(Example)[:4] == ["size", "rate", "sizes", "kind"]


def test_numbers_of_numpy_become_pythons():
    example = settings.read(Example, {**GOOD, "rate": np.float64(0.25), "number": np.float64(3)})
    assert (type(example.rate), type(example.number)) == (float, float)


def test_a_part_and_a_space_are_typed():
    values = {"part": {"gmf": "a", "mlp": "b"}, "space": {"x": [1, "y"], "z": (0.5,)}}
    example = settings.read(Example, {**GOOD, **values})
    assert example.part == Part("a", "b")
    assert example.space == {"x": [1, "y"], "z": [0.5]}


LIST = "sizes: expected a list, each a whole number at least 1 (at least one), found "
BAD = [
    ({"size": 0}, "size: expected a whole number at least 1, found 0 (int)"),
    ({"size": -(10**30)}, f"size: expected a whole number at least 1, found -1{'0' * 30} (int)"),
    ({"size": 2.0}, "size: expected a whole number at least 1, found 2.0 (float)"),
    ({"size": True}, "size: expected a whole number at least 1, found True (bool)"),
    ({"size": "3"}, "size: expected a whole number at least 1, found '3' (str)"),
    ({"size": None}, "size: expected a whole number at least 1, found None"),
    ({"rate": 1}, "rate: expected a number in [0, 1), found 1 (int)"),
    ({"rate": -0.1}, "rate: expected a number in [0, 1), found -0.1 (float)"),
    ({"rate": True}, "rate: expected a number in [0, 1), found True (bool)"),
    ({"rate": "0.5"}, "rate: expected a number in [0, 1), found '0.5' (str)"),
    ({"rate": math.nan}, "rate: expected a number in [0, 1), found nan (float)"),
    ({"number": math.nan}, "number: expected a number or ~, found nan (float)"),
    ({"number": math.inf}, "number: expected a number or ~, found inf (float)"),
    ({"number": -math.inf}, "number: expected a number or ~, found -inf (float)"),
    ({"number": False}, "number: expected a number or ~, found False (bool)"),
    ({"upper": 0}, "upper: expected a number in (0, 2], found 0 (int)"),
    ({"upper": 2.5}, "upper: expected a number in (0, 2], found 2.5 (float)"),
    ({"sizes": []}, LIST + "[] (list)"),
    ({"sizes": [4, 0]}, LIST + "[4, 0] (list)"),
    ({"sizes": [4, True]}, LIST + "[4, True] (list)"),
    ({"sizes": 4}, LIST + "4 (int)"),
    ({"sizes": {4}}, LIST + "{4} (set)"),
    ({"sizes": "45"}, LIST + "'45' (str)"),
    ({"kind": "xyz"}, "kind: expected one of adam, sgd, found 'xyz' (str)"),
    ({"kind": "Adma"}, "kind: expected one of adam, sgd, found 'Adma' (str); did you mean adam?"),
    ({"flag": 1}, "flag: expected True or False, found 1 (int)"),
    ({"flag": "True"}, "flag: expected True or False, found 'True' (str)"),
    ({"name": 3}, "name: expected a str or ~, found 3 (int)"),
    ({"part": 3}, "part: expected {gmf: a str, mlp: a str} or ~, found 3 (int)"),
    ({"part": {"gmf": "a"}}, "part: mlp: expected a str, found None"),
    ({"part": {"gmf": "a", "mlp": 3}}, "part: mlp: expected a str, found 3 (int)"),
    (
        {"part": {"gmf": "a", "mlpp": "b"}},
        "part: mlpp: expected one of gmf, mlp; did you mean mlp?",
    ),
    ({"space": {"x": []}}, "space: x: expected a list of values (at least one), found [] (list)"),
    ({"space": {"x": 3}}, "space: x: expected a list of values (at least one), found 3 (int)"),
    ({"space": [3]}, "space: expected a dict, found [3] (list)"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_values_are_named_with_what_was_expected(change, message):
    with pytest.raises(SettingError, match=f"^{re.escape(message)}$"):
        settings.read(Example, {**GOOD, **change})


def test_a_long_value_is_cut_in_a_message():
    with pytest.raises(SettingError) as caught:
        settings.read(Example, {**GOOD, "size": ["x" * 10_000] * 10_000})
    assert len(str(caught.value)) < 900


def test_a_default_is_not_used_where_a_key_is_missing():
    """RecBole's Config has every default: what is missing there is a mistake."""
    without = {key: value for key, value in GOOD.items() if key != "upper"}
    with pytest.raises(SettingError, match=r"upper: expected a number in .* found None"):
        settings.read(Example, without)


@dataclass(frozen=True)
class OfAnotherRoom:
    datasets: Annotated[list[str], settings.Filled()]
    trials: settings.Count | None
    base: dict = field(default_factory=dict)


def test_a_dataclass_is_read_alone():
    content = {"datasets": ["a"], "trials": 3}
    plan = settings.read_alone(OfAnotherRoom, content, "plan.yaml")
    assert plan == OfAnotherRoom(["a"], 3, {})
    plan.base["changed"] = True  # the defaults of the next plan are new ones
    assert settings.read_alone(OfAnotherRoom, content, "plan.yaml").base == {}
    with pytest.raises(SettingError, match=r"^plan.yaml: trials: expected a whole number at least"):
        settings.read_alone(OfAnotherRoom, {**content, "trials": 0}, "plan.yaml")
    with pytest.raises(
        SettingError,
        match=r"^plan.yaml: trails: expected one of datasets, trials, base; did you mean trials\?$",
    ):
        settings.read_alone(OfAnotherRoom, {**content, "trails": 1}, "plan.yaml")


examples = st.builds(
    Example,
    size=st.integers(min_value=1),
    rate=st.floats(0, 1, exclude_max=True),
    sizes=st.lists(st.integers(min_value=1), min_size=1, max_size=5),
    kind=st.sampled_from(["adam", "sgd"]),
    flag=st.booleans(),
    name=st.none() | st.text(),
    number=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    upper=st.floats(0, 2, exclude_min=True),
    part=st.none() | st.builds(Part, st.text(), st.text()),
    space=st.dictionaries(st.text(), st.lists(st.integers(), min_size=1), max_size=3),
)


@given(examples)
@hypothesis_settings(deadline=None)
def test_what_is_written_is_read_again(example):
    assert settings.read(Example, msgspec.to_builtins(example)) == example


@pytest.mark.parametrize("key", ["epochs", "train_batch_size", "learning_rate", "seed"])
def test_recboles_numbers_must_not_be_negative(key):
    from recbole.config import Config

    with pytest.raises(
        SettingError,
        match=f"{key}: expected .* (at least 0|at least 1|in \\[0, 4294967295\\]), found -1",
    ):
        Config("NCFMLP", "ml-100k", config_dict={key: -1})


def test_near_names_are_found_whatever_their_case():
    assert settings.near("EMBEDING_SIZE", ["embedding_size", "epochs"]) == "embedding_size"
    assert settings.near("xyz", ["embedding_size", "epochs"]) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("averaging", "ema_decay"),
        ("observed_input", "mask_input_scale"),
        ("observed_output", "svdpp_scale"),
        ("hidden_sizes", "mlp_hidden_size"),
        ("hidden_size", "mlp_hidden_size"),
    ],
)
def test_an_earlier_name_is_an_error_that_says_the_new_one(old, new):
    """The names stand here as users wrote them; a model of RecBole still reads hidden_size."""
    from recbole.config import Config

    with pytest.raises(SettingError, match=f"^{old}: .*; this setting is now called {new}: write"):
        Config("AutoRec", "ml-100k", config_dict={old: 1})


@pytest.mark.parametrize("old", ["neg_sampling", "training_neg_sample_num"])
def test_an_earlier_name_of_recboles_is_one_too(old):
    from recbole.config import Config

    with pytest.raises(SettingError, match=f"^{old}: .* is now called train_neg_sample_args: "):
        Config("BPR", "ml-100k", config_dict={old: 1})

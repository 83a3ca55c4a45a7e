from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from recbole_ext.config import settings
from recbole_ext.errors import SettingError


@dataclass(frozen=True)
class Example:
    size: settings.Count
    rate: settings.Probability
    sizes: Annotated[list[settings.Count], settings.Filled()]
    kind: Literal["a", "b"]
    flag: bool
    name: str | None


GOOD = {"size": 3, "rate": 0, "sizes": (4, 5), "kind": "a", "flag": True, "name": None, "else": 1}


def test_good_values_are_read_and_converted():
    read = settings.read(Example, GOOD)
    assert read == Example(3, 0.0, [4, 5], "a", True, None)
    assert isinstance(read.rate, float)
    assert settings.names(Example) == ["size", "rate", "sizes", "kind", "flag", "name"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, r"size: expected a whole number at least 1, found 0 \(int\)"),
        ({"size": 2.0}, r"size: expected a whole number at least 1, found 2.0 \(float\)"),
        ({"size": True}, r"size: expected a whole number at least 1, found True \(bool\)"),
        ({"size": "3"}, r"size: expected a whole number at least 1, found '3' \(str\)"),
        ({"size": None}, "size: expected a whole number at least 1, found None"),
        ({"rate": 1}, r"rate: expected a number in \[0, 1\), found 1"),
        ({"rate": -0.1}, r"rate: expected a number in \[0, 1\), found -0.1"),
        ({"rate": float("nan")}, r"rate: expected a number in \[0, 1\), found nan"),
        ({"sizes": []}, r"sizes: expected a list, each a whole number at least 1 \(at least one\)"),
        ({"sizes": [4, 0]}, r"sizes: expected a list.*found \[4, 0\]"),
        ({"sizes": 4}, r"sizes: expected a list.*found 4 \(int\)"),
        ({"kind": "c"}, r"kind: expected one of a, b, found 'c' \(str\)"),
        ({"flag": 1}, r"flag: expected True or False, found 1 \(int\)"),
        ({"name": 3}, r"name: expected a str or ~, found 3 \(int\)"),
    ],
)
def test_bad_values_are_named_with_what_was_expected(change, message):
    with pytest.raises(SettingError, match=message):
        settings.read(Example, {**GOOD, **change})


@pytest.mark.parametrize("key", ["epochs", "train_batch_size", "learning_rate", "seed"])
def test_recboles_numbers_must_not_be_negative(key):
    from recbole.config import Config

    with pytest.raises(SettingError, match=f"{key}: expected .* at least .*, found -1"):
        Config("NCFMLP", "ml-100k", config_dict={key: -1})


def test_near_names_are_found_whatever_their_case():
    assert settings.near("EMBEDING_SIZE", ["embedding_size", "epochs"]) == "embedding_size"
    assert settings.near("xyz", ["embedding_size", "epochs"]) == ""

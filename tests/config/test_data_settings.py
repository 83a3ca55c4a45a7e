"""The settings by which RecBole reads a data set: types, and names that follow each other."""

import pytest

from recbole_ext.config import data_settings
from recbole_ext.errors import SettingError

INTERVAL = (
    'an interval such as "[5,inf)" or "(0,3]", the lower end first; several are separated by ";"'
)
DEFAULTS = {
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "RATING_FIELD": "rating",
    "TIME_FIELD": "timestamp",
    "LABEL_FIELD": "label",
    "NEG_PREFIX": "neg_",
    "load_col": {"inter": ["user_id", "item_id"]},
}
AUTOREC = {
    **DEFAULTS,
    "LABEL_FIELD": "rating",
    "load_col": {"inter": ["user_id", "item_id", "rating"]},
}


@pytest.mark.parametrize(
    ("defaults", "written", "changed"),
    [
        (DEFAULTS, {}, {}),
        (DEFAULTS, {"USER_ID_FIELD": "user_id"}, {}),
        (
            DEFAULTS,
            {"USER_ID_FIELD": "userId", "ITEM_ID_FIELD": "movieId"},
            {"load_col": {"inter": ["userId", "movieId"]}},
        ),
        # what is not loaded by default is not loaded by another name
        (DEFAULTS, {"RATING_FIELD": "stars", "TIME_FIELD": "when"}, {}),
        # the user has said what is loaded
        (DEFAULTS, {"USER_ID_FIELD": "userId", "load_col": {"inter": ["userId"]}}, {}),
        (DEFAULTS, {"USER_ID_FIELD": "userId", "load_col": None}, {}),
        ({**DEFAULTS, "load_col": None}, {"USER_ID_FIELD": "userId"}, {}),
        (
            {**DEFAULTS, "load_col": {"inter": "*", "user": ["user_id", "age"]}},
            {"USER_ID_FIELD": "userId"},
            {"load_col": {"inter": "*", "user": ["userId", "age"]}},
        ),
        # AutoRec's label is the rating, under its new name too
        (
            AUTOREC,
            {"RATING_FIELD": "stars"},
            {"load_col": {"inter": ["user_id", "item_id", "stars"]}, "LABEL_FIELD": "stars"},
        ),
        # another label beside the rating: both are loaded
        (
            AUTOREC,
            {"LABEL_FIELD": "liked"},
            {"load_col": {"inter": ["user_id", "item_id", "rating", "liked"]}},
        ),
        # a user's names that change places
        (
            DEFAULTS,
            {"USER_ID_FIELD": "item_id", "ITEM_ID_FIELD": "user_id"},
            {"load_col": {"inter": ["item_id", "user_id"]}},
        ),
    ],
)
def test_the_defaults_follow_renamed_fields(defaults, written, changed):
    assert data_settings.renamed(defaults, written) == changed


REFUSED = [
    (
        "user_inter_num_interval",
        "3,5",
        f"{INTERVAL}, or ~ for all, found '3,5' (str); write \"[3,5]\"",
    ),
    (
        "item_inter_num_interval",
        5,
        f'{INTERVAL}, or ~ for all, found 5 (int); write "[5,inf)" for at least 5',
    ),
    ("entity_kg_num_interval", "abc", f"{INTERVAL}, or ~ for all, found 'abc' (str)"),
    ("relation_kg_num_interval", True, f"{INTERVAL}, or ~ for all, found True (bool)"),
    (
        "threshold",
        {"rating": 4, "price": 2},
        "one column with the least value that has label 1, such as {rating: 4}, or ~, found "
        "{'price': 2, 'rating': 4} (dict)",
    ),
    (
        "threshold",
        {},
        "one column with the least value that has label 1, such as {rating: 4}, or ~, found {} "
        "(dict)",
    ),
    ("threshold: rating", "x", "a number, found 'x' (str)"),
    (
        "val_interval: rating",
        "3,5",
        f"{INTERVAL}, or the list of the tokens that are kept, found '3,5' (str); write \"[3,5]\"",
    ),
    ("val_interval", "[3,5]", "a dict or ~, found [3, 5] (list)"),
    ("rm_dup_inter", False, "one of first, last or ~, found False (bool)"),
    ("rm_dup_inter", "frist", "one of first, last or ~, found 'frist' (str); did you mean first?"),
    ("filter_inter_by_user_or_item", 1, "True or False, found 1 (int)"),
    ("normalize_field", "age", "a list, each a str or ~, found 'age' (str)"),
    ("load_col: inter", "user_id", "a list of columns, or \"*\" for all, found 'user_id' (str)"),
    ("numerical_features", None, "a list, each a str, found None"),
    ("alias_of_user_id", "friend", "a list, each a str or ~, found 'friend' (str)"),
    ("seq_len: tags", 0, "a whole number at least 1, found 0 (int)"),
    ("MAX_ITEM_LIST_LENGTH", 0, "a whole number at least 1, found 0 (int)"),
    ("NEG_PREFIX", "", "a text that is not empty, found '' (str)"),
    ("LIST_SUFFIX", "", "a text that is not empty, found '' (str)"),
    ("ITEM_LIST_LENGTH_FIELD", 5, "a text that is not empty, found 5 (int)"),
    ("field_separator", "", "a text that is not empty, found '' (str)"),
    (
        "discretization",
        {"age": {"method": "ED"}},
        "a dict such as {age: {method: ED, bucket: 5}}; method ED needs the number of buckets, "
        "found {'age': {'method': 'ED'}} (dict)",
    ),
    ("discretization: age: method", "XX", "one of ED, LD, found 'XX' (str)"),
]


@pytest.mark.parametrize(
    ("key", "value", "message"), REFUSED, ids=[f"{key}={value}" for key, value, _ in REFUSED]
)
def test_a_value_of_the_wrong_kind_is_one_line(key, value, message):
    from recbole.config import Config

    given = value
    for name in reversed(key.split(": ")[1:]):
        given = {name: given}
    with pytest.raises(SettingError) as refused:
        Config("BPR", "ml-100k", config_dict={key.split(": ")[0]: given})
    assert str(refused.value) == f"{key}: expected {message}"

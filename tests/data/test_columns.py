"""Settings that name columns, against the headers of a small data set."""

from pathlib import Path

import pytest

from recbole_ext.data import columns
from recbole_ext.errors import DataError, SettingError

FILES = {
    "inter": "user_id:token\titem_id:token\trating:float\ttags:token_seq\tlabel:float\n"
    "u\ti\t3\ta\t1",
    "user": "user_id:token\tage:float\tgender:token\nu\t3\tf",
    "item": "item_id:token\tclass:token_seq\tyear:float\tlengths:float_seq\ni\ta b\t3\t1 2",
    "ent": "ent_id:token\tent_emb:float_seq\ne\t1 2",
}
DEFAULTS = {
    "data_path": "made",
    "dataset": "made",
    "field_separator": "\t",
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "RATING_FIELD": "rating",
    "LABEL_FIELD": "label",
    "ITEM_LIST_LENGTH_FIELD": "item_length",
    "LIST_SUFFIX": "_list",
    "HEAD_ENTITY_ID_FIELD": "head_id",
    "TAIL_ENTITY_ID_FIELD": "tail_id",
    "RELATION_ID_FIELD": "relation_id",
    "ENTITY_ID_FIELD": "entity_id",
    "numerical_features": [],
    "load_col": {
        "inter": ["user_id", "item_id", "rating"],
        "user": ["user_id", "age", "gender"],
        "item": "*",
    },
}
LOADED = "user_id, item_id, rating, age, gender, class, year, lengths"
EVERY = "made/made.inter, made/made.user, made/made.item"


@pytest.fixture
def files():
    Path("made").mkdir()
    for suffix, text in FILES.items():
        Path(f"made/made.{suffix}").write_text(text + "\n")


def check(read=(), ratings=False, **settings):
    columns.check({**DEFAULTS, **settings}, ratings=ratings, read=read)


def no_column(key, column, found=LOADED, where=EVERY):
    return f"{key}: no column {column} in {where}; found {found}"


def of_type(key, expected, found, suffix):
    return (
        f"{key}: expected a column of type {expected}, found {found} in line 1 of "
        f"made/made.{suffix}; name another column, or correct the type there"
    )


LEFT_OUT = (
    "{}: expected a column that is loaded, found {}, which load_col or unload_col leaves out of "
    "made/made.{}; write load_col: {{{}}}"
)
INTERVAL = (
    'an interval such as "[5,inf)" or "(0,3]", the lower end first; several are separated by ";"'
)
INTER = ["user_id", "item_id"]

REFUSED = [
    (
        {"threshold": {"stars": 4}},
        no_column("threshold", "stars", "user_id, item_id, rating", "made/made.inter"),
    ),
    (
        {"threshold": {"ratings": 4}},
        "threshold: no column ratings in made/made.inter; did you mean rating?",
    ),
    (
        {"threshold": {"rating": 4}, "load_col": {"inter": INTER}},
        LEFT_OUT.format("threshold", "rating", "inter", "inter: [user_id, item_id, rating]"),
    ),
    ({"threshold": {"item_id": 4}}, of_type("threshold", "float", "item_id:token", "inter")),
    ({"val_interval": {"price": "[3,5]"}}, no_column("val_interval", "price")),
    (
        {"val_interval": {"label": "[1,1]"}},
        LEFT_OUT.format(
            "val_interval", "label", "inter", "inter: [user_id, item_id, rating, label]"
        ),
    ),
    (
        {"val_interval": {"class": ["a"]}},
        of_type("val_interval", "float or token", "class:token_seq", "item"),
    ),
    (
        {"val_interval": {"rating": ["3"]}},
        f"val_interval: rating: expected {INTERVAL}, for a column of type float, found ['3']",
    ),
    (
        {"val_interval": {"gender": [1, 2]}},
        "val_interval: gender: expected the list of the tokens that are kept, as text, for a "
        "column of type token, found [1, 2]; write ['1', '2']",
    ),
    (
        {"val_interval": {"gender": "[1,2]"}},
        "val_interval: gender: expected the list of the tokens that are kept, as text, for a "
        "column of type token, found '[1,2]'",
    ),
    ({"normalize_field": ["price"]}, no_column("normalize_field", "price")),
    (
        {"normalize_field": ["gender"]},
        of_type("normalize_field", "float or float_seq", "gender:token", "user"),
    ),
    (
        {"normalize_field": ["age"], "normalize_all": True},
        "normalize_field: found normalize_all: True as well; write normalize_all: False",
    ),
    ({"numerical_features": ["price"]}, no_column("numerical_features", "price")),
    (
        {"discretization": {"age": {"method": "LD"}}},
        "discretization: age: expected one of numerical_features, found []; add it there",
    ),
    ({"alias_of_user_id": ["friend"]}, no_column("alias_of_user_id", "friend")),
    (
        {"alias_of_item_id": ["age"]},
        of_type("alias_of_item_id", "token or token_seq", "age:float", "user"),
    ),
    (
        {"alias_of_item_id": ["user_id"]},
        "alias_of_user_id: user_id stands for users and, by alias_of_item_id or ITEM_ID_FIELD, for "
        "items; keep one",
    ),
    (
        {"unused_col": {"inter": ["price"]}},
        no_column("unused_col: inter", "price", "user_id, item_id, rating", "made/made.inter"),
    ),
    (
        {"unused_col": {"inter": ["user_id"]}},
        "unused_col: inter: user_id is needed to tell users and items apart; leave it out",
    ),
    (
        {"unused_col": {"net": ["x"]}},
        "unused_col: net: no column x in a file .net that is loaded; found none",
    ),
    (
        {"load_col": {"inters": INTER}},
        "load_col: expected suffixes of files, such as inter, user, item, kg, link, net, found "
        "inters; did you mean inter?",
    ),
    (
        {"load_col": {"inter": ["item_id"]}},
        LEFT_OUT.format("USER_ID_FIELD", "user_id", "inter", "inter: [item_id, user_id]"),
    ),
    (
        {"load_col": {"inter": INTER, "user": ["age"]}},
        LEFT_OUT.format("USER_ID_FIELD", "user_id", "user", "user: [age, user_id]"),
    ),
    (
        {"unload_col": {"inter": ["rating"]}},
        "unload_col: inter: load_col names what is loaded of made.inter, found both; keep one of "
        "them",
    ),
    (
        {"preload_weight": {"ent_id": "age"}, "additional_feat_suffix": ["ent"], "load_col": None},
        "preload_weight: ent_id: no column age in made/made.ent; found ent_id, ent_emb",
    ),
    (
        {"preload_weight": {"user_id": "age"}},
        "preload_weight: user_id: expected the ids of a file of its own, see "
        "additional_feat_suffix, found those of users or items, which RecBole refuses here",
    ),
    ({"LABEL_FIELD": "user_id"}, of_type("LABEL_FIELD", "float", "user_id:token", "inter")),
    (
        {"ITEM_LIST_LENGTH_FIELD": "rating", "MODEL_TYPE": "SEQUENTIAL"},
        "ITEM_LIST_LENGTH_FIELD: RecBole writes the lengths of sequences there, found the column "
        "rating of made/made.inter; write another name",
    ),
    ({"USER_ID_FIELD": "rating"}, of_type("USER_ID_FIELD", "token", "rating:float", "inter")),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[str(given) for given, _ in REFUSED])
def test_a_column_that_cannot_be_used_is_one_line(given, message, files):
    with pytest.raises(SettingError) as refused:
        check(**given)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"load_col": None, "unload_col": {"inter": ["tags"]}},
        {"threshold": {"rating": 4}},
        {"val_interval": {"rating": "[3,5]", "age": [1, 9], "gender": ["f"]}},
        {"normalize_field": ["age", "lengths"], "normalize_all": False},
        {"numerical_features": ["age"], "discretization": {"age": {"method": "LD"}}},
        {"alias_of_user_id": ["gender"], "alias_of_item_id": ["class"]},
        {"alias_of_entity_id": ["elsewhere"]},  # only knowledge graphs have entities
        {"unused_col": {"inter": ["rating"]}},
        {
            "additional_feat_suffix": "ent",
            "preload_weight": {"ent_id": "ent_emb"},
            "load_col": {"inter": INTER, "ent": ["ent_id", "ent_emb"]},
        },
        {"selected_features": ["elsewhere"]},  # of other models
        {"LABEL_FIELD": "rating"},
    ],
)
def test_what_can_be_used_is_accepted(given, files):
    check(**given)


def test_a_feature_that_the_model_reads(files):
    check(read=["selected_features", "item_attribute"], selected_features=["class"])
    with pytest.raises(SettingError) as refused:
        check(read=["item_attribute"], item_attribute="genre")
    assert str(refused.value) == (
        "item_attribute: no column genre in made/made.item; found item_id, class, year, lengths"
    )


def test_a_file_that_nobody_loads_may_be_anything(files):
    Path("made/made.user").write_text("no header\n")
    check(load_col={"inter": INTER})
    with pytest.raises(DataError, match=r"^made/made.user, line 1: expected columns written name:"):
        check()


def test_a_knowledge_graph_has_its_files_and_columns(files):
    def of_graph():
        check(MODEL_TYPE="ModelType.KNOWLEDGE", load_col=None)

    with pytest.raises(DataError, match=r"^made/made\.kg: no such file"):
        of_graph()
    Path("made/made.kg").write_text("head_id:token\trelation:token\ttail_id:token\na\tb\tc\n")
    Path("made/made.link").write_text("item_id:token\tentity_id:token\ni\ta\n")
    with pytest.raises(SettingError) as refused:
        of_graph()
    assert str(refused.value) == (
        "RELATION_ID_FIELD: no column relation_id in made/made.kg; did you mean relation?"
    )
    Path("made/made.kg").write_text("head_id:token\trelation_id:token\ttail_id:token\na\tb\tc\n")
    of_graph()


def test_the_parts_of_a_benchmark_have_the_same_columns(files):
    head = "user_id:token\titem_id:token"
    for part, more in (("a", "\tlabel:float"), ("b", "\tlabel:float"), ("c", "")):
        Path(f"made/made.{part}.inter").write_text(f"{head}{more}\nu\ti{more and chr(9)}1\n")
    given = {"benchmark_filename": ["a", "b", "c"]}
    check(**given)  # labels are not loaded
    with pytest.raises(DataError) as refused:
        check(**given, load_col=None)
    assert str(refused.value) == (
        "made/made.c.inter, line 1: expected the column label:float of made.a.inter, found "
        "user_id:token, item_id:token; the files of benchmark_filename need the same columns"
    )
    with pytest.raises(SettingError, match=r"^benchmark_filename: no column item_id_list in made/"):
        check(**given, MODEL_TYPE="ModelType.SEQUENTIAL")


def test_ratings_are_asked_for_by_models_that_read_them(files):
    check(ratings=True)
    with pytest.raises(DataError, match="the ratings are not loaded; add rating to its list"):
        check(ratings=True, load_col={"inter": INTER})

"""What the page of `explore` holds; test_explore_in_chromium.py looks at it in a browser."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import recbole_ext
from recbole_ext.cli import main
from recbole_ext.errors import DataError
from recbole_ext.inference import explore, page_arrays, page_content, page_items
from tests.inference import explore_pages as pages
from tests.inference import trained

# of libraries that RecBole calls as they were; pytest shows them, a command does not
pytestmark = pytest.mark.filterwarnings("ignore")

PICKS = {"i3": 5.0, "i4": 1.0, "i11": 4.0}
BY_ITEMS = {
    "plain": {},
    "centred": {"centring": "bias", "damping": 2.0},
    "SVD++": {
        **{"svdpp_scale": 1.0, "learning_rate": 0.05, "epochs": 10, "centring": "mean"},
        "standardise": True,
    },
    "tied, averaged, with a rule for the unseen": {
        **{"tied": True, "ema_decay": 0.5, "unseen_rating": 3.0}
    },
}
BY_USERS = {
    "plain": {},
    "centred": {"centring": "bias", "damping": 2.0, "standardise": True},
    "deep, with a mask": {"mlp_hidden_size": [7, 5], "mask_input_scale": 1.0, "centring": "mean"},
}
LINEAR = {
    "EASE": {},
    "ItemKNN": {"k": 5},
    "SLIMElastic": {},
    "ADMMSLIM": {"center_columns": True, "lambda1": 0.1, "lambda2": 1.0, "rho": 10.0},
}


@pytest.fixture(scope="module")
def page_of(place, tmp_path_factory):
    """A function: a model and its settings -> the recommender, its page and what that holds."""
    folder = tmp_path_factory.mktemp("pages")
    pages_by_name: dict[str, Any] = {}

    def make(model: str, **more: object) -> tuple[Any, Path, dict[str, Any]]:
        name = f"{model} {more}"
        if name not in pages_by_name:
            file = place / f"{model}.pth"
            if more or not file.is_file():
                with pytest.MonkeyPatch.context() as patch:
                    patch.chdir(tmp_path_factory.mktemp("run"))
                    number = f"{model}-explored-{len(pages_by_name)}"
                    file = trained.train(model, place, number, **more)
            recommender = recbole_ext.load(file)
            page = folder / f"{len(pages_by_name)}.html"
            explore.write(recommender, page)
            pages_by_name[name] = recommender, page, pages.content(page)
        return pages_by_name[name]

    return make


# --- users --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["AutoRec", "NCFMLP", "EASE"])
def test_lists_are_those_of_recommend(model, page_of):
    recommender, _, content = page_of(model)
    lists = content["lists"]
    for place, user in enumerate(content["users"]):
        frame = recommender.recommend(user, k=page_content.LIST)
        own = pages.entries(lists, place)
        items = [content["items"][item] for item in pages.array(lists["items"])[own]]
        assert items == frame["item_id"].tolist()
        assert pages.array(lists["scores"])[own].tolist() == pytest.approx(
            frame["score"].tolist(), rel=1e-5, abs=1e-6
        )
    assert content["users"] == list(recommender.users)
    assert content["titles"][4] == recommender.trained.titles[5]


@pytest.mark.parametrize("model", ["AutoRec", "EASE", "BPR"])
def test_histories_are_those_of_history(model, page_of):
    recommender, _, content = page_of(model)
    shown = content["histories"]
    for place, user in enumerate(content["users"]):
        frame = recommender.history(user)
        own = pages.entries(shown, place)
        items = [content["items"][item] for item in pages.array(shown["items"])[own]]
        assert items == frame["item_id"].tolist()
        if "rating" in frame:
            ratings = pages.array(shown["levels"])[pages.array(shown["ratings"])[own]]
            assert ratings.tolist() == frame["rating"].tolist()
        assert pages.array(shown["lengths"])[place] == len(frame)


def test_ratings_that_were_squeezed_are_shown_as_the_file_has_them(page_of, place):
    columns = {"inter": ["user_id", "item_id", "rating", "timestamp"]}
    _, _, content = page_of("EASE", load_col=columns, normalize_all=True)
    lines = (place / "dataset" / "made" / "made.inter").read_text().splitlines()[1:]
    stars = {tuple(line.split("\t")[:2]): float(line.split("\t")[2]) for line in lines}
    shown = content["histories"]
    for user_place, user in enumerate(content["users"]):
        own = pages.entries(shown, user_place)
        items = [content["items"][item] for item in pages.array(shown["items"])[own]]
        ratings = pages.array(shown["levels"])[pages.array(shown["ratings"])[own]]
        assert ratings.tolist() == [stars[user, item] for item in items]
        assert sorted(ratings, reverse=True) == ratings.tolist()
    _, _, content = page_of("AutoRec", normalize_all=True)
    assert "squeezed into [0, 1]" in content["newPerson"]["reason"]


@pytest.mark.slow
def test_a_sequential_model_has_the_users_of_the_test_part(page_of):
    recommender, _, content = page_of(
        "GRU4Rec",
        load_col={"inter": ["user_id", "item_id", "timestamp"]},
        train_neg_sample_args=None,
        eval_args={"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
        embedding_size=8,
        hidden_size=8,
    )
    assert content["users"] == list(recommender.users)
    own = pages.entries(content["lists"], content["users"].index("u3"))
    items = [content["items"][item] for item in pages.array(content["lists"]["items"])[own]]
    assert items == recommender.recommend("u3", k=page_content.LIST)["item_id"].tolist()
    assert "GRU4Rec cannot take in a person" in content["newPerson"]["reason"]


def test_reasons_that_take_fits_are_left_out(page_of):
    _, _, content = page_of("NCFMLP")
    assert "each takes a fit of its own" in content["reasons"]["none"]
    _, _, content = page_of("AutoRec", reg_weight=0.01, loss_type="CE")
    assert "each takes a fit of its own" in content["reasons"]["none"]


@pytest.mark.parametrize("model", ["AutoRec", "MultiDAE", "EASE"])
def test_reasons_are_those_of_explain(model, page_of):
    small = {"mlp_hidden_size": [8], "latent_dimension": 4} if model == "MultiDAE" else {}
    recommender, _, content = page_of(model, **small)
    lists, reasons = content["lists"], content["reasons"]
    assert reasons["how"] == recommender.explained_by
    for place, user in list(enumerate(content["users"]))[:5]:
        own = range(*pages.entries(lists, place).indices(10**9))
        items = [
            content["items"][item] for item in pages.array(lists["items"])[own.start : own.stop]
        ]
        frame = recommender.explain(user, items)
        for line, item in zip(own, items, strict=True):
            expected = frame[frame["item_id"] == item]
            entries = pages.entries(reasons, line)
            because = [content["items"][one] for one in pages.array(reasons["items"])[entries]]
            assert because == expected["because_id"].tolist()
            assert pages.array(reasons["contributions"])[entries].tolist() == pytest.approx(
                expected["contribution"].tolist(), rel=1e-5
            )


def test_the_most_active_users_are_kept(page_of, monkeypatch, tmp_path):
    recommender, _, whole = page_of("AutoRec")
    monkeypatch.setattr(page_content, "MOST_USERS", 4)
    monkeypatch.setattr(page_content, "HISTORY", 3)
    explore.write(recommender, tmp_path / "small.html")
    content = pages.content(tmp_path / "small.html")
    lengths = dict(zip(whole["users"], pages.array(whole["histories"]["lengths"]), strict=True))
    least = min(lengths[user] for user in content["users"])
    assert len(content["users"]) == 4
    assert all(lengths[user] <= least for user in lengths if user not in content["users"])
    assert content["totals"]["users"] == 30
    assert "this page has the 4 most active users and all items" in " ".join(
        (tmp_path / "small.html").read_text().split()
    )
    for place, user in enumerate(content["users"]):
        own = pages.entries(content["histories"], place)
        shown = [content["items"][item] for item in pages.array(content["histories"]["items"])[own]]
        assert shown == recommender.history(user)["item_id"].tolist()[:3]
        assert pages.array(content["histories"]["lengths"])[place] == lengths[user]
        assert len(recommender.recommend(user, k=20)) == len(
            pages.array(content["lists"]["items"])[pages.entries(content["lists"], place)]
        )


def test_too_many_items_are_refused(page_of, monkeypatch):
    recommender, page, _ = page_of("AutoRec")
    monkeypatch.setattr(page_content, "MOST_ITEMS", 19)
    with pytest.raises(DataError, match="made has 20 items; a page holds at most 19"):
        explore.write(recommender, page.with_name("none.html"))
    assert not page.with_name("none.html").exists()


# --- items --------------------------------------------------------------------------------------


def test_neighbours_are_those_of_similar_items(page_of):
    recommender, _, content = page_of("AutoRec")
    similar = content["similar"]
    k = similar["perItem"]
    assert k == page_items.N_SIMILAR
    for place, item in enumerate(content["items"]):
        frame = recommender.similar_items(item, k)
        own = slice(place * k, (place + 1) * k)
        cosines = pages.array(similar["cosines"])[own]
        assert cosines.tolist() == pytest.approx(frame["cosine"].tolist(), abs=1e-5)
        assert {content["items"][one] for one in pages.array(similar["items"])[own]} == set(
            frame["similar_id"]
        )


def test_the_map_keeps_neighbours_together(page_of):
    _, _, content = page_of("AutoRec")
    x, y = (pages.array(content["map"][axis]).astype(float) for axis in "xy")
    assert len(x) == len(y) == 20
    assert max(np.ptp(x), np.ptp(y)) == 65535
    assert x.min() + x.max() == pytest.approx(65535, abs=1)
    assert y.min() + y.max() == pytest.approx(65535, abs=1)


def test_two_groups_of_vectors_are_two_groups_on_the_map():
    import torch

    draw = np.random.default_rng(0)
    centres = np.eye(6)[[0] * 30 + [1] * 30] * 5
    at, how = page_items.projection(torch.from_numpy(centres + draw.normal(0, 0.1, (60, 6))))
    assert how == "t-SNE"
    apart = np.linalg.norm(at[:30].mean(0) - at[30:].mean(0))
    within = max(np.linalg.norm(part - part.mean(0), axis=1).max() for part in (at[:30], at[30:]))
    assert apart > 1.5 * within
    few, how = page_items.projection(torch.tensor([[1.0], [2.0], [-1.0]]))
    assert how == "PCA"
    assert few.shape == (3, 2)


def test_genres_are_counted_and_the_most_frequent_come_first():
    content = page_items.genres([["Drama"], [], ["Comedy", "Drama"]])
    assert content["names"] == ["Drama", "Comedy"]
    assert pages.array(content["at"]).tolist() == [0, 1, 0]
    assert pages.array(content["starts"]).tolist() == [0, 1, 1, 3]
    assert page_items.genres([[], []])["names"] == []


@pytest.mark.parametrize(
    ("column", "first"),
    [
        ("class:token_seq", ["Sci-Fi", "Comedy"]),
        ("genre:token", ["Sci-Fi Comedy"]),
        ("class:float", []),
        ("year:token", []),
    ],
)
def test_genres_are_read_from_the_item_file(column, first, page_of, monkeypatch, tmp_path):
    recommender, _, _ = page_of("AutoRec")
    value = "1.5" if column.endswith("float") else "Sci-Fi Comedy"
    lines = [f"item_id:token\ttitle:token_seq\t{column}", f"i1\tOne\t{value}", "i2\tTwo\t"]
    (tmp_path / "made.item").write_text("\n".join(lines) + "\n")
    monkeypatch.setitem(recommender.trained.config.final_config_dict, "data_path", str(tmp_path))
    vars(recommender.trained).pop("genres", None)
    number = {item: n for n, item in enumerate(recommender.items, 1)}
    assert recommender.trained.genres[number["i1"]] == first
    assert recommender.trained.genres[number["i2"]] == []
    assert recommender.trained.genres[0] == []
    vars(recommender.trained).pop("genres", None)


# --- a new person -------------------------------------------------------------------------------


def check_person(recommender: Any, content: dict[str, Any], scores: np.ndarray) -> None:
    """The same ten items, and scores within 0.01."""
    needs_ratings = content["newPerson"]["ratings"] is not None
    frame = recommender.recommend_for(PICKS if needs_ratings else list(PICKS), k=20)
    place = {item: n for n, item in enumerate(content["items"])}
    own = scores[[place[item] for item in frame["item_id"]]]
    np.testing.assert_allclose(own, frame["score"], atol=0.01)
    if recommender.trained.name == "ADMMSLIM":  # RecBole adds noise, which decides between ties
        return
    expected = [place[item] for item in frame["item_id"][:10]]
    left = [n for n in np.argsort(-scores, kind="stable") if content["items"][n] not in PICKS]
    assert left[:10] == expected


def picks_in(content: dict[str, Any]) -> list[int]:
    return [content["items"].index(item) for item in PICKS]


@pytest.mark.parametrize("kind", BY_ITEMS)
def test_weights_of_autorec_by_items_give_the_scores_of_recommend_for(kind, page_of):
    settings = {"orientation": "item", "reg_weight": 0.05, **BY_ITEMS[kind]}
    recommender, _, content = page_of("AutoRec", **settings)
    person = content["newPerson"]
    assert person["kind"] == "column"
    assert person["ratings"] == [1, 2, 3, 4, 5]
    scores = pages.scores_by_items(person, picks_in(content), list(PICKS.values()))
    if person["unseen"] is not None:
        scores = np.where(pages.array(person["unseen"]), person["unseenRating"], scores)
    check_person(recommender, content, scores)


@pytest.mark.parametrize("kind", BY_USERS)
def test_weights_of_autorec_by_users_give_the_scores_of_recommend_for(kind, page_of):
    recommender, _, content = page_of("AutoRec", orientation="user", **BY_USERS[kind])
    person = content["newPerson"]
    assert person["kind"] == "row"
    scores = pages.scores_by_users(person, picks_in(content), list(PICKS.values()))
    check_person(recommender, content, scores)


@pytest.mark.parametrize("model", LINEAR)
def test_weights_of_linear_models_give_the_scores_of_recommend_for(model, page_of):
    recommender, _, content = page_of(model, **LINEAR[model])
    person = content["newPerson"]
    assert person["kind"] == "linear"
    check_person(recommender, content, pages.scores_by_sum(person, picks_in(content)))


def test_a_model_that_cannot_says_so(page_of, monkeypatch, tmp_path):
    _, _, content = page_of("BPR")
    assert content["newPerson"]["kind"] == "none"
    assert "BPR cannot take in a person" in content["newPerson"]["reason"]
    assert "BPR cannot be explained" in content["reasons"]["none"]
    assert "BPR does not say what its vectors are" in content["map"]["none"]
    _, _, content = page_of("NCFMLP")
    assert "cannot do the arithmetic of NCFMLP" in content["newPerson"]["reason"]
    recommender, _, _ = page_of("EASE")
    monkeypatch.setattr("recbole_ext.inference.page_arithmetic.MOST_BYTES", 799)
    explore.write(recommender, tmp_path / "large.html")
    reason = pages.content(tmp_path / "large.html")["newPerson"]["reason"]
    assert "EASE has 400 weights that a new person needs; this page holds at most 399" in reason


@given(
    st.lists(
        st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3), min_size=1, max_size=5
    )
)
@settings(deadline=None)
def test_weights_are_rounded_to_a_step_of_their_row(rows):
    from scipy.sparse import csr_matrix

    weights = np.array(rows)
    steps = np.abs(weights).max(axis=1, keepdims=True) / 32767
    for quantised in (
        page_arrays.quantised(weights),
        page_arrays.quantised_sparse(csr_matrix(weights)),
    ):
        error = np.abs(pages.matrix(quantised) - weights)
        assert (error <= 0.51 * steps + 1e-6 * np.abs(weights) + 1e-30).all()


@given(st.lists(st.integers(0, 2**32 - 1)))
@settings(deadline=None)
def test_whole_numbers_survive(values):
    assert (
        pages.array(page_arrays.packed_numbers(np.array(values, dtype=np.int64))).tolist() == values
    )


# --- the file -----------------------------------------------------------------------------------

EVIL = '</script><script>window.hacked = true</script><img src=x onerror="hacked=1"> \' & \u2028'


@pytest.fixture(scope="module")
def evil(page_of, tmp_path_factory) -> Path:
    """A page with a title, ids and a genre that would be code if they could."""
    recommender, _, _ = page_of("AutoRec")
    content = page_content.content(recommender)
    content["titles"][2] = EVIL
    content["items"][3] = EVIL
    content["users"][1] = EVIL
    content["dataset"] = EVIL
    content["genres"]["names"] = [EVIL]
    page = tmp_path_factory.mktemp("evil") / "evil.html"
    page.write_text(explore.page(content), encoding="utf-8")
    return page


def test_ids_and_titles_are_no_markup(evil):
    elements = pages.parsed(evil)
    assert len(elements.scripts) == 2
    assert "img" not in elements.tags
    content = pages.content(evil)
    assert content["titles"][2] == content["items"][3] == content["users"][1] == EVIL


def test_the_file_asks_for_nothing(page_of):
    _, page, _ = page_of("AutoRec")
    text = page.read_text(encoding="utf-8")
    assert not {"link", "img", "iframe", "source", "object"} & set(pages.parsed(page).tags)
    assert "http" not in text.replace("http-equiv", "")
    assert "default-src 'none'" in text


def test_the_command_writes_a_page(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["explore", str(place / "AutoRec.pth"), "--output", "page.html"]
    result = CliRunner().invoke(main.main, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("30 users, 20 items, 0.")
    assert result.stdout.endswith(" MB: page.html\n")
    assert [path.name for path in Path().iterdir()] == ["page.html"]
    result = CliRunner().invoke(main.main, ["explore", str(place / "BPR.pth")])
    assert "note: without new people: BPR cannot take in a person" in result.stderr
    assert Path("explore.html").is_file()

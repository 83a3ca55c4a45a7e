"""`recbole-ext recommend`: its lists, its files, and what it refuses in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import recbole_ext
from recbole_ext.cli import main
from tests.inference import trained

# of libraries that RecBole calls as they were; pytest shows them, a command does not
pytestmark = pytest.mark.filterwarnings("ignore")


def invoke(*words: Path | str) -> Any:
    return CliRunner().invoke(main.main, [str(word) for word in words], catch_exceptions=False)


def refuses(*words: Path | str) -> str:
    """The one line by which `recommend` refuses; nothing is written."""
    before = sorted(Path().rglob("*"))
    result = invoke("recommend", *words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert sorted(Path().rglob("*")) == before
    return result.stderr


# --- lists ----------------------------------------------------------------------------------


def test_a_list_has_titles_and_what_the_user_has_rated_highest(place):
    result = invoke("recommend", place / "AutoRec.pth", "--user", "u3", "--user", "u4", "-k", "3")
    assert result.exit_code == 0, result.output
    recommender = recbole_ext.load(place / "AutoRec.pth")
    for user in ("u3", "u4"):
        history = recommender.history(user)
        assert f"user {user} has {len(history)} items" in result.stdout
        for row in recommender.recommend(user, k=3).itertuples():
            best = history.iloc[row.rank - 1]
            words = result.stdout[result.stdout.index(f"user {user} ") :]
            line = next(one for one in words.splitlines() if one.startswith(f"{row.rank} "))
            for word in (row.item_id, row.title, f"{row.score:.4f}", best["title"]):
                assert word in line
            assert f" {best['rating']:g} " in line


def test_the_same_as_json(place):
    result = invoke("recommend", place / "BPR.pth", "--user", "u3", "-k", "2", "--json")
    (content,) = json.loads(result.stdout)["lists"]
    assert content["user_id"] == "u3"
    frame = recbole_ext.load(place / "BPR.pth").recommend("u3", k=2)
    assert content["recommendations"] == [
        {
            "item_id": row.item_id,
            "score": pytest.approx(row.score),
            "rank": row.rank,
            "title": row.title,
        }
        for row in frame.itertuples()
    ]


def test_include_seen_and_among(place):
    Path("some.txt").write_text("i4\n\ni9\ni2\n")
    words = ("recommend", place / "Pop.pth", "--user", "u3", "--json")
    (content,) = json.loads(invoke(*words, "--among", "some.txt", "--include-seen").stdout)["lists"]
    assert {row["item_id"] for row in content["recommendations"]} == {"i4", "i9", "i2"}
    (without,) = json.loads(invoke(*words, "--among", "some.txt").stdout)["lists"]
    seen = {row["item_id"] for row in without["history"]}
    assert {row["item_id"] for row in without["recommendations"]} == {"i4", "i9", "i2"} - seen


def test_a_new_person_by_pairs_and_by_file(place):
    Path("mine.csv").write_text("item_id,rating\ni3,5\ni4,1\n")
    file = place / "AutoRec.pth"
    by_pairs = invoke("recommend", file, "--for", "i3=5, i4=1", "-k", "4", "--json")
    by_file = invoke("recommend", file, "--history", "mine.csv", "-k", "4", "--json")
    assert by_pairs.exit_code == by_file.exit_code == 0, by_pairs.output
    assert by_pairs.stdout == by_file.stdout
    (content,) = json.loads(by_file.stdout)["lists"]
    assert [row["rating"] for row in content["history"]] == [5, 1]
    assert not {row["item_id"] for row in content["recommendations"]} & {"i3", "i4"}
    assert "a new person has 2 items" in invoke("recommend", file, "--for", "i3=5,i4=1").stdout


def test_reasons_stand_below_each_list(place):
    result = invoke("recommend", place / "EASE.pth", "--user", "u3", "-k", "3", "--explain")
    assert result.exit_code == 0, result.output
    recommender = recbole_ext.load(place / "EASE.pth")
    items = recommender.recommend("u3", k=3)
    reasons = recommender.explain("u3", items["item_id"])
    below = result.stdout[result.stdout.index("because of") :]
    for row in items.itertuples():
        own = reasons[reasons["item_id"] == row.item_id]
        assert 1 <= len(own) <= 3
        because = "; ".join(f"{r.title} (+{r.contribution:.3g})" for r in own.itertuples())
        line = next(one for one in below.splitlines() if one.startswith(f"{row.rank} "))
        assert line.split(maxsplit=1)[1].startswith(row.title)
        assert line.endswith(because)
    assert result.stdout.endswith(f"how it is explained: {recommender.explained_by}\n")


def test_reasons_as_json(place):
    words = ("recommend", place / "AutoRec.pth", "--for", "i3=5,i4=1,i9=4", "--explain", "--json")
    content = json.loads(invoke(*words).stdout)
    recommender = recbole_ext.load(place / "AutoRec.pth")
    rows = content["lists"][0]["recommendations"]
    frame = recommender.explain_for({"i3": 5, "i4": 1, "i9": 4}, [row["item_id"] for row in rows])
    assert [
        (row["item_id"], because["item_id"], because["contribution"])
        for row in rows
        for because in row["because"]
    ] == [
        (one.item_id, one.because_id, pytest.approx(one.contribution)) for one in frame.itertuples()
    ]
    assert content["explained_by"] == recommender.explained_by
    assert set(rows[0]["because"][0]) == {"item_id", "contribution", "share", "title"}


# --- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", trained.SETTINGS)
def test_ndcg_of_the_written_file_is_that_of_evaluate(model, place):
    """Worked out from the file and the test part by plain Python."""
    file = place / f"{model}.pth"
    result = invoke("recommend", file, "--all", "--output", "recs.csv")
    assert result.exit_code == 0, result.output
    lists = trained.lists_of_csv(Path("recs.csv"))
    test = trained.pairs_of(recbole_ext.load(file).trained.parts["test"])
    evaluated = json.loads(invoke("evaluate", file, "--protocol", "ranking", "--json").stdout)
    expected = evaluated["test"]["ndcg@10"]
    assert expected > 0
    assert trained.ndcg(lists, trained.by_user(test)) == pytest.approx(expected, abs=1e-6)


def test_the_formats_hold_the_same(place):
    import pandas as pd

    for ending in ("csv", "jsonl", "parquet"):
        words = ("recommend", place / "NCFMLP.pth", "--all", "-k", "4", "--output")
        assert invoke(*words, f"recs.{ending}").exit_code == 0
    read = {
        "csv": pd.read_csv("recs.csv"),
        "jsonl": pd.read_json("recs.jsonl", lines=True),
        "parquet": pd.read_parquet("recs.parquet"),
    }
    for frame in read.values():
        assert list(frame) == ["user_id", "item_id", "score", "rank", "title"]
        assert len(frame) == 30 * 4 - 2  # two users have fewer items left
        pd.testing.assert_frame_equal(frame, read["csv"], check_dtype=False, rtol=1e-6)


def test_some_users_to_a_file(place):
    result = invoke("recommend", place / "BPR.pth", "--user", "u2", "--output", "recs.csv")
    assert result.stdout == "1 user: recs.csv\n"
    assert list(trained.lists_of_csv(Path("recs.csv"))) == ["u2"]


# --- what is refused ------------------------------------------------------------------------

REFUSED = {
    "an unknown user": (["--user", "u100"], "user u100: no such user_id in made; did you mean u10"),
    "an unknown item": (["--for", "i3=5,ii4=1"], "item ii4: no such item_id in made; did you mean"),
    "no item": (["--for", ""], "expected an item in each place, found none"),
    "an empty place": (["--for", "i3=5,,i4=1"], "expected an item in each place, found none"),
    "an item twice": (["--for", "i3=5,i3=4"], "item i3: given twice"),
    "a rating of text": (["--for", "i3=five"], "item i3: rating: expected a number, found 'five'"),
    "some ratings": (["--for", "i3=5,i4"], "some items have a rating, others none"),
    "a high rating": (
        ["--for", "i3=5.5"],
        "item i3: rating: expected 1 to 5, as in made, found 5.5",
    ),
    "no number": (["--for", "i3=nan"], "item i3: rating: expected 1 to 5, as in made, found nan"),
    "no ratings": (["--for", "i3,i4"], "AutoRec needs the person's ratings, found none"),
    "no history": (["--history", "no.csv"], "no.csv: no such file"),
    "no candidates": (["--user", "u1", "--among", "no.txt"], "no.txt: no such file"),
    "an ending": (["--all", "--output", "recs.xlsx"], "ends in .parquet, .csv, .jsonl"),
    "a missing folder": (["--all", "--output", "no/recs.csv"], "no folder no; make it first"),
    "a full disk": (["--all", "--output", "full.csv"], "no space left on device"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_line(case, place):
    words, message = REFUSED[case]
    if case == "a full disk":
        Path("full.csv").symlink_to("/dev/full")
    assert message in refuses(place / "AutoRec.pth", *words)


HISTORIES = {
    "item_id,rating\n": "expected an item a line, found none: the history is empty",
    "": "line 1: expected the columns item_id,rating, found nothing",
    "item,stars\ni1,3\n": "line 1: expected the columns item_id,rating, found item,stars",
    "item_id,rating\ni1,3\ni2,4\ni1,2\n": "mine.csv, line 4: item i1: given twice",
    "item_id,rating\ni1\n": "mine.csv, line 2: expected 2 fields, item_id,rating, found 1",
    "item_id,rating\ni1,many\n": "mine.csv, line 2: item i1: rating: expected a number",
}


@pytest.mark.parametrize("text", HISTORIES)
def test_a_bad_history_names_the_line(text, place):
    Path("mine.csv").write_text(text)
    assert HISTORIES[text] in refuses(place / "AutoRec.pth", "--history", "mine.csv")


def test_a_model_of_vectors_cannot_take_in_new_people(place):
    assert "BPR cannot take in a person" in refuses(place / "BPR.pth", "--for", "i3=5")


def test_a_model_that_cannot_be_explained(place):
    message = refuses(place / "BPR.pth", "--user", "u3", "--explain")
    assert "BPR cannot be explained" in message


def test_the_data_set_of_another_model_is_refused(place, tmp_path):
    import torch

    from tests import runs

    runs.write_ratings(tmp_path / "dataset", "made", n_users=25)
    record = torch.load(place / "BPR.pth", weights_only=True)
    record["config"]["data_path"] = str(tmp_path / "dataset" / "made")
    torch.save(record, "model.pth")
    assert "the data files are not those" in refuses("model.pth", "--user", "u1")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--user", "u1", "--all"],
        ["--all"],
        ["--for", "i3=5", "--output", "recs.csv"],
        ["--user", "u1", "--explain", "--output", "recs.csv"],
    ],
)
def test_it_has_to_be_said_for_whom(words, place):
    result = invoke("recommend", place / "BPR.pth", *words)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr

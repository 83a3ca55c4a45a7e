import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from tests import releases, runs


def invoke(*words):
    return CliRunner().invoke(main.main, ["data", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def release(tmp_path):
    """A zip of ml-latest-small, made up."""
    ratings = releases.made_ratings(20, 30, 400, 0.5)
    return releases.zipped(releases.write_release(tmp_path / "raw", "ml-latest-small", ratings))


def test_list_shows_what_is_here(ratings):
    Path("dataset/ml-1m").mkdir()
    Path("dataset/ml-1m/ml-1m.inter").touch()
    lines = invoke("list").stdout.splitlines()
    assert re.search(r"ml-1m +6,040 +3,706 +1,000,209 +1-5 +6 MB +here +research", "\n".join(lines))
    assert any(re.search("ml-100k .* in RecBole", line) for line in lines)
    assert any("Harper" in line for line in lines)


def test_get_from_a_zip_then_everything_else(release):
    result = invoke("get", "ml-latest-small", "--from", release)
    assert result.exit_code == 0, result.output
    assert "no commercial use" in result.stdout
    assert (
        result.stdout.splitlines()[-1] == "dataset/ml-latest-small: 20 users, 30 items, 400 ratings"
    )

    result = invoke("check", "dataset/ml-latest-small")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "dataset/ml-latest-small: no errors"

    result = invoke("describe", "ml-latest-small", "--html", "d.html")
    assert re.search(r"users +20\nitems +30\ninteractions +400\ndensity +66\.667%", result.stdout)
    assert Path("d.html").is_file()

    result = invoke("split", "ml-latest-small", "random", "--test", "0.2", "--seed", "1")
    assert result.stdout == "dataset/ml-latest-small-random80-seed1: 300 train, 20 valid, 80 test\n"
    result = invoke("split", "ml-latest-small", "kfold", "--folds", "2")
    assert result.stdout.splitlines()[1] == (
        "dataset/ml-latest-small-seed2020-fold2of2: 180 train, 20 valid, 200 test"
    )
    result = invoke("split", "ml-latest-small", "loo", "--negatives", "1", "--name", "mine")
    assert result.exit_code in (0, 2)  # a user may have rated all of these few items
    result = invoke("grid", "ml-latest-small")
    assert result.stdout.startswith("dataset/ml-latest-small-grid: 450 train, 30 valid, 120 test")
    assert re.search(r"popularity +0\.\d{4}", result.stdout)


def test_another_file_than_the_published_one_is_noted(tmp_path):
    ratings = releases.made_ratings(20, 30, 200)
    folder = releases.write_release(tmp_path / "raw", "ml-1m", ratings)
    result = invoke("get", "ml-1m", "--from", folder)
    assert result.exit_code == 0
    assert "warning: GroupLens publishes 6,040 users, 3,706 items" in result.stderr


def test_a_known_split_by_the_command_and_a_run_on_it(tmp_path):
    ratings = releases.made_ratings(20, 30, 300)
    release = releases.write_release(
        tmp_path / "raw",
        "ml-100k",
        ratings,
        u1__base=releases.lines(ratings[:240], "\t"),
        u1__test=releases.lines(ratings[240:], "\t"),
    )
    result = invoke("split", "ml-100k", "u1", "--from", release)
    assert result.stdout == "dataset/ml-100k-u1: 228 train, 12 valid, 60 test\n"
    from recbole_ext.cli import run

    words = ["--model=AutoRec", "--dataset=ml-100k-u1", "--epochs=2", "--show_progress=False"]
    result = CliRunner().invoke(run.main, [*words, "--state=ERROR"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[4].startswith("test ")


def test_check_fails_with_2_and_says_why(ratings):
    file = ratings / "made" / "made.inter"
    file.write_text(file.read_text() + "u1\ti1\tnan\t5\n")
    result = invoke("check", "dataset/made")
    assert result.exit_code == 2
    assert re.search(r"error: dataset/made/made\.inter, line \d+: rating: expected", result.stdout)
    assert re.search(r"made\.inter +rating: expected a number +1\n", result.stdout)
    assert (
        result.stdout.splitlines()[-1]
        == "dataset/made: 1 error: training would fail or give wrong numbers"
    )
    assert invoke("check", "dataset/made", "--range", "1", "3").stdout.count("expected 1 to 3") == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["get", "ml20m"], "ml20m: no such MovieLens release; did you mean ml-20m"),
        (["get", "ml-1m", "--from", "no.zip"], "no.zip: no such file or folder"),
        (["split", "ml-1m", "random"], "ml-1m.inter: no such file; get a MovieLens release"),
        (["split", "ml-1m", "u1"], "u1 is a split of ml-100k, not of ml-1m"),
        (["split", "ml-100k", "u1"], "ml-100k.zip: no such file or folder"),
        (["split", "made", "halves"], "'halves' is not one of"),
        (["split", "made", "random", "--test", "1.5"], "1.5 is not in the range 0<x<1"),
        (["split", "made", "random", "--test=0.9", "--valid=0.2"], "leave nothing to train on"),
        (["split", "made", "kfold", "--folds=2", "--valid=0.5"], "leave nothing to train on"),
        (
            ["split", "made", "kfold", "--folds=300"],
            "--folds 300: expected at most 299, the rows",
        ),
        (["split", "made", "kfold", "--folds=2", "--valid=1e-6"], "no row is left for valid"),
        (["split", "made", "random", "--test=nan"], "expected a finite number, found nan"),
        (["split", "made", "random", "--seed=4294967296"], "is not in the range 0<=x<=4294967295"),
        (["check", "dataset/made", "--range", "5", "1"], "LOW below HIGH, found 5 1"),
        (["check", "dataset/made", "--range", "nan", "1"], "LOW below HIGH, found nan 1"),
        (["split", "made", "loo"], "items without an interaction, expected at least 99"),
        (["grid", "made", "--test=0.9", "--valid=0.2"], "leave nothing to train on"),
        (["describe", "nothing"], "nothing.inter: no such file"),
        (["check", "nowhere"], "nowhere: no .inter file there; found nothing"),
    ],
)
def test_what_cannot_be_done_is_said_with_2(words, message, ratings):
    before = sorted(Path().rglob("*"))
    result = invoke(*words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("command", ["list", "get", "split", "grid", "check", "describe"])
def test_help_has_an_example(command):
    assert f"Example:\n    recbole-ext data {command}" in invoke(command, "--help").stdout


# --- the settings beside a data set ---------------------------------------------------------


def test_settings_beside_the_data_are_defaults(ratings):
    (ratings / "made" / "made.yaml").write_text("epochs: 7\nmlp_hidden_size: [9]\ntopk: [3, 10]\n")
    found = runs.prepare("AutoRec", epochs=2).config
    assert (found["epochs"], found["mlp_hidden_size"], found["topk"]) == (2, [9], [3, 10])
    assert runs.prepare("BPR").config["topk"] == [3, 10]  # for RecBole's models too


@pytest.mark.parametrize("text", ["a: [1\n", "- a\n", "\xff"])
def test_settings_beside_the_data_that_are_none(text, ratings):
    (ratings / "made" / "made.yaml").write_bytes(text.encode("latin-1"))
    from recbole_ext.errors import SettingError

    with pytest.raises(SettingError, match=r"made\.yaml, line \d: (not yaml|expected lines)"):
        runs.prepare("AutoRec")

"""`recbole-ext data import` as a newcomer uses it."""

import csv
import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main

MOVIES = """movieId,title,genres
1,"American President, The (1995)",Comedy|Drama|Romance
2,"The ""Best"" of",Sci-Fi|Film Noir
3,Alien,(no genres listed)
99,Nobody's,Drama
"""


def invoke(*words):
    return CliRunner().invoke(main.main, ["data", *map(str, words)], catch_exceptions=False)


def write_ratings(n_rows=300):
    draw = random.Random(1)
    pairs = draw.sample([(user, item) for user in range(1, 31) for item in range(1, 21)], n_rows)
    with Path("ratings.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["userId", "movieId", "rating", "timestamp"])
        for user, item in pairs:
            writer.writerow([user, item, draw.randint(1, 10) / 2, draw.randint(10**9, 2 * 10**9)])
    return pairs


def test_a_csv_its_movies_and_every_command_after_it():
    pairs = write_ratings()
    Path("movies.csv").write_text(MOVIES)
    result = invoke("import", "ratings.csv", "--name", "mine", "--items", "movies.csv")
    assert result.exit_code == 0, result.output
    users, items = (len(set(column)) for column in zip(*pairs, strict=True))
    text = result.stdout
    assert "ratings.csv: columns separated by ',', a header\n" in text
    assert re.search(rf"user_id:token +<- userId +{users} different", text)
    assert re.search(r"rating:float +<- rating +0\.5 to 5", text)
    assert re.search(r"timestamp:float +<- timestamp +20.*, seconds since 1970", text)
    assert re.search(r"title:token_seq +<- title", text)
    assert f"3 of {items} items are described" in text
    assert "left out: 1 rows of items without an interaction" in text
    assert f"dataset/mine: {users} users, {items} items, 300 ratings" in text
    assert text.endswith("  or: run_recbole --model=NCFMLP --dataset=mine\n")

    lines = Path("dataset/mine/mine.item").read_text().splitlines()
    assert lines[0] == "item_id:token\ttitle:token_seq\tgenres:token_seq"
    assert "1\tAmerican President, The (1995)\tComedy Drama Romance" in lines
    assert '2\tThe "Best" of\tSci-Fi Film_Noir' in lines
    assert len(lines) == 4

    result = invoke("check", "dataset/mine")
    assert result.exit_code == 0, result.output
    text = invoke("describe", "mine").stdout
    assert re.search(rf"users +{users}\n", text)
    item, count = Counter(item for _, item in pairs).most_common(1)[0]
    titles = {1: "American President, The (1995)", 2: 'The "Best" of', 3: "Alien"}
    assert re.search(
        rf"with their interactions\n *{count} +\d+ *{re.escape(titles.get(item, ''))}\n", text
    )
    result = invoke("split", "mine", "random", "--test", "0.2", "--valid", "0.1")
    assert "210 train, 30 valid, 60 test" in result.stdout


def test_the_manifest_has_the_command_that_makes_it_again():
    write_ratings()
    options = ["--min-rating", "2", "--core", "3,2", "--drop", "timestamp", "--name", "mine"]
    first = invoke("import", "ratings.csv", *options)
    assert first.exit_code == 0, first.output
    inter = Path("dataset/mine/mine.inter").read_bytes()
    manifest = json.loads(Path("dataset/mine/manifest.json").read_text())
    assert manifest["source"][0]["file"] == "ratings.csv"
    assert re.fullmatch("[0-9a-f]{32}", manifest["source"][0]["md5"])
    assert [step["step"] for step in manifest["steps"]] == ["read", "--min-rating 2", "--core 3,2"]
    program, data, *words = manifest["command"].split()
    assert (program, data) == ("recbole-ext", "data")
    again = invoke(*words)
    assert again.exit_code == 0, again.output
    assert Path("dataset/mine/mine.inter").read_bytes() == inter
    assert json.loads(Path("dataset/mine/manifest.json").read_text()) == manifest


def test_standard_input():
    write_ratings()
    text = Path("ratings.csv").read_bytes()
    runner = CliRunner()
    result = runner.invoke(main.main, ["data", "import", "-", "--name", "mine"], input=text)
    assert result.exit_code == 0, result.output
    assert "standard input: columns separated by" in result.stdout
    assert "300 ratings" in result.stdout


def test_rows_of_one_user_and_item_are_noted():
    Path("r.csv").write_text("user,item\n1,2\n1,2\n3,4\n")
    result = invoke("import", "r.csv", "--name", "mine")
    assert "warning: 1 row has the user and item of an earlier row, and is kept" in result.stderr
    assert result.stdout.endswith("next: run_recbole --model=NCFMLP --dataset=mine\n")
    result = invoke("import", "r.csv", "--name", "mine", "--duplicates", "count")
    assert result.stderr == ""
    assert Path("dataset/mine/mine.inter").read_text().endswith("1\t2\t2\n3\t4\t1\n")


@pytest.mark.slow
def test_a_model_trains_on_an_imported_csv(forks):
    write_ratings()
    assert invoke("import", "ratings.csv", "--name", "mine").exit_code == 0
    result = forks.run("run_recbole", "--model=AutoRec", "--dataset=mine", "--epochs=3", "--json")
    assert result.returncode == 0, result.stderr
    assert 0 < json.loads(result.stdout)["test"]["rmse"] < 3


@pytest.mark.slow
def test_an_import_that_is_killed_leaves_nothing_or_all():
    rows = "".join(f"{n % 5003},{n * 7919 % 10007},{n % 5}\n" for n in range(400_000))
    Path("ratings.csv").write_text("user,item,rating\n" + rows)
    words = [sys.executable, "-m", "recbole_ext.cli.main", "data", "import", "ratings.csv"]
    command = [*words, "--name", "mine"]
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - start
    whole = Path("dataset/mine/mine.inter").read_bytes()
    shutil.rmtree("dataset")
    for share in (0.5, 0.7, 0.8, 0.9, 0.95):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(share * seconds)
        process.kill()
        process.communicate()
        folder = Path("dataset/mine")
        if folder.exists():
            assert (folder / "mine.inter").read_bytes() == whole
            assert (folder / "manifest.json").is_file()
            assert (folder / "mine.yaml").is_file()
    subprocess.run(command, check=True, capture_output=True)
    assert Path("dataset/mine/mine.inter").read_bytes() == whole

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main
from tests.data.importing.test_reading import rows_of

RATINGS = "user,movieId\n7,1\n8,2\n7,3\n"


def imported(*words):
    Path("ratings.csv").write_text(RATINGS)
    command = ["data", "import", "ratings.csv", "--name", "mine", *words]
    return CliRunner().invoke(main.main, command, catch_exceptions=False)


def header(suffix="item"):
    return Path(f"dataset/mine/mine.{suffix}").read_text().splitlines()[0].split("\t")


def test_columns_have_types_and_titles_may_hold_anything():
    Path("movies.csv").write_text(
        "id,price,name,genres,zip,blurb\n"
        '1,2.5,"Cop, The ""best""\tof\nall",Sci-Fi|Film Noir,02138,so good\n'
        '3,,"""Quoted""",(no genres listed),7,\n'
        "2,1e3,Alien,Drama,,bad\n"
    )
    result = imported("--items", "movies.csv", "--title", "name")
    assert result.exit_code == 0, result.output
    assert "movies.csv: 3 of 3 items are described" in result.stdout
    assert header() == [
        *("item_id:token", "price:float", "title:token_seq", "genres:token_seq"),
        *("zip:token", "blurb:token_seq"),
    ]
    first, second, third = rows_of(Path("dataset/mine/mine.item"))
    assert first == ("1", 2.5, 'Cop, The "best" of all', "Sci-Fi Film_Noir", "02138", "so good")
    assert second[0] == "3"
    assert second[2:] == ('"Quoted"', "", "7", "")
    assert third == ("2", 1000, "Alien", "Drama", "", "bad")
    manifest = json.loads(Path("dataset/mine/manifest.json").read_text())
    assert manifest["source"] == [
        {"file": name, "md5": hashlib.md5(Path(name).read_bytes()).hexdigest()}
        for name in ("ratings.csv", "movies.csv")
    ]
    check = CliRunner().invoke(main.main, ["data", "check", "dataset/mine"])
    assert check.exit_code == 0, check.output


def test_users_and_rows_that_are_left_out():
    Path("users.tsv").write_text("user\tage\n7\t30\n7\t31\n9\t50\n")
    result = imported("--users", "users.tsv")
    assert "users.tsv: 1 of 2 users are described" in result.stdout
    assert "left out: 1 rows of users without an interaction" in result.stdout
    assert "left out: 1 further rows of the same users" in result.stdout
    assert Path("dataset/mine/mine.user").read_text() == "user_id:token\tage:float\n7\t30\n"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("movieId,name\n10,x\n", [], "none of its 1 ids is in the interactions, such as '10'"),
        ("name,year\nx,1\n", [], "no column of item ids is recognised in name, year"),
        ("movieId,name\n1,x\n", ["--title", "nam"], "--title: movies.csv has no column 'nam'; did"),
        ("movieId,name\n1,x\n1,2,3\n", [], "movies.csv, line 3: expected 2 columns, found 3"),
        ("movieId,a,a\n1,x,y\n", [], "movies.csv, line 1: two columns are named 'a'"),
        ("movieId,name\n,x\n", [], "movies.csv, line 2: column movieId: an empty value"),
    ],
)
def test_tables_that_are_refused(text, options, message):
    Path("movies.csv").write_text(text)
    result = imported("--items", "movies.csv", *options)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert message in line
    assert not Path("dataset").exists()


def test_the_type_of_a_column_is_that_of_all_its_values():
    rows = "".join(f"{n},{1900 + n},{n / 8}\n" for n in range(1, 1500))
    Path("movies.csv").write_text(f"movieId,year,price\n{rows}1500,unknown,\n")
    assert imported("--items", "movies.csv").exit_code == 0
    assert header() == ["item_id:token", "year:token", "price:float"]


def test_a_table_with_a_header_alone():
    Path("movies.csv").write_text("movieId,year\n")
    result = imported("--items", "movies.csv")
    assert result.stderr == ("error: movies.csv: no row after the header; name a table of items\n")

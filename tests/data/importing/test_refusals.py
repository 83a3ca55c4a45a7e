"""Malformed input: one line that names the file and the place, and nothing is written."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from recbole_ext.cli import main

H = b"user,item,rating,time\n"
GOOD = b"1,2,3,4\n"

# what is wrong -> (the file, more options, the message)
CASES = {
    "no such file": (None, "", "r.csv: no such file"),
    "an empty file": (b"", "", "r.csv: the file is empty"),
    "blank lines alone": (b"\n\n \n", "", "r.csv: the file is empty"),
    "a header alone": (H, "", "r.csv: no row after the header"),
    "one column": (b"user\n1\n", "", "r.csv, line 1: expected columns separated by"),
    "no header": (GOOD, "", "r.csv, line 1: expected the names of the columns, found '1', '2'"),
    "no user": (b"a,item\n1,2\n", "", "r.csv: no column of users is recognised in 'a' (1), 'item'"),
    "no item": (b"user,b\n1,2\n", "", "say it with --item COLUMN"),
    "neither": (b"a,b\nx,y\n", "", "no column of users and items is recognised"),
    "one name twice": (b"user,item,item\n1,2,3\n", "", "line 1: two columns are named 'item'"),
    "too many columns": (H + GOOD + b"1,2,3,4,5\n", "", "line 3: expected 4 columns, found 5"),
    "too few columns": (H + GOOD + b"\n1,2\n", "", "line 4: expected 4 columns, found 2"),
    "no id": (H + GOOD + b",2,3,4\n", "", "line 3: column user: an empty value"),
    "a quoted empty id": (H + GOOD + b'1,"",3,4\n', "", "line 3: column item: an empty value"),
    "no rating": (H + GOOD + b"1,2,,4\n", "", "line 3: column rating: expected a number, found ''"),
    "a word": (H + GOOD + b"1,2,good,4\n", "", "line 3: column rating: expected a number, found"),
    "NaN": (H + GOOD + b"1,2,nan,4\n", "", "line 3: column rating: expected a number, found 'nan'"),
    "infinite": (H + GOOD + b"1,2,inf,4\n", "", "expected a number within float32"),
    "too large": (H + GOOD + b"1,2,1e39,4\n", "", "expected a number within float32"),
    "no time": (H + GOOD + b"1,2,3,\n", "", "line 3: column time: expected seconds"),
    "a date of none": (H + b"1,2,3,2013-02-30\n", "", "line 2: column time: expected seconds"),
    "hour 25": (H + b"1,2,3,2013-02-03 25:00\n", "", "line 2: column time: expected seconds"),
    "a date among numbers": (
        H + GOOD + b"1,2,3,2013-07-31\n",
        "",
        "line 3: column time: expected n",
    ),
    "a number among dates": (
        H + b"1,2,3,2013-07-31\n" + GOOD,
        "",
        "line 3: column time: expected d",
    ),
    "two units": (H + b"1,2,3,978300760\n1,2,3,978300760000\n", "", "expected times of one unit"),
    "another format": (H + b"1,2,3,31.07.2013\n", "", "--time-format says how"),
    "not that format": (
        H + b"1,2,3,7/31\n",
        "--time-format %d.%m.%Y",
        "expected a time as %d.%m.%Y",
    ),
    "an open quote": (H + GOOD + b'1,"2,3,4\n5,6,7,8\n', "", "line 3: a quote"),
    "a line end inside": (H + b'"1\n",2,3,4\n', "", "line 2: column user: expected an id without"),
    "a tab inside": (H + b"1\t,2,3,4\n", "--separator ,", "expected an id without a tab"),
    "a lone return": (H + b"1,2,3,4\r1,2,3,4\n", "", "line 2: a carriage return inside a line"),
    "a lone return far down": (
        H + GOOD * 50_000 + b"1,2,3,4\r1,2,3,4\n",
        "",
        "line 50002: a carriage return inside a line",
    ),
    "NA in a column of numbers": (
        b"user,item,price\n1,2,NA\n",
        "--keep price:float",
        "line 2: column price: expected a number, found 'NA'",
    ),
    "a NUL byte": (H + GOOD + b"1,2\0,3,4\n", "", "line 3: a NUL byte"),
    "not utf-8": (H + GOOD + b"\xff,2,3,4\n", "", "line 3: not text in the encoding utf-8"),
    "cut gz": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "", "r.csv: the file is damaged"),
    "half parquet": (b"PAR1" + GOOD, "", "r.csv: damaged parquet"),
    "half json": (b'{"user": 1, "item": 2}\n{"user":', "", "line 2: not json"),
    "json of a list": (b'{"user": 1, "item": 2}\n[3]\n', "", "line 2: expected an object"),
    "json without a key": (b'{"user": 1, "item": 2}\n{"item": 2}\n', "", "line 2: column user: an"),
    "json with a fraction": (b'{"user": 1.5, "item": 2}\n', "", "line 1: user: expected an id"),
    "unknown encoding": (H + GOOD, "--encoding utf-9", "--encoding: expected an encoding"),
    "a long separator": (H + GOOD, "--separator ab", "--separator: expected one character"),
    "no such column": (H + GOOD, "--user itme", "--user: r.csv has no column 'itme'; did you mean"),
    "one for two": (H + GOOD, "--user item --item item", "'item' is named as --"),
    "no such column to keep": (H + GOOD, "--keep x", "--keep: r.csv has no column 'x'"),
    "too few names": (
        GOOD,
        "--columns user,item",
        "line 1: expected the 2 columns user,item, found 4",
    ),
    "a name that is a path": (H + GOOD, "--name ../x", "--name: expected the name of a folder"),
    "all too low": (H + GOOD, "--min-rating 4", "--min-rating 4: takes all 1 rows"),
    "all too late": (H + GOOD, "--until 1969", "--until: takes all 1 rows"),
    "no core": (H + GOOD, "--core 2", "--core 2: takes all 1 rows"),
    "no ratings to compare": (
        b"user,item\n1,2\n",
        "--min-rating 4",
        "there is no column of rating",
    ),
    "no such time": (H + GOOD, "--since soon", "--since: expected a date such as"),
    "no such items": (H + GOOD, "--items m.csv", "m.csv: no such file"),
}


def invoke(*words):
    return CliRunner().invoke(main.main, ["data", "import", *words], catch_exceptions=False)


@pytest.mark.parametrize("what", CASES)
def test_one_line_and_nothing_is_written(what):
    content, options, message = CASES[what]
    if content is not None:
        Path("r.csv").write_bytes(content)
    before = sorted(Path().rglob("*"))
    result = invoke("r.csv", "--name", "mine", *options.split())
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert sorted(Path().rglob("*")) == before


def test_there_are_thirty():
    assert len(CASES) >= 30

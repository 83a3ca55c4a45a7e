from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recbole_ext.data import checks, delimited
from recbole_ext.errors import DataError

HEADER = b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
GOOD = b"1\ta\t3\t10\n1\tb\t4\t11\n2\ta\t5\t12\n2\tb\t1\t13\n"


def check(files: dict[str, bytes], **more) -> checks.Report:
    folder = Path("d")
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return checks.check_folder(folder, **more)


def said(report: checks.Report) -> list[str]:
    return [str(problem) for problem in report.problems]


def test_a_good_folder():
    report = check(
        {
            "d.inter": HEADER + GOOD,
            "d.item": b'item_id:token\ttitle:token_seq\tyear:float\na\t"""Best"" of"\t\nb\tx y\t2\n',
            "d.user": b"user_id:token\n1\n2\n",
            "README.md": b"not looked at",
        }
    )
    assert said(report) == []
    assert report.errors == 0
    assert report.rows == {"d.inter": 4, "d.item": 2, "d.user": 2}


# one more line, or another file -> what is said of it; errors unless it begins with "warning"
BAD = {
    "a column too few": (GOOD + b"3\tc\t3\n", "line 6: expected 4 columns, found 3"),
    "a column too many": (GOOD + b"3\tc\t3\t1\t2\n", "line 6: expected 4 columns, found 5"),
    "a NaN rating": (GOOD + b"1\tc\tnan\t1\n", "line 6: rating: expected a number, found 'nan'"),
    "an empty rating": (GOOD + b"1\tc\t\t1\n", "line 6: rating: expected a number, found ''"),
    "a rating that is text": (GOOD + b"1\tc\tgood\t1\n", "line 6: rating: expected a number, found 'good'"),
    "a rating out of range": (GOOD + b"1\tc\t6\t1\n", "line 6: rating: expected 1 to 5, found 6"),
    "a time that is a date": (GOOD + b"1\tc\t3\t1998-01-02\n", "line 6: timestamp: expected a number, found '1998-01-02'"),
    "no user": (GOOD + b"\tc\t3\t1\n", "line 6: user_id: an empty value"),
    "no item": (GOOD + b"1\t\t3\t1\n", "line 6: item_id: an empty value"),
    "an infinite rating": (GOOD + b"1\tc\t-inf\t1\n", "line 6: rating: expected a number, found '-inf'"),
    "not utf-8": (GOOD + b"1\t\xe9\t3\t1\n", "line 6: not text in the encoding utf-8"),
    "a NUL byte": (GOOD + b"1\tc\0\t3\t1\n", "line 6: a NUL byte"),
    "a lone carriage return": (GOOD + b"1\tc\r\t3\t1\n", "line 6: a carriage return inside the line"),
    "an open quote": (GOOD + b'1\t"c\t3\t1\n', "warning: d/d.inter, line 6: a column begins with a quote"),
    "a rating beyond float32": (GOOD + b"1\tc\t1e39\t1\n", "line 6: rating: expected a number within float32, up to 3.4e38, found '1e39'"),
    "an empty name in quotes": (GOOD + b'1\t""\t3\t1\n', "line 6: item_id: an empty value"),
    "a pair twice": (GOOD + b"1\tb\t2\t19\n", "warning: d/d.inter, line 6: user 1, item b again, as in line 3"),
    "an empty line": (GOOD + b"\n1\tc\t3\t1\n1\td\t3\t1\n2\tc\t3\t1\n2\td\t3\t1\n", "warning: d/d.inter, line 6: an empty line"),
    "a user with one interaction": (GOOD + b"3\ta\t3\t1\n", "warning: d: 1 user with one interaction (3)"),
    "an item with one interaction": (GOOD + b"1\tc\t3\t1\n", "warning: d: 1 item with one interaction (c)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_one_bad_line_is_told(case):
    text, message = BAD[case]
    report = check({"d.inter": HEADER + text}, low=1, high=5)
    expected = message if message.startswith("warning") else f"error: d/d.inter, {message}"
    assert any(line.startswith(expected) for line in said(report)), said(report)
    assert (report.errors > 0) == (not message.startswith("warning"))


FILES = {
    "an empty file": ({"d.inter": b""}, "error: d/d.inter: the file is empty"),
    "a header alone": ({"d.inter": HEADER}, "error: d/d.inter: line 2: no interaction"),
    "no types": ({"d.inter": b"user,item\n1,2\n"}, "error: d/d.inter: line 1: expected columns written name:type"),
    "an unknown type": ({"d.inter": b"user_id:token\titem_id:int\n1\t2\n"}, "error: d/d.inter: line 1: expected columns"),
    "no item column": ({"d.inter": b"user_id:token\trating:float\n1\t2\n"}, "error: d/d.inter, line 1: no column item_id"),
    "a column twice": ({"d.inter": b"user_id:token\tuser_id:token\n1\t2\n"}, "error: d/d.inter: line 1: two columns are named user_id"),
    "a byte order mark": ({"d.inter": b"\xef\xbb\xbf" + HEADER + GOOD}, "error: d/d.inter: line 1: starts with a byte order mark"),
    "another separator": ({"d.inter": HEADER.replace(b"\t", b",") + GOOD}, "error: d/d.inter: line 1: expected columns"),
    "ratings as tokens": ({"d.inter": b"user_id:token\titem_id:token\trating:token\n" + b"1\ta\t3\n1\tb\t3\n2\ta\t3\n2\tb\t3\n"}, "warning: d/d.inter, line 1: rating is a token"),
    "a feature without its id": ({"d.inter": HEADER + GOOD, "d.item": b"id:token\n1\n"}, "error: d/d.item, line 1: no column item_id"),
    "a feature that is no number": ({"d.inter": HEADER + GOOD, "d.item": b"item_id:token\tyear:float\na\told\n"}, "error: d/d.item, line 2: year: expected a number, found 'old'"),
    "a test pair in train": ({"d.train.inter": HEADER + GOOD, "d.test.inter": HEADER + b"9\tz\t1\t1\n2\tb\t1\t1\n"}, "error: d/d.train.inter, line 5: user 2, item b is in d.test.inter, line 3, too"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_told(case):
    files, message = FILES[case]
    report = check(files)
    assert any(line.startswith(message) for line in said(report)), said(report)
    assert (report.errors > 0) == message.startswith("error")


def test_every_problem_is_counted_and_a_few_are_shown():
    lines = b"".join(b"%d\tx\t\t1\n" % n for n in range(100))
    report = check({"d.inter": HEADER + GOOD + lines}, limit=3)
    assert report.counts["d.inter", "rating: expected a number"] == 100
    assert report.errors == 100
    assert len(report.problems) == 3
    report.add_all(Path("x"), "none", [], str)
    assert ("x", "none") not in report.counts
    report.add_all(Path("x"), "k", range(7), lambda place: f"{place}")
    assert (report.counts["x", "k"], report.errors, len(report.problems)) == (7, 107, 6)


def test_blocks_do_not_change_what_is_found(monkeypatch):
    text = HEADER + GOOD + b"1\tb\t2\t19\n3\tc\tx\t1\n" + GOOD
    whole = check({"d.inter": text})
    monkeypatch.setattr(delimited, "BLOCK_SIZE", 9)
    Path("d/d.inter").unlink()
    Path("d").rmdir()
    again = check({"d.inter": text})
    assert said(whole) == said(again)
    assert whole.counts == again.counts
    assert whole.counts["d.inter", "pair twice"] == 5


def test_other_separators_and_encodings():
    text = (HEADER + "1\té\t3\t1\n2\té\t3\t1\n1\ta\t3\t1\n2\ta\t3\t1\n".encode("latin-1")).replace(
        b"\t", b","
    )
    assert check({"d.inter": text}, separator=",", encoding="latin-1").errors == 0


def test_a_whole_file_beside_its_parts_and_parts_of_other_runs_are_no_leak():
    files = {
        "d.inter": HEADER + GOOD,
        "d.train.inter": HEADER + GOOD,
        "d.fold2.inter": HEADER + GOOD,
    }
    assert said(check(files)) == []
    Path("d/d.yaml").write_text("benchmark_filename: [train, fold2]\n")
    report = checks.check_folder(Path("d"))
    assert report.counts["d.train.inter", "pair in two parts"] == 4
    assert report.errors == 4


def test_settings_beside_the_files_that_would_stop_a_run_are_told():
    report = check({"d.inter": HEADER + GOOD, "d.yaml": b"a: [1\n"})
    assert said(report)[0].startswith("error: d/d.yaml: line 2: not yaml: ")
    assert report.errors == 1


@pytest.mark.parametrize(
    ("separator", "encoding", "message"),
    [
        ("\t", "utf-16", "encoding: expected one that keeps ASCII, such as utf-8"),
        ("\t", "utf-99", "encoding: unknown encoding: utf-99"),
        ("\u2603", "latin-1", "encoding: 'latin-1' codec can't encode"),
        ("", "utf-8", "field_separator: expected what stands between two columns, found ''"),
    ],
)
def test_what_lines_cannot_be_found_by(separator, encoding, message):
    report = check({"d.inter": HEADER + GOOD}, separator=separator, encoding=encoding)
    assert said(report)[0].startswith(f"error: d/d.inter: {message}")


def test_a_folder_without_interactions():
    with pytest.raises(DataError, match=r"d: no \.inter file there; found d\.item"):
        check({"d.item": b"item_id:token\n1\n"})
    with pytest.raises(DataError, match="found nothing"):
        checks.check_folder(Path("nowhere"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(
    head=st.sampled_from([HEADER, b"user_id:token\titem_id:token\n", b""]),
    body=st.binary(max_size=150) | st.text('01ab\t\n\r":.né\0', max_size=150).map(str.encode),
    suffix=st.sampled_from(["inter", "item", "negatives"]),
)
def test_no_file_ends_in_a_traceback(head, body, suffix, tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    (folder / "d.inter").write_bytes(HEADER + GOOD)
    (folder / f"d.x.{suffix}").write_bytes(head + body)
    checks.check_folder(folder, low=0, high=5)


@pytest.mark.slow
def test_the_ml_100k_of_recbole_is_fine():
    import recbole

    folder = Path(recbole.__file__).parent / "dataset_example" / "ml-100k"
    report = checks.check_folder(folder, low=1, high=5)
    assert report.errors == 0
    assert report.rows["ml-100k.inter"] == 100_000
    # 141 movies have one rating
    assert next(line for line in said(report) if "one interaction" in line).startswith(
        "warning: " + str(folder) + ": 141 items with one interaction"
    )

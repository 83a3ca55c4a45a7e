import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from recbole_ext.data import atomic_files, content_hash
from recbole_ext.errors import DataError
from tests import runs

HEADER = "user_id:token\titem_id:token\trating:float\n"


def check(text: str | bytes | None, *, ratings: bool = True, all_lines: bool = True, **settings):
    place = Path("dataset/d")
    place.mkdir(parents=True, exist_ok=True)
    if text is not None:
        (place / "d.inter").write_bytes(text if isinstance(text, bytes) else text.encode())
    values = {
        "data_path": str(place),
        "dataset": "d",
        "field_separator": "\t",
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "RATING_FIELD": "rating",
        "load_col": {"inter": ["user_id", "item_id", "rating"]},
        **settings,
    }
    atomic_files.check_interactions(values, ratings=ratings, all_lines=all_lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"d\.inter: no such file; found an empty folder there"),
        ("", r"d\.inter: the file is empty; expected a header"),
        (HEADER, r"d\.inter, line 2: no interaction after the header"),
        ("user_id,item_id\n1,2\n", r"line 1: expected columns written name:type"),
        ("user_id:token\titem_id:int\n1\t2\n", r"line 1: .*found 'item_id:int'"),
        (
            "user_id:token\trating:float\n1\t2\n",
            r"line 1: no column item_id \(found user_id, rating\)",
        ),
        ("user_id:token\titem_id:token\n1\t2\n", r"line 1: no rating column rating .*RATING_FIELD"),
        ("user_id:token\titem_id:token\trating:token\n1\t2\t3\n", r"rating is a token, expected"),
        (
            HEADER + "1\t2\t3\n1\t3\t\n",
            r"line 3: rating: expected a number, found '' \(1 such line ",
        ),
        (
            HEADER + "1\t2\tx\n1\t3\tnan\n",
            r"line 2: .*found 'x' \(2 lines that cannot be read in all",
        ),
        (HEADER + "1\t\t3\n1\t3\tnan\n", r"line 2: item_id: an empty value \(2 lines"),
        (HEADER + "1\t2\t3\n1\t3\tinf\n", r"line 3: .*found 'inf'"),
        (HEADER + "1\t2\t3\n\n1\t3\t\n", r"line 4: rating: expected a number"),
        (b"user_id:token\titem_id:token\n\xff\xfe\t1\n", r"not in the encoding utf-8"),
    ],
)
def test_problems_are_named_with_file_and_line(text, message):
    with pytest.raises(DataError, match=message):
        check(text, encoding="utf-8")


@pytest.mark.parametrize("large", [False, True])
def test_the_lines_of_large_files_are_left_to_the_run_before_it_starts(large, monkeypatch):
    monkeypatch.setattr(atomic_files, "_LARGE", 1 if large else 2**25)
    with pytest.raises(DataError, match="line 2: rating") if not large else nullcontext():
        check(HEADER + "1\t2\tx\n", all_lines=False)
    with pytest.raises(DataError, match="line 1: no rating column"):
        check("user_id:token\titem_id:token\n1\t2\n", all_lines=False)


def test_good_files_pass():
    check(HEADER + "1\t2\t3\n1\t3\t-0.5\n")


def test_a_model_without_ratings_needs_none():
    check("user_id:token\titem_id:token\n1\t2\n", ratings=False)


def test_a_rating_column_that_is_not_loaded_is_named():
    with pytest.raises(DataError, match=r"load_col: the ratings are not loaded; add rating"):
        check(HEADER + "1\t2\t3\n", load_col={"inter": ["user_id", "item_id"]})


def test_every_benchmark_file_is_checked(tmp_path):
    runs.write_inter(tmp_path / "dataset", "d.train", [(1, 2, 3, 4)])
    place = tmp_path / "dataset" / "d"
    place.mkdir()
    (place / "d.train.inter").write_text(HEADER + "1\t2\t3\n")
    with pytest.raises(
        DataError, match=r"d\.valid\.inter: no such file; found d\.train\.inter there"
    ):
        atomic_files.check_interactions(
            {
                "data_path": str(place),
                "dataset": "d",
                "benchmark_filename": ["train", "valid"],
                "field_separator": "\t",
                "USER_ID_FIELD": "user_id",
                "ITEM_ID_FIELD": "item_id",
                "RATING_FIELD": "rating",
            },
            ratings=True,
        )


def test_a_header_that_no_one_writes_is_refused_at_once(tmp_path):
    """A million columns, or a line without an end: the message is short."""
    place = tmp_path / "made.inter"
    for header in ("a:token\t" * 1_000_000, "x" * 10**8):
        place.write_text(header + "\n1\t2\n")
        with pytest.raises(DataError, match=r"line 1: expected a header of less than 100,000") as e:
            atomic_files.read_header(place, "\t", None)
        assert len(str(e.value)) < 400


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_pipe_among_the_files_of_a_data_set_is_not_opened(tmp_path):
    runs.write_ratings(tmp_path, "made")
    files = content_hash.data_files(tmp_path / "made", "made")
    os.mkfifo(tmp_path / "made" / "made.item")
    assert content_hash.data_files(tmp_path / "made", "made") == files

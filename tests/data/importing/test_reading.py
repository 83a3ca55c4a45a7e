"""What an import writes, beside Python's csv module on the same file."""

import bz2
import csv
import gzip
import io
import json
import lzma
import math
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.data import quotes
from recbole_ext.data.importing import (
    exact_reader,
    fast_reader,
    importer,
    opening,
    selection,
    source_files,
    tables,
    writing,
)
from recbole_ext.data.importing.columns import ColumnOptions
from recbole_ext.data.importing.selection import Selection
from recbole_ext.errors import DataError

HEADER = ["userId", "movieId", "rating", "timestamp"]


def imported(*paths, columns=None, encoding="utf-8", **options):
    """The rows of the ``.inter`` file that an import writes: text of ids, numbers."""
    read_options = opening.ReadOptions(columns or ColumnOptions(), **options)
    read_from = source_files.sources_of(list(paths), encoding)
    table = tables.read(read_from, read_options, lambda n: None)
    selected = importer.select(table, Selection())
    folder = importer.write(table, selected, [], "mine", Path("out"), importer.Origin("again"))
    return rows_of(folder / "mine.inter")


def rows_of(path):
    head, *lines = path.read_bytes().decode().removesuffix("\n").split("\n")
    kinds = [column.rpartition(":")[2] for column in head.split("\t")]
    rows = []
    for line in lines:
        texts = [quotes.unquoted(text) for text in line.split("\t")]
        assert len(texts) == len(kinds), line
        rows.append(
            tuple(
                text if kind != "float" else float(text) if text else math.nan
                for text, kind in zip(texts, kinds, strict=True)
            )
        )
    return rows


IDS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    st.text('a,;|" \t\n\r', max_size=5),
    st.sampled_from(["NA", "nan", "null", "None", "inf", "-", "01", "1", "1.0", " 1", "é", "#x"]),
    st.integers(10**14, 10**15).map(str),
)
RATINGS = st.one_of(
    st.integers(-5, 10).map(str),
    st.floats(-1e9, 1e9, width=32).map(repr),
    st.sampled_from(["0.5", "+3", " 4", "1e1", "5.", ".5", "NA", "", "inf", "1_0", "4,5", "1e39"]),
)
# small or large enough to be seconds in any column of them
TIMES = st.one_of(st.integers(-(10**9), 10**10).map(str), st.sampled_from(["0", "-1", "1.5"]))


@st.composite
def files(draw):
    """A csv file as bytes, and its separator."""
    rows = draw(st.lists(st.tuples(IDS, IDS, RATINGS, TIMES), min_size=1, max_size=8))
    separator = draw(st.sampled_from(",;|\t"))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    for row in [HEADER, *rows]:
        writer.writerow(row)
        text.write(end * draw(st.integers(0, 2)))
    content = text.getvalue()
    if draw(st.booleans()):
        content = content.rstrip("\r\n")
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + content.encode(), separator


def oracle(data, separator, columns=4):
    """The rows by Python's csv module; None where it finds another number of columns."""
    text = data.decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    return rows[1:] if all(len(row) == columns for row in rows) else None


def number(text):
    value = float(text) if "_" not in text else math.nan
    return value if abs(value) <= 3.4028234e38 else math.nan


@settings(deadline=None, max_examples=150)
@given(file=files(), block=st.sampled_from([40, 200, 2**24]))
def test_any_csv_is_read_as_python_reads_it_or_refused_with_its_line(file, block):
    data, separator = file
    path = Path("ratings.csv")
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_reader, "_BLOCK", block)
        patch.setattr(selection, "_ROWS_OF_PAIRS", 2)
        patch.setattr(tables, "_ROWS", 2)
        patch.setattr(writing, "_ROWS", 2)
        rows, message = outcome(path, separator)
    if message:
        assert message.startswith("ratings.csv")
        assert "line " in message or "one unit" in message or "no row" in message
        assert "\n" not in message
        assert not Path("out").exists()
        assert not is_plain(oracle(data, separator)), f"refused a good file: {message}"
        return
    expected = [(u, i, number(r), float(t)) for u, i, r, t in oracle(data, separator)]
    assert rows == expected
    for file in Path("out/mine").iterdir():
        file.unlink()
    Path("out/mine").rmdir()
    Path("out").rmdir()


def outcome(path, separator):
    """The rows of an import and no message, or the message of its error."""
    try:
        return imported(path, separator=separator), ""
    except DataError as error:
        return None, str(error)


def is_plain(rows):
    """Whether each row has ids that an atomic file can hold, and numbers."""
    if not rows:
        return False
    for user, item, rating, _ in rows:
        if not user or not item or set("\t\r\n\0") & set(user + item):
            return False
        try:
            if math.isnan(number(rating)):
                return False
        except ValueError:
            return False
    return True


@settings(deadline=None, max_examples=150)
@given(body=st.text('ab1",\n\r5', max_size=40), block=st.sampled_from([24, 2**24]))
def test_any_text_after_a_header_is_read_as_python_reads_it_or_refused(body, block):
    data = ("userId,movieId,rating\n" + body).encode()
    Path("ratings.csv").write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_reader, "_BLOCK", block)
        rows, message = outcome(Path("ratings.csv"), ",")
    if message:
        assert message.startswith("ratings.csv")
        return
    expected = oracle(data, ",", columns=3)
    assert rows == [(user, item, float(rating)) for user, item, rating in expected]


PLAIN = "userId,movieId,rating,timestamp\n7,i1,4.5,978300760\n8,i1,3,-5\n7,010,1e1,0\n"
PLAIN_ROWS = [("7", "i1", 4.5, 978300760), ("8", "i1", 3, -5), ("7", "010", 10, 0)]


def test_a_plain_file_needs_the_fast_reader_alone(monkeypatch):
    monkeypatch.setattr(exact_reader, "read_text", None)
    Path("ratings.csv").write_text(PLAIN)
    assert imported(Path("ratings.csv")) == PLAIN_ROWS
    quoted = PLAIN.replace("i1", '"i ""1"", x"').replace("\n", "\r\n")
    Path("ratings.csv").write_text(quoted, newline="")
    assert imported(Path("ratings.csv"))[0] == ("7", 'i "1", x', 4.5, 978300760)


def test_quoted_line_ends_are_read_fast_wherever_a_block_ends(monkeypatch):
    monkeypatch.setattr(exact_reader, "read_text", None)
    monkeypatch.setattr(fast_reader, "_BLOCK", 32)
    rows = [(f"u{n}", f"i{n}", f"one\n{'x' * n}\r\ntwo") for n in range(12)]
    with Path("ratings.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("user", "item", "note"), *rows])
    keep = ColumnOptions(keep=("note",))
    assert imported(Path("ratings.csv"), columns=keep) == [
        (user, item, " ".join(note.split())) for user, item, note in rows
    ]


def test_ids_are_numbered_in_the_order_of_their_first_row():
    column = tables.distinct(np.array([2, 0, 2, 1]), pa.array(["a", "b", "c", "in no row"]))
    assert column.codes.tolist() == [0, 1, 0, 2]
    assert column.texts.to_pylist() == ["c", "a", "b"]


@given(st.lists(st.integers(0, 4), min_size=1), st.integers(1, 3), st.booleans())
def test_ids_that_are_numbered_already_stay(codes, size, has_more):
    names = [f"id {code}" for code in range(max(codes) + 1)]
    texts = pa.array(names + ["in no row"] * has_more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_ROWS", size)
        column = tables.distinct(np.array(codes, dtype=np.int32), texts)
    different = list(dict.fromkeys(codes))
    assert column.codes.tolist() == [different.index(code) for code in codes]
    assert column.texts.to_pylist() == [f"id {code}" for code in different]


def zipped(data):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/ratings.csv", data)
    return stream.getvalue()


COMPRESSED = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "zip": zipped,
    "members": lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]),
}


@pytest.mark.parametrize("how", COMPRESSED)
def test_compressed_files_whatever_their_names(how):
    Path("ratings").write_bytes(COMPRESSED[how](PLAIN.encode()))
    assert imported(Path("ratings")) == PLAIN_ROWS


@pytest.mark.parametrize("how", COMPRESSED)
def test_a_compressed_file_that_is_cut_short(how):
    rows = "".join(f"{n},{n * 7919 % 1000},{n % 5},{n * n}\n" for n in range(50_000))
    data = COMPRESSED[how]((PLAIN + rows).encode())
    Path("ratings").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"^ratings: the file is damaged or incomplete") as error:
        imported(Path("ratings"))
    assert "\n" not in str(error.value)
    assert not Path("out").exists()


def test_a_file_inside_a_zip_of_several():
    with zipfile.ZipFile("all.zip", "w") as archive:
        archive.writestr("all/ratings.csv", PLAIN)
        archive.writestr("all/movies.csv", "movieId,title\n010,Ten\n")
        archive.writestr("__MACOSX/all/x", "x")
    assert imported(Path("all.zip/all/ratings.csv")) == PLAIN_ROWS
    for path, message in (
        (
            "all.zip",
            r"^all.zip: expected a zip with one file in it, found 2 \(all/ratings.csv, all/mo",
        ),
        ("all.zip", r"; name one of them as all.zip/all/ratings.csv$"),
        ("all.zip/rating.csv", r"^all.zip/rating.csv: no such file in this zip; found all/ratings"),
    ):
        with pytest.raises(DataError, match=message):
            imported(Path(path))
    Path("plain.csv").write_text(PLAIN)
    with pytest.raises(DataError, match=r"^plain.csv/x: no such file; plain.csv is a file, but no"):
        imported(Path("plain.csv/x"))


def test_workbooks_are_refused():
    with zipfile.ZipFile("book.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", "<x/>")
    Path("book.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500))
    for path in ("book.xlsx", "book.xls"):
        with pytest.raises(DataError, match=f"^{path}: an Excel workbook; save its sheet as csv"):
            imported(Path(path))


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::", " "])
def test_separators_are_recognised(separator):
    Path("ratings.csv").write_text(PLAIN.replace(",", separator))
    assert imported(Path("ratings.csv")) == PLAIN_ROWS


def test_other_encodings():
    text = PLAIN.replace("i1", "é")
    Path("latin").write_bytes(text.encode("latin-1"))
    assert imported(Path("latin"), encoding="latin-1")[0][1] == "é"
    Path("sixteen").write_bytes(text.encode("utf-16"))  # says so by its byte order mark
    assert imported(Path("sixteen"))[0][1] == "é"
    with pytest.raises(
        DataError, match=r"^latin, line 2: not text in the encoding utf-8; .*latin-1"
    ):
        imported(Path("latin"))
    cut = (PLAIN + "9,").encode("utf-16") + b"\x00\xd8"
    Path("sixteen").write_bytes(cut)
    with pytest.raises(DataError, match=r"^sixteen, line 5: not text in the encoding utf-16"):
        imported(Path("sixteen"))


def test_several_files_and_a_folder_are_one_table():
    Path("parts").mkdir()
    Path("parts/part-1").write_text(PLAIN)
    Path("parts/part-2").write_text("timestamp;userId;rating;movieId\n5;9;2;i9\n")
    Path("parts/_SUCCESS").touch()
    assert imported(Path("parts")) == [*PLAIN_ROWS, ("9", "i9", 2, 5)]
    assert imported(Path("parts/part-2"), Path("parts/part-1"))[0] == ("9", "i9", 2, 5)
    Path("parts/part-3").write_text("user,item\n1,2\n")
    with pytest.raises(DataError, match="part-3: no column 'userId', which parts/part-1 has"):
        imported(Path("parts"))


def test_a_file_without_a_header():
    text = PLAIN.partition("\n")[2]
    Path("u.log").write_text(text)
    header = ("user", "item", "rating", "time")
    assert imported(Path("u.log"), header=header) == PLAIN_ROWS
    left_out = imported(Path("u.log"), header=("user", "item", "-", "-"))
    assert left_out == [row[:2] for row in PLAIN_ROWS]
    with pytest.raises(
        DataError, match=r"u.log, line 1: expected the names .* --columns user,item"
    ):
        imported(Path("u.log"))


ROWS = [
    {"user_id": 7, "asin": "010", "stars": 4.5, "date": "2013-07-31 18:00:00"},
    {"user_id": 123456789012345, "asin": "NA", "stars": 3, "date": "1969-12-31"},
]
READ = [("7", "010", 4.5, 1375293600), ("123456789012345", "NA", 3, -86400)]


@pytest.mark.parametrize("end", ["\n", ""])
def test_json_lines_and_an_array(end, monkeypatch):
    Path("reviews.json").write_text("\n".join(map(json.dumps, ROWS)) + end)
    with monkeypatch.context() as patch:
        patch.setattr(exact_reader, "read_json", None)
        assert imported(Path("reviews.json")) == READ
    Path("reviews.json").write_text(json.dumps(ROWS, indent=1))
    assert imported(Path("reviews.json")) == READ
    mixed = [ROWS[0], {**ROWS[1], "user_id": "x"}]
    Path("reviews.json").write_text("\n".join(map(json.dumps, mixed)))
    assert [row[0] for row in imported(Path("reviews.json"))] == ["7", "x"]


def test_parquet_and_feather():
    columns = {
        "user_id": pa.array([7, 123456789012345]),
        "asin": pa.array(["010", "NA"]).dictionary_encode(),
        "stars": pa.array([4.5, 3.0], pa.float32()),
        "date": pa.array([1375293600_000000, -86400_000000], pa.timestamp("us")),
    }
    table = pa.table(columns)
    pa.parquet.write_table(table, "reviews.parquet")
    pa.feather.write_feather(table, "reviews.feather")
    assert imported(Path("reviews.parquet")) == READ
    assert imported(Path("reviews.feather")) == READ
    gaps = pa.table({"user": [7.0, None, 8.0], "item": ["a", "b", "c"]})
    pa.parquet.write_table(gaps, "gaps.parquet")
    with pytest.raises(DataError, match=r"gaps\.parquet, row 2: column user: an empty value"):
        imported(Path("gaps.parquet"))
    pa.parquet.write_table(gaps.slice(2), "whole.parquet")
    assert imported(Path("whole.parquet")) == [("8", "c")]


def test_other_columns_are_kept_with_a_type():
    Path("log.csv").write_text(
        "user,item,price,zip,note,device\n1,2,1.5,02138,so good,tv\n1,3,,7,fine,\n"
    )
    path = Path("log.csv")
    rows = imported(path)
    assert Path("out/mine/mine.inter").read_text().splitlines()[0] == (
        "user_id:token\titem_id:token\tprice:float\tzip:token\tdevice:token"
    )
    assert rows[0] == ("1", "2", 1.5, "02138", "tv")
    assert math.isnan(rows[1][2])
    assert rows[1][3:] == ("7", "")
    keep = ColumnOptions(keep=("note", "price:token"))
    assert imported(path, columns=keep)[1] == ("1", "3", "", "fine")
    drop = ColumnOptions(drop=("price", "zip", "device"))
    assert imported(path, columns=drop) == [("1", "2"), ("1", "3")]

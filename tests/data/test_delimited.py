import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.data import delimited, quotes

COLUMNS = {"user": "int", "movie": "token", "rating": "float", "timestamp": "int"}


def read(data: bytes, separator: bytes = b"::", size: int = delimited.BLOCK_SIZE):
    """All rows of all blocks, and all problems."""
    rows, problems = [], {}
    for block in delimited.read_blocks(io.BytesIO(data), separator, 4, block_size=size):
        frame, wrong = delimited.parse(block, COLUMNS)
        problems |= {**block.problems, **wrong}
        rows += list(frame.itertuples(index=True, name=None))
    return rows, problems


GOOD = b"1::2::3::4\r\n1::02::3.5::-4\n7::x::1e1::0"


@pytest.mark.parametrize("size", [1, 7, 12, 1000])
def test_rows_and_their_lines(size):
    rows, problems = read(GOOD, size=size)
    assert rows == [(1, 1, "2", 3.0, 4), (2, 1, "02", 3.5, -4), (3, 7, "x", 10.0, 0)]
    assert problems == {}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"1::2::3", "expected 4 columns, found 3"),
        (b"1::2::3::4::5", "expected 4 columns, found 5"),
        (b"", "an empty line"),
        (b"u::2::3::4", "user: expected a whole number, found 'u'"),
        (b"1.5::2::3::4", "user: expected a whole number, found '1.5'"),
        (b"1::::3::4", "movie: an empty value"),
        (b"1::2::::4", "rating: expected a number, found ''"),
        (b"1::2::nan::4", "rating: expected a number, found 'nan'"),
        (b"1::2::inf::4", "rating: expected a number, found 'inf'"),
        (b"1::2::1e400::4", "rating: expected a number, found '1e400'"),
        (b"1::2::3::99999999999999999999", "timestamp: expected a whole number"),
        (b"1::2\t::3::4", "a tab inside a column"),
        (b"1::2\0::3::4", "a NUL byte"),
        (b"1::2\r::3::4", "a carriage return inside the line"),
        (b"1::\xff::3::4", "not text in the encoding utf-8"),
    ],
)
@pytest.mark.parametrize("size", [1, 30, 1000])
def test_a_bad_line_is_named_and_left_out(line, what, size):
    rows, problems = read(b"1::2::3::4\n" + line + b"\n5::6::7::8\n", size=size)
    assert rows == [(1, 1, "2", 3.0, 4), (3, 5, "6", 7.0, 8)]
    assert list(problems) == [2]
    assert problems[2].startswith(what)


def test_the_text_of_good_lines_is_kept_with_tabs():
    [block] = delimited.read_blocks(io.BytesIO(b"1,2.50,3,4\nx\n01,2,3,4\n"), b",", 4)
    assert block.text == b"1\t2.50\t3\t4\n01\t2\t3\t4\n"
    assert block.numbers.tolist() == [1, 3]
    assert block.offsets.tolist() == [0, 11, 20]
    assert block.n_bytes == 22


@settings(deadline=None)
@given(
    st.binary(max_size=200) | st.text(alphabet="0123456789.:,\t\r\n\"'e-x\0é", max_size=200),
    st.sampled_from([b"\t", b",", b"::"]),
    st.integers(1, 64),
)
def test_no_input_ends_in_a_traceback_and_every_line_is_accounted_for(data, separator, size):
    data = data if isinstance(data, bytes) else data.encode()
    rows, problems = read(data, separator, size)
    whole = data.replace(b"\r\n", b"\n")
    n_lines = whole.count(b"\n") + (not whole.endswith(b"\n") and whole != b"")
    seen = sorted([row[0] for row in rows] + list(problems))
    if b"\r" not in data:  # a block may end between \r and \n
        assert seen == list(range(1, n_lines + 1))
    assert len(set(seen)) == len(seen)
    assert all(np.isfinite(row[3]) for row in rows)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**9),
            st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n\0\x1f"), min_size=1),
            st.floats(allow_nan=False, allow_infinity=False, width=32),
            st.integers(-(10**17), 10**17),
        ),
        max_size=20,
    ),
    st.integers(1, 100),
)
def test_what_is_written_is_read(rows, size):
    data = "".join(f"{u}\t{quotes.quoted(m)}\t{r!r}\t{t}\n" for u, m, r, t in rows).encode()
    found, problems = read(data, b"\t", size)
    assert problems == {}
    assert [(u, m, t) for _, u, m, _, t in found] == [(u, m, t) for u, m, _, t in rows]
    assert [row[3] for row in found] == [row[2] for row in rows]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ('"', '"'),
        ('""', ""),
        ('"a"', "a"),
        ('"a', '"a'),
        ('a"', 'a"'),
        ('"a""b"', 'a"b'),
        ('"a"b"', '"a"b"'),
        ('"""', '"""'),
        ('""""', '"'),
        ('"""a"""', '"a"'),
        (' "a"', ' "a"'),
    ],
)
def test_a_column_is_quoted_as_csv_writers_do_or_not_at_all(text, value):
    assert quotes.unquoted(text) == value


@settings(deadline=None)
@given(st.text('a" '))
def test_what_is_quoted_is_unquoted(text):
    assert quotes.unquoted(quotes.quoted(text)) == text
    if text:
        line = io.StringIO()
        csv.writer(line, delimiter="\t", lineterminator="").writerow([text, "x"])
        assert quotes.unquoted(line.getvalue().split("\t")[0]) == text


NAMES = ["NA", "null", "nan", "N/A", "None", "True", "x", '"2"', '"2', '""', ".", "", " "]
NUMBERS = ["02", "3", "3.", ".5", "+1", "-0", "1e2", "1E+2", "0.1", "00", " 1", "1 ", "1e-999"]
NOT_NUMBERS = ["inf", "-inf", "1e39", "3.5e38", "1_0", "0x10", "\u0661", "1e400", "infinity", "1,5"]
ODD = st.sampled_from([*NAMES, *NUMBERS, *NOT_NUMBERS]) | st.floats().map(repr)


@settings(deadline=None)
@given(st.lists(st.tuples(ODD, ODD, ODD, ODD, ODD), min_size=1, max_size=6), st.integers(1, 40))
def test_a_bad_line_does_not_change_how_others_are_read(rows, size):
    """Neither does a block's beginning: a block with a bad number is read another way."""
    kinds = dict(zip("abcde", ("token", "text", "float", "optional float", "floats"), strict=True))
    data = "".join("\t".join(row) + "\n" for row in rows).encode()

    def read_all(size):
        lines, problems = [], {}
        for block in delimited.read_blocks(io.BytesIO(data), b"\t", 5, block_size=size):
            frame, wrong = delimited.parse(block, kinds)
            problems |= wrong | block.problems
            lines += [repr(row) for row in frame.itertuples(name=None)]
        return lines, problems

    expected, problems = [], {}
    for number, row in enumerate(rows, 1):
        whole, bad = [number], ""
        for (name, kind), text in zip(kinds.items(), map(quotes.unquoted, row), strict=True):
            value, fine = by_hand(kind, text)
            whole.append(value)
            bad = bad or ("" if fine else name)
        if bad:
            problems[number] = bad
        else:
            expected.append(repr(tuple(whole)))
    for block_size in (size, 10**6):
        lines, found = read_all(block_size)
        assert {line: what.split(":")[0] for line, what in found.items()} == problems
        assert lines == expected


def by_hand(kind, text):
    """The value of a column, and whether it has one of its kind."""
    if kind in ("token", "text"):
        return text, kind == "text" or text != ""
    if kind == "floats":
        return text, all(by_hand("float", part)[1] for part in text.split(" ") if part)
    if kind == "optional float" and text == "":
        return float("nan"), True
    try:
        value = float(text) if text.isascii() and "_" not in text else float("nan")
    except ValueError:
        return None, False
    with np.errstate(over="ignore"):
        return value, bool(np.isfinite(np.float32(value)))


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        ("float", "1e39", "a: expected a number within float32, up to 3.4e38, found '1e39'"),
        ("optional float", "inf", "a: expected a number, found 'inf'"),
        ("floats", "1 nan", "a: expected numbers, found '1 nan'"),
        ("token", "", "a: an empty value"),
        ("token", '""', "a: an empty value"),
    ],
)
def test_what_is_said_of_a_value(kind, text, what):
    [block] = delimited.read_blocks(io.BytesIO(f"{text}\tb\n".encode()), b"\t", 2)
    assert delimited.parse(block, {"a": kind, "b": "text"})[1] == {1: what}


def test_an_empty_line_of_one_column():
    [block] = delimited.read_blocks(io.BytesIO(b"1\n\n2\n"), b"\t", 1)
    assert block.problems == {2: delimited.EMPTY_LINE}
    assert delimited.parse(block, {"a": "token"})[0]["a"].tolist() == ["1", "2"]


def test_a_separator_inside_quotes_is_named():
    [block] = delimited.read_blocks(io.BytesIO(b'1,"a,b"\n'), b",", 2)
    assert block.problems[1] == (
        "expected 2 columns, found 3 (a separator inside quotes counts, too)"
    )


CELLS = st.one_of(
    st.sampled_from(["", "1", "01", "NA", "nan", "NaN", "inf", "-Infinity", " 4", "4 ", "+3"]),
    st.sampled_from(["1e5", "1E-5", "1_0", ".5", "5.", "1e400", "-0", "0x10", "1d5", "true"]),
    st.sampled_from(["é", "x y", '"q"', "null", "#", "1,5", "3.4028236e38", "0.1", "1e-320"]),
    st.floats().map(repr),
    st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n\0\x1f"), max_size=4),
)
NUMBER_CELLS = st.one_of(st.floats(-1e9, 1e9).map(repr), st.integers(-5, 10**10).map(str))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(CELLS, CELLS, CELLS | NUMBER_CELLS, CELLS | NUMBER_CELLS), min_size=1, max_size=6
    )
    | st.lists(st.tuples(CELLS, CELLS, NUMBER_CELLS, NUMBER_CELLS), min_size=1, max_size=6)
)
def test_arrow_reads_what_pandas_reads(rows):
    text = "".join("\t".join(row) + "\n" for row in rows).encode()
    kinds = {"a": "token", "b": "text", "c": "float", "d": "optional float"}
    results = []
    for least in (0, 2**40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited, "ARROW_FROM", least)
            [block] = delimited.read_blocks(io.BytesIO(text), b"\t", 4)
            frame, problems = delimited.parse(block, kinds)
            columns = {
                name: [repr(value) for value in frame[name].tolist()] for name in frame.columns
            }
            results.append((frame.index.tolist(), columns, problems, {**block.problems}))
    assert results[0] == results[1]

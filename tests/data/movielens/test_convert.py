import zipfile

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recbole_ext.data import dataset_folder, delimited
from recbole_ext.data.movielens import convert, raw
from recbole_ext.data.movielens.catalogue import RELEASES
from recbole_ext.errors import DataError
from tests import releases, runs

STEP = {name: release.low for name, release in RELEASES.items()}


def read_atomic(path):
    """As RecBole reads it."""
    return pd.read_csv(path, sep="\t", engine="python", dtype=str, keep_default_na=False)


def make(folder, name, n=(20, 30, 200), **more):
    return releases.write_release(folder, name, releases.made_ratings(*n, STEP[name]), **more)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("name", sorted(RELEASES))
def test_every_release_keeps_ids_order_and_values(name, packed, tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_SIZE", 700)  # several blocks
    release = make(tmp_path / "raw", name)
    source = raw.Source(releases.zipped(release) if packed else release)
    told = []
    counts = convert.convert(source, RELEASES[name], tmp_path / "out" / name, told.append)
    assert counts == {"users": 20, "items": 30, "ratings": 200}
    layout = source.layout()
    assert sum(told) == source.size(layout.ratings) - (len(layout.header) + 1) * bool(layout.header)
    ratings = releases.made_ratings(20, 30, 200, STEP[name])
    text = (tmp_path / "out" / name / f"{name}.inter").read_text()
    assert text == convert.HEADER.decode() + releases.lines(ratings, "\t")
    items = read_atomic(tmp_path / "out" / name / f"{name}.item")
    genre = "class:token_seq" if name == "ml-100k" else "genre:token_seq"
    assert list(items) == [
        "item_id:token",
        "movie_title:token_seq",
        "release_year:token",
        genre,
    ]
    assert items.iloc[1, :3].tolist() == ["2", "Cop, The 2", "1952"]
    assert items.iloc[4, 1] == "Ménage à trois 5"
    assert items.iloc[0, 1] == 'The "Best" of 1'
    assert set(items.iloc[1, 3].split()) == {"Film-Noir", "Children's"}
    users = tmp_path / "out" / name / f"{name}.user"
    if name in ("ml-100k", "ml-1m"):
        found = read_atomic(users)
        assert list(found) == list(raw.USER_COLUMNS)
        assert found.iloc[2, [0, 2, 4]].tolist() == ["3", "F", "00003"]
    else:
        assert not users.exists()
    manifest = dataset_folder.read_manifest(tmp_path / "out" / name)
    assert manifest["counts"] == counts
    assert len(manifest["source"]["md5"]) == 32


@pytest.mark.slow
def test_the_real_ml_100k_is_recboles_row_for_row(tmp_path):
    from pathlib import Path

    import recbole

    release = releases.write_release(tmp_path / "raw", "ml-100k", releases.real_100k())
    source = raw.Source(releases.zipped(release))
    counts = convert.convert(source, RELEASES["ml-100k"], tmp_path / "ml-100k")
    assert counts == {"users": 943, "items": 1682, "ratings": 100_000}
    theirs = Path(recbole.__file__).parent / "dataset_example" / "ml-100k" / "ml-100k.inter"
    ours = tmp_path / "ml-100k" / "ml-100k.inter"
    assert ours.read_text() == theirs.read_text()  # RecBole 1.2.0 has other line ends


@pytest.mark.parametrize("name", ["ml-1m", "ml-20m"])
def test_a_converted_release_trains(name, tmp_path):
    source = raw.Source(make(tmp_path / "raw", name))
    convert.convert(source, RELEASES[name], tmp_path / "dataset" / name)
    run = runs.prepare("AutoRec", name, tmp_path / "dataset", **runs.SMALL["AutoRec"])
    _score, result = run.fit()
    assert 0 < result["rmse"] < 4
    assert run.dataset.inter_num == 200


def test_windows_line_ends(tmp_path):
    release = make(tmp_path / "raw", "ml-latest-small")
    for file in ("ratings.csv", "movies.csv"):
        text = (release / file).read_bytes().replace(b"\n", b"\r\n")
        (release / file).write_bytes(text)
    counts = convert.convert(
        raw.Source(release), RELEASES["ml-latest-small"], tmp_path / "ml-latest-small"
    )
    assert counts["ratings"] == 200
    assert b"\r" not in (tmp_path / "ml-latest-small" / "ml-latest-small.inter").read_bytes()


# --- what is not as GroupLens publishes it --------------------------------------------------

# release, file, what is replaced (nothing: appended) by what, the message
MALFORMED = {
    "a column too few": ("ml-1m", "ratings.dat", b"1::", b"1:", r"ratings\.dat, line 1: expected 4 columns, found 3"),
    "a column too many": ("ml-1m", "ratings.dat", b"1::", b"1::1::", r"line 1: expected 4 columns, found 5"),
    "another separator": ("ml-1m", "ratings.dat", b"::", b",", r"line 1: expected 4 columns, found 1 \(200 such lines"),
    "a comma for a tab": ("ml-100k", "u.data", b"\t", b",", r"u\.data, line 1: expected 4 columns, found 1"),
    "a user that is no number": ("ml-1m", "ratings.dat", b"1::", b"u1::", r"line 1: user: expected a whole number, found 'u1'"),
    "no rating": ("ml-20m", "ratings.csv", b",3.5,", b",,", r"ratings\.csv, line \d+: rating: expected a number, found ''"),
    "a rating that is NaN": ("ml-20m", "ratings.csv", b",3.5,", b",nan,", r"rating: expected a number, found 'nan'"),
    "a rating out of range": ("ml-20m", "ratings.csv", b",3.5,", b",35,", r"rating: expected 0\.5 to 5, found 35"),
    "a rating of 0": ("ml-1m", "ratings.dat", None, b"9::9::0::8\n", r"line 201: rating: expected 1 to 5, found 0"),
    "a time that is no number": ("ml-1m", "ratings.dat", None, b"9::9::3::x\n", r"line 201: timestamp: expected a whole number, found 'x"),
    "a time with a fraction": ("ml-1m", "ratings.dat", None, b"9::9::3::1.5\n", r"line 201: timestamp: expected a whole number"),
    "another header": ("ml-20m", "ratings.csv", b"userId", b"user_id", r"ratings\.csv, line 1: expected the header 'userId,"),
    "no header": ("ml-20m", "ratings.csv", b"userId,movieId,rating,timestamp\n", b"", r"line 1: expected the header 'userId,movieId,rating,timestamp', found '1,"),
    "an empty line": ("ml-1m", "ratings.dat", b"\n2::", b"\n\n2::", r"line \d+: an empty line"),
    "a NUL byte": ("ml-1m", "ratings.dat", b"\n2::", b"\n\0002::", r"line \d+: a NUL byte"),
    "not ascii": ("ml-1m", "ratings.dat", b"\n2::", b"\n2\xe9::", r"line \d+: not text in the encoding ascii"),
    "a movie without genres": ("ml-1m", "movies.dat", b"1::", b"1:", r"movies\.dat, line 1: expected 3 columns .* found 2"),
    "a movie with few flags": ("ml-100k", "u.item", b"|0\n", b"\n", r"u\.item, line \d+: expected 24 columns, .* found 23"),
    "a flag of 2": ("ml-100k", "u.item", b"|0\n", b"|2\n", r"u\.item, line \d+: expected 24 columns, the last 19 of them 0 or 1"),
    "a broken quote": ("ml-20m", "movies.csv", b"title", b'"title', r"movies\.csv: not csv|movies\.csv, line \d+: expected"),
    "movies not utf-8": ("ml-20m", "movies.csv", b"genres", b"\xff", r"movies\.csv, line 1: not text in the encoding utf-8"),
    "a user without a zip code": ("ml-1m", "users.dat", b"::00001", b"", r"users\.dat, line 1: expected 5 columns, found 4"),
    "a user of four columns": ("ml-100k", "u.user", b"|writer", b"", r"u\.user, line 1: expected 5 columns, found 4"),
    "a time beyond a number": ("ml-1m", "ratings.dat", None, b"9::9::3::" + b"9" * 30, r"line 201: timestamp: expected a whole number"),
    "half a line": ("ml-20m", "ratings.csv", None, b"9,9", r"line 202: expected 4 columns, found 2"),
}  # fmt: skip


def assert_refused(source, name, tmp_path, message):
    before = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(DataError, match=message):
        convert.convert(raw.Source(source), RELEASES[name], tmp_path / "out" / name)
    assert sorted((tmp_path / "out").rglob("*")) == before


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused_with_its_line(case, tmp_path):
    name, file, old, new, message = MALFORMED[case]
    release = make(tmp_path / "raw", name)
    data = (release / file).read_bytes()
    assert old is None or old in data
    whole = case in ("another separator", "a comma for a tab", "a movie with few flags")
    changed = data + new if old is None else data.replace(old, new, -1 if whole else 1)
    (release / file).write_bytes(changed)
    (tmp_path / "out").mkdir()
    assert_refused(release, name, tmp_path, message)


@pytest.mark.parametrize(
    "file", ["empty", "missing", "text", "cut", "outside", "absolute", "other"]
)
def test_a_source_that_is_none(file, tmp_path):
    release = make(tmp_path / "raw", "ml-1m")
    path, message = tmp_path / "raw" / "ml-1m.zip", ""
    if file == "empty":
        (release / "ratings.dat").write_bytes(b"")
        path, message = release, r"ratings\.dat: holds no rating"
    elif file == "missing":
        message = r"ml-1m\.zip: no such file or folder"
    elif file == "text":
        path.write_text("hello")
        message = r"ml-1m\.zip: expected a zip file of GroupLens, .*download it again"
    elif file == "cut":
        data = bytearray(releases.zipped(release).read_bytes())
        data[200:260] = b"\0" * 60
        path.write_bytes(data)
        message = r"damaged|expected"
    elif file in ("outside", "absolute"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../evil" if file == "outside" else "/evil", "x")
            archive.write(release / "ratings.dat", "ml-1m/ratings.dat")
        message = r"evil' leads outside the zip"
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/b.txt", "x")
        message = r"expected one of u\.data, ratings\.dat, ratings\.csv in it; found b\.txt"
    (tmp_path / "out").mkdir()
    assert_refused(path, "ml-1m", tmp_path, message)
    assert not (tmp_path / "evil").exists()


def test_a_folder_of_somebody_else_is_not_touched(tmp_path):
    (tmp_path / "out" / "ml-1m").mkdir(parents=True)
    (tmp_path / "out" / "ml-1m" / "mine.inter").write_text("x")
    release = make(tmp_path / "raw", "ml-1m")
    assert_refused(release, "ml-1m", tmp_path, "exists already, and recbole-ext has not written it")


def test_ours_is_made_again(tmp_path):
    release = make(tmp_path / "raw", "ml-1m")
    for _ in range(2):
        convert.convert(raw.Source(release), RELEASES["ml-1m"], tmp_path / "out" / "ml-1m")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ml-1m"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    ratings=st.binary(max_size=120) | st.text('0123456789:.,\n\r\t"u', max_size=120),
    movies=st.binary(max_size=120) | st.text('012:|,\n\r\t"é(1995)', max_size=120),
    name=st.sampled_from(["ml-100k", "ml-1m", "ml-20m"]),
)
def test_no_file_ends_in_a_traceback(ratings, movies, name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    layout = {"ml-100k": 0, "ml-1m": 1, "ml-20m": 2}[name]
    layout = raw.LAYOUTS[layout]
    encode = lambda text: text if isinstance(text, bytes) else text.encode()  # noqa: E731
    head = layout.header.encode() + b"\n" if layout.header else b""
    good = layout.separator.join([b"1", b"2", b"3", b"4"]) + b"\n"
    (folder / layout.ratings).write_bytes(head + good + encode(ratings))
    (folder / layout.movies).write_bytes(encode(movies))
    try:
        convert.convert(raw.Source(folder), RELEASES[name], folder / "out" / name)
    except DataError as error:
        assert layout.ratings in str(error) or layout.movies in str(error)  # noqa: PT017
        assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("text", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", "1995"),
        ("Shanghai Triad (Yao a yao yao dao waipo qiao) (1995) ", None, "1995"),
        ("unknown", "unknown", ""),
        ("Babylon 5", "Babylon 5", ""),
        ("(1995)", "", "1995"),
    ],
)
def test_title_and_year(text, title, year):
    found = raw.title_and_year(text)
    assert found[1] == year
    assert title is None or found[0] == title

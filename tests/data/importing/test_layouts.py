"""A made sample of each published layout, imported by the command as its users have it."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from recbole_ext.cli import main
from recbole_ext.data.importing import exact_reader
from tests.data.importing.test_reading import rows_of


def imported(*words, fails=False):
    words = ["data", "import", *words, "--name", "mine"]
    result = CliRunner().invoke(main.main, words, catch_exceptions=False)
    assert result.exit_code == (2 if fails else 0), result.output
    return result.stderr if fails else result.stdout


def inter(part=""):
    return rows_of(Path(f"dataset/mine/mine{part}.inter"))


def settings():
    return yaml.safe_load(Path("dataset/mine/mine.yaml").read_text())


LIGHTGCN = {
    "train.txt": "0 5 6 7\n1 5 8 \n2\n",
    "valid.txt": "0 8\n",
    "test.txt": "0 9\n1 6 7\n",
}


def write(files, folder="."):
    Path(folder).mkdir(exist_ok=True)
    for name, text in files.items():
        (Path(folder) / name).write_text(text)


def test_lightgcn():
    write({**LIGHTGCN, "item_list.txt": "org_id remap_id\nB01 5\n"}, "gowalla")
    text = imported("gowalla")
    assert "lightgcn: a split as it was published (train.txt, valid.txt, test.txt)" in text
    assert "2 users, 5 items" in text
    assert "dataset/mine: 5 train, 1 valid, 3 test" in text
    assert inter(".train") == [("0", "5"), ("0", "6"), ("0", "7"), ("1", "5"), ("1", "8")]
    assert inter(".valid") == [("0", "8")]
    assert inter(".test") == [("0", "9"), ("1", "6"), ("1", "7")]
    assert inter() == inter(".train") + inter(".valid") + inter(".test")
    assert settings() == {
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
    }
    manifest = json.loads(Path("dataset/mine/manifest.json").read_text())
    assert manifest["command"] == "recbole-ext data import gowalla --name mine"
    assert [source["file"] for source in manifest["source"]] == list(LIGHTGCN)


def test_lightgcn_without_a_validation_part():
    rows = " ".join(map(str, range(40)))
    write({"train.txt": f"0 {rows}\n1 {rows}\n", "test.txt": "0 41\n1 42\n"})
    text = imported("train.txt", "test.txt", "--seed", "3")
    assert "5% of the training rows are held out for it (seed 3)" in text
    assert "76 train, 4 valid, 2 test" in text
    assert sorted(inter(".train") + inter(".valid")) == sorted(
        (str(user), str(item)) for user in range(2) for item in range(40)
    )


NCF = {
    "ml.train.rating": "0\t1\t5\t10\n0\t2\t4\t30\n0\t3\t3\t20\n1\t1\t2\t10\n",
    "ml.test.rating": "0\t4\t1\t40\n1\t2\t5\t50\n",
    "ml.test.negative": "(0,4)\t5\t6\n(1,2)\t3\t4\n",
}
MORE = "2\t5\t1\t1\n2\t6\t1\t2\n"


def test_ncf_with_its_negatives():
    write({**NCF, "ml.train.rating": NCF["ml.train.rating"] + MORE}, "Data")
    write({"pinterest.test.rating": "0\t1\t1\t1\n"}, "Data")
    text = imported("Data/ml.train.rating")
    assert "ncf: a split as it was published" in text
    assert "dataset/mine: 5 train, 1 valid, 2 test" in text
    assert inter(".valid") == [("0", "2", 4, 30)]  # the latest row of who is tested and has two
    assert inter(".test") == [("0", "4", 1, 40), ("1", "2", 5, 50)]
    assert rows_of(Path("dataset/mine/mine.test.negatives")) == [
        *(("0", "5"), ("0", "6"), ("1", "3"), ("1", "4"))
    ]
    assert rows_of(Path("dataset/mine/mine.valid.negatives")) == [("0", "5"), ("0", "6")]
    assert settings()["fixed_negatives"] is True
    assert settings()["eval_args"] == {"mode": "uni2"}
    assert "expected the files of one data set, found those of ml, pinterest" in imported(
        "Data", fails=True
    )


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("ml.train.rating", "0\t1\t5\n", "ml.train.rating, line 1: expected user, item, rating"),
        ("ml.test.negative", "(0,4)\t1\t2\n", "no line for user 1, who has a test item"),
        ("ml.test.negative", "(0,3)\t5\n", "line 1: expected the test item 4 of user 0, found 3"),
        ("ml.test.negative", "(0,4)\t1\n(1,2)\t1\t3\n", "line 2: expected 1 items as before"),
        ("ml.test.negative", "(0,4)\t77\n", "line 1: item 77 is in no row of the other files"),
        ("ml.test.negative", "0 4 5\n", "line 1: expected (user,item) and then items"),
    ],
)
def test_ncf_files_that_are_damaged(file, text, message):
    write({**NCF, file: text})
    assert message in imported("ml.test.rating", fails=True)
    assert not Path("dataset").exists()


def test_options_of_one_table_are_refused_for_a_split():
    write(LIGHTGCN)
    result = CliRunner().invoke(
        main.main, ["data", "import", "train.txt", "test.txt", "--name", "x", "--core", "5"]
    )
    assert result.exit_code == 2
    assert "--core is for one table" in result.stderr


def test_sasrec_whose_lines_are_in_the_order_of_time():
    write({"Beauty.txt": "1 5\n1 3\n2 5\n"})
    text = imported("Beauty.txt", "--format", "sasrec")
    assert "no times: their order" in text
    assert inter() == [("1", "5", 1), ("1", "3", 2), ("2", "5", 3)]


@pytest.mark.parametrize(
    "columns", [["item", "user"], ["user", "item"]], ids=["amazon-2018", "amazon-2014"]
)
def test_amazon_ratings(columns):
    fields = {"item": ["0001713353", "B00ABCDEFG"], "user": ["A1C6M8LCIX4M6M", "AFGHIJKLMNOPQ"]}
    rows = zip(*(fields[name] for name in columns), ["5.0", "3.0"], strict=True)
    times = iter(["1123804800", "1112140800"])
    write({"Books.csv": "".join(f"{a},{b},{c},{next(times)}\n" for a, b, c in rows)})
    text = imported("Books.csv")
    assert "amazon-2018" in text if columns[0] == "item" else "amazon-2014" in text
    assert inter() == [
        ("A1C6M8LCIX4M6M", "0001713353", 5, 1123804800),
        ("AFGHIJKLMNOPQ", "B00ABCDEFG", 3, 1112140800),
    ]


def test_amazon_reviews_of_2023():
    review = {
        "rating": 5.0,
        "title": "Good, really",
        "text": "So\ngood",
        "images": [{"small": "x"}],
        "asin": "B01",
        "parent_asin": "B00",
        "user_id": "AEUSER",
        "timestamp": 1588687728923,
        "helpful_vote": 0,
        "verified_purchase": True,
    }
    lines = [review, {**review, "user_id": "AF", "rating": 4.0, "verified_purchase": False}]
    write({"Books.jsonl": "\n".join(map(json.dumps, lines)) + "\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_reader, "read_json", None)
        text = imported("Books.jsonl")
    assert "2020-05-05 to 2020-05-05, milliseconds since 1970" in text
    assert "left out: text (text; --keep text keeps it)" in text
    assert [row[:4] for row in inter()] == [
        ("AEUSER", "B00", 5, 1588687728.923),
        ("AF", "B00", 4, 1588687728.923),
    ]
    assert [row[-1] for row in inter()] == ["true", "false"]


def test_yelp_with_its_businesses():
    review = {
        "review_id": "r1",
        "user_id": "u1",
        "business_id": "b1",
        "stars": 4.0,
        "useful": 1,
        "text": "Nice place",
        "date": "2016-03-09 02:05:00",
    }
    business = {
        "business_id": "b1",
        "name": "Bar, The",
        "attributes": {"WiFi": "no"},
        "categories": "Bars, Pubs",
        "stars": 4.5,
    }
    write({"review.json": json.dumps(review) + "\n", "business.json": json.dumps(business) + "\n"})
    imported("review.json", "--items", "business.json", "--drop", "review_id,useful")
    assert inter() == [("u1", "b1", 4, 1457489100)]
    assert Path("dataset/mine/mine.item").read_text() == (
        "item_id:token\ttitle:token_seq\tcategories:token_seq\tstars:float\n"
        "b1\tBar, The\tBars, Pubs\t4.5\n"
    )


NETFLIX = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n30:\n1488844,4,2005-10-19\n"
NETFLIX_ROWS = [
    ("1488844", "1", 3, 1125964800),
    ("822109", "1", 5, 1115942400),
    ("1488844", "30", 4, 1129680000),
]


@pytest.mark.parametrize("block", [9, 30, 2**24])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_netflix(block, end, monkeypatch):
    from recbole_ext.data.importing import netflix

    monkeypatch.setattr(netflix, "_BLOCK", block)
    if block > 9:  # a line is longer: the fast reader refuses it
        monkeypatch.setattr(netflix, "read_exact", None)
    Path("combined_data_1.txt").write_text(NETFLIX, newline=end)
    assert "the Netflix prize" in imported("combined_data_1.txt")
    assert inter() == NETFLIX_ROWS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7,3\n", "line 7: expected a movie and a colon, or user,rating,date"),
        ("7,x,2005-09-06\n", "line 7: column rating: expected a number, found 'x'"),
        ("7,3,2005-09-36\n", "line 7: column time: expected seconds since 1970 or a date"),
        (",3,2005-09-06\n", "line 7: column user: an empty value"),
    ],
)
def test_netflix_lines_that_are_damaged(line, message):
    Path("combined_data_1.txt").write_text(NETFLIX + line)
    assert message in imported("combined_data_1.txt", fails=True)


def test_book_crossing():
    write({"BX.csv": '"User-ID";"ISBN";"Book-Rating"\n"276725";"034545104X";"0"\n'})
    Path("BX.csv").write_bytes(Path("BX.csv").read_bytes() + '"7";"é;1";"5"\n'.encode("latin-1"))
    imported("BX.csv")  # its encoding is known
    assert inter() == [("276725", "034545104X", 0), ("7", "é;1", 5)]


def test_lastfm_of_hetrec():
    write(
        {
            "user_artists.dat": "userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n",
            "artists.dat": 'id\tname\turl\n51\tDuran Duran\thttp://a\n52\tA "B"\thttp://b\n',
        }
    )
    imported("user_artists.dat", "--items", "artists.dat")
    assert Path("dataset/mine/mine.inter").read_text() == (
        "user_id:token\titem_id:token\tweight:float\n2\t51\t13883\n2\t52\t11690\n"
    )
    assert rows_of(Path("dataset/mine/mine.item")) == [
        ("51", "Duran Duran", "http://a"),
        ("52", 'A "B"', "http://b"),
    ]


def test_gowalla():
    line = "0\t2010-10-19T23:55:27Z\t30.2359091167\t-97.7951395833\t22847\n"
    write({"totalCheckins.txt": line + "1\t2010-10-18T22:17:43Z\t30\t-97.7\t420315\n"})
    text = imported("totalCheckins.txt")
    assert "gowalla" in text
    assert "dates with a zone" in text
    assert inter()[0] == ("0", "22847", 1287532527, 30.2359091167, -97.7951395833)


@pytest.mark.parametrize(("file", "mark"), [("u.data", "\t"), ("ratings.dat", "::")])
def test_movielens(file, mark):
    write({file: mark.join(["196", "242", "3", "881250949"]) + "\n"})
    assert "movielens" in imported(file)
    assert inter() == [("196", "242", 3, 881250949)]


MOVIE_TITLES = (
    b"1,2003,Dinosaur Planet\n"
    b"2,NULL,Isle of Man TT 2004, Review\n"
    b'30,2003,Something\'s "Gotta" G\xedve\n'
)


def test_netflix_with_its_titles():
    """A title may have commas, a year may be NULL, and nothing says that it is latin-1."""
    write({"combined_data_1.txt": NETFLIX})
    Path("movie_titles.csv").write_bytes(MOVIE_TITLES)
    text = imported("combined_data_1.txt", "--items", "movie_titles.csv")
    assert "movie_titles.csv: 2 of 2 items are described" in text
    assert Path("dataset/mine/mine.item").read_text() == (
        "item_id:token\tyear:float\ttitle:token_seq\n"
        '1\t2003\tDinosaur Planet\n30\t2003\tSomething\'s "Gotta" Gíve\n'
    )
    Path("combined_data_1.txt").write_text("2:\n7,3,2005-09-06\n")
    imported("combined_data_1.txt", "--items", "movie_titles.csv")
    assert Path("dataset/mine/mine.item").read_text().splitlines()[1] == (
        "2\t\tIsle of Man TT 2004, Review"
    )
    Path("movie_titles.csv").write_bytes(MOVIE_TITLES + b"31,2003\n")
    message = imported("combined_data_1.txt", "--items", "movie_titles.csv", fails=True)
    assert "movie_titles.csv, line 4: expected 3 columns, found 2" in message


BOOKS = (
    '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication"\n'
    '"0001";"Classical \\"Mythology\\"; or not";"Mark";"2002"\n'
    '"0002";"A title that ends in a backslash\\";"Wright K";"2001"\n'
    '"0003";"Plain & simple";"é";"0"\n'
)


def test_books_whose_quotes_have_a_backslash_before_them():
    write(
        {"BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\n"7";"0001";"5"\n"7";"0003";"9"\n'}
    )
    ratings = Path("BX-Book-Ratings.csv").read_text()
    Path("BX-Book-Ratings.csv").write_text(ratings + '"8";"0002";"0"\n"8";"\\"x\\";y";"3"\n')
    Path("BX-Books.csv").write_bytes(BOOKS.encode("latin-1"))
    users = '"User-ID";"Location";"Age"\n"7";"nyc, \\"usa\\"";NULL\n"8";"oslo";"18"\n'
    write({"BX-Users.csv": users})
    text = imported("BX-Book-Ratings.csv", "--items", "BX-Books.csv", "--users", "BX-Users.csv")
    assert "book-crossing: columns separated by ';'" in text
    assert inter() == [("7", "0001", 5), ("7", "0003", 9), ("8", "0002", 0), ("8", '"x";y', 3)]
    assert rows_of(Path("dataset/mine/mine.item")) == [
        ("0001", 'Classical "Mythology"; or not', "Mark", 2002),
        # with the backslash as a mark, the line would have three columns
        ("0002", "A title that ends in a backslash\\", "Wright K", 2001),
        ("0003", "Plain & simple", "é", 0),
    ]
    assert Path("dataset/mine/mine.user").read_text() == (
        'user_id:token\tLocation:token_seq\tAge:float\n7\tnyc, "usa"\t\n8\toslo\t18\n'
    )


def test_a_backslash_in_any_other_table_is_a_character():
    write({"r.csv": 'user;item;note\n1;2;"a\\"\n'})
    imported("r.csv", "--keep", "note")
    assert inter() == [("1", "2", "a\\")]


def test_movielens_with_its_titles():
    write({"ratings.dat": "1::1193::5::978300760\n1::1::4::978300761\n"})
    titles = "1::Toy Story (1995)::Animation|Children's|Comedy\n1193::Caf\xe9 (1975)::Drama\n"
    Path("movies.dat").write_bytes(titles.encode("latin-1"))
    imported("ratings.dat", "--items", "movies.dat")
    assert rows_of(Path("dataset/mine/mine.item")) == [
        ("1", "Toy Story (1995)", "Animation Children's Comedy"),
        ("1193", "Café (1975)", "Drama"),
    ]


def test_movielens_of_today():
    write(
        {
            "ratings.csv": "userId,movieId,rating,timestamp\n1,307,3.5,1256677221\n",
            "movies.csv": 'movieId,title,genres\n307,"Three Colors: Blue, (1993)",Drama|Art\n',
        }
    )
    imported("ratings.csv", "--items", "movies.csv")
    assert inter() == [("1", "307", 3.5, 1256677221)]
    assert rows_of(Path("dataset/mine/mine.item")) == [
        ("307", "Three Colors: Blue, (1993)", "Drama Art")
    ]


# Layout -> the test that imports a made sample of it.
LAYOUTS = {
    "LightGCN": test_lightgcn,
    "NCF": test_ncf_with_its_negatives,
    "SASRec": test_sasrec_whose_lines_are_in_the_order_of_time,
    "Amazon 2014, 2018": test_amazon_ratings,
    "Amazon 2023": test_amazon_reviews_of_2023,
    "Yelp": test_yelp_with_its_businesses,
    "Netflix prize": test_netflix_with_its_titles,
    "Book-Crossing": test_books_whose_quotes_have_a_backslash_before_them,
    "LastFM HetRec": test_lastfm_of_hetrec,
    "Gowalla": test_gowalla,
    "MovieLens 100K, 1M, 10M": test_movielens_with_its_titles,
    "MovieLens 20M, 25M, 32M": test_movielens_of_today,
}


def test_twelve_layouts_have_a_sample():
    assert len(set(LAYOUTS.values())) == 12

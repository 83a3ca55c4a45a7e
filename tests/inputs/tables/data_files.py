"""Files of data sets: headers, lines, sizes, and what a run makes of them."""

from tests.inputs.case import WORKS, Input
from tests.inputs.workplace import HEADER, files_of, inter

BODY = inter().removeprefix(HEADER)
PAIRS = "".join("\t".join(line.split("\t")[:2]) + "\n" for line in BODY.splitlines())
HEAD2 = "user_id:token\titem_id:token\n"
HEAD3 = "user_id:token\titem_id:token\trating:float\n"

# What no model can use, for BPR: the file, and what the message says.
WRONG = {
    "an empty file of interactions": ("", "mine.inter: the file is empty"),
    "a newline alone": ("\n", "mine.inter: the file is empty"),
    "a header alone": (HEADER, "mine.inter, line 2: no interaction after the header"),
    "no header": (BODY, "mine.inter, line 1: expected columns written name:type"),
    "a header without types": (HEADER.replace(":token", "").replace(":float", "") + BODY, "mine.inter, line 1: expected columns written name:type"),
    "a header of a csv": (HEADER.replace("\t", ",") + BODY.replace("\t", ","), "mine.inter, line 1: ... separated by"),
    "a header with spaces": (HEADER.replace("\t", " ") + BODY.replace("\t", " "), "mine.inter, line 1: ... separated by"),
    "an unknown type": (HEADER.replace("rating:float", "rating:int") + BODY, "mine.inter, line 1: expected columns written name:type ... rating:int"),
    "a type in capitals": (HEADER.replace("user_id:token", "user_id:Token") + BODY, "user_id:Token"),
    "a space in the header": (HEADER.replace("user_id:token", "user_id: token") + BODY, "user_id: token"),
    "a header that is commented out": ("#" + HEADER + BODY, "no column user_id (found #user_id"),
    "a byte order mark in a data set": ("\ufeff" + HEADER + BODY, "mine.inter, line 1: starts with a byte order mark"),
    "UTF-16 in a data set": ((HEADER + BODY).encode("utf-16"), "mine.inter"),
    "Latin-1 in a data set": ((HEADER.replace("rating", "größe") + BODY).encode("latin-1"), "mine.inter: not in the encoding utf-8"),
    "a zip for a data set": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "mine.inter"),
    "a web page for a data set": ("<!DOCTYPE html>\n<html><body>404</body></html>\n", "mine.inter, line 1: expected columns"),
    "no column of users": (HEADER.replace("user_id", "user") + BODY, "mine.inter, line 1: no column user_id (found user"),
    "no column of items": (HEADER.replace("item_id", "movie_id") + BODY, "mine.inter, line 1: no column item_id"),
    "a column twice": (HEADER.replace("timestamp", "rating") + BODY, "mine.inter, line 1: two columns are named rating"),
    "users as numbers": (HEADER.replace("user_id:token", "user_id:float") + BODY.replace("u", ""), "user_id:float"),
    "items as numbers": (HEADER.replace("item_id:token", "item_id:float") + BODY.replace("i", ""), "item_id:float"),
    "users as sequences": (HEADER.replace("user_id:token", "user_id:token_seq") + BODY, "user_id:token_seq"),
    "a header with a tab at its end": (HEADER.replace("\n", "\t\n") + BODY, "mine.inter, line 1"),
    "one row": (HEADER + "u1\ti1\t3\t1\n", "mine"),
    "one user": (HEADER + "".join(f"u1\ti{n}\t3\t{n}\n" for n in range(3)), "mine"),
    "one item": (HEADER + "".join(f"u{n}\ti1\t3\t{n}\n" for n in range(9)), "mine"),
    "each user once": (HEADER + "".join(f"u{n}\ti{n % 5}\t3\t{n}\n" for n in range(20)), "mine"),
    "a user who has everything": (HEADER + BODY + "".join(f"all\ti{n}\t3\t{n}\n" for n in range(30)), "all"),
    "a line with too few columns": (HEADER + "u1\ti1\t3\n" + BODY, "mine.inter, line 2: expected 4 columns, found 3"),
    "a line with too many columns": (HEADER + BODY + "u1\ti1\t3\t1\t9\n", "mine.inter, line 282: expected 4 columns, found 5"),
    "a user without a name": (HEADER + "\ti1\t3\t1\n" + BODY, "mine.inter, line 2: user_id: an empty value"),
    "a tab within a name": (HEADER + '"u\t1"\ti1\t3\t1\n' + BODY, "mine.inter, line 2: expected 4 columns, found 5"),
    "a NUL byte in a data set": (HEADER + "u\0\ti1\t3\t1\n" + BODY, "mine.inter, line 2: a NUL byte"),
    "lines of an old Mac": ((HEADER + BODY).replace("\n", "\r"), "mine.inter"),
    "a line that is cut off": ((HEADER + BODY)[:-7], "mine.inter, line 281: expected 4 columns, found 3"),
    "a conflict of a merge": (HEADER + "<<<<<<< HEAD\n" + BODY, "mine.inter, line 2: expected 4 columns, found 1"),
}  # fmt: skip

# What AutoRec cannot use, which needs ratings.
UNRATED = {
    "no column of ratings": (HEAD2 + PAIRS, "mine.inter, line 1: no rating column rating ... RATING_FIELD"),
    "ratings as tokens": (HEADER.replace("rating:float", "rating:token") + BODY, "mine.inter, line 1: rating is a token, expected rating:float"),
    "a rating that is a word": (HEADER + "u1\ti1\tgood\t1\n" + BODY, "mine.inter, line 2: rating: expected a number, found 'good'"),
    "a rating that is absent": (HEADER + "u1\ti1\t\t1\n" + BODY, "mine.inter, line 2: rating: expected a number, found ''"),
    "a rating of NaN": (HEADER + "u1\ti1\tNaN\t1\n" + BODY, "mine.inter, line 2: rating: expected a number, found 'NaN'"),
    "a rating of infinity": (HEADER + "u1\ti1\tinf\t1\n" + BODY, "mine.inter, line 2: rating: expected a number, found 'inf'"),
    "a rating with a comma": (HEADER + "u1\ti1\t3,5\t1\n" + BODY, "mine.inter, line 2: rating: expected a number, found '3,5'"),
    "a rating of stars": (HEADER + "u1\ti1\t★★★\t1\n" + BODY, "mine.inter, line 2: rating: expected a number, found '★★★'"),
    "a rating beyond a number": (HEADER + "u1\ti1\t1e39\t1\n" + BODY, "mine.inter, line 2: rating: expected a number within float32"),
}  # fmt: skip

# What works.
RIGHT = {
    "Windows line ends in a data set": (HEADER + BODY).replace("\n", "\r\n"),
    "no newline at the end of a data set": (HEADER + BODY).rstrip("\n"),
    "an empty line in a data set": HEADER + BODY + "\n",
    "pairs without ratings": HEAD2 + PAIRS,
    "columns in another order": "rating:float\titem_id:token\tuser_id:token\n" + "".join("\t".join(line.split("\t")[2::-1]) + "\n" for line in BODY.splitlines()),
    "a further column": HEADER.replace("\n", "\tdevice:token\n") + BODY.replace("\n", "\tphone\n"),
    "a column of sequences": HEADER.replace("\n", "\ttags:token_seq\n") + BODY.replace("\n", "\ta b\n"),
    "users in quotes": HEADER + BODY.replace("u1\t", '"u 1"\t'),
    "a quote within a name": HEADER + BODY.replace("u1\t", 'u"1\t'),
    "a pair twice": HEADER + BODY + BODY.splitlines()[0] + "\n",
    "spaces around a name": HEADER + BODY.replace("u1\t", " u1 \t"),
    "times in the future": HEADER + BODY.replace("\t1", "\t99999999999"),
}  # fmt: skip

_COLUMNS = "".join(f"\tc{n}:float" for n in range(1_000_000))
_MILLION = {"dataset/wide/wide.inter": f"user_id:token\titem_id:token{_COLUMNS}\n" + "u1\ti1" + "\t1" * 1_000_000 + "\n"}  # fmt: skip
_CSV = (HEADER + BODY).replace("\t", ",")
_LATIN = files_of("mine", (HEADER + BODY.replace("u1\t", "ü\t")).encode("latin-1"))
_EDGES = files_of("mine", HEADER + BODY)
_ELSEWHERE = {"dataset/mine/other.inter": HEADER + BODY}

INPUTS = [
    *(Input(name, "run BPR mine", 2, says, files=files_of("mine", text)) for name, (text, says) in WRONG.items()),
    *(Input(f"{name}, of AutoRec", "run AutoRec mine", 2, says, files=files_of("mine", text)) for name, (text, says) in UNRATED.items()),
    *(Input(name, "run BPR mine", WORKS, "valid ... test", files=files_of("mine", text)) for name, text in RIGHT.items()),
    *(Input(f"{name}, of AutoRec", "run AutoRec mine", 2, says, files=files_of("mine", text)) for name, (text, says) in list(WRONG.items())[:18:3]),
    Input("an unknown type of a column of NCFMLP", "run NCFMLP mine", 2, "user_id:float", files=files_of("mine", WRONG["users as numbers"][0])),
    Input("a header of a million columns", "run BPR wide", 2, "wide", files=_MILLION),
    Input("a header of a million columns, checked", "ext data check dataset/wide", 2, "wide", files=_MILLION, answers=True),
    Input("a csv with its separator", "run BPR mine --field_separator=,", WORKS, "test", files=files_of("mine", _CSV)),
    Input("a csv with its separator in quotes", "run AutoRec mine \"--field_separator=','\"", WORKS, "test", files=files_of("mine", _CSV)),
    Input("an empty separator", "run BPR tiny --field_separator=", 2, "field_separator"),
    Input("a separator of two characters", "run BPR mine --field_separator=::", WORKS, "test", files=files_of("mine", (HEADER + BODY).replace(":", "%").replace("\t", "::").replace("%", ":"))),
    Input("Latin-1 with its encoding", "run BPR mine --encoding=latin-1", WORKS, "test", files=_LATIN),
    Input("Latin-1 without its encoding", "run BPR mine", 2, "mine.inter, line 16: not text in the encoding utf-8", files=_LATIN),
    Input("no file of interactions", "run BPR mine", 2, "mine.inter: no such file; found other.inter there", files=_ELSEWHERE),
    Input("an empty folder of a data set", "run BPR mine", 2, "mine.inter: no such file; found an empty folder", prepare=lambda folder: (folder / "dataset/mine").mkdir()),
    Input("a folder for the file of interactions", "run BPR mine", 2, "mine.inter", prepare=lambda folder: (folder / "dataset/mine/mine.inter").mkdir(parents=True)),
    Input("a file for the folder of a data set", "run BPR mine", 2, "dataset/mine", files={"dataset/mine": "x"}),
    Input("a link to a data set", "run BPR linked", 2, "linked.inter: no such file; found tiny.inter", prepare=lambda folder: (folder / "dataset/linked").symlink_to("tiny")),
    Input("a link to nowhere", "run BPR linked", 2, "linked", prepare=lambda folder: (folder / "dataset/linked").symlink_to("nowhere")),
    Input("a user file without users", "run BPR mine \"--load_col={'inter': ['user_id', 'item_id'], 'user': ['user_id', 'age']}\"", 2, "mine.user", files=files_of("mine", HEADER + BODY, user="age:float\n20\n")),
    Input("a user file that is not there", "run BPR mine \"--load_col={'inter': ['user_id', 'item_id'], 'user': ['user_id', 'age']}\"", 2, "mine.user", files=_EDGES),
    Input("an item file that is broken", "run BPR mine \"--load_col={'inter': ['user_id', 'item_id'], 'item': ['item_id', 'year']}\"", 2, "mine.item, line 3", files=files_of("mine", HEADER + BODY, item="item_id:token\tyear:token\ni1\t1990\ni2\n")),
    Input("a filter that leaves one user", "run BPR mine '--user_inter_num_interval=[15,inf)'", 2, "user_inter_num_interval", files=_EDGES),
    Input("values outside of all ratings", "run BPR tiny \"--val_interval={'rating': '[6,9]'}\" \"--load_col={'inter': ['user_id', 'item_id', 'rating']}\"", 2, "val_interval"),
    Input("an interval without brackets", "run BPR tiny \"--val_interval={'rating': '3,5'}\" \"--load_col={'inter': ['user_id', 'item_id', 'rating']}\"", 2, "val_interval: ... 3,5"),
    Input("a threshold that no rating reaches", "run BPR tiny \"--threshold={'rating': 6}\" \"--load_col={'inter': ['user_id', 'item_id', 'rating']}\"", 2, "threshold"),
    Input("AUC of ratings that are no labels", "run FM tiny --LABEL_FIELD=rating \"--load_col={'inter': ['user_id', 'item_id', 'rating']}\" \"--metrics=['AUC']\" --valid_metric=AUC \"--eval_args={'mode': 'labeled'}\" --train_neg_sample_args=None", 2, "AUC"),
    Input("a good data set, checked", "ext data check dataset/tiny", WORKS, "no errors"),
    *(Input(f"{name}, checked", "ext data check dataset/mine", 2, "error: dataset/mine/mine.inter", files=files_of("mine", text), answers=True) for name, text in (("a cut line", WRONG["a line that is cut off"][0]), ("a header with spaces ", WRONG["a header with spaces"][0]), ("UTF-16", WRONG["UTF-16 in a data set"][0]), ("a word for a rating", UNRATED["a rating that is a word"][0]))),
    Input("a folder that is not there, checked", "ext data check dataset/no", 2, "dataset/no: no .inter file there"),
    Input("a file, checked", "ext data check dataset/tiny/tiny.inter", 2, "dataset/tiny/tiny.inter"),
    Input("a name, checked", "ext data check tiny", 2, "tiny"),
    Input("a range of words, checked", "ext data check dataset/tiny --range low high", 2, "'--range': 'low' is not a valid float"),
    Input("a range of one number, checked", "ext data check dataset/tiny --range 1", 2, "--range"),
    Input("a range that is too small, checked", "ext data check dataset/tiny --range 1 3", 2, "rating: expected 1 to 3", answers=True),
    Input("a range the wrong way round, checked", "ext data check dataset/tiny --range 5 1", 2, "--range"),
    Input("an empty separator, checked", "ext data check dataset/tiny --field_separator ''", 2, "field_separator", answers=True),
    Input("an unknown encoding, checked", "ext data check dataset/tiny --encoding utf-9", 2, "encoding", answers=True),
]  # fmt: skip

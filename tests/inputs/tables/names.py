"""Names: of models, data sets, columns, users and items."""

from shlex import quote

from tests.inputs.case import WORKS, Input
from tests.inputs.workplace import files_of, inter

QUOTE = "'"

# A model's name -> what the message says.
MODELS = {
    "bpr": "--model=bpr: no such model ... did you mean BPR",
    "AutoRek": "--model=AutoRek: no such model ... did you mean AutoRec",
    "autorec": "did you mean AutoRec",
    "NCF": "--model=NCF: no such model",
    "NeuMf": "did you mean NeuMF",
    "lightgcn": "did you mean LightGCN",
    "": "--model=: no such model",
    "'BPR '": "did you mean BPR",
    "BPR,NCFMLP": "--model=BPR,NCFMLP: no such model",
    "[BPR]": "did you mean BPR",
    "None": "--model=None: no such model",
    "123": "--model=123: no such model",
    "GeneralRecommender": "no such model",
    "recbole_ext.NCFMLP": "no such model",
    "BPR.py": "--model=BPR.py: no such model",
    "../BPR": "--model=../BPR: no such model",
    "модель": "--model=модель: no such model",
}

# A data set's name -> what the message says.
DATASETS = {
    "tin": "--dataset=tin: no folder dataset/tin ... did you mean tiny",
    "Tiny": "did you mean tiny",
    "tiny.inter": "--dataset=tiny.inter: no folder ... tiny",
    "'tiny '": "did you mean tiny",
    "ml-32m": "get it with `recbole-ext data get ml-32m",
    "ml-100": "did you mean ml-100k",
    "tiny,other": "--dataset=tiny,other: no folder",
    "[tiny]": "did you mean tiny",
    "None": "--dataset=None: no folder",
    "данные": "--dataset=данные: no folder",
    **{
        name: f"dataset: expected the name of a folder inside data_path, found {name.strip(QUOTE)!r}"
        for name in ("", "' '", "tiny/", "./tiny", "dataset/tiny", "../dataset/tiny", ".", "..")
    },
    "~/tiny": "dataset: expected the name of a folder inside data_path, found '~/tiny'",
    "'C:\\data'": "dataset: expected the name of a folder inside data_path, found 'C:",
}

# Names of data sets that work.
GOOD = (
    "my data",
    "mine-2024.v1",
    "o'brien",
    "данные",
    "数据",
    "100",
    "None",
    "a,b",
    "$HOME",
    "BPR",
)

# The name of a column of users -> whether it works.
COLUMNS = ("userId", "user id", "用户", "user-id", "user.id", "USER_ID", "class")


def _renamed(column: str) -> dict:
    return files_of("mine", inter().replace("user_id", column))


def _tokens(user: str, item: str) -> dict:
    return files_of("mine", inter().replace("u1\t", f"{user}\t").replace("\ti1\t", f"\t{item}\t"))


# Users and items that look like something else.
TOKENS = {
    "NA": "nan",
    "None": "null",
    "1": "01",
    "1.0": "1e0",
    "True": "False",
    "my user": "my item",
    '"quoted"': "it's",
    "ü": "名前",
    "a,b": "a|b",
    "[PAD]x": "-1",
    "x" * 500: "y" * 500,
}

INPUTS = [
    *(Input(f"the model {name}", f"run {name or repr(name)} tiny", 2, says) for name, says in MODELS.items()),
    *(Input(f"the data set {name}", f"run BPR {name or repr(name)}", 2, says) for name, says in DATASETS.items()),
    *(Input(f"a data set named {name}", f"run BPR {quote(name)}", WORKS, f"BPR on {name}", files=files_of(name, inter())) for name in GOOD),
    *(Input(f"users in a column {name}", f"run BPR mine --USER_ID_FIELD='{name}' --load_col=None", WORKS, "test", files=_renamed(name)) for name in COLUMNS),
    *(Input(f"a column {name} that is not named", "run BPR mine", 2, f"line 1: no column user_id (found {name}, ... USER_ID_FIELD", files=_renamed(name)) for name in COLUMNS),
    *(Input(f"users such as {user[:9]}", "run AutoRec mine", WORKS, "test", files=_tokens(user, item)) for user, item in TOKENS.items()),
    Input("similar items of a name with spaces", "ext similar saved/AutoRec.pth --item 'no such item'", 2, "no such item"),
    Input("similar users of an unknown name", "ext similar saved/NCFMLP.pth --user u99", 2, "u99"),
    Input("similar items of an empty name", "ext similar saved/AutoRec.pth --item ''", 2, "item"),
    Input("similar items of the padding", "ext similar saved/AutoRec.pth --item [PAD]", 2, "[PAD]"),
    Input("similar items", "ext similar saved/AutoRec.pth --item i3 --item i4 -k 2", WORKS, "Title 3 ... Title 4"),
    Input("similar users", "ext similar saved/NCFMLP.pth --user u3", WORKS, "u3"),
    Input("both renamed columns, as our message proposes", "run BPR csv --field_separator=, --USER_ID_FIELD=userId --ITEM_ID_FIELD=movieId", WORKS, "test", files=files_of("csv", inter().replace("\t", ",").replace("user_id", "userId").replace("item_id", "movieId"))),
    Input("all columns renamed, with ratings", "run AutoRec csv --field_separator=, --USER_ID_FIELD=userId --ITEM_ID_FIELD=movieId --RATING_FIELD=stars", WORKS, "test", files=files_of("csv", inter().replace("\t", ",").replace("user_id", "userId").replace("item_id", "movieId").replace("rating", "stars"))),
]  # fmt: skip

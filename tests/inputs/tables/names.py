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
    "mine.py:Mine": "--model=mine.py:Mine: no such file; check the path",
    "no_package.models:Mine": "--model=no_package.models:Mine: no such module",
    ":BPR": "--model=:BPR: expected a file or a module, a colon and a class",
    "BPR:": "--model=BPR:: expected a file or a module, a colon and a class",
    "'my model:Mine'": "my model is neither a file *.py nor a module",
    "dataset/tiny/tiny.inter:Mine": "dataset/tiny/tiny.inter:Mine: ... cannot be read",
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

OWN = "from recbole.model.general_recommender import BPR\n\nclass Mine(BPR):\n    pass\n"

# A model's file -> its text, and what the message says.
FILES = {
    "a file that is empty": ("", "mine.py has no class Mine; it has none"),
    "a file that is no Python": ("class Mine(\n", "mine.py cannot be read (SyntaxError"),
    "a file of another encoding": (b"x = '\xff'\n", "mine.py cannot be read"),
    "a file with another class": (
        "class Other:\n    pass\n",
        "no class Mine; its classes are Other",
    ),
    "a file that fails": (OWN + "raise KeyError('x')\n", "cannot be imported (KeyError: 'x')"),
    "a file without a package": (
        "import no_such\n" + OWN,
        "cannot be imported (ModuleNotFoundError",
    ),
    "a class that is no model": ("class Mine:\n    pass\n", "expected a class over RecBole's"),
    "a function": ("def Mine():\n    pass\n", "expected a class, found function"),
}

INPUTS = [
    *(Input(f"the model {name}", f"run {name or repr(name)} tiny", 2, says) for name, says in MODELS.items()),
    *(Input(f"the data set {name}", f"run BPR {name or repr(name)}", 2, says) for name, says in DATASETS.items()),
    *(Input(f"a data set named {name}", f"run BPR {quote(name)}", WORKS, f"BPR on {name}", files=files_of(name, inter())) for name in GOOD),
    *(Input(f"users in a column {name}", f"run BPR mine --USER_ID_FIELD='{name}' --load_col=None", WORKS, "test", files=_renamed(name)) for name in COLUMNS),
    *(Input(f"a column {name} that is not named", "run BPR mine", 2, f"line 1: no column user_id (found {name}, ... USER_ID_FIELD", files=_renamed(name)) for name in COLUMNS),
    *(Input(f"users such as {user[:9]}", "run AutoRec mine", WORKS, "test", files=_tokens(user, item)) for user, item in TOKENS.items()),
    *(Input(f"a model in {what}", "run mine.py:Mine tiny", 2, says, files={"mine.py": text}) for what, (text, says) in FILES.items()),
    Input("a model in a file that is right", "run mine.py:Mine tiny --epochs=1", WORKS, "Mine on tiny", files={"mine.py": OWN}),
    Input("its key", "run mine.py:Mine tiny --embeding_size=4", 2, "embeding_size: neither Mine nor RecBole ... did you mean embedding_size", files={"mine.py": OWN}),
    Input("a new model", "ext new MyModel", WORKS, "my_model.py ... next: run_recbole --model=my_model.py:MyModel"),
    Input("a new model without a name", "ext new", 2, "NAME"),
    Input("a new model with a name of RecBole's", "ext new LightGCN", 2, "new LightGCN: RecBole has a model of its own"),
    Input("a new model with a name that is none", "ext new my-model", 2, "my-model: expected the name of a class"),
    Input("a new model where its file is already", "ext new MyModel", 2, "my_model.py: exists already", files={"my_model.py": ""}),
    Input("a new model of no kind", "ext new MyModel --kind=graph", 2, "graph"),
    Input("similar items of a name with spaces", "ext similar saved/AutoRec.pth --item 'no such item'", 2, "no such item"),
    Input("similar users of an unknown name", "ext similar saved/NCFMLP.pth --user u99", 2, "u99"),
    Input("similar items of an empty name", "ext similar saved/AutoRec.pth --item ''", 2, "item"),
    Input("similar items of the padding", "ext similar saved/AutoRec.pth --item [PAD]", 2, "[PAD]"),
    Input("similar items", "ext similar saved/AutoRec.pth --item i3 --item i4 -k 2", WORKS, "Title 3 ... Title 4"),
    Input("similar users", "ext similar saved/NCFMLP.pth --user u3", WORKS, "u3"),
    Input("both renamed columns, as our message proposes", "run BPR csv --field_separator=, --USER_ID_FIELD=userId --ITEM_ID_FIELD=movieId", WORKS, "test", files=files_of("csv", inter().replace("\t", ",").replace("user_id", "userId").replace("item_id", "movieId"))),
    Input("all columns renamed, with ratings", "run AutoRec csv --field_separator=, --USER_ID_FIELD=userId --ITEM_ID_FIELD=movieId --RATING_FIELD=stars", WORKS, "test", files=files_of("csv", inter().replace("\t", ",").replace("user_id", "userId").replace("item_id", "movieId").replace("rating", "stars"))),
]  # fmt: skip

"""What a trained model is asked: recommendations, reasons, a refit, an export."""

from pathlib import Path

import torch

from tests.inputs.case import WORKS, Input
from tests.inputs.workplace import inter

AUTOREC, BPR, NCF = "saved/AutoRec.pth", "saved/BPR.pth", "saved/NCFMLP.pth"
_ASK = f"ext recommend {AUTOREC}"
_EXPORT = f"ext export {BPR} --format embeddings --output"


def _full(name: str):
    return lambda folder: (folder / name).symlink_to("/dev/full")


def _another_refit(folder: Path) -> None:
    (folder / "saved/AutoRec-refit.pth").write_bytes((folder / BPR).read_bytes())


def _other_data(folder: Path) -> None:
    """The checkpoint of a data set of the same name with other ratings."""
    record = torch.load(folder / AUTOREC, weights_only=True)
    record["identity"]["data"] = "0" * 16
    torch.save(record, folder / AUTOREC)


# What is typed, and what the message says.
WRONG = {
    _ASK: "say for whom, one of: --user ID, --all",
    _ASK + " --user u1 --all": "say for whom, one of",
    _ASK + " --all": "--all needs --output",
    _ASK + " --user": "Option '--user' requires an argument",
    _ASK + " --user u20": "user u20: no such user_id in tiny; did you mean u",
    _ASK + " --user ''": "user : no such user_id",
    _ASK + " --user u1 --user u200": "user u200: no such user_id in tiny",
    _ASK + " --user u1 -k 0": "'-k': 0 is not in the range",
    _ASK + " --user u1 -k ten": "'-k': 'ten' is not a valid integer",
    _ASK + " --for ''": "expected an item in each place, found none",
    _ASK + " --for i1=5,i1=4": "item i1: given twice",
    _ASK + " --for i1=6": "item i1: rating: expected 1 to 5, as in tiny, found 6",
    _ASK + " --for i1=-1": "item i1: rating: expected 1 to 5",
    _ASK + " --for i1=inf": "item i1: rating: expected 1 to 5",
    _ASK + " --for i1=good": "item i1: rating: expected a number, found 'good'",
    _ASK + " --for i1=5,i2": "some items have a rating, others none",
    _ASK + " --for i1": "AutoRec needs the person's ratings",
    _ASK + " --for i99=5": "item i99: no such item_id in tiny",
    _ASK + " --for i1=5 --explain": "one rating alone cannot be explained",
    _ASK + " --for i1=5 --output a.csv": "--output is for --user and --all",
    _ASK + " --history no.csv": "no.csv: no such file",
    _ASK + " --user u1 --among no.txt": "no.txt: no such file",
    _ASK + " --user u1 --explain --output a.csv": "--explain is for lists that are printed",
    _ASK + " --all --output a.xlsx": "expected a name that ends in .parquet, .csv, .jsonl",
    _ASK + " --all --output no/a.csv": "no folder no; make it first",
    _ASK + " --all --output saved": "--output",
    f"ext recommend {BPR} --for i1=5": "BPR cannot take in a person",
    f"ext recommend {BPR} --user u1 --explain": "BPR cannot be explained",
    "ext recommend saved/Pop.pth --user u1 --explain": "Pop cannot be explained",
    "ext recommend no.pth --user u1": "no.pth: no such checkpoint",
    "ext recommend": "Missing argument 'FILE'",
    "ext refit": "Missing argument 'FILE'",
    "ext refit no.pth": "no.pth: no such checkpoint",
    "ext export": "Missing argument 'FILE'",
    f"ext export {BPR}": "Missing option '--format'",
    f"ext export {BPR} --format onnx": "Missing option '--output'",
    f"ext export {BPR} --format pickle --output a.pkl": "'pickle' is not one of 'onnx', 'safetensors'",
    _EXPORT + " a": "expected a name that ends in .npz or .parquet, found no ending",
    _EXPORT + " a.onnx": "expected a name that ends in .npz or .parquet, found .onnx",
    _EXPORT + " no/a.npz": "no folder no; make it first",
    _EXPORT + " saved": "ends in .npz or .parquet",
    f"ext export {NCF} --format embeddings --output a.npz": "the scores of NCFMLP are no inner products",
    "ext export saved/Pop.pth --format embeddings --output a.npz": "the scores of Pop are no inner products",
    "ext export no.pth --format embeddings --output a.npz": "no.pth: no such checkpoint",
}  # fmt: skip

RIGHT = {
    _ASK + " --user u1": "user u1 has",
    _ASK + " --user u1 --explain": "because of ... how it is explained: ",
    _ASK + " --for i1=5,i2=1 --explain": "a new person has 2 items ... because of",
    f"ext recommend {NCF} --for i1,i2,i3 -k 3 --explain": "because of",
    _ASK + " --all --output a.csv": "20 users: a.csv",
    _EXPORT + " a.npz": "a.npz: a vector of 8 numbers",
    _EXPORT + " a.parquet": "a.parquet: a vector of 8 numbers",
}

INPUTS = [
    *(Input(words, words, 2, says) for words, says in WRONG.items()),
    *(Input(words, words, WORKS, says) for words, says in RIGHT.items()),
    Input("recommendations to a full disk", _ASK + " --all --output full.csv", 2, "no space left on device", prepare=_full("full.csv")),
    Input("an export to a full disk", _EXPORT + " full.npz", 2, "no space left on device", prepare=_full("full.npz")),
    Input("an empty history", _ASK + " --history mine.csv", 2, "mine.csv: expected an item a line ... the history is empty", files={"mine.csv": "item_id,rating\n"}),
    Input("a history with an item twice", _ASK + " --history mine.csv", 2, "mine.csv, line 4: item i1: given twice", files={"mine.csv": "item_id,rating\ni1,3\ni2,4\ni1,2\n"}),
    Input("no candidates", _ASK + " --user u1 --among ids.txt", 2, "ids.txt: expected an item id a line", files={"ids.txt": "\n"}),
    Input("a candidate that is not known", _ASK + " --user u1 --among ids.txt", 2, "item i99: no such item_id", files={"ids.txt": "i99\n"}),
    Input("recommend of another data set", _ASK + " --user u1", 2, "the data files are not those", prepare=_other_data),
    Input("explain of another data set", _ASK + " --user u1 --explain", 2, "the data files are not those", prepare=_other_data),
    Input("recommend with fewer rows", _ASK + " --user u1", 2, "the data files are not those", files={"dataset/tiny/tiny.inter": inter().rsplit("\n", 2)[0] + "\n"}),
    Input("export with fewer rows", _EXPORT + " a.npz", 2, "the data files are not those", files={"dataset/tiny/tiny.inter": inter().rsplit("\n", 2)[0] + "\n"}),
    Input("recommend beside another refit", _ASK + " --user u1", 2, "saved/AutoRec-refit.pth: expected the refit of saved/AutoRec.pth", prepare=_another_refit),
    Input("recommend of the original beside another refit", _ASK + " --user u1 --original", WORKS, "user u1 has", prepare=_another_refit),
]  # fmt: skip

"""Checkpoints: damaged, of other runs, of data sets that have changed."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.inputs.case import WORKS, Input, python
from tests.inputs.workplace import HEADER

AUTOREC, BPR, NCF = "saved/AutoRec.pth", "saved/BPR.pth", "saved/NCFMLP.pth"


def changed(file: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Writes ``bad.pth``, a checkpoint that has been changed."""

    def prepare(folder: Path) -> None:
        import torch

        record = torch.load(folder / file, weights_only=True)
        other = change(record)
        torch.save(record if other is None else other, folder / "bad.pth")

    return prepare


def _nan(record: dict[str, Any]) -> None:
    for tensor in record["state_dict"].values():
        tensor.fill_(float("nan"))


def _other_shape(record: dict[str, Any]) -> None:
    name = next(name for name, x in record["state_dict"].items() if x.ndim == 2)
    record["state_dict"][name] = record["state_dict"][name][:-1].clone()


def _cut(folder: Path) -> None:
    content = (folder / AUTOREC).read_bytes()
    (folder / "bad.pth").write_bytes(content[: len(content) // 2])


def _flipped(folder: Path) -> None:
    content = bytearray((folder / AUTOREC).read_bytes())
    content[len(content) // 2] ^= 64
    (folder / "bad.pth").write_bytes(content)


def _zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "bad.pth", "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}q\x00.")


def _tensor(record: dict[str, Any]) -> Any:
    return record["state_dict"][next(iter(record["state_dict"]))]


def _gone(folder: Path) -> None:
    for path in (folder / "dataset/tiny").iterdir():
        path.unlink()
    (folder / "dataset/tiny").rmdir()


def _more_rows(folder: Path) -> None:
    with (folder / "dataset/tiny/tiny.inter").open("a") as stream:
        stream.write("u1\ti29\t5\t9999\nu2\ti28\t5\t9999\n")


def _headless(folder: Path) -> None:
    path = folder / "dataset/tiny/tiny.inter"
    path.write_text(path.read_text().replace(HEADER, HEADER.replace("item_id", "item")))


# How a checkpoint is damaged -> how it is written, what the message says.
DAMAGED = {
    "that is cut off": (_cut, "bad.pth: ... damaged"),
    "with a flipped bit": (_flipped, "bad.pth: a damaged checkpoint"),
    "that is another zip": (_zip, "bad.pth"),
    "that is empty": (lambda folder: (folder / "bad.pth").write_bytes(b""), "bad.pth: not a checkpoint"),
    "that is a text": (lambda folder: (folder / "bad.pth").write_text("epochs: 5\n"), "bad.pth: not a checkpoint"),
    "that is a folder": (lambda folder: (folder / "bad.pth").mkdir(), "bad.pth"),
    "that is not there": (lambda folder: None, "bad.pth: no such checkpoint"),
    "that is a tensor": (changed(AUTOREC, _tensor), "bad.pth: not a checkpoint of a recommender"),
    "that is an empty dict": (changed(AUTOREC, lambda record: {}), "bad.pth: not a checkpoint of a recommender"),
    "without its settings": (changed(AUTOREC, lambda record: record.pop("config") and None), "bad.pth: ... config"),
    "without the model's name": (changed(AUTOREC, lambda record: record["config"].pop("model") and None), "bad.pth: ... model"),
    "of a model that is not known": (changed(AUTOREC, lambda record: record["config"].update(model="MyModel")), "MyModel"),
    "with settings that are a list": (changed(AUTOREC, lambda record: record.update(config=[1])), "bad.pth: ... config"),
    "without its weights": (changed(AUTOREC, lambda record: record["state_dict"].clear()), "bad.pth"),
    "with a weight missing": (changed(AUTOREC, lambda record: record["state_dict"].popitem() and None), "bad.pth"),
    "with a weight too many": (changed(AUTOREC, lambda record: record["state_dict"].update(extra=_tensor(record))), "bad.pth: ... extra"),
    "with a weight of another shape": (changed(AUTOREC, _other_shape), "bad.pth"),
    "of NaN": (changed(AUTOREC, _nan), "bad.pth: ... nan"),
    "of NaN, of BPR": (changed(BPR, _nan), "bad.pth: ... nan"),
    "with a weight of another shape, of NCFMLP": (changed(NCF, _other_shape), "bad.pth"),
    "with a weight missing, of BPR": (changed(BPR, lambda record: record["state_dict"].popitem() and None), "bad.pth"),
    "without its settings, of BPR": (changed(BPR, lambda record: record.pop("config") and None), "bad.pth: ... config"),
}  # fmt: skip

# What stands around a checkpoint that is not as it was.
CHANGED = {
    "where the data set is absent": (_gone, "dataset/tiny"),
    "where the data set has more rows": (
        _more_rows,
        "are not those that the model was trained with ... --allow-changed-data",
    ),
    "where the data set has another header": (_headless, ""),
}

_SIMILAR = "ext similar {} --item i3"
_RESUME = "run_recbole --model=AutoRec --dataset=tiny --mlp_hidden_size=[8] --epochs=2 --resume={}"
_QUICK = "from recbole.quick_start import load_data_and_model\nload_data_and_model({!r})"

INPUTS = [
    *(Input(f"evaluate a checkpoint {how}", "ext evaluate bad.pth", 2, says, prepare=damage) for how, (damage, says) in DAMAGED.items()),
    *(Input(f"evaluate {which} {how}", f"ext evaluate {file}", 2, says, prepare=change) for how, (change, says) in CHANGED.items() for which, file in (("AutoRec", AUTOREC), ("BPR", BPR))),
    *(Input(f"{what} {how}", command.format(AUTOREC), 2, says, prepare=change) for how, (change, says) in list(CHANGED.items())[:1] for what, command in (("similar", _SIMILAR), ("project", "ext project {}"), ("load from Python", python(_QUICK.format(AUTOREC)).replace("{", "{{").replace("}", "}}")))),
    *(Input(f"similar, a checkpoint {how}", _SIMILAR.format("bad.pth"), 2, says, prepare=damage) for how, (damage, says) in list(DAMAGED.items())[::4]),
    *(Input(f"project a checkpoint {how}", "ext project bad.pth", 2, says, prepare=damage) for how, (damage, says) in list(DAMAGED.items())[1::4]),
    *(Input(f"explore a checkpoint {how}", "ext explore bad.pth", 2, says, prepare=damage) for how, (damage, says) in list(DAMAGED.items())[3::6]),
    *(Input(f"resume a checkpoint {how}", _RESUME.format("bad.pth"), 2, says, prepare=damage) for how, (damage, says) in list(DAMAGED.items())[2::3]),
    *(Input(f"load from Python a checkpoint {how}", python(_QUICK.format("bad.pth")), 2, says, prepare=damage) for how, (damage, says) in list(DAMAGED.items())[3::4]),
    *(Input(f"evaluate {model}", f"ext evaluate saved/{model}.pth", WORKS, "valid ... test") for model in ("AutoRec", "BPR", "NCFMLP", "NCFGMF", "Pop")),
    Input("evaluate by two protocols", f"ext evaluate {AUTOREC} --protocol rating --protocol ranking", WORKS, "rmse ... ndcg@10"),
    Input("evaluate by an unknown protocol", f"ext evaluate {AUTOREC} --protocol rmse", 2, "'rmse' is not one of 'rating', 'ranking'"),
    Input("evaluate a ranking model by ratings", f"ext evaluate {BPR} --protocol rating", 2, "BPR has been trained to predict label ... --protocol ranking"),
    Input("evaluate NCFMLP by ratings", f"ext evaluate {NCF} --protocol rating", 2, "NCFMLP has been trained to predict label ... --protocol ranking"),
    Input("evaluate changed data that is allowed", f"ext evaluate {AUTOREC} --allow-changed-data", WORKS, "warning: ", prepare=_more_rows),
    Input("evaluate nothing", "ext evaluate", 2, "Missing argument 'FILE'"),
    Input("evaluate two files", f"ext evaluate {AUTOREC} {BPR}", 2, "unexpected extra argument"),
    Input("evaluate with a setting", f"ext evaluate {AUTOREC} --topk=5", 2, "No such option ... --topk"),
    Input("evaluate a folder of checkpoints", "ext evaluate saved", 2, "saved"),
    Input("evaluate a name of a model", "ext evaluate AutoRec", 2, "AutoRec: no such checkpoint"),
    Input("resume", _RESUME.format(AUTOREC), WORKS, "valid ... test"),
    Input("resume another model", _RESUME.format(BPR), 2, f"{BPR}: belongs to another run"),
    Input("resume with another seed", _RESUME.format(AUTOREC) + " --seed=5", 2, f"{AUTOREC}: belongs to another run ... seed was 2020, is now 5"),
    Input("resume with another size", _RESUME.format(AUTOREC).replace("[8]", "[9]"), 2, f"{AUTOREC}: belongs to another run ... mlp_hidden_size"),
    Input("resume with more rows", _RESUME.format(AUTOREC), 2, AUTOREC, prepare=_more_rows),
    Input("resume nothing", "run AutoRec tiny --resume=", 2, "--resume"),
    Input("resume without a file", "run AutoRec tiny --resume", 2, "--resume"),
    Input("resume_from as a setting", f"run AutoRec tiny --resume_from={AUTOREC}", 2, "--resume_from: this command has no such option ... --resume"),
    Input("similar without an item", f"ext similar {AUTOREC}", 2, "say which: --item TOKEN or --user TOKEN"),
    Input("similar of no neighbours", f"ext similar {AUTOREC} --item i3 -k 0", 2, "'-k': 0 is not in the range"),
    Input("similar of too many neighbours", f"ext similar {AUTOREC} --item i3 -k 99", 2, "-k 99: expected at most"),
    Input("similar of a model without vectors", "ext similar saved/Pop.pth --item i3", 2, "Pop"),
    Input("project", f"ext project {NCF}", WORKS, "tensorboard --logdir projector"),
    Input("project a model without vectors", "ext project saved/Pop.pth", 2, "Pop"),
    Input("explore", f"ext explore {NCF} --output page.html", WORKS, "20 users, 30 items, ... MB: page.html"),
    Input("explore a model without vectors", "ext explore saved/Pop.pth", WORKS, "explore.html"),
    Input("explore nothing", "ext explore", 2, "Missing argument 'FILE'"),
    Input("a pickle that is not trusted", "ext evaluate bad.pth", 2, "bad.pth: holds pickled objects ... --trust-checkpoint", prepare=changed(BPR, lambda record: record.update(x=Path("a")))),
    Input("a checkpoint with a space in its name", "ext evaluate 'my best.pth'", WORKS, "valid ... test", prepare=lambda folder: (folder / AUTOREC).rename(folder / "my best.pth")),
    Input("a checkpoint from Python", python(f"from recbole.quick_start import load_data_and_model\nprint(load_data_and_model({AUTOREC!r})[1])"), WORKS, "AutoRec"),
]  # fmt: skip

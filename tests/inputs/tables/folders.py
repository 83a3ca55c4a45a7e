"""Folders, rights, full disks, closed pipes: what a command finds where it writes."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.inputs.case import INTERRUPTED, TERMINATED, WORKS, Input


def read_only(*names: str) -> dict[str, Any]:
    """The rights of some folders: nothing may be written into them."""

    def prepare(folder: Path) -> None:
        for name in names:
            (folder / name).mkdir(exist_ok=True)
            (folder / name).chmod(0o555)

    return {"prepare": prepare, "powerless": True}


def unreadable(name: str) -> dict[str, Any]:
    """The rights of a file: nobody may read it."""
    return {"prepare": lambda folder: (folder / name).chmod(0), "powerless": True}


def blocked(*names: str) -> Callable[[Path], None]:
    """Files where folders should be."""

    def prepare(folder: Path) -> None:
        for name in names:
            (folder / name).write_text("mine\n")

    return prepare


SAVED = "saved/*-*.pth"  # by the run itself: those of the workplace have no hyphen

PLAN = """datasets: [tiny]
protocols: {default: NDCG@10}
seeds: [1]
models:
  Pop: {model: Pop}
"""
SEARCH = "model: Pop\ndatasets: [tiny]\ntrials: 1\nspace: {epochs: [1]}\n"
_PLANS = {"plan.yaml": PLAN, "search.yaml": SEARCH, "space.txt": "learning_rate choice [0.01]\n"}
_HYPER = "hyper BPR tiny --params_file=space.txt"

# In a folder that is read-only: what is typed.
IN_READ_ONLY = (
    "run BPR tiny",
    "run AutoRec tiny",
    _HYPER,
    "ext benchmark plan.yaml",
    "ext search search.yaml",
    "ext project saved/AutoRec.pth",
    "ext explore saved/AutoRec.pth",
    "ext denoise --dataset=tiny --seeds 1",
)
# Where the data sets are read-only: what is typed.
DATA_READ_ONLY = (
    "ext data split tiny random",
    "ext data split tiny kfold",
    "ext data split tiny loo --negatives 5",
    "ext data grid tiny",
    "ext data get ml-100k --from release",
)
# Where something else stands: what is typed, the file there, what the message says.
IN_THE_WAY = (
    ("run BPR tiny --checkpoint_dir=busy", "busy", "checkpoint_dir: ... busy"),
    ("run AutoRec tiny --checkpoint_dir=busy/deep", "busy", "checkpoint_dir: ... busy"),
    ("run BPR tiny", "log", "log"),
    ("run AutoRec tiny", "log_tensorboard", "log_tensorboard"),
    (_HYPER + " --checkpoint_dir=busy", "busy", "checkpoint_dir: ... busy"),
    (_HYPER + " --output_file=busy/x.result", "busy", "output_file: ... busy"),
    ("ext benchmark plan.yaml --report busy", "busy", "Directory 'busy' is a file"),
    ("ext project saved/AutoRec.pth --output busy", "busy", "busy"),
    ("ext project saved/AutoRec.pth --output busy/deep", "busy", "busy"),
    ("ext denoise --dataset=tiny --seeds 1 --output busy/x", "busy", "busy"),
    ("ext data describe tiny --html busy/x.html", "busy", "busy"),
    ("ext data split tiny random --data_path busy", "busy", "busy"),
    ("ext data get ml-100k --data_path busy", "busy", "busy"),
    ("ext data split tiny random --name x", "dataset/x", "dataset/x"),
)
# Where a folder stands or none is: what is typed, what the message says.
WRONG_PLACE = (
    (_HYPER + " --output_file=no/x.result", "output_file: ... no"),
    (_HYPER + " --output_file=dataset", "output_file: ... dataset"),
    (_HYPER + " --display_file=no/x.html", "display_file: ... no"),
    ("ext benchmark plan.yaml --output no/x.jsonl", "no"),
    ("ext benchmark plan.yaml --output dataset", "dataset"),
    ("ext search search.yaml --output no/x.jsonl", "no"),
    ("ext search search.yaml --output dataset", "dataset"),
    ("ext explore saved/AutoRec.pth --output no/x.html", "no folder no; make it first"),
    ("ext explore saved/AutoRec.pth --output dataset", "dataset"),
    ("ext denoise --dataset=tiny --output no/x", "no folder no; make it first"),
    ("ext data describe tiny --html dataset", "dataset"),
    ("ext data describe tiny --html no/x.html", "no"),
    ("ext data describe tiny --html ''", "html"),
    ("ext data check no", "no: no .inter file there"),
    ("ext benchmark no.yaml", "no.yaml: cannot be read"),
    ("ext search no.yaml", "no.yaml: cannot be read"),
    ("ext benchmark dataset", "dataset: cannot be read: Is a directory"),
)

INPUTS = [
    *(Input(f"in a read-only folder: {words}", words, 2, "ermission denied", files=_PLANS, **read_only(".", "saved")) for words in IN_READ_ONLY),
    *(Input(f"with read-only data sets: {words}", words, 2, "dataset", files={"release/u.data": "1\t1\t3\t1\n2\t2\t3\t1\n", "release/u.item": "", "release/u.user": ""}, **read_only("dataset")) for words in DATA_READ_ONLY),
    *(Input(f"a file named {file} in the way: {words}", words, 2, says, files={**_PLANS, file: "mine\n"}) for words, file, says in IN_THE_WAY),
    *(Input(words, words, 2, says, files=_PLANS) for words, says in WRONG_PLACE),
    Input("a read-only folder of checkpoints", "run BPR tiny", 2, "saved", **read_only("saved")),
    Input("a read-only folder of checkpoints of AutoRec", "run AutoRec tiny --checkpoint_dir=mine", 2, "mine", **read_only("mine")),
    Input("a read-only data set that is only read", "run BPR tiny", WORKS, "test", **read_only("dataset", "dataset/tiny")),
    Input("a data set that may not be read", "run BPR tiny", 2, "tiny.inter", **unreadable("dataset/tiny/tiny.inter")),
    Input("a data set that may not be read, of AutoRec", "run AutoRec tiny", 2, "tiny.inter", **unreadable("dataset/tiny/tiny.inter")),
    Input("a folder that may not be read", "run BPR tiny", 2, "dataset/tiny", **unreadable("dataset/tiny")),
    Input("settings that may not be read", "run BPR tiny --config_files=plan.yaml", 2, "plan.yaml", files=_PLANS, **unreadable("plan.yaml")),
    Input("a checkpoint that may not be read", "ext evaluate saved/AutoRec.pth", 2, "saved/AutoRec.pth", **unreadable("saved/AutoRec.pth")),
    Input("a plan that may not be read", "ext benchmark plan.yaml", 2, "plan.yaml", files=_PLANS, **unreadable("plan.yaml")),
    Input("a space that may not be read", _HYPER, 2, "space.txt", files=_PLANS, **unreadable("space.txt")),
    Input("data that may not be read, checked", "ext data check dataset/tiny", 2, "tiny.inter", **unreadable("dataset/tiny/tiny.inter")),
    Input("data that may not be read, described", "ext data describe tiny", 2, "tiny.inter", **unreadable("dataset/tiny/tiny.inter")),
    Input("a full disk while a checkpoint is written", "run NCFMLP tiny", 2, "saved ... ; log: log/NCFMLP/", most_bytes=100_000, trains=True),
    Input("a full disk while a checkpoint of BPR is written", "run BPR tiny --embedding_size=512", 2, "saved ... ; log: log/BPR/", most_bytes=100_000, trains=True),
    Input("a full disk while a split is written", "ext data split tiny random", 2, "dataset", most_bytes=2_500),
    Input("a full disk while a page is written", "ext data describe tiny --html page.html", 2, "page.html", most_bytes=10_000),
    Input("a full disk while recommendations are shown", "ext explore saved/BPR.pth", 2, "explore.html", most_bytes=10_000),
    Input("a full disk while vectors are written", "ext project saved/AutoRec.pth", 2, "cannot write", most_bytes=1_200),
    # by a link: what removes or replaces its file would do so to the device
    Input("results that go to a full disk", "ext benchmark plan.yaml --output full", 2, "full", files=_PLANS, prepare=lambda folder: (folder / "full").symlink_to("/dev/full")),
    Input("a page beside the commands", "ext data describe tiny --html page.html", WORKS, "plots: page.html"),
    Input("a folder of checkpoints that is not there", "run BPR tiny --checkpoint_dir=new/deep", WORKS, "valid ... test"),
    Input("a folder of checkpoints with a space", "run BPR tiny --checkpoint_dir='my models'", WORKS, "valid ... test"),
    Input("a folder of checkpoints in another script", "run AutoRec tiny --checkpoint_dir=模型", WORKS, "valid ... test"),
    Input("a folder of checkpoints below the home", "run BPR tiny --checkpoint_dir=~/saved", WORKS, "valid ... test"),
    Input("saved loaders", "run BPR tiny --save_dataset=True --save_dataloaders=True", WORKS, "valid ... test"),
    Input("saved loaders of AutoRec", "run AutoRec tiny --save_dataset=True --save_dataloaders=True", WORKS, "valid ... test"),
    Input("help on a full disk", "ext --help", 2, "o space left on device", process=True, output="full"),
    Input("help for a pipe that is closed", "ext --help", 1, process=True, output="closed"),
    Input("a list for a pipe that is closed", "ext data list", 1, process=True, output="closed"),
    Input("a table on a full disk", "ext data describe tiny", 2, "o space left on device", process=True, output="full"),
    Input("a run whose table goes to a full disk", "run BPR tiny", 2, "o space left on device", process=True, output="full"),
    Input("a run whose table nobody reads", "run BPR tiny", 1, process=True, output="closed"),
    Input("Ctrl-C in training", "run AutoRec tiny --epochs=100000 --stopping_step=100000", INTERRUPTED, "--resume", process=True, signal=(signal.SIGINT, SAVED)),
    Input("an end by the system in training", "run BPR tiny --epochs=100000 --stopping_step=100000", TERMINATED, "--resume", process=True, signal=(signal.SIGTERM, SAVED)),
    Input("Ctrl-C in a search", f"{_HYPER} --epochs=100000 --stopping_step=100000", INTERRUPTED, process=True, signal=(signal.SIGINT, SAVED), files=_PLANS),
    Input("Ctrl-C in a benchmark", "ext benchmark plan.yaml", INTERRUPTED, process=True, signal=(signal.SIGINT, "plan.jsonl"), files={"plan.yaml": PLAN.replace("Pop}", "BPR, settings: {epochs: 100000, stopping_step: 100000}}")}),
]  # fmt: skip

"""Commands that are killed (``kill -9``) at random moments, and started again.

    python -m tests.kills --moments 10

After each kill, what is on the disk has to be the old content or the new one, whole. The last
start goes on, is not disturbed, and has to come to the result of a run that never was.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tests import runs

PLAN = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1]
trials: 2
settings: {epochs: 2}
models:
  Pop: {model: Pop}
  BPR: {model: BPR, space: {embedding_size: [8, 4]}}
  AutoRec: {model: AutoRec, settings: {mlp_hidden_size: [4]}}
"""
SEARCH = """\
model: AutoRec
datasets: [made]
trials: 4
seed: 4
base: {mlp_hidden_size: [4], epochs: 2}
space: {learning_rate: [0.01, 0.1], reg_weight: [0.0, 0.2]}
"""
MAIN = ("-m", "recbole_ext.cli.main")
TRAINING = (
    *("-m", "recbole_ext.cli.run", "--model=AutoRec", "--dataset=made", "--mlp_hidden_size=[4]"),
    *("--epochs=250", "--stopping_step=250", "--learning_rate=0.001", "--show_progress=False"),
)
# Reads a data set as a run does, keeping it whatever its size, and prints what it has read.
READING = """\
import hashlib, sys
import recbole_ext
from recbole_ext.patches.functions import dataset_cache
from recbole.config import Config
from recbole.data import create_dataset
dataset_cache.LEAST = 1
sys.argv = sys.argv[:1]
dataset = create_dataset(Config("BPR", "made", config_dict={"data_path": "dataset"}))
rows = dataset.inter_feat.to_csv() if hasattr(dataset.inter_feat, "to_csv") else str(
    [dataset.inter_feat[name].tolist() for name in dataset.inter_feat.columns])
print(hashlib.sha256(rows.encode()).hexdigest())
"""


@dataclass(frozen=True)
class Case:
    """What is killed.

    Attributes:
        name: of the case.
        prepare: writes into an empty folder what the command needs.
        command: the words after ``python``, for a start in the folder as it is now.
        check: of the folder after a kill; raises AssertionError.
        outcome: of the folder and of what the last start has printed.
        before: before each start that is killed.
        anew: after a start that has come to its end before the kill: the next one begins again.
        first: no kill comes before this share of the time of an undisturbed run.
    """

    name: str
    prepare: Callable[[Path], None]
    command: Callable[[Path], tuple[str, ...]]
    check: Callable[[Path], None]
    outcome: Callable[[Path, str], Any]
    before: Callable[[Path], None] = lambda folder: None
    anew: Callable[[Path], None] = lambda folder: None
    first: float = 0.05


@dataclass(frozen=True)
class Survival:
    """What has been seen.

    Attributes:
        kills: starts that were killed; the others had ended before.
        starts: those that were to be killed.
        seconds: of the undisturbed run.
    """

    kills: int
    starts: int
    seconds: float


def survive(case: Case, folder: Path, moments: int, seed: int = 0) -> Survival:
    """Kill a command at random moments, start it once more, and compare.

    Args:
        case: what is killed.
        folder: an empty one.
        moments: how often.
        seed: of the moments.

    Raises:
        AssertionError: something is half there, or the result is another one.
    """
    places = [folder / "undisturbed", folder / "killed"]
    for place in places:
        (place / "tmp").mkdir(parents=True)
        case.prepare(place)
    undisturbed, killed = places
    start = time.monotonic()
    expected = case.outcome(undisturbed, _to_the_end(case, undisturbed))
    seconds = time.monotonic() - start
    share, kills, shortest = random.Random(seed), 0, seconds
    for _ in range(moments):
        case.before(killed)
        process, start = _start(case, killed, subprocess.DEVNULL), time.monotonic()
        try:
            process.wait(share.uniform(case.first, 1) * shortest)
            shortest = min(shortest, time.monotonic() - start)
            case.check(killed)
            case.anew(killed)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        case.check(killed)
    outcome = case.outcome(killed, _to_the_end(case, killed))
    assert outcome == expected, (case.name, outcome, expected)
    deadline = time.monotonic() + 20
    while left := list((killed / "tmp").glob("recbole-ext-*")):  # workers see to their folders
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    return Survival(kills, moments, seconds)


def _start(case: Case, folder: Path, output: int) -> "subprocess.Popen[str]":
    environment = {**os.environ, "TMPDIR": str(folder / "tmp")}
    environment.setdefault("PYTHONPATH", str(Path(__file__).parents[1]))
    return subprocess.Popen(
        [sys.executable, *case.command(folder)],
        cwd=folder, env=environment, stdout=output, stderr=output, text=True,
    )  # fmt: skip


def _to_the_end(case: Case, folder: Path) -> str:
    """What an undisturbed start prints."""
    process = _start(case, folder, subprocess.PIPE)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, (case.name, stderr[-2000:])
    return stdout


# --- training -------------------------------------------------------------------------------


def _checkpoints(folder: Path) -> list[Path]:
    return sorted((folder / "saved").glob("*.pth"), key=lambda file: file.stat().st_mtime_ns)


def _training(folder: Path) -> tuple[str, ...]:
    resume = [f"--resume={file}" for file in _checkpoints(folder)[-1:]]
    return (*TRAINING, *resume)


def _loads(folder: Path) -> None:
    from recbole_ext.trainer import checkpoint

    epochs = [checkpoint.load(file)["epoch"] for file in _checkpoints(folder)]
    assert epochs == sorted(epochs)  # each start has gone on from the last one


def _weights(folder: Path, printed: str) -> Any:
    """The metrics of a run, and the weights of its best epoch."""
    from recbole_ext.trainer import checkpoint

    table = [line.split() for line in printed.splitlines() if line.startswith(("valid", "test"))]
    state = checkpoint.load(_checkpoints(folder)[-1])["state_dict"]
    return table, {name: tensor.tolist() for name, tensor in state.items()}


def _without_checkpoints(folder: Path) -> None:
    for file in _checkpoints(folder):
        file.unlink()


# --- data sets ------------------------------------------------------------------------------


def _release(file: Path, n_ratings: int) -> None:
    """A release in the layout of ml-1m."""
    draw = random.Random(n_ratings)
    ratings = [
        f"{draw.randint(1, 900)}::{draw.randint(1, 500)}::{draw.randint(1, 5)}::{978300000 + n}"
        for n in range(n_ratings)
    ]
    files = {
        "ratings.dat": ratings,
        "movies.dat": [f"{n}::Film {n} (1999)::Drama" for n in range(1, 501)],
        "users.dat": [f"{n}::F::25::1::00000" for n in range(1, 901)],
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in files.items():
            member = zipfile.ZipInfo(f"ml-1m/{name}")  # of 1980, so that two are the same
            archive.writestr(member, "\n".join(lines) + "\n", zipfile.ZIP_DEFLATED)


def _contents(folder: Path) -> str:
    """A hash of the files of a folder; "" if it is not there."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest() if folder.is_dir() else ""


def _write_old(folder: Path, *words: str) -> None:
    """Run a data command; what it writes is the old content."""
    command = [sys.executable, *MAIN, "data", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _prepare_get(folder: Path) -> None:
    _release(folder / "old.zip", 1000)
    _release(folder / "new.zip", 300_000)
    _write_old(folder, "get", "ml-1m", "--from", "old.zip")
    (folder / "old").write_text(_contents(folder / "dataset" / "ml-1m"))


def _prepare_split(folder: Path) -> None:
    runs.write_ratings(folder / "dataset", "made", n_users=1500, n_items=400)
    _write_old(folder, "split", "made", "random", "--seed", "1", "--name", "new")
    (folder / "old").write_text(_contents(folder / "dataset" / "new"))


def _old_or_new(name: str) -> Callable[[Path], None]:
    """The check of a data set that is replaced: its files are the old ones or the new ones."""

    def check(folder: Path) -> None:
        new = folder.parent / "undisturbed" / "dataset" / name
        allowed = {(folder / "old").read_text(), _contents(new)}
        place = folder / "dataset" / name
        # between two renames the old folder stands beside its place, whole
        beside = [_contents(path) for path in place.parent.glob(f".{name}.*.part")]
        found = [_contents(place)] if place.is_dir() else beside
        assert allowed & set(found), place

    return check


# --- results --------------------------------------------------------------------------------


def _prepare_plan(text: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        runs.write_ratings(folder / "dataset", "made")
        (folder / "plan.yaml").write_text(text)

    return prepare


def _only_grows(folder: Path) -> None:
    """Whole lines are as they were, none is there twice; the last one may be half written."""
    file, kept = folder / "plan.jsonl", folder / "kept"
    now = file.read_text() if file.exists() else ""
    before = kept.read_text() if kept.exists() else ""
    assert now.startswith(before)
    whole = now[: now.rfind("\n") + 1]
    kept.write_text(whole)
    lines = [json.loads(line) for line in whole.splitlines()]
    names = [tuple(line[k] for k in ("protocol", "label", "seed", "trial")) for line in lines]
    assert len(names) == len(set(names))


def _without_results(folder: Path) -> None:
    for name in ("plan.jsonl", "kept"):
        (folder / name).unlink(missing_ok=True)


def _printed(folder: Path, printed: str) -> Any:
    n_lines = len((folder / "plan.jsonl").read_text().splitlines())
    return printed, n_lines


# --- the cache ------------------------------------------------------------------------------


def _prepare_cache(folder: Path) -> None:
    runs.write_ratings(folder / "dataset", "made", n_users=1500, n_items=400)


def _kept(folder: Path) -> list[Path]:
    return list((folder / "dataset" / "made" / "made.cache").glob("*.pt"))


def _reads(folder: Path) -> None:
    import torch

    for file in _kept(folder):
        assert "frames" in torch.load(file, weights_only=True)


def _forget(folder: Path) -> None:
    for file in _kept(folder):
        file.unlink()


CASES = {
    case.name: case
    for case in (
        Case(
            "training",
            _prepare_plan(""),
            _training,
            _loads,
            _weights,
            anew=_without_checkpoints,
            first=0.3,
        ),
        Case(
            "data get",
            _prepare_get,
            lambda _: (*MAIN, "data", "get", "ml-1m", "--from", "new.zip"),
            _old_or_new("ml-1m"),
            lambda folder, _: _contents(folder / "dataset" / "ml-1m"),
        ),
        Case(
            "data split",
            _prepare_split,
            lambda _: (*MAIN, "data", "split", "made", "random", "--seed", "2", "--name", "new"),
            _old_or_new("new"),
            lambda folder, _: _contents(folder / "dataset" / "new"),
        ),
        Case(
            "benchmark",
            _prepare_plan(PLAN),
            lambda _: (*MAIN, "benchmark", "plan.yaml", "--workers", "2"),
            _only_grows,
            _printed,
            anew=_without_results,
        ),
        Case(
            "search",
            _prepare_plan(SEARCH),
            lambda _: (*MAIN, "search", "plan.yaml", "--workers", "2"),
            _only_grows,
            _printed,
            anew=_without_results,
        ),
        Case(
            "cache",
            _prepare_cache,
            lambda _: ("-c", READING),
            _reads,
            lambda folder, printed: (printed, len(_kept(folder))),
            _forget,
            first=0.4,
        ),
    )
}


@click.command()
@click.option("--moments", default=10, show_default=True, help="Kills of each command.")
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
@click.argument("names", nargs=-1, type=click.Choice([*CASES]))
def main(moments: int, seed: int, names: tuple[str, ...]) -> None:
    """Kill each command at random moments, and print what has survived."""
    import tempfile

    from tabulate import tabulate

    rows = []
    for name in names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                seen = survive(CASES[name], Path(folder), moments, seed)
                told = "as undisturbed"
            except AssertionError as error:
                seen, told = Survival(0, moments, 0.0), f"FAILED: {error}"[:300]
        rows.append([name, seen.starts, seen.kills, f"{seen.seconds:.1f}", told])
        click.echo(f"{name}: {told}", err=True)
    head = ["command", "starts", "killed", "seconds, undisturbed", "last start"]
    click.echo(tabulate(rows, headers=head, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

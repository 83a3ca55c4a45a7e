"""Commands whose output cannot be written, or whose data set has no name: refused before the work.

Root may run these tests, whom no right binds: a file stands where a folder is to be, or the output
is in a folder of the kernel.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from recbole_ext.cli import hyper, main, run
from recbole_ext.data import interaction_file
from recbole_ext.data.movielens import convert
from recbole_ext.experiments import processes
from recbole_ext.trainer import same_run, single_run
from tests import releases, runs

BENCHMARK = """\
datasets: [made]
protocols: {default: NDCG@10}
seeds: [1]
models:
  Pop: {model: Pop}
"""
SEARCH = """\
model: AutoRec
datasets: [made]
trials: 1
seed: 4
base: {epochs: 1}
space:
  reg_weight: [0.0, 0.2]
"""


def invoke(words: list[str]) -> Any:
    entry = {"run_recbole": run.main, "run_hyper": hyper.main}.get(words[0], main.main)
    arguments = words[1:] if entry is not main.main else words
    return CliRunner().invoke(entry, arguments, catch_exceptions=False)


def content() -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in Path().rglob("*")}


def refuses(*words: str) -> str:
    """The one line by which a command is refused; nothing is written or removed."""
    before = content()
    result = invoke(list(words))
    assert result.exit_code == 2, (result.output, result.exception)
    lines = [line for line in result.stderr.splitlines() if line]
    assert lines[-1].startswith("error: "), result.stderr
    assert len([line for line in lines if "Traceback" in line]) == 0
    assert len(lines[-1]) < 900
    assert content() == before
    return lines[-1]


@pytest.fixture
def _no_work(ratings, monkeypatch):
    """A data set, a plan and what else commands need; whatever takes time fails."""
    Path("plan.yaml").write_text(BENCHMARK)
    Path("search.yaml").write_text(SEARCH)
    Path("space.txt").write_text("learning_rate choice [0.1, 0.2]\n")
    Path("file").write_text("mine")
    Path("folder").mkdir()
    for place, name in (
        (interaction_file, "read"),
        (convert, "convert"),
        (processes, "run_all"),
        (single_run, "load"),
        (same_run, "check_usable"),
    ):
        monkeypatch.setattr(place, name, lambda *_, **__: pytest.fail("has begun to work"))


DENOISE = ("denoise", "--dataset=made", "--data_path=dataset", "--epochs=1")
HYPER = (
    *("run_hyper", "--model=BPR", "--dataset=made", "--data_path=dataset", "--epochs=1"),
    "--params_file=space.txt",
)

OUTPUTS = {
    "describe, a folder": (
        ("data", "describe", "made", "--html", "folder"),
        "--html: cannot write to folder: is a directory; name a file instead of a folder",
    ),
    "describe, no folder": (
        ("data", "describe", "made", "--html", "no/page.html"),
        "--html: no/page.html: no folder no; make it first",
    ),
    "describe, below a file": (
        ("data", "describe", "made", "--html", "file/page.html"),
        "--html: cannot write to ",
    ),
    "describe, of the kernel": (
        ("data", "describe", "made", "--html", "/proc/self/page.html"),
        "--html: cannot write to /proc/self: ",
    ),
    "describe, a long name": (
        ("data", "describe", "made", "--html", "n" * 300),
        "file name too long; give a shorter name",
    ),
    "get": (
        ("data", "get", "ml-1m", "--from=folder", "--data_path=file"),
        "--data_path: file: expected a folder, found the file file; name a folder",
    ),
    "get, a download": (
        ("data", "get", "ml-1m", "--data_path=/proc/self/data"),
        "--data_path: cannot write to /proc/self: ",
    ),
    "split": (
        ("data", "split", "made", "random", "--data_path=/proc/self"),
        "--data_path: cannot write to /proc/self: ",
    ),
    "grid": (
        ("data", "grid", "made", "--data_path=file/below"),
        "--data_path: file/below: expected a folder, found the file file",
    ),
    "denoise, the page": (
        (*DENOISE, "--output=/proc/self/out"),
        "--output: cannot write to /proc/self: ",
    ),
    "denoise, no folder": ((*DENOISE, "--output=no/out"), "no folder no; make it first"),
    "denoise, no name": ((*DENOISE, "--output="), "--output=.: expected the name of two files"),
    "denoise, the checkpoints": (
        (*DENOISE, "--checkpoint_dir=file"),
        "checkpoint_dir: file: expected a folder, found the file file",
    ),
    "project": (
        ("project", "model.pth", "--output=file"),
        "--output: file: expected a folder, found the file file",
    ),
    "project, of the kernel": (
        ("project", "model.pth", "--output=/proc/self/new"),
        "--output: cannot write to /proc/self: ",
    ),
    "explore": (
        ("explore", "model.pth", "--output=folder"),
        "--output: cannot write to folder: is a directory; name a file instead of a folder",
    ),
    "explore, of the kernel": (
        ("explore", "model.pth", "--output=/proc/self/x.html"),
        "--output: cannot write to /proc/self: ",
    ),
    "benchmark": (
        ("benchmark", "plan.yaml", "--output=/proc/self/x.jsonl"),
        "--output: cannot write to /proc/self: ",
    ),
    "benchmark, a folder": (
        ("benchmark", "plan.yaml", "--output=folder"),
        "folder: expected a file for results, found a folder, pipe or device",
    ),
    "benchmark, the report": (
        ("benchmark", "plan.yaml", "--report=/proc/self/report"),
        "--report: cannot write to /proc/self: ",
    ),
    "search": (
        ("search", "search.yaml", "--output=/proc/self/x.jsonl"),
        "--output: cannot write to /proc/self: ",
    ),
    "search, a long name": (
        ("search", "search.yaml", f"--output={'n' * 300}"),
        "file name too long; give a shorter name",
    ),
    "hyper, the trials": (
        (*HYPER, "--output_file=no/x.result"),
        "--output_file: no/x.result: no folder no",
    ),
    "hyper, the page": (
        (*HYPER, "--display_file=folder"),
        "--display_file: cannot write to folder",
    ),
    "hyper, the checkpoints": (
        (*HYPER, "--checkpoint_dir=file/below"),
        "checkpoint_dir: file/below: expected a folder, found the file file",
    ),
    "run, the checkpoints": (
        ("run_recbole", "--model=BPR", "--dataset=made", "--checkpoint_dir=file"),
        "checkpoint_dir: file: expected a folder, found the file file",
    ),
    "run, of the kernel": (
        ("run_recbole", "--model=BPR", "--dataset=made", "--checkpoint_dir=/proc/self/x"),
        "checkpoint_dir: cannot write to /proc/self: ",
    ),
    "run, a long name": (
        ("run_recbole", "--model=BPR", "--dataset=made", f"--checkpoint_dir={'n' * 300}"),
        "file name too long",
    ),
}


@pytest.mark.parametrize("case", OUTPUTS)
@pytest.mark.usefixtures("_no_work")
def test_an_output_that_cannot_be_written_is_refused_before_the_work(case):
    words, message = OUTPUTS[case]
    assert message in refuses(*words)


@pytest.mark.parametrize("folder", ["log", "log_tensorboard"])
@pytest.mark.parametrize("command", ["run", "denoise", "hyper"])
@pytest.mark.usefixtures("_no_work")
def test_logs_that_cannot_be_written_are_refused_before_the_work(command, folder):
    Path(folder).write_text("mine")
    words = {
        "run": ("run_recbole", "--model=BPR", "--dataset=made"),
        "denoise": DENOISE,
        "hyper": HYPER,
    }[command]
    if folder == "log" and command != "run":
        return  # which writes none
    assert f"found the file {folder}" in refuses(*words)


# --- names of data sets ---------------------------------------------------------------------

NAMES = ["../../evil", "/abs", "..", ".", "", "a\nb", "a\0b", "n" * 300]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "words",
    [
        ("data", "split", "made", "random", "--name"),
        ("data", "split", "made", "kfold", "--name"),
        ("data", "split", "made", "loo", "--name"),
        ("data", "split", "ml-100k", "u1", "--name"),
        ("data", "grid", "made", "--name"),
        ("data", "split", "NAME", "random"),
        ("data", "grid", "NAME"),
        ("data", "describe", "NAME"),
        ("denoise", "--dataset"),
        ("run_hyper", "--model=BPR", "--params_file=space.txt", "--dataset"),
        ("run_recbole", "--model=BPR", "--dataset"),
    ],
    ids=lambda words: " ".join(words[:3]),
)
@pytest.mark.usefixtures("_no_work")
def test_a_name_that_leads_out_of_data_path_is_refused(words, name):
    arguments = [name if word == "NAME" else word for word in words]
    arguments += [] if "NAME" in words else [name]
    message = refuses(*arguments)
    assert "expected the name of a folder inside data_path" in message or (
        len(name) > 200 and "expected a name of at most 200 bytes" in message
    )


@pytest.mark.parametrize("name", ["../../evil", "/abs", "a\nb"])
def test_a_name_in_a_plan_or_in_python_is_refused(name, ratings):
    from recbole_ext.errors import DataError

    with pytest.raises(DataError, match="dataset: expected the name of a folder"):
        runs.prepare("BPR", dataset=name)
    Path("plan.yaml").write_text(BENCHMARK.replace("made", f'"{name}"'.replace("\n", "\\n")))
    assert "expected the name of a folder" in refuses("benchmark", "plan.yaml")


# --- real processes -------------------------------------------------------------------------


def start(*words: str, **more: Any) -> subprocess.Popen:
    command = [sys.executable, "-m", "recbole_ext.cli.main", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more}
    return subprocess.Popen(command, env=environment, **pipes)


@pytest.mark.slow
def test_two_gets_at_once_leave_a_whole_data_set(tmp_path):
    ratings = releases.made_ratings(200, 300, 20_000, 0.5)
    archive = releases.zipped(releases.write_release(tmp_path / "raw", "ml-latest-small", ratings))
    words = ("data", "get", "ml-latest-small", "--from", str(archive))
    both = [start(*words) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "200 users, 300 items, 20,000 ratings" in out
        assert "Traceback" not in err
    place = Path("dataset/ml-latest-small")
    hashes = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in place.iterdir()}
    assert invoke(list(words)).exit_code == 0
    for path in place.iterdir():
        assert hashes[path.name] == hashlib.md5(path.read_bytes()).hexdigest()
    assert sorted(path.name for path in Path("dataset").iterdir()) == ["ml-latest-small"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a device of Linux")
def test_standard_output_that_takes_nothing_is_one_line(ratings):
    with Path("/dev/full").open("w") as full:
        process = start("data", "describe", "made", stdout=full)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    lines = [line for line in err.splitlines() if line.strip() and "reading" not in line]
    assert lines == ["error: no space left on device; free space there, or write to another disk"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a device of Linux")
@pytest.mark.parametrize("module", ["main", "run", "hyper"])
def test_help_that_cannot_be_printed_is_one_line(module):
    command = [sys.executable, "-m", f"recbole_ext.cli.{module}", "--help"]
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 2
    assert process.stderr == (
        "error: no space left on device; free space there, or write to another disk\n"
    )

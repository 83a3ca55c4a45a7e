"""Ctrl-C and SIGTERM end a command in one line, with its status and without its processes."""

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests import commands

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

LONG = ("--epochs=100000", "--stopping_step=100000", "--show_progress=False", "--state=ERROR")

# A command of ours, without the seconds that torch takes.
COMMAND = """\
import sys, time
import click
from recbole_ext.cli import command, signals
from recbole_ext.experiments import processes

def wait(seconds):
    print("ready", flush=True)
    time.sleep(seconds)

def swallow(seconds):
    while True:
        try:
            wait(seconds)
        except BaseException:
            pass

def compute(seconds):  # in C, where Python sees to no signal
    import hashlib
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2 * 10**9)

def ignore_in_a_finalizer(seconds):
    class Slow:
        def __del__(self):
            wait(seconds)
    Slow()
    time.sleep(60)

def raise_another(seconds):
    try:
        wait(seconds)
    finally:
        raise ValueError("a consequence")

def end_slowly(seconds):
    try:
        wait(seconds)
    finally:
        print("ending", flush=True)
        time.sleep(0.5)

def go_on(seconds):
    signals.advise(signals.GOES_ON)
    wait(seconds)

@click.command()
@click.argument("what")
@command.reports_errors
def main(what):
    globals()[what](60)

if __name__ == "__main__":
    main()
"""


def start(*words, folder=None):
    environment = {**os.environ, "TMPDIR": str(folder)} if folder else None
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return commands.started(*words, **pipes, env=environment)


@pytest.mark.parametrize(("signum", "word"), [(signal.SIGINT, "interrupted"), (15, "terminated")])
@pytest.mark.parametrize(
    "what",
    ["wait", "swallow", "compute", "ignore_in_a_finalizer", "raise_another", "end_slowly", "go_on"],
)
def test_a_command_ends_in_one_line(what, signum, word, tmp_path):
    (tmp_path / "own.py").write_text(COMMAND)
    with start("own.py", what) as process:
        assert process.stdout.readline() == "ready\n"
        for _ in range(3):  # whoever is impatient
            process.send_signal(signum)
        if what == "end_slowly":
            assert process.stdout.readline() == "ending\n"
            process.send_signal(signum)
        _, told = process.communicate(timeout=60)
    goes_on = "continues where it stopped" if what == "go_on" else "starts anew"
    assert told == f"{word}; the same command {goes_on}\n"
    assert process.returncode == 128 + signum


@pytest.mark.slow
@pytest.mark.parametrize("is_group", [False, True])
def test_a_benchmark_ends_with_its_workers(is_group, ratings, tmp_path):
    """By a signal to itself alone, and by Ctrl-C, which reaches each process of the group."""
    (tmp_path / "tmp").mkdir()
    Path("plan.yaml").write_text(
        "datasets: [made]\nprotocols: {default: NDCG@10}\nseeds: [1, 2]\n"
        "settings: {epochs: 100000, stopping_step: 100000}\nmodels: {BPR: {model: BPR}}\n"
    )
    words = ("-m", "recbole_ext.cli.main", "benchmark", "plan.yaml", "--workers=2")
    with start(*words, folder=tmp_path / "tmp") as process:
        family = commands.family_at_work(process, 2, tmp_path / "tmp")
        if is_group:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "interrupted; the same command continues where it stopped"
    assert "Traceback" not in told
    assert "leaked" not in told
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert not list((tmp_path / "tmp").glob("recbole-ext-*"))
    assert not Path("plan.jsonl").exists()  # no run has failed by it


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_run_says_how_to_resume_it(n_processes, ratings, forks):
    from tests.processes import free_port

    words = ("--model=BPR", "--dataset=made", "--embedding_size=8", *LONG)
    more = (f"--nproc={n_processes}", f"--port={free_port()}") if n_processes > 1 else ()
    with start("-m", "recbole_ext.cli.run", *words, *more) as process:
        deadline = time.monotonic() + 120
        while not list(Path("saved").glob("*.pth")):
            assert time.monotonic() < deadline, process.poll()
            time.sleep(0.1)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= n_processes - 1
        os.killpg(process.pid, signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Traceback" not in told
    assert "leaked" not in told
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    (line,) = re.findall("^terminated; go on with: (.*)$", told, re.MULTILINE)
    (file,) = Path("saved").glob("*.pth")
    assert shlex.split(line) == ["run_recbole", *words, *more, "--resume", str(file)]
    if n_processes == 1:
        shorter = [f"--epochs={2}" if w.startswith("--epochs") else w for w in shlex.split(line)]
        again = forks.run(*shorter)
        assert again.returncode == 0, again.stderr


def test_a_command_within_a_program_leaves_the_signals_to_it(ratings):
    """As click's CliRunner does, which captures what is printed."""
    from click.testing import CliRunner

    from recbole_ext.cli import main

    before = signal.getsignal(signal.SIGINT)
    result = CliRunner().invoke(main.main, ["data", "describe", "made", "--data_path=dataset"])
    assert result.exit_code == 0
    assert signal.getsignal(signal.SIGINT) == before

"""Processes of runs that start warm: what they compute is what new processes compute."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import connection, forkserver, get_context
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from recbole_ext.config import threads
from recbole_ext.experiments import fork_server, processes
from tests import runs

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux")


@pytest.fixture
def server(monkeypatch):
    """As if no server had been started with other surroundings."""
    monkeypatch.setattr(fork_server, "_surroundings", None)


def method():
    return fork_server.context().get_start_method()


def test_processes_are_forked_on_linux_without_cuda(server, monkeypatch):
    assert method() == "forkserver"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert method() == "spawn"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert method() == "spawn"


def test_a_process_that_must_see_another_environment_is_not_forked(server, monkeypatch):
    assert method() == "forkserver"
    with monkeypatch.context() as patch:
        patch.setenv("RECBOLE_EXT_DISABLE", "speed")
        assert method() == "spawn"
    assert method() == "forkserver"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {77})
    assert method() == "spawn"


def state():
    """The random states, threads and imports that a job begins with."""
    import threading

    names = {thread.name for thread in threading.enumerate()}
    return {
        "torch": torch.random.initial_seed(),
        "random": random.random(),
        "numpy": np.random.random(),
        "threads": torch.get_num_threads(),
        "watches": "crowded cores" in names,
        "forked": threads.computes_in_forks_alone(),
        "loaded": "recbole.quick_start" in sys.modules,
        "blocked": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "handler": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "parent": os.getppid(),
    }


def started(monkeypatch, context):
    monkeypatch.setattr(fork_server, "context", lambda: get_context(context))
    return [processes.alone(state, (), 2, 120) for _ in range(2)]


@pytest.mark.slow
def test_a_fork_begins_as_a_new_process(server, monkeypatch):
    fork_server.context()
    forks, new = (started(monkeypatch, name) for name in ("forkserver", "spawn"))
    for one in (*forks, *new):
        assert isinstance(one, dict), one
    for key in ("threads", "watches", "forked", "blocked", "handler"):
        assert len({one[key] for one in (*forks, *new)}) == 1, key
    assert forks[0]["blocked"]
    assert not forks[0]["forked"]
    for key in ("random", "numpy", "torch"):
        assert len({one[key] for one in (*forks, *new)}) == 4, key  # from the system, each its own
    assert [one["loaded"] for one in (*forks, *new)] == [True, True, False, False]
    assert {one["parent"] for one in new} == {os.getpid()}
    assert os.getpid() not in {one["parent"] for one in forks}


WATCH = """
import os, sys, threading
from recbole_ext.config import threads
from recbole_ext.patches.functions import crowded_cores
crowded_cores._watch = lambda torch: threading.Event().wait()
threads.compute_in_forks_alone(True)
crowded_cores.watch(None)
def names():
    return [thread.name for thread in threading.enumerate()].count("crowded cores")
def forked(work):
    reader, writer = os.pipe()
    if not os.fork():
        os.write(writer, str(work()).encode())
        os._exit(0)
    os.wait()
    return os.read(reader, 9).decode()
print(names(), forked(names), forked(names), forked(lambda: forked(names)), names())
"""


def test_a_fork_looks_for_other_processes_and_its_server_and_its_own_forks_do_not():
    result = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True)
    assert result.stdout.split() == ["0", "1", "1", "0", "0"], result.stderr


def scores(folder, model):
    run = runs.prepare(model, folder=folder, epochs=2)
    return run.fit_validated(saved=False), run.trainer.train_loss_dict


@pytest.mark.slow
def test_a_fork_computes_what_a_new_process_computes(server, ratings, monkeypatch):
    fork_server.context()
    jobs = {name: (str(ratings), name) for name in ("BPR", "MultiVAE", "LightGCN", "EASE")}
    results = []
    for name in ("forkserver", "spawn"):
        monkeypatch.setattr(fork_server, "context", lambda name=name: get_context(name))
        results.append(dict(processes.run_all(jobs, scores, 2, 200)))
    assert results[0] == results[1]
    assert all(isinstance(result, tuple) for result in results[0].values())


def end_the_server():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(0.2)
    return True


@pytest.mark.slow
def test_a_server_that_was_killed_starts_again(server):
    fork_server.context()
    first = processes.alone(state, (), 1, 120)
    assert processes.alone(end_the_server, (), 1, 120) is True
    again = [processes.alone(state, (), 1, 120) for _ in range(2)]
    assert all(one["parent"] != first["parent"] for one in again)
    assert again[1]["parent"] != os.getpid()
    assert again[1]["loaded"]


def test_a_process_starts_from_nothing_while_its_server_ends(server, monkeypatch):
    def refuse(process):
        raise ConnectionRefusedError

    fork_server.context()
    monkeypatch.setattr(get_context("forkserver").Process, "start", refuse)
    assert processes.alone(os.getppid, (), 1, 120) == os.getpid()


def test_a_process_starts_from_nothing_where_a_server_cannot_listen(server, monkeypatch):
    fork_server.context()
    monkeypatch.setattr(forkserver, "_forkserver", forkserver.ForkServer())
    for name in ("ensure_running", "connect_to_new_process"):
        monkeypatch.setattr(forkserver, name, getattr(forkserver._forkserver, name))
    monkeypatch.setattr(connection, "arbitrary_address", lambda _: "/tmp/" + "long" * 40)
    assert processes.alone(os.getppid, (), 1, 120) == os.getpid()


ENDING = """
import os, signal, sys
from recbole_ext.experiments import processes
if __name__ == "__main__":
    os.write(1, str(processes.alone(os.getppid, (), 1, 120)).encode())
    {end}
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(0)"])
def test_a_server_ends_with_the_process_that_has_it_and_leaves_no_socket(end, tmp_path):
    (tmp_path / "main.py").write_text(ENDING.format(end=end))
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    command = [sys.executable, str(tmp_path / "main.py")]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(folder)}
        )
        server, deadline = int(result.stdout), time.monotonic() + 20
        while psutil.pid_exists(server) or [*folder.iterdir()]:
            assert time.monotonic() < deadline, [*folder.rglob("*")]
            time.sleep(0.05)
    finally:
        shutil.rmtree(folder)


def test_a_module_that_cannot_be_imported_is_left_to_the_runs(monkeypatch):
    monkeypatch.setattr(fork_server.gc, "freeze", lambda: None)
    monkeypatch.setattr(fork_server.atexit, "register", lambda function: None)
    monkeypatch.setattr(threads, "_in_forks_alone", False)
    monkeypatch.setattr(fork_server.keys, "all_keys", lambda: 1 / 0)
    fork_server.preload(["no_such_module", "json"])
    assert threads.computes_in_forks_alone()

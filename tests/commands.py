"""Commands in processes of their own, which never outlive the test that has started them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil


@contextlib.contextmanager
def started(*words: str, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process of this Python, in a group of its own, as a shell gives to a command.

    At the end of the block all that is left of the group is killed: a test that fails would wait
    for a training of 100,000 epochs, or leave it beside all other tests.

    Args:
        words: what follows the Python.
        options: of ``subprocess.Popen``.
    """
    command = [sys.executable, *words]
    with subprocess.Popen(command, text=True, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def family_at_work(
    process: "subprocess.Popen[str]", n_children: int, folder: Path, seconds: float = 120
) -> list[psutil.Process]:
    """The processes below a benchmark or search, once n of them are at work.

    Args:
        process: of the command.
        n_children: its workers.
        folder: its folder for temporary files, in which a worker makes its own when it begins.
        seconds: after which it is an error that they are not.
    """
    deadline = time.monotonic() + seconds
    while len(list(folder.glob("recbole-ext-*"))) < n_children:
        assert time.monotonic() < deadline, process.poll()
        time.sleep(0.1)
    return psutil.Process(process.pid).children(recursive=True)

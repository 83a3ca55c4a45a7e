"""Commands in processes of their own, which never outlive the test that has started them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any


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

"""Commands as forks of one process that has imported what they import, for tests of their answers.

A command in a process of its own takes seconds to import torch and RecBole; a fork of a process
that has them takes none, and knows as little of what other commands have done.
"""

import contextlib
import gc
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.inputs import processes
from tests.inputs.case import Input

LIMIT = 300.0  # seconds of a command


class Forks:
    """A process that runs the installed commands, each in a fork of it, one after another."""

    def __init__(self) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.forks"],
            cwd=Path(__file__).parents[1],
            env={
                **os.environ,
                **threads,
            },  # before torch is imported: a fork must inherit no threads
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, cwd: Path | str = ".") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end.

        Args:
            words: its name, as ``run_recbole`` or ``recbole-ext``, and its options.
            cwd: the folder in which it runs.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps([words, str(Path(cwd).absolute())]), file=self._server.stdin, flush=True)
        answer = self._server.stdout.readline()
        assert answer, "the process that runs commands has ended"
        status, stdout, stderr = json.loads(answer)
        assert status is not None, f"{shlex.join(words)}: still running after {LIMIT:g} s\n{stderr}"
        return subprocess.CompletedProcess(words, status, stdout, stderr)

    def close(self) -> None:
        """End the process."""
        self._server.communicate()


def _answer(words: list[str], folder: str, scratch: Path) -> tuple[int | None, str, str]:
    """The exit status of a command, None if it has not ended; its standard output and error."""
    for name in ("home", "tmp"):
        (scratch / name).mkdir()
    here = scratch / "here"
    here.symlink_to(folder)
    running = processes.start(Input("a command", shlex.join(words)), here)
    while (status := processes.ended(running)) is None:
        if time.monotonic() - running.began > LIMIT:
            processes.kill(running)
            break
        time.sleep(0.01)
    return status, *running.texts


def main() -> None:
    """Answer each line of standard input, a command and its folder, by a line of its outcome."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what is printed here is no answer
        processes.warm_up()
        gc.collect()
        gc.freeze()  # a fork that collects garbage would copy the memory
        for line in sys.stdin:
            # no TemporaryDirectory: a fork would remove it at its exit
            scratch = Path(tempfile.mkdtemp(prefix="forks-"))
            try:
                print(json.dumps(_answer(*json.loads(line), scratch)), file=answers, flush=True)
            finally:
                shutil.rmtree(scratch)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()

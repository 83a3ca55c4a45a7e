"""How a command ends by Ctrl-C (SIGINT) or SIGTERM: one line, no process and no folder left.

The signal raises ``Ended`` in the main thread, so that ``finally`` blocks remove unfinished files
and end worker processes. A thread that the operating system wakes with the signal sees to the rest:
where the main thread does not come to its end within ``GRACE`` seconds, because it waits in C code
or because somebody has swallowed the exception, that thread ends the process.
"""

import os
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn

import wrapt

from recbole_ext.trainer import child_processes

GRACE = 1.0  # seconds

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}

ANEW = "the same command starts anew"
GOES_ON = "the same command continues where it stopped"

_advice: list[Callable[[], str]] = []


class Ended(KeyboardInterrupt):
    """A signal has arrived; ``except Exception`` lets it pass."""


def advise(advice: str | Callable[[], str]) -> None:
    """Set how a user goes on after this command has been interrupted.

    Args:
        advice: the words after "interrupted; ", or what finds them at that time.
    """
    _advice[:] = [advice if callable(advice) else lambda: advice]


def advise_to_resume(folder: Path, model: str) -> None:
    """The advice of a training run: ``--resume`` with its checkpoint, once it has one.

    Args:
        folder: of the checkpoints.
        model: the name of the model.
    """
    advise(partial(_resume, folder, model, ["run_recbole", *_words]))


_words: list[str] = []  # of the command line, which RecBole's Config would read again


def _resume(folder: Path, model: str, words: list[str]) -> str:
    """A checkpoint is named by its model, the time, and the process that saves it."""
    pids = {str(pid) for pid in (os.getpid(), *child_processes.started)}
    own = [
        file
        for file in folder.glob(f"{model}-*.pth")
        if pids & set(file.stem.removeprefix(f"{model}-").split("-")[-2:])
    ]
    if not own:
        return f"no epoch has been saved, {GOES_ON if '--resume' in words else ANEW}"
    newest = max(own, key=lambda file: file.stat().st_mtime_ns)
    return f"go on with: {shlex.join([*words, '--resume', str(newest)])}"


@contextmanager
def ends_in_one_line() -> Iterator[None]:
    """Within this block a signal ends the process with a line, and status 130 or 143.

    Not within a program that captures what the command prints: the signals are that program's.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or sys.stderr is not sys.__stderr__:
        yield
        return
    _words[:] = sys.argv[1:]
    advise(ANEW)
    ending = _Ending()
    ending.install()
    try:
        yield
        signum = ending.signum  # somebody may have swallowed the exception
    except BaseException as error:
        signum = ending.signum_of(error)
        if not signum:
            raise
    finally:
        ending.remove()
    if signum:
        ending.end(signum)


def _keep_our_handler(ray_utils: Any) -> None:
    """Ray replaces the handler of SIGTERM when it is imported, by one that exits with 15."""
    ray_utils.set_sigterm_handler = lambda handler: None


class _Ending:
    """The end of this process by a signal."""

    def __init__(self) -> None:
        self.signum = 0
        self.said = threading.Lock()
        self.over = threading.Event()
        self.old: dict[int, Any] = {}
        self.family: list[Any] = []

    def install(self) -> None:
        """Handle both signals, in this process alone and not in those that are forked from it."""
        self.reader, self.writer = socket.socketpair()
        self.writer.setblocking(False)
        self.old = {number: signal.signal(number, self._handle) for number in SIGNALS}
        self.old_wakeup = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_forked_child)
        wrapt.register_post_import_hook(_keep_our_handler, "ray._private.utils")
        threading.Thread(target=self._watch, daemon=True).start()

    def remove(self) -> None:
        """Give the signals back, unless the process is ending by one."""
        if self.signum:
            return
        self.over.set()
        signal.set_wakeup_fd(self.old_wakeup)
        for number, handler in self.old.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self.writer.close()  # which ends the thread

    def signum_of(self, error: BaseException) -> int:
        """The signal that an exception comes from; 0 for another one."""
        if self.signum:
            return self.signum
        return signal.SIGINT if isinstance(error, KeyboardInterrupt) else 0

    def end(self, signum: int) -> NoReturn:
        """End what is below this process, say how to go on, and end it; ``finally`` blocks have
        been left.
        """
        self._ignore_others(signum)
        child_processes.end([*self.family, *child_processes.family(os.getpid())])
        for folder in list(child_processes.scratch_folders):
            shutil.rmtree(folder, ignore_errors=True)
        if self.said.acquire(blocking=False):
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                line = f"{SIGNALS[signal.Signals(self.signum)]}; {_advice[0]()}"
                print(line, file=sys.stderr, flush=True)
        with suppress(Exception):
            util._run_finalizers(0)  # type: ignore[attr-defined]  # removes semaphores
        # not sys.exit: the end of Python takes its time, and prints what is interrupted in it
        os._exit(128 + self.signum)

    def _ignore_others(self, signum: int) -> None:
        self.signum = self.signum or signum
        sys.unraisablehook = lambda _: None  # it prints where the exception has been swallowed
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    def _handle(self, signum: int, _: Any) -> None:
        self._ignore_others(signum)
        raise Ended(signum)

    def _watch(self) -> None:
        while received := self.reader.recv(1):
            if not self.over.is_set() and received[0] in list(SIGNALS):
                self.family = child_processes.family(os.getpid())  # before some lose their parent
                time.sleep(GRACE)
                self.end(received[0])
        self.reader.close()

    def _leave_forked_child(self) -> None:
        signal.set_wakeup_fd(-1)
        if not self.over.is_set():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

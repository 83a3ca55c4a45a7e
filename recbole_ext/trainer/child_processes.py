"""Processes that a command starts: Ctrl-C does not reach them, and they end with the command.

Ctrl-C goes to every process of a terminal. A child that receives it prints a traceback of its own,
so children are started with SIGINT blocked: the command ends them.
"""

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import Any

# The process ids of all children of this process, those that have ended too.
started: set[int] = set()

# Folders of children, which are removed if this process has to end at once.
scratch_folders: set[str] = set()

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def starting() -> Iterator[None]:
    """Within this block processes are started; a signal to this process waits for its end.

    Otherwise a child that starts during an interrupt would be missing from the list of children.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not hasattr(signal, "pthread_sigmask"):  # Windows has none
        yield
        _note_children()
        return
    resource_tracker.ensure_running()  # starting it would unblock the signals
    waiting: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, lambda received, _: waiting.append(received))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # children inherit it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        _note_children()
        if waiting:
            signal.raise_signal(waiting[0])


def _note_children() -> None:
    started.update(child.pid for child in multiprocessing.active_children() if child.pid)


def end_with_the_parent(scratch: str | None = None) -> None:
    """Watch, in a thread of a child, for the end of its parent, and end with it.

    A parent that is killed cannot end its children; they would continue without it.

    Args:
        scratch: a folder of the child, which is removed then.
    """
    threading.Thread(target=_wait_for_the_parent, args=(scratch,), daemon=True).start()


def _wait_for_the_parent(scratch: str | None) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if scratch is not None:
            remove(scratch)
        os._exit(1)


def remove(folder: str) -> None:
    """Remove a folder that others may still write to, as far as that is possible in two seconds."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.02)


def end_tree(pid: int) -> None:
    """End a process and all its descendants at once; ended ones are skipped."""
    import psutil  # type: ignore[import-untyped]  # RecBole needs it

    with suppress(psutil.Error):
        end([*family(pid), psutil.Process(pid)])


def family(pid: int) -> list[Any]:
    """The processes below one, as psutil has them.

    The resource tracker of ``multiprocessing`` is left out: it cleans up after killed processes and
    then ends by itself.
    """
    import psutil

    helper = getattr(getattr(resource_tracker, "_resource_tracker", None), "_pid", None)
    with suppress(psutil.Error):
        return [p for p in psutil.Process(pid).children(recursive=True) if p.pid != helper]
    return []


def end(processes: list[Any]) -> None:
    """Kill some processes; ended ones are skipped."""
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            process.kill()

"""Processes of runs start warm: as forks of one that has imported what a run needs.

A process that starts from nothing imports torch, pandas and RecBole for seconds, more than many a
run takes. ``multiprocessing`` has a server that forks such processes; it is a process of its own,
without the threads, the random states and the logs of this one. It has nothing but imports behind
it, so what a fork of it computes is what a new process computes.

Only where a fork is safe: on Linux, without CUDA, which does not outlive one.
"""

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from recbole_ext.config import threads
from recbole_ext.registry import keys
from recbole_ext.trainer import child_processes

SERVER = "recbole_ext.experiments.preloaded"  # what the server imports

# What the processes of most runs import.
MODULES = (
    "recbole.quick_start",
    "recbole.model.general_recommender",
    "recbole_ext.experiments.runs",
    "recbole_ext.models.autorec",
    "recbole_ext.models.ncf",
)

# What the server has begun with, and its forks begin with: it does not see a later change.
_surroundings: tuple[dict[str, str], set[int]] | None = None


def start(target: Callable[..., object], arguments: tuple[Any, ...]) -> BaseProcess:
    """A process that has been started, see ``context``; from nothing if there is no server.

    Its server may just be ending, or cannot listen in a temporary folder with a long name.

    Args:
        target: what it carries out; it can be pickled, as the arguments can.
        arguments: of it.
    """
    process = context().Process(target=target, args=arguments)
    try:
        process.start()
    except (OSError, EOFError):
        process = get_context("spawn").Process(target=target, args=arguments)
        process.start()
    if getattr(process, "_start_method", None) == "forkserver":
        child_processes.scratch_folders.add(util.get_temp_dir())  # has the server's socket
    return process


def context() -> Any:
    """How the next process starts: as a fork of the server where that is safe, else from nothing.

    A process that must see other environment variables, or other cores, than the server did when
    it was started, starts from nothing, too.
    """
    global _surroundings
    if not sys.platform.startswith("linux") or _has_cuda():
        return get_context("spawn")
    now = dict(os.environ), os.sched_getaffinity(0)
    if _surroundings is None:
        _surroundings = now
        get_context("forkserver").set_forkserver_preload([SERVER])
    return get_context("forkserver" if now == _surroundings else "spawn")


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def preload(modules: Sequence[str] = MODULES) -> None:
    """Import what runs need. A failure is left to the run that needs the module, and reports it."""
    threads.compute_in_forks_alone(True)
    for module in modules:
        _try(importlib.import_module, module)
    _try(keys.all_keys)  # which reads RecBole's source
    gc.collect()
    gc.freeze()  # so that forks do not copy the memory of what they never collect
    atexit.register(_remove_socket)  # a fork does not come by here: it ends by os._exit


def _remove_socket() -> None:
    """Remove the server's socket and its folder, where the process that had it was killed."""
    from multiprocessing import forkserver  # which not every system has

    address = forkserver._forkserver._forkserver_address  # type: ignore[attr-defined]
    if address and not util.is_abstract_socket_namespace(address):
        Path(address).unlink(missing_ok=True)
        with suppress(OSError):
            Path(address).parent.rmdir()


def _try(function: Callable[..., object], *arguments: str) -> None:
    try:
        function(*arguments)
    except Exception:
        return

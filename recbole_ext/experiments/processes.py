"""Runs of RecBole in processes of their own, which end with the process that started them."""

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread, Timer
from typing import Any, TypeVar

from recbole_ext.config.threads import share
from recbole_ext.trainer import allocator

K = TypeVar("K")
R = TypeVar("R")


class JobFailure(str):
    """Why a job has no result."""


# The reason for a job whose process ended without a result.
DIED = JobFailure("the process died, perhaps for want of memory: try fewer --workers")


def run_all(
    jobs: Mapping[K, tuple[Any, ...]],
    work: Callable[..., R],
    workers: int,
    timeout: float | None = None,
) -> Iterator[tuple[K, R | JobFailure]]:
    """``work(*arguments)`` for each job, in the order in which they end; see ``alone``.

    Args:
        jobs: name -> arguments, which can be pickled, as ``work`` can.
        work: a function of a module.
        workers: processes at a time; the cores that this process may use are shared among them.
        timeout: seconds that a job may take; None for no end.
    """
    threads = share(workers)
    with ThreadPoolExecutor(workers) as pool:
        waiting = {
            pool.submit(alone, work, arguments, threads, timeout): name
            for name, arguments in jobs.items()
        }
        try:
            for job in as_completed(waiting):
                yield waiting[job], job.result()
        finally:
            pool.shutdown(cancel_futures=True)


def alone(
    work: Callable[..., R], arguments: tuple[Any, ...], threads: int, timeout: float | None
) -> R | JobFailure:
    """``work(*arguments)`` in a new process and folder, which are gone afterwards.

    A process of its own makes its memory its own: one that dies takes no other with it.
    """
    began = time.monotonic()
    # RecBole's trainer writes event files and a folder for checkpoints where it stands
    with (
        tempfile.TemporaryDirectory(prefix="recbole-ext-") as scratch,
        ProcessPoolExecutor(
            1, get_context("spawn"), _start, (threads, scratch, timeout)
        ) as process,
    ):
        try:
            return process.submit(work, *arguments).result()
        except BrokenProcessPool:
            if timeout is not None and time.monotonic() - began >= timeout:
                return JobFailure(f"still running after {timeout:g} s, its timeout")
            return DIED


def _start(threads: int, scratch: str, timeout: float | None) -> None:
    import torch

    allocator.keep_freed_memory()
    sys.argv = sys.argv[:1]  # RecBole's Config would read the command's
    torch.set_num_threads(threads)
    logging.disable(logging.CRITICAL)
    Thread(target=_end_with_the_parent, daemon=True).start()
    if timeout is not None:
        end = Timer(timeout, os._exit, (1,))
        end.daemon = True
        end.start()
    os.chdir(scratch)


def _end_with_the_parent() -> None:
    """A command that is killed cannot stop its workers, which would go on without it."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Runs of RecBole in processes of their own, which end with the one that started them."""

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

from recbole_ext import allocator

K = TypeVar("K")
R = TypeVar("R")

# Why a run has failed whose process did not live to say it.
DIED = "the process died, perhaps for want of memory: try fewer --workers"


def run_all(
    jobs: Mapping[K, tuple[Any, ...]], work: Callable[..., R], workers: int
) -> Iterator[tuple[K, R | None]]:
    """``work(*arguments)`` for each job, in the order in which they end; None where one has died.

    Each job gets a new process, which makes its memory its own: one that dies takes no other
    with it.

    Args:
        jobs: name -> arguments, which can be pickled, as ``work`` can.
        work: a function of a module.
        workers: processes at a time; the processor's threads are shared among them.
    """
    threads = max(1, (os.cpu_count() or 1) // workers)
    # RecBole's trainer writes event files and a folder for checkpoints where it stands
    with (
        tempfile.TemporaryDirectory(prefix="recbole-ext-") as scratch,
        ThreadPoolExecutor(workers) as pool,
    ):
        alone = partial(_alone, work, threads, scratch)
        waiting = {pool.submit(alone, arguments): name for name, arguments in jobs.items()}
        try:
            for job in as_completed(waiting):
                yield waiting[job], job.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _alone(
    work: Callable[..., R], threads: int, scratch: str, arguments: tuple[Any, ...]
) -> R | None:
    with ProcessPoolExecutor(1, get_context("spawn"), _start, (threads, scratch)) as process:
        try:
            return process.submit(work, *arguments).result()
        except BrokenProcessPool:
            return None


def _start(threads: int, scratch: str) -> None:
    import torch

    allocator.keep_freed_memory()
    sys.argv = sys.argv[:1]  # RecBole's Config would read the command's
    torch.set_num_threads(threads)
    logging.disable(logging.CRITICAL)
    Thread(target=_end_with_the_parent, daemon=True).start()
    os.chdir(scratch)


def _end_with_the_parent() -> None:
    """A command that is killed cannot tell its workers, which would go on alone."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

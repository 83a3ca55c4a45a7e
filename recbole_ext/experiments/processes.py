"""Runs of RecBole in processes of their own, which end with the process that started them."""

import logging
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from recbole_ext.config.threads import compute_in_forks_alone, share
from recbole_ext.errors import in_a_line
from recbole_ext.experiments import fork_server
from recbole_ext.trainer import allocator, child_processes

K = TypeVar("K")
R = TypeVar("R")

_UNTIL_KILLED = 10  # seconds that a process has to end in, once its result is here


class JobFailure(str):
    """Why a job has no result.

    Attributes:
        traceback: of the exception that it is of; "" where there was none.
    """

    traceback: str = ""


# The reason for a job whose process ended without a result.
DIED = JobFailure("the process died, perhaps because memory ran out: try fewer --workers")


def run_all(
    jobs: Mapping[K, tuple[Any, ...]],
    work: Callable[..., R],
    workers: int,
    timeout: float | None = None,
) -> Generator[tuple[K, R | JobFailure], None, None]:
    """``work(*arguments)`` for each job, in the order in which they end; see ``alone``.

    When the iterator is closed, the processes that are still at work are ended.

    Args:
        jobs: name -> arguments, which can be pickled, as ``work`` can.
        work: a function of a module.
        workers: processes at a time; the cores that this process may use are shared among them.
        timeout: seconds that a job may take; None for no limit.
    """
    threads = share(workers)
    waiting = deque(jobs.items())
    running: dict[Connection, tuple[K, _Job[R]]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                name, arguments = waiting.popleft()
                job = _Job(work, arguments, threads, timeout)
                running[job.connection] = name, job
            wait(list(running), min((job.seconds_left() for _, job in running.values()), default=0))
            ended = [c for c, (_, job) in running.items() if c.poll() or not job.seconds_left()]
            for connection in ended:
                name, job = running.pop(connection)
                yield name, job.outcome()
    finally:
        for _, job in running.values():
            job.end()


def alone(
    work: Callable[..., R], arguments: tuple[Any, ...], threads: int, timeout: float | None
) -> R | JobFailure:
    """``work(*arguments)`` in a new process and folder, which are gone afterwards.

    If a process dies, for example for lack of memory, the other processes continue.

    Args:
        work: a function that can be pickled.
        arguments: of the function.
        threads: of torch in the process.
        timeout: seconds; None for no limit.
    """
    job = _Job(work, arguments, threads, timeout)
    try:
        job.connection.poll(job.seconds_left())
        return job.outcome()
    finally:
        job.end()


class _Process:
    """A process in a folder of its own, and the connection to it.

    Args:
        target: gets the connection, the folder, ``threads`` and ``arguments``.
        threads: of torch in the process.
        arguments: further ones.
    """

    def __init__(
        self, target: Callable[..., None], threads: int, arguments: tuple[Any, ...]
    ) -> None:
        self.connection, far_end = Pipe()
        with child_processes.starting():
            # RecBole's trainer writes event files and a folder for checkpoints where it stands.
            # The process makes its folder itself: there is none if it never starts.
            name = f"recbole-ext-{secrets.token_hex(8)}"
            self.scratch = str(Path(tempfile.gettempdir(), name))
            child_processes.scratch_folders.add(self.scratch)
            self.process = fork_server.start(target, (far_end, self.scratch, threads, *arguments))
        far_end.close()  # so that the connection ends with the process

    def end(self) -> None:
        """End the process, wherever it is, and remove its folder.

        The folder is removed first: if this process is ended here, too, its child removes the rest.
        """
        shutil.rmtree(self.scratch, ignore_errors=True)
        if self.process.is_alive() and self.process.pid is not None:
            child_processes.end_tree(self.process.pid)
        self.process.join()
        self.connection.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        child_processes.scratch_folders.discard(self.scratch)


class _Job(_Process, Generic[R]):
    """A job in a process of its own."""

    def __init__(
        self,
        work: Callable[..., R],
        arguments: tuple[Any, ...],
        threads: int,
        timeout: float | None,
    ) -> None:
        self.began, self.timeout = time.monotonic(), timeout
        super().__init__(_carry_out, threads, (work, arguments))

    def seconds_left(self) -> float:
        """Until the timeout; a day where there is none."""
        if self.timeout is None:
            return 86400.0
        return max(0.0, self.timeout - (time.monotonic() - self.began))

    def outcome(self) -> R | JobFailure:
        """The result, or the reason why there is none. Ends the process."""
        outcome: R | JobFailure = DIED
        if not self.connection.poll():
            outcome = _too_long(self.timeout)
        else:
            try:
                outcome = self.connection.recv()
                self.process.join(_UNTIL_KILLED)
            except (EOFError, OSError):  # before its result, or in the middle of it
                outcome = DIED
        self.end()
        return outcome


class Warm:
    """A process that carries out jobs one after another, so that it imports torch only once.

    A job that takes too long, or dies, takes the process with it; the next one gets another.

    Args:
        threads: of torch in the process.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._process: _Process | None = None

    def run(
        self, work: Callable[..., R], arguments: tuple[Any, ...], timeout: float | None
    ) -> R | JobFailure:
        """``work(*arguments)``; see ``alone``."""
        process = self._process or _Process(_serve, self.threads, ())
        self._process = process
        outcome: R | JobFailure = DIED
        try:
            process.connection.send((work, arguments))
            if not process.connection.poll(timeout):
                outcome = _too_long(timeout)
            else:
                outcome = process.connection.recv()
                return outcome
        except (EOFError, OSError):  # before its result, or in the middle of it
            pass
        self.close()
        return outcome

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
        self._process = None


def _carry_out(
    connection: Connection,
    scratch: str,
    threads: int,
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    """What a process does: its outcome goes through the connection.

    It removes its folder itself, because its parent may have been killed in the meantime.
    """
    with _scratch(scratch):
        try:
            _prepare(threads, scratch)
            connection.send(work(*arguments))
        except BrokenPipeError:
            pass  # the parent has gone
        except Exception as error:  # the job's, not the others'
            with suppress(BrokenPipeError):
                connection.send(_failure(error))


def _serve(connection: Connection, scratch: str, threads: int) -> None:
    """What the process of ``Warm`` does, until its connection ends."""
    with _scratch(scratch), suppress(EOFError, BrokenPipeError):
        _prepare(threads, scratch)
        while True:
            work, arguments = connection.recv()
            try:
                outcome = work(*arguments)
            except Exception as error:  # the job's, not the others'
                outcome = _failure(error)
            connection.send(outcome)


@contextmanager
def _scratch(folder: str) -> Iterator[None]:
    """Within it the process ends with its parent; afterwards its folder is gone."""
    child_processes.end_with_the_parent(folder)
    try:
        yield
    finally:
        os.chdir(tempfile.gettempdir())
        child_processes.remove(folder)


def _failure(error: Exception) -> JobFailure:
    """That of the exception which is handled now."""
    failure = JobFailure(in_a_line(error))
    failure.traceback = traceback.format_exc()
    return failure


def _too_long(timeout: float | None) -> JobFailure:
    return JobFailure(f"still running after {timeout:g} s, its timeout")


def _prepare(threads: int, scratch: str) -> None:
    compute_in_forks_alone(False)
    import numpy as np
    import torch

    allocator.keep_freed_memory()
    # A new process has random states of its own; a fork, those of the process that it is of.
    random.seed()
    np.random.seed()
    torch.default_generator.seed()
    sys.argv = sys.argv[:1]  # RecBole's Config would read the command's
    torch.set_num_threads(threads)
    logging.disable(logging.CRITICAL)
    os.mkdir(scratch, 0o700)
    os.chdir(scratch)

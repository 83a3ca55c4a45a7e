"""Jobs of benchmarks and searches in this process: one of its own takes seconds to import torch."""

import contextlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from recbole_ext.config.threads import share
from recbole_ext.errors import in_a_line
from recbole_ext.experiments.processes import JobFailure


def run_here(
    jobs: Mapping[Any, tuple[Any, ...]],
    work: Callable[..., Any],
    workers: int,
    timeout: float | None = None,
) -> Iterator[tuple[Any, Any]]:
    """What ``processes.run_all`` gives, by this process alone, in the order of the jobs.

    Arguments and results are pickled, and each job has a folder and the threads that it has there.

    Args:
        jobs, work, workers: see ``processes.run_all``.
        timeout: not used.
    """
    for name, arguments in jobs.items():
        yield name, _carry_out(pickle.dumps((work, arguments)), share(workers))


def _carry_out(job: bytes, n_threads: int) -> Any:
    with tempfile.TemporaryDirectory() as folder, _as_a_process(folder, n_threads):
        work, arguments = pickle.loads(job)
        try:
            return pickle.loads(pickle.dumps(work(*arguments)))
        except Exception as error:
            return JobFailure(in_a_line(error))


@contextlib.contextmanager
def _as_a_process(folder: str, n_threads: int) -> Iterator[None]:
    """Stand in a folder, with a number of threads and without the words of a command line."""
    import torch  # not by each test that needs no torch

    before, words, n_before = os.getcwd(), sys.argv, torch.get_num_threads()
    os.chdir(folder)
    sys.argv = words[:1]
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(n_before)
        sys.argv = words
        os.chdir(before)

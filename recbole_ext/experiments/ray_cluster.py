"""Runs on a Ray cluster: each in a process of its own, on a node that has a core free.

If a node dies, Ray repeats its jobs on other nodes.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from recbole_ext.errors import UserError
from recbole_ext.experiments import processes
from recbole_ext.experiments.processes import JobFailure, K, R


def run_all(
    jobs: Mapping[K, tuple[Any, ...]],
    work: Callable[..., R],
    address: str,
    timeout: float | None = None,
) -> Iterator[tuple[K, R | JobFailure]]:
    """``work(*arguments)`` for each job, in the order in which they end; see ``processes.alone``.

    Args:
        jobs, work, timeout: see ``processes.run_all``. Files that they name are where they say on
            each node, which has this package, too.
        address: of a running cluster, as ``HOST:6379``; ``auto`` for the one of this machine.

    Raises:
        UserError: there is no cluster.
    """
    import ray

    try:
        _connect(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # Ray raises ConnectionError, RuntimeError and others
        raise UserError(
            f"--ray {address}: no Ray cluster answers there ({error}); "
            "start one with `ray start --head`, which needs `pip install 'setuptools<82'`"
        ) from error
    try:
        gpus = int(ray.cluster_resources().get("GPU", 0) > 0)
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=-1)(processes.alone)
        waiting = {task.remote(work, arguments, 1, timeout): k for k, arguments in jobs.items()}
        while waiting:
            (ended, *_), _ = ray.wait(list(waiting), num_returns=1)
            yield waiting.pop(ended), ray.get(ended)
    finally:
        ray.shutdown()


def _connect(address: str) -> None:
    """Try a connection to ``HOST:PORT``: Ray itself waits for a minute and prints its attempts."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()

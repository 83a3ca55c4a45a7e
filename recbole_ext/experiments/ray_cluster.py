"""Runs on a Ray cluster: each in a process of its own, on a node that has a core free.

If a node dies, Ray repeats its jobs on other nodes.
"""

import importlib.util
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from typing import Any

from recbole_ext.errors import UserError
from recbole_ext.experiments import processes
from recbole_ext.experiments.processes import JobFailure, K, R
from recbole_ext.registry import releases

PATIENCE = 4  # seconds in which a cluster has to answer

# How a client of HTTP/2, which is what gRPC speaks, begins (RFC 9113, section 3.4), with a frame of
# no settings. The server's first frame is one of settings, too (the type is the fourth byte).
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4


def require(option: str) -> None:
    """Check that Ray is installed, without importing it.

    Args:
        option: that needs it; the message begins with it.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise UserError(f"{option}: Ray is not installed; pip install 'recbole-ext[ray]'")


def run_all(
    jobs: Mapping[K, tuple[Any, ...]],
    work: Callable[..., R],
    address: str,
    timeout: float | None = None,
) -> Generator[tuple[K, R | JobFailure], None, None]:
    """``work(*arguments)`` for each job, in the order in which they end; see ``processes.alone``.

    Args:
        jobs, work, timeout: see ``processes.run_all``. Every node needs this package, and the
            files that the jobs name, under the same paths.
        address: of a running cluster, as ``HOST:6379``; ``auto`` for the one of this machine.

    Raises:
        UserError: there is no cluster, or Ray is not installed.
    """
    require(f"--ray {address}")
    import ray

    connect(address, f"--ray {address}", log_to_driver=False, logging_level="ERROR")
    try:
        gpus = int(ray.cluster_resources().get("GPU", 0) > 0)
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=-1)(processes.alone)
        waiting = {task.remote(work, arguments, 1, timeout): k for k, arguments in jobs.items()}
        while waiting:
            (ended, *_), _ = ray.wait(list(waiting), num_returns=1)
            yield waiting.pop(ended), ray.get(ended)
    finally:
        ray.shutdown()


def connect(address: str | None, where: str, **options: Any) -> None:
    """Connect to a Ray cluster that answers, or start Ray on this machine.

    Ray itself would try for more than a minute and print its attempts.

    Args:
        address: ``HOST:PORT`` of a cluster; ``auto`` for the one of this machine; None for what the
            environment variable RAY_ADDRESS says, else a Ray of its own, whatever else runs here.
        where: what messages begin with.
        options: of ``ray.init``.

    Raises:
        UserError: no cluster answers there within ``PATIENCE`` seconds.
    """
    import ray

    if address is None and os.environ.get("RAY_ADDRESS"):
        where = f"RAY_ADDRESS={os.environ['RAY_ADDRESS']}"
    elif address is None:
        address = "local"
    try:
        if address != "local":
            _refuse_silence(address)
        ray.init(address=address, **options)
        if threading.current_thread() is threading.main_thread():
            # Ray has put a handler of C++ in Python's place, which prints its stack
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    except Exception as error:  # Ray raises ConnectionError, RuntimeError and others
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        needs = ", which needs `pip install 'setuptools<82'`" * releases.ray_reads_pkg_resources()
        raise UserError(
            f"{where}: no Ray cluster answers there ({reason}); "
            f"start one with `ray start --head`{needs}"
        ) from error


def _refuse_silence(address: str | None) -> None:
    """Check that a cluster answers; nothing is checked where Ray starts one of its own.

    Raises:
        Exception: no answer comes, or it is not that of a cluster.
    """
    from ray._private import services

    if address is not None and "://" in address:  # a client's server
        _greet(address.split("://", 1)[1])
        return
    cluster = services.canonicalize_bootstrap_address(address)
    if cluster is not None:
        _greet(cluster)


def _greet(place: str) -> None:
    host, colon, port = place.partition("/")[0].rpartition(":")
    if not colon or not port.isdecimal():
        raise ValueError(f"expected HOST:PORT, found {place}")
    server = (host.strip("[]"), int(port))
    with socket.create_connection(server, timeout=PATIENCE / 2) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return  # it greets after a handshake with certificates, which is Ray's to do
        connection.sendall(_GREETING)
        answer = connection.recv(4)
    if answer[3:] != bytes([_SETTINGS]):
        raise ConnectionError("what answers is no cluster")

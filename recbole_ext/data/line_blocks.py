"""Blocks of whole lines of a stream, and work on several of them at the same time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, TypeVar

from recbole_ext.config.threads import usable_cores

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_MOST_THREADS = 8  # each has a block of its own in memory


def whole_lines(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """The lines of a stream, some at a time; the last one ends in a line feed, too.

    Args:
        stream: of text.
        size: bytes that are read at a time; a longer line is read whole.
    """
    rest = b""
    while True:
        read = stream.read(size)
        chunk = rest + read
        if not chunk:
            return
        cut = chunk.rfind(b"\n") + 1 if read else len(chunk)
        lines, rest = chunk[:cut], chunk[cut:]
        if lines:
            yield lines if lines.endswith(b"\n") else lines + b"\n"


def in_order(work: Callable[[_In], _Out], inputs: Iterable[_In]) -> Iterator[_Out]:
    """``map(work, inputs)`` with one thread a core, and few inputs read ahead.

    Args:
        work: lets other threads run, as Arrow's functions do.
        inputs: are read by the caller's thread.
    """
    n_threads = min(usable_cores(), _MOST_THREADS)
    waiting: deque[Future[_Out]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for value in inputs:
            waiting.append(pool.submit(work, value))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

"""Locks of files, by which processes take turns; a process that ends, however it does, has none."""

import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

WAIT = 0.2  # seconds between two tries

if sys.platform == "win32":

    def lock(stream: IO[bytes]) -> None:
        """Lock a file for this process until it is closed; OSError if another process has it."""
        import msvcrt

        stream.seek(2**40)  # beyond the lines, which others may read
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def lock(stream: IO[bytes]) -> None:
        """Lock a file for this process until it is closed; OSError if another process has it."""
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Within this block no other process is in such a block of the same path; waits for its turn.

    The lock is on a hidden file beside ``path``, which is removed at the end.

    Args:
        path: a file or folder that is to be written; its folder has to exist.

    Raises:
        OSError: its folder cannot be written.
    """
    file = path.with_name(f".{path.name}.lock")
    stream = _locked(file, path)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows does not remove what is open
            file.unlink()
        stream.close()


def _locked(file: Path, path: Path) -> IO[bytes]:
    """The lock file, open, once this process has its lock."""
    has_waited = False
    while True:
        stream = file.open("ab")
        try:
            lock(stream)
        except (BlockingIOError, PermissionError):
            stream.close()
            if not has_waited:
                warnings.warn(
                    f"{path}: another process is writing it now; waiting for it", stacklevel=2
                )
            has_waited = True
            time.sleep(WAIT)
            continue
        except OSError:  # a file system without locks
            return stream
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(stream.fileno()), file.stat()):
                return stream
        stream.close()  # the process before this one has removed it since

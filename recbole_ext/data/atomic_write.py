"""Files and folders that are there whole, or not at all.

What is written goes to a temporary name in the same folder, is flushed to the disk, and is
renamed into its place: a process that is killed at any moment leaves the old file, or none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes the file ``path`` when the block ends without an error.

    Args:
        path: an existing file is replaced; its folder has to exist.

    Raises:
        OSError: the folder cannot be written, or the disk is full; ``path`` is as it was.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all; see ``atomic_write``."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


def _sync_folder(folder: Path) -> None:
    """The rename itself reaches the disk with the folder; Windows cannot open one."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

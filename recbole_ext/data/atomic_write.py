"""Files and folders that are there whole, or not at all.

The content goes to a temporary name in the same folder, reaches the disk, and is renamed into its
place: a process that is killed at any moment leaves the old content, or none, and never a part of
the new one.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes the file ``path`` when the block ends without an error.

    Args:
        path: an existing file is replaced; its folder has to exist. A device or a pipe is written
            to as it stands.

    Raises:
        OSError: the folder cannot be written, or the disk is full; it names ``path``, which is as
            it was.
    """
    if path.exists() and not path.is_file():  # to be renamed over, it would be gone
        with errors_of(path), path.open("wb") as stream:
            yield stream
        return
    unfinished = temporary(path)
    with errors_of(path, unfinished):
        try:
            with unfinished.open("xb") as stream:
                yield stream
            move_into_place(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all; see ``atomic_write``."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes the folder ``path`` when the block ends without an
    error.

    Args:
        path: an existing folder is replaced by the new one; its parent has to exist. A process
            that is killed while they change places leaves neither under this name, and the old
            one whole beside it, under a hidden name.

    Raises:
        OSError: the parent cannot be written, or the disk is full; it names ``path``, which is as
            it was.
    """
    unfinished, old = temporary(path), temporary(path)
    with errors_of(path, unfinished):
        unfinished.mkdir()
        try:
            yield unfinished
            for file in unfinished.rglob("*"):
                _sync(file)
            _sync(unfinished)
            if path.exists():
                os.replace(path, old)
            os.replace(unfinished, path)
            _sync(path.parent)
        except BaseException:
            if old.exists() and not path.exists():
                os.replace(old, path)
            raise
        finally:
            for folder in (unfinished, old):
                shutil.rmtree(folder, ignore_errors=True)


def move_into_place(unfinished: Path, path: Path) -> None:
    """Rename a finished file to ``path``, in the same folder, once its content is on the disk.

    Raises:
        OSError: the disk is full or broken; ``path`` is as it was.
    """
    _sync(unfinished)
    os.replace(unfinished, path)
    _sync(path.parent)


def temporary(path: Path) -> Path:
    """A new name beside ``path`` for what is not finished."""
    # not the number of the process: two machines that share a disk may have the same one
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


@contextmanager
def errors_of(path: Path, unfinished: Path | None = None) -> Iterator[None]:
    """Within this block an error of the disk names ``path``, not nothing or the unfinished file.

    Args:
        path: what is to be written.
        unfinished: its temporary name.
    """
    try:
        yield
    except OSError as error:
        _name(error, path, unfinished)
        raise
    except RuntimeError as error:  # torch's zip writer finds its archive too short, and raises that
        cause = error.__context__
        if not isinstance(cause, OSError):
            raise
        _name(cause, path, unfinished)
        raise cause from error


def _name(error: OSError, path: Path, unfinished: Path | None) -> None:
    named = str(error.filename or "")
    if error.errno is not None and (not named or str(unfinished) in named):
        error.filename, error.filename2 = str(path), None


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_file():
        with path.open("rb+") as stream:  # Windows syncs only what may be written
            os.fsync(stream.fileno())
    elif os.name == "posix":  # Windows cannot open a folder
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

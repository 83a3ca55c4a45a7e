"""Files and folders that are there whole, or not at all.

The content goes to a temporary name in the same folder, reaches the disk, and is renamed into its
place: a process that is killed at any moment leaves the old content, or none, and never a part of
the new one.
"""

import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes the file ``path`` when the block ends without an error.

    Args:
        path: an existing file is replaced, of a symbolic link the file that it leads to; its
            folder has to exist. A device, or an output that this process has, is written to as it
            stands.

    Raises:
        OSError: the folder cannot be written, the disk is full, or ``path`` is a pipe or a socket;
            it names ``path``, which is as it was.
    """
    if is_kept(path):
        with errors_of(path), _open_as_it_stands(path) as stream:
            yield stream
        return
    with errors_of(path):
        place = end_of_links(path)
    unfinished = temporary(place)
    with errors_of(path, unfinished):
        try:
            with unfinished.open("xb") as stream:
                yield stream
            move_into_place(unfinished, place)
        finally:
            unfinished.unlink(missing_ok=True)


def is_kept(path: Path) -> bool:
    """Whether a path is no file of its own: to be renamed over, a device would be gone.

    So would a file that is the output of this process: a shell has opened it.
    """
    return _own_output(path) is not None or (path.exists() and not path.is_file())


def _own_output(path: Path) -> int | None:
    """The descriptor of standard output or error, if ``path`` is one of them: /dev/stdout."""
    for descriptor in (1, 2):
        try:
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
        except (OSError, ValueError):  # nothing is there, or the output is closed
            continue
    return None


def _open_as_it_stands(path: Path) -> BinaryIO:
    """A stream to a device; to an output of this process where it has been written to so far.

    Raises:
        OSError: it is a pipe that nobody reads yet, on which a write would wait, or a socket.
    """
    descriptor = _own_output(path)
    if descriptor is not None:
        for output in (sys.stdout, sys.stderr):
            output.flush()
        return os.fdopen(os.dup(descriptor), "wb")
    if path.is_fifo():
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    return path.open("wb")


def end_of_links(path: Path) -> Path:
    """Where the symbolic links of a path lead to, which need not exist; the path, if it is none.

    Raises:
        OSError: they lead back to themselves.
    """
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return place


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all; see ``atomic_write``."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes the folder ``path`` when the block ends without an
    error.

    Args:
        path: an existing folder is replaced by the new one, of a symbolic link the folder that it
            leads to; its parent has to exist. A process that is killed while they change places
            leaves neither under this name, and the old one whole beside it, under a hidden name.

    Raises:
        OSError: the parent cannot be written, the disk is full, or ``path`` is no folder; it names
            ``path``, which is as it was.
    """
    with errors_of(path):
        path = end_of_links(path)
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
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


@contextmanager
def existing_folder(folder: Path) -> Iterator[None]:
    """Within this block a folder is there; if the block fails, what it has made of it goes again.

    Args:
        folder: made with those above it; one that is not empty stays.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


def move_into_place(unfinished: Path, path: Path) -> None:
    """Rename a finished file to ``path``, in the same folder, once its content is on the disk.

    Raises:
        OSError: the disk is full or broken, or ``path`` is no file; it is as it was.
    """
    refuse_special(path)
    _sync(unfinished)
    os.replace(unfinished, path)
    _sync(path.parent)


def refuse_special(path: Path) -> None:
    """Refuse what is there and is no file: a rename would remove it from the machine.

    Raises:
        OSError: it is a device, a pipe, a socket, a folder or a symbolic link.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "expected a file, found something else", str(path))


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

"""Whether an output can be written: found out before the work for it begins.

Rights, limits and disks have too many rules to be asked for one by one (and none of the rights
binds root): a block is written beside the place of the output and removed again.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recbole_ext.data.atomic_write import end_of_links, is_kept, temporary
from recbole_ext.errors import FileError, file_error

_BLOCK = bytes(4096)  # a full disk takes an empty file


def check_file(path: Path, what: str) -> None:
    """Refuse a file that ``atomic_write`` could not write.

    Args:
        path: the file; if it exists, it is left as it is.
        what: the option or setting that names it, for the message.

    Raises:
        FileError: it is a folder, a pipe or a socket, its folder is missing or cannot be written,
            the disk is full, or its name is none.
    """
    with _refused(path, what):
        if not path.name or path.is_dir():
            raise OSError(errno.EISDIR, "", str(path))
        if is_kept(path):
            _check_device(path, what)
            return
        place = end_of_links(path)
        if not place.parent.exists():
            raise FileError(f"{what}: {path}: no folder {place.parent}; make it first")
        _write_a_block(place)


def check_folder(path: Path, what: str) -> None:
    """Refuse a folder in which no file could be made; it need not exist yet.

    Args:
        path: the folder; nothing is left in it, and it is not made.
        what: the option or setting that names it, for the message.

    Raises:
        FileError: it or one above it is a file, cannot be written or has a name that is none, or
            the disk is full.
    """
    with _refused(path, what):
        there = path
        while not there.exists():
            there = there.parent
        if not there.is_dir():
            raise FileError(
                f"{what}: {path}: expected a folder, found the file {there}; name a folder"
            )
        _write_a_block(there / "output")


def _write_a_block(path: Path) -> None:
    probe = temporary(path)
    try:
        with probe.open("xb") as stream:
            stream.write(_BLOCK)
    except OSError as error:
        is_long = error.errno == errno.ENAMETOOLONG
        error.filename = str(path if is_long else path.parent.absolute())
        raise
    finally:
        if probe.exists():
            probe.unlink()


def _check_device(path: Path, what: str) -> None:
    """Open a device, and write to it if nobody reads what it is given, as /dev/full."""
    mode = path.stat().st_mode
    has_name = os.path.exists(os.path.realpath(path))  # a pipe without one is open already
    if stat.S_ISREG(mode) or not has_name:
        return
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise FileError(f"{what}: {path}: expected a file, found a pipe or a socket; name a file")
    with path.open("wb") as stream:
        if stat.S_ISCHR(mode) and not os.isatty(stream.fileno()):
            stream.write(_BLOCK)


@contextmanager
def _refused(path: Path, what: str) -> Iterator[None]:
    """Within this block an error of the system is a ``FileError`` that begins with ``what``."""
    if "\0" in str(path):
        raise FileError(f"{what}: {str(path)!r}: a path has no NUL character; remove it")
    try:
        yield
    except OSError as error:
        place = error.filename or path
        raise FileError(f"{what}: cannot write to {file_error(error, place)}") from error

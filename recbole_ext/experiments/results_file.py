"""An append-only results file: a line for each run.

A process that is killed while it writes leaves a last line without an end. Such a line is never
read, and is cut off before others are added.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from recbole_ext.data.file_lock import lock
from recbole_ext.errors import SettingError

# The header of the results of searches before they were jsonl.
_OLD_HEADER = "trial,dataset,"


def read(file: Path) -> list[str]:
    """The lines that have an end; none if there is no file.

    Raises:
        SettingError: it cannot be read, or is no text file.
    """
    refuse_special(file)
    try:
        content = _whole_lines(file) if file.exists() else b""
    except OSError as error:
        raise SettingError(f"{file}: cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8").split("\n")[:-1]
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingError(
            f"{file}, line {line}: expected text in UTF-8, found the byte "
            f"{content[error.start]:#04x}; remove this line, or give another --output"
        ) from error


def refuse_special(file: Path) -> None:
    """Refuse a pipe or a device: reading one may never end, and removing one does harm.

    Raises:
        SettingError: it exists and is not a file.
    """
    if file.exists() and not file.is_file():
        raise SettingError(f"{file}: expected a file for results, found a folder, pipe or device")


def cut(file: Path) -> None:
    """Cut off a last line without an end; call it only after checking that the file is ours.

    The file is truncated in place: a process that is killed here loses no whole line.
    """
    if file.is_file() and (length := len(_whole_lines(file))) != file.stat().st_size:
        os.truncate(file, length)


@contextmanager
def adding_to(file: Path) -> Iterator[TextIO]:
    """A stream to add lines to a file; they are on the disk when the block has ended."""
    with file.open("a", encoding="utf-8", newline="") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Within this block, no other command can add runs to the file.

    Raises:
        SettingError: another command does so now, or the file cannot be written.
    """
    refuse_special(file)
    try:
        stream = file.open("ab")
    except OSError as error:
        raise SettingError(f"{file}: cannot be written: {error.strerror}") from error
    try:
        lock(stream)
    except OSError as error:
        stream.close()
        raise SettingError(
            f"{file}: another command is adding runs to this file now; wait for it, or give "
            "another --output"
        ) from error
    try:
        yield
    finally:
        stream.close()
        with suppress(FileNotFoundError):
            here = file.lstat()  # a symbolic link stays, such as /dev/stdout
            if stat.S_ISREG(here.st_mode) and not here.st_size:
                file.unlink()


def is_old_csv(file: Path) -> bool:
    """Whether a file has the results of a search of an earlier release, as csv."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(len(_OLD_HEADER)) == _OLD_HEADER.encode()


def _whole_lines(file: Path) -> bytes:
    content = file.read_bytes()
    return content[: content.rfind(b"\n") + 1]

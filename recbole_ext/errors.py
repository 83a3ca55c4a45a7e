"""Errors that the user can fix: one message that says what is wrong, where, and what to do."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(ValueError):
    """An input cannot be used; the base class of the other errors.

    The message names the file, line, field or key, says what was expected and what was
    found, and what to do. Commands print it alone, without a traceback, and exit with 2.
    """


class SettingError(UserError):
    """A key of a yaml, a ``config_dict`` or the command line is misspelt or out of range."""


class DataError(UserError):
    """A data set is missing, or one of its files cannot be used as it stands."""


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, or would have to execute a pickle to be loaded."""


class RegistryError(UserError):
    """A name is unknown, or taken by one of RecBole's own models."""


class FileError(UserError):
    """A file or folder cannot be read or written: a missing right, a full disk, a wrong path."""


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Within this block the message of a ``UserError`` begins with the name of a file."""
    try:
        yield
    except UserError as error:
        if str(error).startswith(str(file)):
            raise
        raise type(error)(f"{file}: {error}") from error


def in_a_line(error: Exception) -> str:
    """What went wrong in a run, for a table of many."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


_NO_ROOM = "free space there, or write to another disk"
_NO_RIGHT = "change its permissions, or name another place"

# What to do about an error of the system, by its number.
_ADVICE = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: "free some of your quota there, or write to another disk",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), or write to another disk",
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: "name a place on a disk that can be written",
    errno.EISDIR: "name a file instead of a folder",
    errno.ENOTDIR: "a part of this path is a file: name a path of folders",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ENOENT: "check the path, and make its folder first",
    errno.ELOOP: "correct the symbolic links of this path",
    errno.EMFILE: "close files, or raise the limit of open files (ulimit -n)",
    errno.EEXIST: "move away what is there, or name another place",
    errno.ENXIO: "this is a socket, or a pipe that nobody reads: name a file",
    errno.EIO: "check the disk",
}


def file_error(error: OSError, path: object = None) -> FileError | None:
    """An error of the system as one line for the user, with the path in it.

    Args:
        error: as Python raised it.
        path: what was to be read or written; None for the path that the error names.

    Returns:
        None where the error is of no file and no disk, such as a lost connection.
    """
    place = error.filename if path is None else path
    advice = _ADVICE.get(error.errno or 0)
    if advice is None and place is None:
        return None
    reason = os.strerror(error.errno) if error.errno else str(error)
    text = reason[:1].lower() + reason[1:]
    if place is not None:
        text = f"{os.fsdecode(place) if isinstance(place, bytes) else place}: {text}"
    return FileError(f"{text}; {advice}" if advice else text)


# How torch says it on a CPU; on a GPU its error has a class of its own, without torch no name.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


def memory_error(error: BaseException) -> UserError | None:
    """Want of memory as one line for the user.

    Args:
        error: as Python, numpy or torch raised it.

    Returns:
        None where the error is another one.
    """
    text = " ".join(str(error).split())
    if not isinstance(error, MemoryError) and not (
        isinstance(error, RuntimeError) and any(words in text.lower() for words in _NO_MEMORY)
    ):
        return None
    request = re.search(r"(unable|tried) to allocate ([\d.]+ ?\w+)", text, re.IGNORECASE)
    detail = f" ({request[1].lower()} to allocate {request[2]})" if request else ""
    return UserError(
        f"not enough memory{detail}; use a smaller train_batch_size or eval_batch_size, a smaller "
        "model, fewer --workers, or a machine with more"
    )

"""The errors that are the user's to mend: one message that says what, where and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(ValueError):
    """Something asked for cannot be done as it was asked.

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

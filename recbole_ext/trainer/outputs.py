"""What a run writes: refused before the run where it could not be written."""

import logging
import sys
from functools import partial
from pathlib import Path

from recbole_ext.data import writable

# RecBole's, in the current folder: the text of a run, and its curves.
LOG, CURVES = Path("log"), Path("log_tensorboard")


def check(checkpoint_dir: str, logged: bool = True) -> None:
    """Refuse a run whose checkpoint, curves or log could not be written.

    Args:
        checkpoint_dir: the setting; the folder need not exist.
        logged: whether it writes a log; runs that are parts of a search do not.

    Raises:
        FileError: it names the folder and the setting.
    """
    writable.check_folder(Path(checkpoint_dir), "checkpoint_dir")
    for folder in (LOG, CURVES) if logged else (CURVES,):
        writable.check_folder(folder, "RecBole's log, in the current folder")


def raise_errors_of_logs() -> None:
    """A log that cannot be written ends the run; by default each line of it prints a traceback."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = partial(_raise, handler.baseFilename)  # type: ignore[method-assign]


def _raise(file: str, record: logging.LogRecord) -> None:
    error = sys.exc_info()[1]
    if isinstance(error, OSError) and error.filename is None:
        error.filename = file
    raise  # what is being handled

"""What a run writes beside its results: refused before the run where it could not be written."""

import logging
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

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
    if not isinstance(threading.excepthook, _Hook):
        threading.excepthook = _Hook(threading.excepthook)


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


class _Hook:
    """``threading.excepthook`` without the traceback of curves that cannot be written.

    TensorBoard writes them in a thread, whose error it raises again in the one that trains.
    """

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, args: Any) -> None:
        is_of_curves = type(args.thread).__module__.startswith("tensorboard.")
        if not (is_of_curves and isinstance(args.exc_value, OSError)):
            self._before(args)
        elif args.exc_value.filename is None:
            args.exc_value.filename = str(CURVES)

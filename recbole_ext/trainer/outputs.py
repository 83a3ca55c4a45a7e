"""What a run writes beside its results: its log, its curves, and the folders of both.

A run that could not write them is refused before it starts. A command that fails before the first
epoch, or that only reads a trained model, leaves no such files behind.
"""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from recbole_ext.data import writable

# RecBole's, in the current folder: the text of a run, and its curves.
LOG, CURVES = Path("log"), Path("log_tensorboard")


@dataclass
class _Begun:
    """The outputs that this process has started for its latest run.

    Attributes:
        folders: those that were not there before, the deepest first.
        log: RecBole's, if there is one.
        curves: TensorBoard's writers.
        is_trained: whether the run has trained an epoch, so that they are worth keeping.
    """

    folders: list[Path] = field(default_factory=list)
    log: Path | None = None
    curves: list[Any] = field(default_factory=list)
    is_trained: bool = False


_begun = _Begun()


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


def forget() -> None:
    """Forget the outputs of earlier commands in this process; call it when a command begins."""
    global _begun
    _begun = _Begun()


def begin(checkpoint_dir: str, model: str) -> None:
    """Note which folders a run is going to make.

    Args:
        checkpoint_dir: the setting.
        model: the name of the model.
    """
    global _begun
    saved, log = Path(checkpoint_dir).absolute(), (LOG / model).absolute()
    folders = [saved, *saved.parents, log, log.parent, CURVES.absolute()]
    _begun = _Begun([folder for folder in folders if not folder.exists()])


def log_begun() -> None:
    """Note RecBole's log, unless another run has written to the same file before."""
    for handler in _log_handlers():
        file = Path(handler.baseFilename)
        if file.is_file() and file.stat().st_size == 0:
            _begun.log = file


def curves_begun(writer: Any) -> None:
    """Note a ``SummaryWriter``."""
    _begun.curves.append(writer)


def trained() -> None:
    """Note that an epoch has been trained, so that the outputs of the run are kept."""
    _begun.is_trained = True


def trained_log() -> str:
    """The log of a run that has trained an epoch; "" if there is none."""
    log = _begun.log if _begun.is_trained else None
    return os.path.relpath(log) if log is not None and log.is_file() else ""


def remove_untrained() -> None:
    """Remove what this process has begun for a run that has trained no epoch."""
    if _begun.is_trained:
        return
    root = logging.getLogger()
    for handler in _log_handlers():
        if _begun.log is not None and Path(handler.baseFilename) == _begun.log:
            root.removeHandler(handler)  # which would write the file again
            handler.close()
    if _begun.log is not None:
        _begun.log.unlink(missing_ok=True)
    folders = list(_begun.folders)
    for writer in _begun.curves:
        folder = Path(writer.log_dir).absolute()
        with suppress(OSError):  # a full disk
            writer.close()
        for file in folder.glob(f"events.out.tfevents.*.{os.getpid()}.*"):
            file.unlink(missing_ok=True)
        folders.insert(0, folder)
    for folder in folders:
        with suppress(OSError):  # it has not been made, or another run writes there
            folder.rmdir()
    _begun.log, _begun.curves = None, []


@contextmanager
def leaving_none() -> Iterator[None]:
    """Within this block trained models are read; RecBole's log of it is removed."""
    try:
        yield
    finally:
        remove_untrained()


def _log_handlers() -> list[logging.FileHandler]:
    return [one for one in logging.getLogger().handlers if isinstance(one, logging.FileHandler)]


def raise_errors_of_logs() -> None:
    """A log that cannot be written ends the run; by default each line of it prints a traceback."""
    for handler in _log_handlers():
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

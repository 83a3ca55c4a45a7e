"""Whether a checkpoint belongs to a run; if not, the error names what differs and both values."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from recbole_ext.errors import CheckpointError, UserError, in_a_line
from recbole_ext.trainer import checkpoint_checks
from recbole_ext.trainer.checkpoint import load
from recbole_ext.trainer.identity import MAY_CHANGE_ON_RESUME, RunIdentity, deciding

_changed_data: ContextVar[bool] = ContextVar("changed_data", default=False)


def identity_of(record: Mapping[str, Any]) -> RunIdentity:
    """The identity of a checkpoint's run; of an earlier release, its settings alone."""
    identity = RunIdentity.of_record(record.get("identity"))
    if identity is not None:
        return identity
    return RunIdentity(deciding(checkpoint_checks.settings_of(record)), "", {}, {})


def check_resumable(file: str | Path, identity: RunIdentity) -> None:
    """Raise an error if a checkpoint belongs to another run.

    With another seed or split, training would have used rows that the resumed run tests.

    Args:
        file: the checkpoint.
        identity: of the run that is resumed; before its data is split, without the hashes.

    Raises:
        CheckpointError: ``load`` refuses it, it lacks what training needs, or its run differs in
            more than how long it trains.
    """
    record = load(file, map_location="cpu")
    checkpoint_checks.check_content(file, record, checkpoint_checks.OF_A_RUN)
    differences = identity_of(record).differences(identity, MAY_CHANGE_ON_RESUME)
    # with another model or data set, nearly all settings differ
    names = [difference for difference in differences if difference[0] in ("model", "dataset")]
    if differences:
        differences = names or differences
        listed = "; ".join(f"{what} was {old!r}, is now {new!r}" for what, old, new in differences)
        raise CheckpointError(
            f"{file}: belongs to another run, which this one cannot continue: {listed}. Give the "
            "settings and the data of that run, or train anew without --resume"
        )
    checkpoint_checks.check_model(file, record)  # warns of a source that has changed


@contextmanager
def changed_data(allowed: bool = True) -> Iterator[None]:
    """Within this block, data that has changed since training is a warning, not an error."""
    token = _changed_data.set(allowed or _changed_data.get())
    try:
        yield
    finally:
        _changed_data.reset(token)


@contextmanager
def set_up_again(file: str | Path) -> Iterator[None]:
    """Within this block, errors while a checkpoint's run is set up become errors of the file.

    Args:
        file: the checkpoint.
    """
    try:
        yield
    except (UserError, OSError):
        raise
    except Exception as error:  # whatever RecBole makes of settings that do not fit the data
        raise CheckpointError(
            f"{file}: its run cannot be set up again here ({in_a_line(error)}); its settings "
            "are damaged, or of another release: train anew"
        ) from error


def check_usable(file: str | Path) -> None:
    """Raise an error if a checkpoint cannot be evaluated here, before its data set is read.

    Args:
        file: the checkpoint.

    Raises:
        CheckpointError: ``load`` refuses it, it has no settings or no numbers, its model is
            unknown, its data set is missing, or the files have changed since training and this
            is not within ``changed_data``.
    """
    record = load(file)
    checkpoint_checks.check_content(file, record)
    checkpoint_checks.check_model(file, record)
    saved, now = identity_of(record).data, checkpoint_checks.check_data_set(file, record)
    if saved and saved != now and not _changed_data.get():
        _refuse_changed(f"{file}: the data files are")


def _refuse_changed(what: str) -> NoReturn:
    raise CheckpointError(
        f"{what} not those that the model was trained with, so the test split may contain what it "
        "was trained on; restore the data, train anew, or evaluate nevertheless with "
        "recbole-ext evaluate --allow-changed-data"
    )


def check_same_data(
    file: str | Path, identity: RunIdentity, record: Mapping[str, Any] | None = None
) -> str:
    """Raise an error if the data or the split differ from those of the checkpoint's training.

    Args:
        file: the checkpoint.
        identity: of its settings with the data set as it is now.
        record: of the checkpoint; None: it is read from the file.

    Returns:
        what to say beside the metrics within ``changed_data``; "" if nothing has changed.

    Raises:
        CheckpointError: the data files or the interactions of a part differ, outside
            ``changed_data``.
    """
    saved = identity_of(load(file, map_location="cpu") if record is None else record)
    now = replace(identity, settings=saved.settings)
    differences = [what for what, _, _ in saved.differences(now)]
    if not differences:
        return ""
    what = f"{file}: {' and '.join(differences)} are"
    if not _changed_data.get():
        _refuse_changed(what)
    warning = (
        f"{what} not those that the model was trained with; the metrics are of the changed data"
    )
    warnings.warn(warning, stacklevel=2)
    return warning

"""Whether a checkpoint belongs to a run: refused if not, naming what differs and both values."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

from recbole_ext.errors import CheckpointError
from recbole_ext.trainer.checkpoint import load
from recbole_ext.trainer.identity import MAY_CHANGE_ON_RESUME, RunIdentity, deciding

_changed_data: ContextVar[bool] = ContextVar("changed_data", default=False)


def identity_of(record: Mapping[str, Any]) -> RunIdentity:
    """What the run of a loaded checkpoint was of; of an earlier release its settings alone."""
    identity = RunIdentity.of_record(record.get("identity"))
    if identity is not None:
        return identity
    config = record.get("config") or {}
    settings = config if isinstance(config, Mapping) else config.final_config_dict
    return RunIdentity(deciding(settings), "", {}, {})


def check_resumable(file: str | Path, identity: RunIdentity) -> None:
    """Refuse to go on from the checkpoint of another run.

    Another seed or another split would train on what the run then tests.

    Args:
        file: the checkpoint.
        identity: of the run that would go on; before its data is split, without the hashes.

    Raises:
        CheckpointError: ``load`` refuses it, or its run differs in more than how long it trains.
    """
    differences = identity_of(load(file, map_location="cpu")).differences(
        identity, MAY_CHANGE_ON_RESUME
    )
    if differences:
        listed = "; ".join(f"{what} was {old!r}, is now {new!r}" for what, old, new in differences)
        raise CheckpointError(
            f"{file}: belongs to another run, which this one cannot continue: {listed}. Give the "
            "settings and the data of that run, or train anew without --resume"
        )


@contextmanager
def changed_data(allowed: bool = True) -> Iterator[None]:
    """Within this block, data that has changed since training is a warning, not an error."""
    token = _changed_data.set(allowed or _changed_data.get())
    try:
        yield
    finally:
        _changed_data.reset(token)


def check_same_data(file: str | Path, identity: RunIdentity) -> str:
    """Refuse to evaluate a checkpoint on other data, or another split, than it was trained with.

    Args:
        file: the checkpoint.
        identity: of its settings with the data set as it is now.

    Returns:
        what to say beside the metrics within ``changed_data``; "" if nothing has changed.

    Raises:
        CheckpointError: the data files or the interactions of a part differ, outside
            ``changed_data``.
    """
    saved = identity_of(load(file, map_location="cpu"))
    now = replace(identity, settings=saved.settings)
    differences = [what for what, _, _ in saved.differences(now)]
    if not differences:
        return ""
    message = f"{file}: {' and '.join(differences)} are not those that the model was trained with"
    if _changed_data.get():
        warning = f"{message}; the metrics are of the changed data"
        warnings.warn(warning, stacklevel=2)
        return warning
    raise CheckpointError(
        f"{message}, so the test split may contain what it was trained on; restore the data, train "
        "anew, or evaluate nevertheless with --allow-changed-data"
    )

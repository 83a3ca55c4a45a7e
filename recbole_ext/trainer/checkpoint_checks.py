"""Checks of a checkpoint: its content, and whether it fits a model and its data set.

Errors are reported in one line before anything is read, trained or computed; torch and RecBole
report the same errors late, over many lines, or not at all.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_ext.data.content_hash import data_files, files_hash
from recbole_ext.data.locate import CARRIED, dataset_folder
from recbole_ext.errors import CheckpointError, RegistryError, in_a_line
from recbole_ext.registry import keys, packed_source

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

# What a checkpoint must hold: to evaluate its model, and to continue its training.
OF_A_MODEL = ("config", "state_dict")
OF_A_RUN = (*OF_A_MODEL, "optimizer", "epoch", "cur_step", "best_valid_score")

# Settings without which no data set and no model can be made; a run saves all of them.
_NEEDED = ("model", "dataset", "data_path", "seed", "MODEL_TYPE", "MODEL_INPUT_TYPE", "eval_type")

_KINDS: dict[str, type | tuple[type, ...]] = {
    "state_dict": Mapping,
    "optimizer": Mapping,
    "epoch": int,
    "cur_step": int,
    "best_valid_score": (int, float),
}

# What the identity of a run holds, where a checkpoint has one (identity.py).
_IDENTITY = {"settings": Mapping, "data": str, "splits": Mapping, "versions": Mapping}

_SHOWN = 3  # tensors in a message


def check_content(
    file: str | Path, record: Mapping[str, Any], entries: Sequence[str] = OF_A_MODEL
) -> None:
    """Raise an error if a checkpoint lacks an entry, or has weights that are not numbers.

    Args:
        file: where it is.
        record: of it, as ``checkpoint.load`` gives it.
        entries: ``OF_A_MODEL`` or ``OF_A_RUN``.

    Raises:
        CheckpointError: an entry is missing or of another kind, or a weight is nan or infinite.
    """
    import torch

    missing = [entry for entry in entries if record.get(entry) is None]
    if missing:
        raise CheckpointError(
            f"{file}: expected {', '.join(entries)}, found no {', '.join(missing)}: the weights "
            "alone do not say of which run they are; use a checkpoint that a run has saved"
        )
    for entry in entries:
        if entry in _KINDS and not isinstance(record[entry], _KINDS[entry]):
            raise CheckpointError(
                f"{file}: {entry}: cannot be a {type(record[entry]).__name__}; use a checkpoint "
                "that a run has saved (RecBole cannot load the models of xgboost and lightgbm)"
            )
    identity = record.get("identity")
    if identity is not None and not _is_identity(identity):
        raise CheckpointError(
            f"{file}: identity: expected {', '.join(_IDENTITY)} of its run, found something else; "
            "use a checkpoint that a run has saved"
        )
    settings = settings_of(record)
    unset = [key for key in _NEEDED if settings.get(key) is None]
    if unset:
        raise CheckpointError(
            f"{file}: its config has no {', '.join(unset)}; use a checkpoint that a run has saved"
        )
    of_run = identity["settings"].get("model", settings["model"]) if identity else settings["model"]
    if settings["model"] != of_run:
        raise CheckpointError(
            f"{file}: its config is of the model {settings['model']}, its identity of {of_run}; "
            "use a checkpoint that a run has saved"
        )
    for name, tensor in record["state_dict"].items():
        if not isinstance(tensor, torch.Tensor):
            raise CheckpointError(
                f"{file}: state_dict: {name}: expected a tensor, found {type(tensor).__name__}; "
                "use a checkpoint that a run has saved"
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(
                f"{file}: the weights {name} have values that are no numbers (nan or infinite): "
                "training has diverged; use an earlier checkpoint, or train anew with a smaller "
                "learning_rate"
            )


def _is_identity(identity: Any) -> bool:
    return (
        isinstance(identity, Mapping)
        and identity.keys() == _IDENTITY.keys()
        and all(isinstance(identity[key], kind) for key, kind in _IDENTITY.items())
    )


def settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in a checkpoint, ours or plain RecBole's; {} where there are none."""
    config = record.get("config")
    settings = config if isinstance(config, Mapping) else getattr(config, "final_config_dict", {})
    return dict(settings)


def check_model(file: str | Path, record: Mapping[str, Any]) -> None:
    """Raise an error if the model of a checkpoint is not available here.

    Args:
        file: where it is.
        record: of it, after ``check_content``.

    Raises:
        CheckpointError: the model is unknown, or its class has moved.
    """
    name, source = settings_of(record)["model"], record.get("model_source")
    try:
        if source is not None and not packed_source.is_of_another(source, name):
            packed_source.restore(source, name, str(file))
        else:
            keys.check_model(name, f"{file}: model: ")
    except RegistryError as error:
        raise CheckpointError(str(error)) from error


def data_folder(settings: Mapping[str, Any]) -> Path:
    """The folder of the data set of a checkpoint, by its settings, on this machine."""
    folder = Path(settings["data_path"])
    if settings["dataset"] == CARRIED:  # it may lie inside the recbole that is installed
        return dataset_folder(CARRIED, folder.parent)
    return folder


def check_data_set(file: str | Path, record: Mapping[str, Any]) -> str:
    """Refuse a checkpoint whose data set is not there.

    Args:
        file: where it is.
        record: of it, after ``check_content``.

    Returns:
        the hash of the data set's files as they are now.

    Raises:
        CheckpointError: there is no file of the data set in its folder.
    """
    settings = settings_of(record)
    name, folder = settings["dataset"], data_folder(settings)
    files = data_files(folder, name)
    if not any(path.suffix == ".inter" for path in files):
        here = "" if folder.is_absolute() else f", looked for from {Path.cwd()}"
        what = f"no {name}.inter in" if folder.is_dir() else "no folder"
        raise CheckpointError(
            f"{file}: the data set {name} that it was trained on is not there: {what} {folder}"
            f"{here}; put the data set back, or start the command where the run was started"
        )
    return files_hash(files)


def load_weights(model: "nn.Module", weights: Mapping[str, "Tensor"], file: str | Path) -> None:
    """``model.load_state_dict(weights)``, which says in one line what does not fit.

    Args:
        model: made from its settings and its data set.
        weights: of the checkpoint.
        file: where they are from.

    Raises:
        CheckpointError: a tensor is missing, is one too many, or has another shape.
    """
    own = model.state_dict()
    problems = [
        f"{name}: expected {list(own[name].shape)}, found {list(weights[name].shape)}"
        for name in own
        if name in weights and own[name].shape != weights[name].shape
    ]
    problems += [f"{name}: missing" for name in own if name not in weights]
    problems += [f"{name}: the model has no such weights" for name in weights if name not in own]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise CheckpointError(
            f"{file}: does not fit {type(model).__name__} with its settings and data set: "
            f"{'; '.join(problems[:_SHOWN])}{more}. The data set, the settings or the model have "
            "changed since it was saved: restore them, or train anew"
        )
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{file}: its weights cannot be used: {in_a_line(error)}") from error


def load_optimizer(optimizer: "optim.Optimizer", state: Any, file: str | Path) -> None:
    """``optimizer.load_state_dict(state)``, which says in one line what does not fit.

    Args:
        optimizer: of this run.
        state: of the checkpoint.
        file: the checkpoint, for messages.

    Raises:
        CheckpointError: the state is of another optimiser, or of none.
    """
    try:
        optimizer.load_state_dict(state)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"{file}: its optimizer is not that of {type(optimizer).__name__} for this model "
            f"({in_a_line(error)}); use a checkpoint that this run has saved"
        ) from error

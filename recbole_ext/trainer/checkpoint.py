"""Checkpoints that load without executing anything: tensors and plain values only.

RecBole pickles its whole ``Config`` into a checkpoint, which ``torch.load`` refuses since
torch 2.6. After ``install()`` every trainer of RecBole writes, and every place of RecBole
that loads a checkpoint reads, this format instead:

    config            the settings of the run: what ``Config`` held, as plain values
    identity          where its numbers come from: settings, data, split, versions (identity.py)
    model_source      where the model's class is, and a hash of it; None for RecBole's models
    state_dict        the model's parameters and buffers
    other_parameter   what RecBole's models keep beside them (numpy, scipy.sparse, tensors)
    optimizer, epoch, cur_step, best_valid_score
    rng               the random states after that epoch, so that a resumed run continues
                      exactly as if it had not been interrupted
    format, recbole_ext

A file is written under a temporary name and then renamed: if a run is killed, the last complete
checkpoint remains.
"""

import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_ext.config.settings import RENAMED
from recbole_ext.config.version import __version__
from recbole_ext.data.atomic_write import atomic_write
from recbole_ext.errors import CheckpointError, in_a_line
from recbole_ext.registry import keys, models
from recbole_ext.trainer import checkpoint_checks, random_states
from recbole_ext.trainer.plain_values import Plain, decode, encode

if TYPE_CHECKING:
    from recbole.config import Config
    from recbole.trainer import Trainer

FORMAT = 1

# Keys that say how this process was started, not what the run is.
_OF_THE_PROCESS = ("resume_from", "trust_checkpoint", "device", "single_spec", "local_rank")

_trust: ContextVar[bool] = ContextVar("trust_checkpoint", default=False)
_read: ContextVar[dict[tuple[Path, str], dict[str, Any]] | None] = ContextVar("read", default=None)
_names: list[str] = []  # of this process's runs
trusted_files: set[Path] = set()  # those that runs with trust_checkpoint were resumed from


@contextmanager
def trusted(yes: bool = True) -> Iterator[None]:
    """Within this block, checkpoints that are pickles are loaded. A pickle can execute any code:
    use this for your own files only."""
    token = _trust.set(yes or _trust.get())
    try:
        yield
    finally:
        _trust.reset(token)


@contextmanager
def read_once() -> Iterator[None]:
    """Within this block a checkpoint is read from the disk once, however often it is loaded."""
    token = _read.set({} if _read.get() is None else _read.get())
    try:
        yield
    finally:
        _read.reset(token)


def name_of_run(config: "Config") -> str:
    """A unique name for the checkpoint of a run: the time, and the id of the process that saves it.

    RecBole uses the time in seconds alone. Two runs that start in the same second would then
    write the same file and evaluate each other's model; processes of one run that start in
    different seconds would look for different files.
    """
    import torch
    from recbole.utils import get_local_time

    name = f"{get_local_time()}-{os.getpid()}"
    times = _names.count(name)
    _names.append(name)
    names = [f"{name}-{times + 1}" if times else name]
    if not config["single_spec"]:
        torch.distributed.broadcast_object_list(names, src=0)  # only the first process saves
    return names[0]


def save(state: Mapping[str, Any], file: str | Path, trainer: "Trainer") -> None:
    """Write a trainer's state; in RecBole's trainers this stands in the place of ``torch.save``.

    Args:
        state: what RecBole would pickle; its ``config`` is a ``Config``.
        file: where to; an existing file is replaced once the new one is whole.
        trainer: whose loader's random state goes with it.

    Raises:
        CheckpointError: if a setting or a value of the model has no plain form.
    """
    import torch

    record = dict(state)
    settings = state["config"].final_config_dict
    record["config"] = encode(
        {key: value for key, value in settings.items() if key not in _OF_THE_PROCESS}, "config"
    )
    for key in record.keys() - {"config", "state_dict", "optimizer"}:
        record[key] = encode(record[key], key)
    identity = getattr(trainer, "recbole_ext_identity", None)
    record["identity"] = identity.record() if identity is not None else None
    record["model_source"] = models.record(settings.get("model", ""))
    record |= {"rng": random_states.collect(trainer), "format": FORMAT, "recbole_ext": __version__}
    # a run that was refused meanwhile may have removed the folder, which was empty
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(Path(file)) as stream:
        torch.save(record, stream)


def check_file(path: Path) -> None:
    """Raise an error if a file cannot be a checkpoint; this does not need torch.

    Raises:
        CheckpointError: the file is missing, a folder, or no zip archive.
    """
    if path.is_dir():
        raise CheckpointError(f"{path}: a folder; give the path of a .pth file in it")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; give the path of a .pth file")
    with path.open("rb"):  # the system says why it cannot be read; zipfile says it is no zip
        pass
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path}: not a checkpoint, or a damaged one (expected the zip archive that "
            f"torch.save writes, found {path.stat().st_size} other bytes); train again or use "
            "another file"
        )


def load(file: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint; in RecBole this stands in the place of ``torch.load``.

    Args:
        file: written by ``save``, or by plain RecBole within ``trusted()``.
        map_location: as ``torch.load`` takes it; without a GPU, None is the CPU.

    Returns:
        The record; ``config`` is a plain dict (``restore_config`` makes a ``Config`` of it).

    Raises:
        CheckpointError: if the file is missing, damaged, no checkpoint, or a pickle that is
            not trusted.
    """
    path = Path(file)
    check_file(path)
    import torch

    if map_location is None and not torch.cuda.is_available():
        map_location = "cpu"
    records = _read.get()
    key = (path.resolve(), str(map_location))
    if records is not None and key in records:
        return records[key]
    record = _read_record(path, map_location)
    if records is not None:
        records[key] = record
    return record


def _read_record(path: Path, map_location: Any) -> dict[str, Any]:
    _check_crcs(path)
    import torch  # seconds; the file need not wait for it to be refused

    try:
        with warnings.catch_warnings():
            # of the pickle's protocol, before the error that says what to do about the pickle
            warnings.simplefilter("ignore", UserWarning)
            record = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        if not _trust.get() and path.resolve() not in trusted_files:
            raise CheckpointError(
                f"{path}: holds pickled objects, as checkpoints of plain RecBole do; loading "
                "it may execute code of whoever made it. If it is your own, say "
                "--trust-checkpoint (in Python: with recbole_ext.checkpoint.trusted(): ...)"
            ) from error
        record = _unpickle(path, map_location)
    except (RuntimeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: a damaged checkpoint ({error}); use another") from error
    if isinstance(record, torch.nn.Module):  # what NeuMF.dump_parameters of RecBole writes
        record = {"state_dict": record.state_dict()}
    if not isinstance(record, dict) or "state_dict" not in record:
        raise CheckpointError(
            f"{path}: not a checkpoint of a recommender (expected an entry state_dict); use a "
            "file that training has saved"
        )
    settings = record.get("config")
    if isinstance(settings, dict) and isinstance(settings.get("model"), str):
        record["config"] = _renamed(settings)
    if "other_parameter" in record:
        record["other_parameter"] = _decode_others(path, record["other_parameter"])
    return record


def _renamed(settings: dict[str, Any]) -> dict[str, Any]:
    """Rename settings of an earlier release to their current names.

    A setting is renamed where the model reads the new name alone: RecBole's own GRU4Rec reads
    hidden_size.
    """
    if not models.is_known(settings["model"]):
        return settings
    read = keys.read_keys(settings["model"], settings)
    return {
        (RENAMED[key] if key not in read and RENAMED.get(key) in read else key): value
        for key, value in settings.items()
    }


def _unpickle(path: Path, map_location: Any) -> Any:
    import recbole.config  # noqa: F401  what the pickle refers to
    import torch

    try:
        return torch.load(path, map_location=map_location, weights_only=False)
    except OSError:
        raise
    except Exception as error:  # whatever the code that a pickle refers to raises
        raise CheckpointError(
            f"{path}: cannot be unpickled here ({in_a_line(error)}); load it with the releases "
            "that have saved it, or train anew"
        ) from error


def _check_crcs(path: Path) -> None:
    """Refuse a file with a flipped bit, which torch would read as another weight."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise CheckpointError(f"{path}: a damaged checkpoint ({error}); use another") from error
    if damaged is not None:
        raise CheckpointError(
            f"{path}: a damaged checkpoint: the checksum of its part {damaged} is wrong; copy the "
            "file again, or use another"
        )


def _decode_others(path: Path, stored: Plain) -> dict[str, Any] | None:
    """What RecBole's models keep beside their parameters."""
    if stored is None:
        return None
    try:
        # A module was stored as None (see encode); RecBole would set the attribute to it.
        return {key: value for key, value in decode(stored).items() if value is not None}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: other_parameter cannot be read ({in_a_line(error)}); use a checkpoint that "
            "a run has saved"
        ) from error


def restore_config(saved: "Mapping[str, Plain] | Config") -> "Config":
    """The ``Config`` of a checkpoint, on this machine's device.

    The settings are the saved ones as they stand: neither today's defaults nor the command
    line are read again.
    """
    from recbole.config import Config
    from recbole.utils import EvaluatorType, InputType, ModelType, get_model

    if isinstance(saved, Config):
        saved.final_config_dict.pop("local_rank", None)  # of the process that saved it
        saved._init_device()
        return saved
    config = Config.__new__(Config)
    config.compatibility_settings()
    config._init_parameters_category()
    config.yaml_loader = config._build_yaml_loader()
    settings = dict(saved)
    for key, kind in (
        ("MODEL_TYPE", ModelType),
        ("MODEL_INPUT_TYPE", InputType),
        ("eval_type", EvaluatorType),
    ):
        settings[key] = kind[settings[key]]
    settings["data_path"] = str(checkpoint_checks.data_folder(settings))
    config.model, config.dataset = settings["model"], settings["dataset"]
    config.model_class = get_model(config.model)
    config.internal_config_dict = {}
    config.external_config_dict = config.final_config_dict = settings
    config._init_device()
    return config

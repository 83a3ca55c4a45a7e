"""Checkpoints that load without executing anything: tensors and plain values only.

RecBole pickles its whole ``Config`` into a checkpoint, which ``torch.load`` refuses since
torch 2.6. After ``install()`` every trainer of RecBole writes, and every place of RecBole
that loads a checkpoint reads, this format instead:

    config            the settings of the run: what ``Config`` held, as plain values
    state_dict        the model's parameters and buffers
    other_parameter   what RecBole's models keep beside them (numpy, scipy.sparse, tensors)
    optimizer, epoch, cur_step, best_valid_score
    rng               the random states after that epoch, so that a resumed run goes on
                      as the undisturbed one would have
    format, recbole_ext

A file is written beside its place and renamed into it: a run that is killed leaves the last
whole checkpoint.
"""

import os
import pickle
import random
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

from recbole_ext.errors import CheckpointError
from recbole_ext.patching import after_import, rewrite
from recbole_ext.version import __version__

if TYPE_CHECKING:
    import torch
    from recbole.config import Config
    from recbole.trainer import Trainer

FORMAT = 1
Plain = Any  # None, bool, int, float, str, a tensor, or a list, tuple or dict of these

# Keys that say how this process was started, not what the run is.
_OF_THE_PROCESS = ("resume_from", "trust_checkpoint", "device", "single_spec", "local_rank")

_trust: ContextVar[bool] = ContextVar("trust_checkpoint", default=False)
_trusted_files: set[Path] = set()  # those that runs with trust_checkpoint were resumed from


@contextmanager
def trusted(yes: bool = True) -> Iterator[None]:
    """Within this block, checkpoints that are pickles are loaded: whoever made one can make
    it execute anything, so only for files of your own."""
    token = _trust.set(yes or _trust.get())
    try:
        yield
    finally:
        _trust.reset(token)


# --- plain values ---------------------------------------------------------------------------


def encode(value: Any, where: str = "value") -> Plain:
    """``value`` as tensors and plain values; ``decode`` gives it back.

    Enum members become their names and devices their strings. A ``torch.nn.Module`` becomes
    None: as an attribute of a model its parameters are in the model's ``state_dict`` already.

    Raises:
        CheckpointError: if the value, or one inside it, has no plain form; it names ``where``.
    """
    import numpy as np
    import scipy.sparse
    import torch

    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach()
    # before mappings: a dok_matrix is a dict
    if scipy.sparse.issparse(value):
        rows = value.tocsr()
        parts = {name: encode(getattr(rows, name)) for name in ("data", "indices", "indptr")}
        return {"~scipy": value.format, "shape": encode(value.shape), **parts}
    if isinstance(value, Mapping):
        return {
            encode(key, where): encode(item, f"{where}[{key!r}]") for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(encode(item, f"{where}[{i}]") for i, item in enumerate(value))
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        # torch has few operations on unsigned types, but it stores int64 everywhere
        stored = value.astype(np.int64) if value.dtype.kind == "u" else value
        tensor = torch.from_numpy(np.ascontiguousarray(stored))
        return {"~numpy": tensor, "dtype": value.dtype.str, "matrix": isinstance(value, np.matrix)}
    if isinstance(value, torch.nn.Module):
        return None
    raise CheckpointError(
        f"{where}: a checkpoint holds tensors and plain values (numbers, strings, lists, dicts), "
        f"found {type(value).__module__}.{type(value).__name__}; give a plain value for it"
    )


def decode(value: Plain) -> Any:
    """What ``encode`` was given."""
    import numpy as np
    import scipy.sparse

    if isinstance(value, dict):
        if "~numpy" in value:
            array = value["~numpy"].cpu().numpy().astype(value["dtype"])
            return np.asmatrix(array) if value["matrix"] else array
        if "~scipy" in value:
            parts = tuple(decode(value[name]) for name in ("data", "indices", "indptr"))
            return scipy.sparse.csr_matrix(parts, shape=value["shape"]).asformat(value["~scipy"])
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(decode(item) for item in value)
    return value


# --- random states --------------------------------------------------------------------------


def _random_states(trainer: "Trainer") -> Plain:
    import numpy as np
    import torch

    return encode(
        {
            "python": random.getstate(),
            "numpy": np.random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "loaders": [generator.get_state() for generator in _generators(trainer)],
        }
    )


def _restore_random_states(states: Plain, trainer: "Trainer") -> None:
    import numpy as np
    import torch

    decoded = decode(states)
    random.setstate(decoded["python"])
    np.random.set_state(decoded["numpy"])
    torch.set_rng_state(decoded["torch"].cpu())
    if len(decoded["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([state.cpu() for state in decoded["cuda"]])
    for generator, state in zip(_generators(trainer), decoded["loaders"], strict=True):
        generator.set_state(state.cpu())


def _generators(trainer: "Trainer") -> "list[torch.Generator]":
    """The generators that shuffle the training data; knowledge graphs have loaders of parts."""
    loader = getattr(trainer, "_recbole_ext_loader", None)
    parts = [loader, *(getattr(loader, f"{part}_dataloader", None) for part in ("general", "kg"))]
    generators = [getattr(part, "generator", None) for part in parts]
    return [generator for generator in generators if generator is not None]


# --- files ----------------------------------------------------------------------------------


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
    record |= {"rng": _random_states(trainer), "format": FORMAT, "recbole_ext": __version__}
    part = Path(f"{file}.part")
    try:
        with part.open("wb") as stream:
            torch.save(record, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def load(file: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint; in RecBole this stands in the place of ``torch.load``.

    Args:
        file: written by ``save``, or by plain RecBole within ``trusted()``.
        map_location: as ``torch.load`` takes it.

    Returns:
        The record; ``config`` is a plain dict (``restore_config`` makes a ``Config`` of it).

    Raises:
        CheckpointError: if the file is missing, damaged, no checkpoint, or a pickle that is
            not trusted.
    """
    import torch

    path = Path(file)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; give the path of a .pth file")
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path}: not a checkpoint, or a damaged one (expected the zip archive that "
            f"torch.save writes, found {path.stat().st_size} other bytes); train again or use "
            "another file"
        )
    try:
        record = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        if not _trust.get() and path.resolve() not in _trusted_files:
            raise CheckpointError(
                f"{path}: holds pickled objects, as checkpoints of plain RecBole do; loading "
                "it may execute code of whoever made it. If it is your own, say "
                "--trust-checkpoint (in Python: with recbole_ext.checkpoint.trusted(): ...)"
            ) from error
        import recbole.config  # noqa: F401  what the pickle refers to

        record = torch.load(path, map_location=map_location, weights_only=False)
    except (RuntimeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: a damaged checkpoint ({error}); use another") from error
    if isinstance(record, torch.nn.Module):  # what NeuMF.dump_parameters of RecBole writes
        record = {"state_dict": record.state_dict()}
    if not isinstance(record, dict) or "state_dict" not in record:
        raise CheckpointError(
            f"{path}: not a checkpoint of a recommender (expected an entry state_dict); use a "
            "file that training has saved"
        )
    if "other_parameter" in record:
        record["other_parameter"] = _without_modules(decode(record["other_parameter"]))
    return record


def _without_modules(parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    # A module was stored as None (see encode); RecBole would set the attribute to it.
    if parameters is None:
        return None
    return {key: value for key, value in parameters.items() if value is not None}


def check_fits(file: str | Path, config: "Config", keys: Collection[str]) -> None:
    """Refuse to resume a run from the checkpoint of another one.

    Args:
        file: the checkpoint.
        config: the settings of the run that would go on.
        keys: the settings that decide the model's shape and meaning.

    Raises:
        CheckpointError: ``load`` refuses it, or it has another model or another of ``keys``.
    """
    saved = load(file, map_location="cpu").get("config") or {}
    for key in ("model", *sorted(keys)):
        now = encode(config[key], key)
        if key in saved and encode(saved[key], key) != now:
            raise CheckpointError(
                f"{file}: was trained with {key}={saved[key]!r}, this run has {key}={now!r}; "
                "resume with the settings of the run"
            )


def restore_config(saved: "Mapping[str, Plain] | Config") -> "Config":
    """The ``Config`` of a checkpoint, on this machine's device.

    The settings are the saved ones as they stand: neither today's defaults nor the command
    line are read again.
    """
    import recbole
    from recbole.config import Config
    from recbole.utils import EvaluatorType, InputType, ModelType, get_model

    if isinstance(saved, Config):
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
    if settings["dataset"] == "ml-100k":  # it lies inside the recbole that is installed
        here = Path(recbole.__file__).parent / "dataset_example" / "ml-100k"
        settings["data_path"] = str(here)
    config.model, config.dataset = settings["model"], settings["dataset"]
    config.model_class = get_model(config.model)
    config.internal_config_dict = {}
    config.external_config_dict = config.final_config_dict = settings
    config._init_device()
    return config


# --- RecBole's side -------------------------------------------------------------------------

_LOAD = {"torch.load(": "recbole_ext_checkpoint.load("}

# Models that start from a pre-trained one read its checkpoint themselves.
_PRETRAINED = {
    "general_recommender.convncf": "ConvNCF.__init__",
    "general_recommender.nais": "NAIS._load_pretrain",
    "general_recommender.neumf": "NeuMF.load_pretrain",
    "general_recommender.ract": "RaCT.__init__",
    "sequential_recommender.s3rec": "S3Rec.__init__",
    "context_aware_recommender.kd_dagfm": "KD_DAGFM.__init__",
}


def _fit(
    wrapped: Callable[..., Any],
    trainer: "Trainer",
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """``Trainer.fit`` that starts from ``resume_from`` and goes on with its random states."""
    trainer._recbole_ext_loader = args[0] if args else kwargs["train_data"]
    file = trainer.config["resume_from"]
    if file and trainer.config["trust_checkpoint"]:
        # beyond this call: without a better epoch, that file is also what is evaluated
        _trusted_files.add(Path(file).resolve())
    if file and not trainer.start_epoch:
        trainer.resume_checkpoint(file)
    states = getattr(trainer, "_recbole_ext_resumed", None)
    if states is not None and trainer.config["single_spec"]:
        _restore_random_states(states, trainer)
    score, result = wrapped(*args, **kwargs)
    valid_data = args[1] if len(args) > 1 else kwargs.get("valid_data")
    if result is None and trainer.start_epoch and valid_data:
        # No epoch since has beaten the resumed one, whose result RecBole does not keep.
        result = trainer.evaluate(valid_data, load_best_model=True)
    return score, result


def _mend_trainers(module: ModuleType) -> None:
    module.recbole_ext_checkpoint = _this_module()  # type: ignore[attr-defined]
    trainer = module.Trainer
    rewrite(
        trainer._save_checkpoint,
        {
            "torch.save(state, saved_model_file, pickle_protocol=4)": (
                "recbole_ext_checkpoint.save(state, saved_model_file, self)"
            )
        },
    )
    rewrite(
        trainer.resume_checkpoint,
        {
            **_LOAD,
            'self.cur_step = checkpoint["cur_step"]': (
                'self.cur_step = checkpoint["cur_step"]; '
                'self._recbole_ext_resumed = checkpoint.get("rng")'
            ),
        },
    )
    rewrite(trainer.evaluate, _LOAD)
    # Resuming a run that is complete must not mark its checkpoint as untrained.
    rewrite(
        trainer.fit, {"self._save_checkpoint(-1,": "self._save_checkpoint(self.start_epoch - 1,"}
    )
    wrapt.wrap_function_wrapper(module, "Trainer.fit", _fit)
    rewrite(
        module.PretrainTrainer.save_pretrained_model,
        {
            "torch.save(state, saved_model_file)": (
                "recbole_ext_checkpoint.save(state, saved_model_file, self)"
            )
        },
    )
    rewrite(
        module.DecisionTreeTrainer._save_checkpoint,
        {
            "torch.save(state, self.saved_model_file)": (
                "recbole_ext_checkpoint.save(state, self.saved_model_file, self)"
            )
        },
    )


def _mend_quick_start(module: ModuleType) -> None:
    module.recbole_ext_checkpoint = _this_module()  # type: ignore[attr-defined]
    rewrite(
        module.load_data_and_model,
        {
            **_LOAD,
            'config = checkpoint["config"]': (
                'config = recbole_ext_checkpoint.restore_config(checkpoint["config"])'
            ),
        },
    )


def _mend_model(name: str) -> Callable[[ModuleType], None]:
    owner, function = name.split(".")

    def mend(module: ModuleType) -> None:
        module.recbole_ext_checkpoint = _this_module()  # type: ignore[attr-defined]
        rewrite(getattr(getattr(module, owner), function), _LOAD)

    return mend


def _this_module() -> ModuleType:
    from recbole_ext import checkpoint

    return checkpoint


def install() -> None:
    """Arrange for RecBole to write and read this format."""
    after_import("recbole.trainer.trainer", _mend_trainers)
    after_import("recbole.quick_start.quick_start", _mend_quick_start)
    for module, name in _PRETRAINED.items():
        after_import(f"recbole.model.{module}", _mend_model(name))

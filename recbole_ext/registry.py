"""Where RecBole finds our models, their defaults, loaders and data sets.

One table and some hooks, each run right after the module of RecBole that it concerns has
been imported:

    recbole.model.general_recommender   get_model(name) finds our module under RecBole's name
    recbole.config.configurator         Config merges properties/model/<name>.yaml, then the
                                        data set's own <name>.yaml, and checks keys
    recbole.data.dataset                create_dataset finds <name>Dataset
    recbole.trainer                     get_trainer finds <name>Trainer
    recbole.data.utils                  data_preparation asks for a training loader, and for
                                        the negatives of an evaluation
"""

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from recbole_ext import settings
from recbole_ext.errors import RegistryError, SettingError
from recbole_ext.patching import after_import

_PACKAGE = "recbole.model.general_recommender"
_PROPERTIES = Path(__file__).parent / "properties" / "model"


@dataclass(frozen=True)
class Entry:
    """What belongs to a model, each as ``module:name``; None where RecBole's own will do.

    ``train_loader`` is a function that takes the ``Config`` and returns a class.
    """

    model: str
    settings: str
    train_loader: str | None = None
    trainer: str | None = None
    dataset: str | None = None
    reads_ratings: bool = False


MODELS: dict[str, Entry] = {
    **{
        name: Entry(
            model=f"recbole_ext.models.ncf.adapter:{name}",
            settings=f"recbole_ext.models.ncf.settings:{name}Settings",
            train_loader="recbole_ext.loaders:ncf_loader",
            trainer="recbole_ext.training:SteppingTrainer",
        )
        for name in ("NCFMLP", "NCFGMF", "NCFNeuMF")
    },
    "AutoRec": Entry(
        model="recbole_ext.models.autorec.adapter:AutoRec",
        settings="recbole_ext.models.autorec.settings:AutoRecSettings",
        train_loader="recbole_ext.loaders:autorec_loader",
        trainer="recbole_ext.training:AutoRecTrainer",
        dataset="recbole_ext.interactions:RatingDataset",
        reads_ratings=True,
    ),
}


def _load(reference: str) -> Any:
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def model_class(name: str) -> Any:
    """The class of one of our models."""
    return _load(MODELS[name].model)


def needs_ratings(name: str) -> bool:
    """Whether the model reads ratings; RecBole's own models do without."""
    return name in MODELS and MODELS[name].reads_ratings


def defaults(name: str) -> dict[str, Any]:
    """The commented defaults of one of our models, as its yaml has them."""
    return settings.load(_PROPERTIES / f"{name}.yaml")


# --- names ----------------------------------------------------------------------------------


def _recbole_folder() -> Path:
    spec = importlib.util.find_spec("recbole")
    if spec is None or spec.origin is None:
        raise RegistryError("RecBole is not installed: pip install recbole==1.2.1")
    return Path(spec.origin).parent


def known_models() -> list[str]:
    """The names of our models and RecBole's, sorted; RecBole itself is not imported."""
    found = set(MODELS)
    for path in (_recbole_folder() / "model").glob("*_recommender/*.py"):
        classes = re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        found.update(name for name in classes if name.lower() == path.stem)
    return sorted(found, key=str.lower)


def known_datasets() -> list[str]:
    """The names of the data sets that RecBole can download, sorted."""
    listing = _recbole_folder() / "properties" / "dataset" / "url.yaml"
    return sorted(re.findall(r"^([^\s:#]+):", listing.read_text(encoding="utf-8"), re.MULTILINE))


def check_model(name: str) -> None:
    """Refuse a model that neither RecBole nor this package has.

    Raises:
        RegistryError: it names the nearest models there are.
    """
    if name in known_models():
        return
    near = settings.near(name, known_models())
    advice = f"did you mean {near}?" if near else f"there are: {', '.join(known_models())}"
    raise RegistryError(f"--model={name}: no such model in RecBole or recbole_ext; {advice}")


# --- keys that somebody reads ---------------------------------------------------------------


@lru_cache(maxsize=1)
def _recbole_keys() -> frozenset[str]:
    """Every key that RecBole's yaml files name or its code reads."""
    folder = _recbole_folder()
    keys = set(settings.PROCESS_KEYS)
    for path in (folder / "properties").rglob("*.yaml"):
        if path.name != "url.yaml":
            keys.update(re.findall(r"^(\w+):", path.read_text(encoding="utf-8"), re.MULTILINE))
    for path in folder.rglob("*.py"):
        keys.update(re.findall(r"config\[\"(\w+)\"\]", path.read_text(encoding="utf-8")))
    return frozenset(keys)


def own_keys(model: str) -> frozenset[str]:
    """The keys that this model reads: ours, or those of RecBole's yaml for it."""
    if model in MODELS:
        return frozenset(settings.names(_load(MODELS[model].settings)))
    path = _recbole_folder() / "properties" / "model" / f"{model}.yaml"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return frozenset(re.findall(r"^(\w+):", text, re.MULTILINE))


@lru_cache(maxsize=1)
def _general_keys() -> frozenset[str]:
    """The keys that RecBole reads whatever the model: overall.yaml, the data set's, a metric's."""
    folder = _recbole_folder() / "properties"
    keys = {*settings.PROCESS_KEYS, *settings.DATA_KEYS, "tail_ratio"}
    for path in (folder / "overall.yaml", folder / "dataset" / "sample.yaml"):
        keys.update(re.findall(r"^(\w+):", path.read_text(encoding="utf-8"), re.MULTILINE))
    return frozenset(keys)


def check_settings(model: str, given: Mapping[str, Any], merged: Mapping[str, Any]) -> None:
    """Check what the user wrote for a run, before anything is read or written.

    Args:
        model: its name; ours or RecBole's.
        given: the keys of the user's yaml files, ``config_dict`` and command line.
        merged: those over the defaults.

    Raises:
        SettingError: a key is nearly one that the model or RecBole reads, a value has the
            wrong type or lies out of its range, a checkpoint is not there. A key that nobody reads
            gets a warning.
    """
    settings.check_names(model, given, own_keys(model) | _general_keys(), _recbole_keys())
    settings.read(settings.RunSettings, merged)
    if model not in MODELS or "learner" not in own_keys(model):
        settings.read(settings.LearnerSettings, merged)
    if model in MODELS:
        chosen = settings.read(_load(MODELS[model].settings), merged)
        for key, file in getattr(chosen, "checkpoints", {}).items():
            if not Path(file).is_file():
                raise SettingError(f"{key}: expected the checkpoint of a run, found no file {file}")


# --- RecBole's side -------------------------------------------------------------------------


def _recbole_name(name: str) -> str:
    return f"{_PACKAGE}.{name.lower()}"


class _Finder(MetaPathFinder):
    """Answers ``find_spec`` for our models' RecBole names.

    ``get_model`` asks for a spec before RecBole's package of models is imported; the question
    imports it, and with it (see ``_alias``) the module asked for, but has looked for that
    beforehand. Nothing is ever loaded from the answer.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in map(_recbole_name, MODELS) and fullname in sys.modules:
            return sys.modules[fullname].__spec__
        return None


def _alias(package: ModuleType) -> None:
    """Put our modules where ``get_model`` looks; each class keeps its own ``__module__``."""
    for name, entry in MODELS.items():
        place = _recbole_name(name)
        module = importlib.import_module(entry.model.split(":")[0])
        if place not in sys.modules and importlib.util.find_spec(place) is not None:
            raise RegistryError(
                f"RecBole has a model of its own named {name}: this release is newer than the "
                "1.2.1 that recbole_ext is for"
            )
        sys.modules[place] = module
        setattr(package, name.lower(), module)


def _merge(into: dict[str, Any], ours: Mapping[str, Any]) -> None:
    """Our defaults over RecBole's. The columns to load are added to the data set's own."""
    columns = dict(into.get("load_col") or {})
    for suffix, ours_columns in ours.get("load_col", {}).items():
        columns[suffix] = list(dict.fromkeys([*columns.get(suffix, []), *ours_columns]))
    into.update(ours)
    into["load_col"] = columns


def _load_internal_config_dict(
    wrapped: Callable[..., None], config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    from recbole_ext import atomic_files  # imports pandas, which `--help` need not wait for

    wrapped(*args, **kwargs)
    given = config.external_config_dict
    if config.model in MODELS:
        _merge(config.internal_config_dict, defaults(config.model))
    folder = Path(given.get("data_path") or config.internal_config_dict["data_path"])
    config.internal_config_dict.update(atomic_files.settings_beside(folder / config.dataset))
    if config.model in MODELS:
        check_settings(config.model, given, {**config.internal_config_dict, **given})


def _mend_config(module: ModuleType) -> None:
    wrapt.wrap_function_wrapper(
        module, "Config._load_internal_config_dict", _load_internal_config_dict
    )


def _get_dataloader(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    def ask(config: Any, phase: str) -> Any:
        entry = MODELS.get(config["model"])
        if phase == "train" and entry is not None and entry.train_loader is not None:
            return _load(entry.train_loader)(config)
        choose = _load("recbole_ext.loaders:ranking_loader")
        return choose(config, wrapped(config, phase), wide=entry is not None)

    return ask(*args, **kwargs)


def _create_samplers(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    def ask(config: Any, dataset: Any, built_datasets: Any) -> Any:
        train, *evaluated = wrapped(config, dataset, built_datasets)
        if config["fixed_negatives"]:
            from recbole_ext.evaluation import FixedNegatives

            evaluated = [FixedNegatives(sampler, config, dataset) for sampler in evaluated]
        return train, *evaluated

    return ask(*args, **kwargs)


def _mend(function: str) -> Callable[[ModuleType], None]:
    """Another module's function, imported when it is needed: `--help` need not wait for torch."""

    def mend(module: ModuleType) -> None:
        _load(function)(module)

    return mend


def _mend_loaders(module: ModuleType) -> None:
    wrapt.wrap_function_wrapper(module, "get_dataloader", _get_dataloader)
    wrapt.wrap_function_wrapper(module, "create_samplers", _create_samplers)


def _offer(suffix: str, field: str) -> Callable[[ModuleType], None]:
    """RecBole looks for ``<model><suffix>`` in a module: let it find what our entries name."""
    references = {f"{name}{suffix}": getattr(entry, field) for name, entry in MODELS.items()}

    def offer(module: ModuleType) -> None:
        def find(name: str) -> Any:  # only when asked: ours subclass RecBole's, being imported now
            if references.get(name) is not None:
                return _load(references[name])
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__getattr__ = find  # type: ignore[method-assign]

    return offer


# RecBole's modules, and what puts arrays in the place of their loops.
_ARRAYS = [
    ("recbole.data.interaction", "bookkeeping:mend_interactions"),
    ("recbole.data.dataloader.abstract_dataloader", "bookkeeping:mend_loaders"),
    ("recbole.sampler.sampler", "bookkeeping:mend_samplers"),
    ("recbole.data.dataset.dataset", "reading:mend_dataset"),
    ("recbole.data.dataset.dataset", "caching:mend_dataset"),
]


def install() -> None:
    """Arrange for RecBole to find our models. Once a process: importing the package does it."""
    sys.meta_path.append(_Finder())
    after_import(_PACKAGE, _alias)
    after_import("recbole.config.configurator", _mend_config)
    for module, function in _ARRAYS:
        after_import(module, _mend(f"recbole_ext.{function}"))
    after_import("recbole.data.utils", _mend_loaders)
    after_import("recbole.data.dataset", _offer("Dataset", "dataset"))
    after_import("recbole.trainer", _offer("Trainer", "trainer"))

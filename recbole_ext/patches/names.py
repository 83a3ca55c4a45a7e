"""Where RecBole finds our models, their defaults, loaders and data sets.

Each hook runs right after the module of RecBole that it concerns has been imported:

    recbole.model.general_recommender   get_model(name) finds our module under RecBole's name
    recbole.config.configurator         Config merges our <name>.yaml, then the data set's own
                                        <name>.yaml, and checks keys
    recbole.data.dataset                create_dataset finds <name>Dataset
    recbole.trainer                     get_trainer finds <name>Trainer
    recbole.data.utils                  data_preparation asks for a training loader, and for
                                        the negatives of an evaluation
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from recbole_ext.errors import RegistryError
from recbole_ext.patches.rewriting import after_import
from recbole_ext.registry.keys import check_settings
from recbole_ext.registry.models import MODELS, defaults, load

_PACKAGE = "recbole.model.general_recommender"


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
    from recbole_ext.data import atomic_files  # imports pandas, which `--help` need not wait for

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
            return load(entry.train_loader)(config)
        choose = load("recbole_ext.data.dataloader:ranking_loader")
        return choose(config, wrapped(config, phase), wide=entry is not None)

    return ask(*args, **kwargs)


def _create_samplers(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    def ask(config: Any, dataset: Any, built_datasets: Any) -> Any:
        train, *evaluated = wrapped(config, dataset, built_datasets)
        if config["fixed_negatives"]:
            from recbole_ext.data.fixed_negatives import FixedNegatives

            evaluated = [FixedNegatives(sampler, config, dataset) for sampler in evaluated]
        return train, *evaluated

    return ask(*args, **kwargs)


def _mend(function: str) -> Callable[[ModuleType], None]:
    """Another module's function, imported when it is needed: `--help` need not wait for torch."""

    def mend(module: ModuleType) -> None:
        load(function)(module)

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
                return load(references[name])
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__getattr__ = find  # type: ignore[method-assign]

    return offer


# RecBole's modules, and what puts arrays in the place of their loops.
_ARRAYS = [
    ("recbole.data.interaction", "sampling:mend_interactions"),
    ("recbole.data.dataloader.abstract_dataloader", "sampling:mend_loaders"),
    ("recbole.sampler.sampler", "sampling:mend_samplers"),
    ("recbole.data.dataset.dataset", "reading:mend_dataset"),
    ("recbole.data.dataset.dataset", "exact_reading:mend_dataset"),
    ("recbole.data.dataset.dataset", "dataset_cache:mend_dataset"),
]


def install() -> None:
    """Arrange for RecBole to find our models. Once a process: importing the package does it."""
    sys.meta_path.append(_Finder())
    after_import(_PACKAGE, _alias)
    after_import("recbole.config.configurator", _mend_config)
    for module, function in _ARRAYS:
        after_import(module, _mend(f"recbole_ext.patches.{function}"))
    after_import("recbole.data.utils", _mend_loaders)
    after_import("recbole.data.dataset", _offer("Dataset", "dataset"))
    after_import("recbole.trainer", _offer("Trainer", "trainer"))

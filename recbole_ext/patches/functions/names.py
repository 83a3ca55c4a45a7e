"""What group ``names`` puts into RecBole: where it finds models and what belongs to them."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_ext.config import data_settings, literals, settings
from recbole_ext.config.settings import KeySource
from recbole_ext.data.locate import CARRIED, dataset_folder
from recbole_ext.errors import SettingError, UserError
from recbole_ext.evaluator import evaluation_settings
from recbole_ext.registry import (
    model_parts,
    model_size,
    models,
    negatives,
    own_settings,
    releases,
)
from recbole_ext.registry.keys import (
    check_dataset,
    check_keys,
    check_model,
    check_settings,
    of_yaml,
)


def get_model(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``get_model``: the class of a model that is not RecBole's, too."""
    (name,) = (*args, *kwargs.values())
    return models.model_class(name) if models.is_known(name) else wrapped(name)


def _merge(into: dict[str, Any], ours: Mapping[str, Any]) -> None:
    """A model's defaults over RecBole's. The columns to load are added to the data set's own."""
    columns = dict(into.get("load_col") or {})
    for suffix, ours_columns in ours.get("load_col", {}).items():
        columns[suffix] = list(dict.fromkeys([*columns.get(suffix, []), *ours_columns]))
    into.update(ours)
    into["load_col"] = columns


def convert_config_dict(_: Any, config_dict: dict[str, Any]) -> dict[str, Any]:
    """``Config._convert_config_dict``: what texts stand for, read as literals; changes the dict."""
    config_dict.update(literals.read_literals(config_dict))
    return config_dict


def load_config_files(
    wrapped: Callable[..., Any], config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """``Config._load_config_files`` with our reader; notes which file each key comes from."""

    def load(file_list: Sequence[str] | None) -> dict[str, Any]:
        if isinstance(file_list, (str, Path)):  # RecBole would open a file for each letter
            raise SettingError(
                f"config_file_list: expected a list of files, found {file_list!r}; write "
                f"[{str(file_list)!r}]"
            )
        contents = {str(file): settings.load(Path(file)) for file in file_list or ()}
        config.keys_of_files = {file: list(content) for file, content in contents.items()}
        return {key: value for content in contents.values() for key, value in content.items()}

    return load(*args, **kwargs)


def load_variable_config_dict(
    wrapped: Callable[..., Any], config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Config._load_variable_config_dict``: refuses a ``config_dict`` that has no settings."""
    (given,) = (*args, *kwargs.values())
    if not given:
        return wrapped(given)
    if not isinstance(given, Mapping):
        raise SettingError(
            f"config_dict: expected a dict of settings, found {given!r}; write {{'epochs': 20}}"
        )
    for key in given:
        if not isinstance(key, str):
            raise SettingError(f"config_dict: expected names of settings, found the key {key!r}")
    # `run` puts it there with the number of each process; otherwise it would be ignored.
    if "nproc" in given and "local_rank" not in given:
        raise SettingError(
            "nproc: this is an argument of recbole.quick_start.run, not a setting; write "
            f"run(model, dataset, nproc={given['nproc']})"
        )
    return wrapped(given)


def get_model_and_dataset(
    wrapped: Callable[..., Any], config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Config._get_model_and_dataset``: says which name is missing, or is of no model.

    A model may be named by where its class is, and a class that RecBole does not have is
    registered.
    """

    def get(model: Any, dataset: Any) -> Any:
        external = config.external_config_dict
        model = external.get("model") if model is None else model
        dataset = external.get("dataset") if dataset is None else dataset
        if not (isinstance(model, type) or (isinstance(model, str) and model)):
            raise SettingError(
                f"model: expected the name of a model or its class, found {model!r}; write "
                "model='BPR'"
            )
        if not (isinstance(dataset, str) and dataset):
            raise SettingError(
                f"dataset: expected the name of a data set, found {dataset!r}; write "
                "dataset='ml-100k'"
            )
        if isinstance(model, str) and ":" in model:
            model = check_model(model)
        if isinstance(model, type) and not model.__module__.startswith("recbole."):
            models.register(model)
        try:
            return wrapped(model, dataset)
        except UserError:
            raise
        except Exception:  # asked afterwards: others may have put a module into RecBole's package
            if isinstance(model, str):
                check_model(model)
            raise

    return get(*args, **kwargs)


def get_download_url(
    wrapped: Callable[..., Any], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Dataset._get_download_url``, of a data set that is not there: refuses an unknown name."""
    try:
        return wrapped(*args, **kwargs)
    except ValueError:
        check_dataset(dataset.dataset_name, Path(dataset.dataset_path))
        raise


def load_internal_config_dict(
    wrapped: Callable[..., None], config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``Config._load_internal_config_dict``, then our defaults, the data set's, and a check."""
    from recbole_ext.data import atomic_files, loaded_columns  # `--help` need not wait for these

    wrapped(*args, **kwargs)
    given, defaults_of = config.external_config_dict, of_yaml(config.model)
    config.internal_config_dict.update(releases.defaults_of_1_2_1(config.model))
    if models.is_known(config.model):
        _merge(config.internal_config_dict, model_parts.defaults(config.model))
    own = {k: v for k, v in config.internal_config_dict.items() if k in defaults_of}
    folders = settings.read(settings.FolderSettings, {**config.internal_config_dict, **given})
    folder = dataset_folder(config.dataset, Path(folders.data_path))
    loaded_columns.check_files(given.get("load_col"), folder, config.dataset)
    beside = atomic_files.settings_beside(folder)
    config.internal_config_dict |= data_settings.renamed(config.internal_config_dict, beside)
    _merge_eval_args(config, given, beside)
    config.internal_config_dict |= data_settings.renamed(config.internal_config_dict, given)
    merged = {**config.internal_config_dict, **given}
    files = {str(folder / f"{config.dataset}.yaml"): beside}
    sources = [
        *(KeySource(keys, file, "models") for file, keys in (files | config.keys_of_files).items()),
        KeySource(config.variable_config_dict),
        KeySource(config.cmd_config_dict, audience="program"),
    ]
    check_keys(config.model, sources, merged)
    check_settings(config.model, config.dataset, given, merged)
    evaluation_settings.read(merged)
    own_settings.check(own, merged)
    negatives.check(config.model, config.model_class, merged)
    model_size.check(config.model, merged)
    _warn_of_unset(config.model, merged)


def _warn_of_unset(model: str, merged: Mapping[str, Any]) -> None:
    """Name the settings that a model's own code reads and that nothing sets: they are None."""
    if not models.is_known(model) or model_parts.settings_place(model) is not None:
        return
    for key, place in model_parts.source_keys(model).items():
        if key not in merged and key not in settings.PROCESS_KEYS:
            warnings.warn(
                f"{key}: {model} reads this setting ({place}), and nothing sets it: it is None; "
                f"write it into {model_parts.default_path(model)}, or give --{key}=VALUE",
                stacklevel=2,
            )


def _merge_eval_args(config: Any, given: dict[str, Any], beside: Mapping[str, Any]) -> None:
    """Merge ``eval_args`` key by key, where RecBole replaces the model's by a part of them.

    Args:
        config: whose internal settings get those beside the data set.
        given: what the user has written.
        beside: the settings beside the data set.
    """
    internal = config.internal_config_dict
    parts = [internal["eval_args"]]
    internal.update(beside)
    parts.append(internal["eval_args"])
    for origin in (config.file_config_dict, config.variable_config_dict, config.cmd_config_dict):
        parts.append(origin.get("eval_args"))
    internal["eval_args"] = evaluation_settings.merge_eval_args(parts)
    if "eval_args" in given:
        given["eval_args"] = internal["eval_args"]


def set_default_parameters(
    wrapped: Callable[..., None], config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``Config._set_default_parameters``: reads an ml-100k below ``data_path`` if there is one."""
    data_path = Path(config.final_config_dict["data_path"])
    wrapped(*args, **kwargs)
    if config.dataset == CARRIED:
        config.final_config_dict["data_path"] = str(dataset_folder(CARRIED, data_path))


def get_dataloader(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``get_dataloader``: a model may bring its own loader of training batches.

    An autoencoder that brings none is trained on users, as RecBole trains its own ones.
    """

    def choose(config: Any, phase: str) -> Any:
        name = config["model"]
        if phase != "train" or not models.is_known(name):
            return wrapped(config, phase)
        loader = model_parts.part(name, "Loader")
        if loader is not None:
            return loader if isinstance(loader, type) else loader(config)
        from recbole.data.dataloader import UserDataLoader
        from recbole.model.abstract_recommender import AutoEncoderMixin

        if issubclass(models.model_class(name), AutoEncoderMixin):
            return UserDataLoader
        return wrapped(config, phase)

    return choose(*args, **kwargs)


def create_samplers(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``create_samplers``: a data set with ``fixed_negatives`` is evaluated on these."""

    def create(config: Any, dataset: Any, built_datasets: Any) -> Any:
        train, *evaluated = wrapped(config, dataset, built_datasets)
        if config["fixed_negatives"]:
            from recbole_ext.data.fixed_negatives import FixedNegatives

            evaluated = [FixedNegatives(sampler, config, dataset) for sampler in evaluated]
        return train, *evaluated

    return create(*args, **kwargs)


def provide_datasets(module: ModuleType) -> None:
    """``<model>Dataset`` for models that bring a data set class."""
    _provide_classes(module, "Dataset")


def provide_trainers(module: ModuleType) -> None:
    """``<model>Trainer`` for models that bring a trainer."""
    _provide_classes(module, "Trainer")


def _provide_classes(module: ModuleType, suffix: str) -> None:
    """RecBole looks for ``<model><suffix>`` in a module: let it find what a model brings."""

    def find(name: str) -> Any:  # only when asked: ours subclass RecBole's, being imported now
        model = name.removesuffix(suffix)
        if name.endswith(suffix) and models.is_known(model):
            found = model_parts.part(model, suffix)
            if found is not None:
                return found
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    module.__getattr__ = find  # type: ignore[method-assign]

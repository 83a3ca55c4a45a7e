"""Which model names, data set names and setting keys somebody reads: RecBole's and ours."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from recbole_ext.config import settings
from recbole_ext.config.data_settings import ReadingSettings
from recbole_ext.data.movielens import catalogue
from recbole_ext.errors import DataError, RegistryError, SettingError
from recbole_ext.registry import class_source, model_parts, models, releases
from recbole_ext.registry.model_source import ModelSource
from recbole_ext.registry.recbole_source import folder as _recbole_folder
from recbole_ext.registry.recbole_source import model_modules


def known_models() -> list[str]:
    """The names of RecBole's models and of all others that are known, sorted."""
    return sorted({*recbole_models(), *models.names()}, key=str.lower)


@lru_cache(maxsize=1)
def recbole_models() -> frozenset[str]:
    """The names of RecBole's models; RecBole itself is not imported."""
    return frozenset(name for name, _ in model_modules().values())


def known_datasets() -> list[str]:
    """The names of the data sets that RecBole can download, sorted."""
    listing = _recbole_folder() / "properties" / "dataset" / "url.yaml"
    return sorted(re.findall(r"^([^\s:#]+):", listing.read_text(encoding="utf-8"), re.MULTILINE))


def check_model(name: str, where: str = "--model=", folder: Path | None = None) -> str:
    """Refuse a model that nobody has; one that is named by its file or its module becomes known.

    Args:
        name: of it, or where its class is, as ``my_model.py:MyModel``.
        where: what the message begins with, before the name.
        folder: that files are looked for from; None for the current one.

    Returns:
        its name.

    Raises:
        RegistryError: it names the nearest models there are.
    """
    if ":" in name:
        return models.find(name, where, folder)
    if name in recbole_models():
        return name
    if models.is_known(name):
        return models.source(name).name
    if advice := releases.advice_for_model(name):
        raise RegistryError(f"{where}{name}: {advice}")
    near = settings.near(name, known_models())
    advice = f"did you mean {near}?" if near else f"there are: {', '.join(known_models())}"
    if name.endswith(".py"):
        advice = f"name the class of the file, too: {name}:MyModel"
    elif not models.names():  # the entry points of an installation that is older than its code
        advice = "recbole_ext itself declares no models: install it again (pip install ...)"
    raise RegistryError(f"{where}{name}: no such model in RecBole or recbole_ext; {advice}")


def check_dataset(name: str, folder: Path) -> None:
    """Refuse a data set that is not there; RecBole downloads those it knows.

    Args:
        name: of the data set.
        folder: where it should be.

    Raises:
        DataError: it says how to get the data set, or which ones there are.
    """
    downloadable = known_datasets()
    if name in downloadable:
        return
    problem = f"--dataset={name}: no folder {folder}"
    if name in catalogue.RELEASES:
        command = f"recbole-ext data get {name} --data_path={folder.parent}"
        raise DataError(f"{problem}; get it with `{command}`")
    here = sorted(path.name for path in folder.parent.glob("*") if path.is_dir())
    near = settings.near(name, {"ml-100k", *here, *downloadable})
    advice = f"did you mean {near}?" if near else f"found there: {', '.join(here) or 'nothing'}"
    raise DataError(f"{problem}, and RecBole knows no data set of that name; {advice}")


# --- keys that somebody reads ---------------------------------------------------------------


# How RecBole's code reads a key, and how its yaml files name one.
_READS = re.compile(r"""config\[["']([\w-]+)["']\]|["']([\w-]+)["'] in (?:self\.)?config\b(?!\[)""")
_NAMES = re.compile(r"^([\w-]+):", re.MULTILINE)


def _read_by(*paths: Path) -> set[str]:
    """The keys that some files of RecBole's code read."""
    texts = (path.read_text(encoding="utf-8") for path in paths)
    return {one or other for text in texts for one, other in _READS.findall(text)}


def _named_in(*paths: Path) -> set[str]:
    """The keys of some yaml files of RecBole's; none of a file that is not there."""
    texts = (path.read_text(encoding="utf-8") for path in paths if path.is_file())
    return {key for text in texts for key in _NAMES.findall(text)}


def all_keys() -> frozenset[str]:
    """Every key that some known model, or RecBole itself reads."""
    return _recbole_keys().union(*(own_keys(model) for model in models.readable_names()))


@lru_cache(maxsize=1)
def _recbole_keys() -> frozenset[str]:
    folder = _recbole_folder()
    yamls = [path for path in (folder / "properties").rglob("*.yaml") if "url" not in path.name]
    added = {key for model in recbole_models() for key in releases.defaults_of_1_2_1(model)}
    return _general_keys() | _named_in(*yamls) | _read_by(*folder.rglob("*.py")) | added


def own_keys(model: str) -> frozenset[str]:
    """The keys that this model reads, beside those that RecBole reads for every model.

    They are those of its class of settings; without one, those that its yaml names and its code
    reads, and those of the models that it derives from.
    """
    if not models.is_known(model):
        return _of_recbole(model)
    source = models.source(model)
    return _of_source(source) if source.hash or not source.file else _of_released(source)


def _of_source(source: ModelSource) -> frozenset[str]:
    model = source.name
    declared, places = model_parts.setting_names(model), model_parts.ancestry(model)
    if declared and model_parts.settings_owner(model) == places[0]:
        return frozenset(declared)
    keys: set[str] = {*declared, *model_parts.source_keys(model), *model_parts.defaults(model)}
    for place in places:
        if place.is_recboles:
            keys |= class_source.keys_read(place.node).keys() | _of_recbole(place.name)
    return frozenset(keys)


_of_released = cache(_of_source)  # which does not change while a process runs


@cache
def _of_recbole(model: str) -> frozenset[str]:
    """The keys of RecBole's yaml and code for one of its models."""
    folder = _recbole_folder()
    code = (folder / "model").glob(f"*_recommender/{model.lower()}.py")
    # XGBoost's file is xgboost.yaml
    yamls = [
        path
        for path in (folder / "properties" / "model").glob("*.yaml")
        if path.stem.lower() == model.lower()
    ]
    return frozenset({*_named_in(*yamls), *_read_by(*code), *releases.defaults_of_1_2_1(model)})


@lru_cache(maxsize=1)
def _general_keys() -> frozenset[str]:
    """The keys that RecBole reads whatever the model: overall.yaml, the data set's, its code."""
    folder = _recbole_folder()
    properties = folder / "properties"
    said = _named_in(properties / "overall.yaml", *(properties / "dataset").glob("[ms]*.yaml"))
    of_models = _named_in(*(properties / "model").glob("*.yaml")) - said
    code = [path for path in folder.rglob("*.py") if not path.parent.name.endswith("_recommender")]
    read = _read_by(*code) - of_models
    return frozenset({*settings.PROCESS_KEYS, *settings.DATA_KEYS, *said, *read})


def of_yaml(model: str) -> frozenset[str]:
    """The keys that a model alone reads and no class of settings declares."""
    return frozenset() if _has_class(model) else own_keys(model) - _general_keys()


def _has_class(model: str) -> bool:
    """Whether a class declares the model's settings, with types and ranges."""
    return models.is_known(model) and model_parts.settings_place(model) is not None


def read_keys(model: str, values: Mapping[str, Any]) -> frozenset[str]:
    """The keys that a run of a model reads.

    Of a model that neither RecBole nor this package has, no one can know them: every key that
    some model reads may be one of them.

    Args:
        model: its name.
        values: the settings of the run; with a ``transform`` it reads the settings of that, too.
    """
    has_source = models.is_known(model) and models.source(model).file
    if model not in recbole_models() and not has_source:
        return all_keys()
    keys = own_keys(model) | _general_keys()
    if values.get("transform"):
        keys |= _read_by(_recbole_folder() / "data" / "transform.py")
    return keys


def check_keys(
    model: str, sources: Iterable[settings.KeySource], values: Mapping[str, Any]
) -> None:
    """Refuse the keys that a run of a model does not read; see config/setting_names.py.

    Args:
        model: its name.
        sources: the keys that the user wrote, by place.
        values: the settings of the run; ``allow_unknown_keys`` is one of them.

    Raises:
        SettingError: for the first key that is refused, or ``allow_unknown_keys`` is no truth
            value.
    """
    allow_unknown = values.get(settings.ALLOW_UNKNOWN) or False
    if not isinstance(allow_unknown, bool):
        problem = f"expected True or False, found {allow_unknown!r}"
        raise SettingError(f"{settings.ALLOW_UNKNOWN}: {problem}")
    read, of_any = read_keys(model, values), all_keys()
    for source in sources:
        settings.check_names(model, source, read, of_any, allow_unknown)


def check_values(model: str, values: Mapping[str, Any], where: str) -> None:
    """Check those values whose settings have a type: RecBole's common ones, and our models'.

    Args:
        model: its name.
        values: some settings of a file.
        where: the file and its part that messages begin with.

    Raises:
        SettingError: a value has the wrong type or lies out of its range.
    """
    classes: list[type] = [settings.RunSettings, ReadingSettings]
    if _has_recbole_learner(model):
        classes.append(settings.LearnerSettings)
    if _has_class(model) and (own := model_parts.settings_class(model)) is not None:
        classes.append(own)
    for cls in classes:
        settings.read_some(cls, values, where)


def _has_recbole_learner(model: str) -> bool:
    return not _has_class(model) or "learner" not in own_keys(model)


def check_space(model: str, space: Mapping[str, Sequence[Any]], where: str) -> None:
    """Check the values that are tried of each setting; see ``check_values``.

    Raises:
        SettingError: also for a value that is there twice: it would be tried twice.
    """
    for key, choices in space.items():
        settings.refuse_twice(choices, f"{where}: {key}")
        for value in choices:
            check_values(model, {key: value}, where)


def check_settings(
    model: str, dataset: str, given: Mapping[str, Any], merged: Mapping[str, Any]
) -> None:
    """Check the values of a run's settings, before anything is read or written.

    Args:
        model: its name; ours or RecBole's.
        dataset: its name.
        given: the keys of the user's yaml files, ``config_dict`` and command line.
        merged: those over the defaults.

    Raises:
        SettingError: a value has the wrong type or lies out of its range, another model or data
            set is named, a checkpoint is not there.
    """
    for key, name in (("model", model), ("dataset", dataset)):
        named = given.get(key, name)
        named = getattr(named, "__name__", named)  # RecBole takes a model's class, too
        if key == "model" and str(named).rpartition(":")[2] == name:
            continue  # where its class is
        if named != name:
            raise SettingError(f"{key}: found {named}, but the run is of {name}; keep one")
    settings.read(settings.RunSettings, merged)
    settings.read(ReadingSettings, merged)
    settings.check_gpu(merged["gpu_id"])
    if _has_recbole_learner(model):
        settings.read(settings.LearnerSettings, merged)
    if max(merged.get("nproc") or 1, merged.get("world_size") or 1) > 1:
        settings.check_shared_learner(merged["learner"])
    if _has_class(model) and (cls := model_parts.settings_class(model)) is not None:
        own = settings.read(cls, merged)
        for key, file in getattr(own, "checkpoints", {}).items():
            if not Path(file).is_file():
                raise SettingError(f"{key}: expected the checkpoint of a run, found no file {file}")

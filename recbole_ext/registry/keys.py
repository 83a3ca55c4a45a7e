"""Which model names, data set names and setting keys somebody reads: RecBole's and ours."""

import importlib.util
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from recbole_ext.config import settings
from recbole_ext.errors import RegistryError, SettingError
from recbole_ext.registry.models import MODELS, load


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
        return frozenset(settings.names(load(MODELS[model].settings)))
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
        chosen = settings.read(load(MODELS[model].settings), merged)
        for key, file in getattr(chosen, "checkpoints", {}).items():
            if not Path(file).is_file():
                raise SettingError(f"{key}: expected the checkpoint of a run, found no file {file}")

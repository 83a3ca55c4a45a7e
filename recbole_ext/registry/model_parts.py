"""What belongs to a model that is not RecBole's, all of it optional; for a class ``MyModel``:

    MyModel.yaml       beside its file: defaults of its settings, and of RecBole's
    MyModelSettings    in its module: a class of its settings, with types and ranges
    MyModelTrainer, MyModelDataset, MyModelLoader
                       in its module: the trainer, the data set, the loader of training batches (a
                       class, or a function from the Config to a class)
    reads_ratings, scores_all_items, ranks_only, trains_on_labels, needs_labels
                       attributes of the class: see docs/your-model.md

What a model does not bring is taken from the class that it derives from.
"""

import importlib
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from recbole_ext.config import default_file, settings
from recbole_ext.config.settings import Values
from recbole_ext.errors import SettingError
from recbole_ext.registry import (
    class_source,
    loading,
    model_source,
    models,
    recbole_source,
    syntax_tree,
)
from recbole_ext.registry.class_source import Place


def ancestry(name: str) -> list[Place]:
    """The class of a known model and those that it derives from, as far as files tell."""
    of = models.source(name)
    if of.file:
        return class_source.ancestry(Path(of.file), name, of.root)
    theirs = [c for c in models.model_class(name).__mro__ if c.__module__.startswith("recbole.")]
    return [Place(Path(loading.file_of(sys.modules[c.__module__])), c.__name__) for c in theirs]


def attribute(name: str, key: str, default: Any = None) -> Any:
    """An attribute of the class of a known model, read from its source if it is not loaded.

    Args:
        name: of the model.
        key: of the attribute.
        default: the value if the class has no such attribute.
    """
    if models.is_loaded(name):
        return getattr(models.model_class(name), key, default)
    return class_source.attributes(ancestry(name)).get(key, default)


def kind(name: str) -> SimpleNamespace:
    """What a model's class says of itself: its ``type``, and its ``input_type`` if it has one."""
    if not models.is_known(name):
        return recbole_source.model_class(name)
    says = class_source.attributes(ancestry(name))
    if models.is_loaded(name) or "ModelType." not in str(says.get("type")):
        cls: Any = models.model_class(name)
        says = {key: str(getattr(cls, key)) for key in ("type", "input_type") if hasattr(cls, key)}
    return recbole_source.kind_of(says)


def brings(name: str, suffix: str) -> bool:
    """Whether a known model, or one that it derives from, has a ``<class><suffix>`` beside it."""
    return any(
        f"{place.name}{suffix}" in model_source.bound_names(syntax_tree.parse(place.file))
        for place in ancestry(name)
    )


def needs_ratings(name: str) -> bool:
    """Whether the model reads ratings; RecBole's own models do without."""
    return models.is_known(name) and bool(attribute(name, "reads_ratings", False))


def ranks_only(name: str) -> bool:
    """Whether the model's scores are for rankings alone: no ratings, no probabilities."""
    return models.is_known(name) and bool(attribute(name, "ranks_only", False))


def settings_owner(name: str) -> Place | None:
    """The model, or the one that it derives from, that has a class of settings; None for none."""
    return next((place for place in ancestry(name) if _settings_of(place, name)), None)


def settings_place(name: str) -> Place | None:
    """Where the class of a model's settings is; None where it has none."""
    owner = settings_owner(name)
    return None if owner is None else _settings_of(owner, name)


def _settings_of(place: Place, name: str) -> Place | None:
    root = models.source(name).root if models.source(name).file else Path()
    return class_source.find(place.file, f"{place.name}Settings", root)


def settings_class(name: str) -> Any:
    """The class of a model's settings; None where it has none, or stands in a file not yet run."""
    place = settings_place(name)
    if place is None:
        return None
    of_class = next(p for p in ancestry(name))
    if place.file == of_class.file:
        if not models.is_loaded(name):
            return None
        return getattr(sys.modules[models.model_class(name).__module__], place.name)
    return loading.load_beside(place.file, place.name, _root_of(place, name))


def _root_of(place: Place, name: str) -> Path:
    root = models.source(name).root
    if place.file.is_relative_to(root):
        return root
    folder = place.file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def setting_names(name: str) -> list[str]:
    """The settings that a model declares in a class; empty where it has none."""
    place = settings_place(name)
    if place is None:
        return []
    return class_source.fields(class_source.ancestry(place.file, place.name, _root_of(place, name)))


def source_keys(name: str) -> dict[str, str]:
    """The keys that the files of a known model read: key -> file and line, for messages."""
    of = models.source(name)
    found: dict[str, str] = {}
    for path in of.files():
        file = of.root / path
        if file.suffix == ".py":
            with suppress(SyntaxError, ValueError):  # told when it is run
                lines = class_source.keys_read(syntax_tree.parse(file))
                found |= {key: f"{file}, line {line}" for key, line in lines.items()}
    return found


def default_path(name: str) -> Path:
    """``<name>.yaml`` beside the model's file, where users read the defaults."""
    return model_source.yaml_beside(Path(models.source(name).file), name)


def defaults(name: str) -> Values:
    """The defaults of a model, of its own settings and of RecBole's; those of its bases below."""
    merged: Values = {}
    declared, owner = settings_class(name), settings_owner(name)
    for place in reversed(ancestry(name)):
        if place == owner and declared is not None:
            merged |= default_file.values(declared)
        file = model_source.yaml_beside(place.file, place.name)
        if place.is_recboles:
            file = recbole_source.folder() / "properties" / "model" / f"{place.name}.yaml"
        if file.is_file():
            merged |= settings.load(file)
    return merged


# --- once it is imported ---------------------------------------------------------------------


def part(name: str, suffix: str) -> Any:
    """What a model, or a class that it derives from, has as ``<class><suffix>``; None for nothing.

    Args:
        name: of a known model.
        suffix: Trainer, Dataset or Loader; RecBole's own parts of its models count, too.
    """
    for cls in models.model_class(name).__mro__:
        where = cls.__module__
        if where.startswith("recbole."):
            where = {"Trainer": "recbole.trainer", "Dataset": "recbole.data.dataset"}.get(
                suffix, ""
            )
        if where:
            module = sys.modules.get(where) or importlib.import_module(where)
            if (found := vars(module).get(f"{cls.__name__}{suffix}")) is not None:
                return found
    return None


def check_scores_items(where: str, model: str, kind: str) -> None:
    """Refuse a model that needs more than a user and items to score, for an ensemble.

    Args:
        where: the member of the ensemble, for the message.
        model: its name.
        kind: RecBole's name of its kind.

    Raises:
        SettingError: it is of a kind that an ensemble cannot combine.
    """
    if kind not in ("GENERAL", "TRADITIONAL"):
        raise SettingError(
            f"{where}: {model} is a {kind.lower()} model; expected one that scores items for "
            "users, of interactions alone"
        )

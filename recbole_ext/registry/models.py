"""Our models, and what belongs to each: settings, training loader, trainer, data set."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from recbole_ext.config import default_file


@dataclass(frozen=True)
class Entry:
    """What belongs to a model, each as ``module:name``; None where RecBole's own will do.

    ``train_loader`` is a function that takes the ``Config`` and returns a class. ``settings`` and
    ``run_defaults`` are classes of settings: the model's own, and RecBole's where the model needs
    other defaults.
    """

    model: str
    settings: str
    run_defaults: str | None = None
    train_loader: str | None = None
    trainer: str | None = None
    dataset: str | None = None
    reads_ratings: bool = False


MODELS: dict[str, Entry] = {
    **{
        name: Entry(
            model=f"recbole_ext.models.ncf.adapter:{name}",
            settings=f"recbole_ext.models.ncf.settings:{name}Settings",
            train_loader="recbole_ext.models.ncf.loader:ncf_loader",
            trainer="recbole_ext.trainer.trainer:CallbackTrainer",
        )
        for name in ("NCFMLP", "NCFGMF", "NCFNeuMF")
    },
    "AutoRec": Entry(
        model="recbole_ext.models.autorec.adapter:AutoRec",
        settings="recbole_ext.models.autorec.settings:AutoRecSettings",
        run_defaults="recbole_ext.models.autorec.run_defaults:AutoRecRunDefaults",
        train_loader="recbole_ext.models.autorec.loader:autorec_loader",
        trainer="recbole_ext.trainer.trainer:AutoRecTrainer",
        dataset="recbole_ext.data.dataset:RatingDataset",
        reads_ratings=True,
    ),
}


def load(reference: str) -> Any:
    """The object that a ``module:name`` of an entry refers to."""
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def model_class(name: str) -> Any:
    """The class of one of our models."""
    return load(MODELS[name].model)


def needs_ratings(name: str) -> bool:
    """Whether the model reads ratings; RecBole's own models do without."""
    return name in MODELS and MODELS[name].reads_ratings


def setting_classes(name: str) -> list[type[msgspec.Struct]]:
    """The classes that declare the settings of one of our models, and RecBole's that it changes."""
    entry = MODELS[name]
    return [load(reference) for reference in (entry.settings, entry.run_defaults) if reference]


def defaults(name: str) -> dict[str, Any]:
    """The defaults of one of our models, of its own settings and of RecBole's."""
    classes = setting_classes(name)
    return {key: value for cls in classes for key, value in default_file.values(cls).items()}


def default_path(name: str) -> Path:
    """``<name>.yaml`` beside the model's code, where users read the defaults."""
    folder = Path(__file__).parents[1].joinpath(*MODELS[name].model.split(":")[0].split(".")[1:-1])
    return folder / f"{name}.yaml"

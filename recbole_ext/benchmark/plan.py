"""What a benchmark runs: a yaml, checked before anything runs.

    datasets: [ml-100k]
    seeds: [1, 2, 3]                # of the split, where RecBole splits, and of every run
    settings: {epochs: 100}         # of all models
    metric: ndcg@10                 # what models are compared by, user by user
    models:
      BPR: {model: BPR}
      NCFMLP:
        model: NCFMLP
        config: ../ncf_mlp.yaml     # from the folder of this file; below `settings`
        settings: {embedding_size: 32}
      NeuMF, pre-trained:
        model: NCFNeuMF
        settings: {pretrain: {gmf: "checkpoint of GMF", mlp: "checkpoint of NCFMLP"}}

``checkpoint of NAME`` is replaced by a checkpoint of that model of the plan, trained in the same
run with the same seed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from recbole_ext import settings
from recbole_ext.errors import SettingError

_CHECKPOINT = "checkpoint of "


class Key(NamedTuple):
    """What a run is."""

    dataset: str
    label: str
    seed: int


@dataclass(frozen=True)
class _Entry:
    """A model as the file has it."""

    model: str
    config: str | None
    settings: dict


@dataclass(frozen=True)
class Model:
    """One line of the table: a model's name, and its settings over its defaults, but the seed."""

    name: str
    settings: dict


@dataclass(frozen=True)
class Plan:
    """What a benchmark's file says; see the module."""

    datasets: Annotated[list[str], settings.Filled()]
    seeds: Annotated[list[settings.NonNegativeInt], settings.Filled()]
    settings: dict
    metric: str
    models: dict  # label -> Model

    def needed_by(self, label: str) -> dict[str, str]:
        """The models whose checkpoints a model starts from: what its settings say -> label."""
        return {
            text: text.removeprefix(_CHECKPOINT) for text in _texts(self.models[label].settings)
        }

    def runs(self) -> list[Key]:
        """All of them, in the order of the file, seed by seed."""
        return [
            Key(dataset, label, seed)
            for dataset in self.datasets
            for seed in self.seeds
            for label in self.models
        ]

    def fingerprint(self, label: str) -> str:
        """Differs where the settings of a model, or of those it starts from, do."""
        of = [label, *self.needed_by(label).values()]
        told = [[self.models[name].name, self.models[name].settings] for name in of]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def read(file: Path) -> Plan:
    """A plan, checked.

    Raises:
        SettingError: a file cannot be read, a key is missing, unknown or of the wrong type.
    """
    plan = settings.read_alone(Plan, settings.load(file), {"settings": {}}, str(file))
    if not plan.models:
        raise SettingError(f"{file}: models: expected at least one, found none")
    models = {}
    for label, value in plan.models.items():
        where = f"{file}: models: {label}"
        if not isinstance(value, dict):
            raise SettingError(f"{where}: expected {{model: NAME, ...}}, found {value!r}")
        entry = settings.read_alone(_Entry, value, {"config": None, "settings": {}}, where)
        config = {} if entry.config is None else settings.load(file.parent / entry.config)
        models[str(label)] = Model(entry.model, {**config, **plan.settings, **entry.settings})
    plan = replace(plan, metric=plan.metric.lower(), models=models)
    for label in models:
        for needed in plan.needed_by(label).values():
            if needed not in models or plan.needed_by(needed):
                raise SettingError(
                    f"{file}: models: {label}: checkpoint of {needed}: expected one of the models "
                    "here that needs no checkpoint itself"
                )
    return plan


def _texts(value: Any) -> Iterator[str]:
    """The texts in some settings that stand for checkpoints."""
    if isinstance(value, str) and value.startswith(_CHECKPOINT):
        yield value
    for inner in value.values() if isinstance(value, dict) else ():
        yield from _texts(inner)


def filled(value: Any, files: Mapping[str, str]) -> Any:
    """Settings with files in the place of the texts that stand for checkpoints."""
    if isinstance(value, dict):
        return {key: filled(inner, files) for key, inner in value.items()}
    return files.get(value, value) if isinstance(value, str) else value

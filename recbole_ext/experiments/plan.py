"""What a benchmark runs: a yaml, checked before anything runs.

    datasets: [ml-100k]
    protocols: {default: NDCG@10, rating: RMSE}  # protocols.py; what models are compared by in each
    seeds: [1, 2, 3]                # of the split, where RecBole splits, and of every run
    trials: 4                       # settings that are tried for each model with a space
    timeout: 1800                   # seconds that a run may take
    settings: {epochs: 100}         # of all models
    models:
      BPR:
        model: BPR
        space: {learning_rate: [0.001, 0.003], embedding_size: [64, 128]}
      NCFMLP:
        model: NCFMLP
        config: ../ncf_mlp.yaml     # from the folder of this file; below `settings`
        settings: {embedding_size: 32}
      NeuMF, pre-trained:
        model: NCFNeuMF
        settings: {pretrain: {gmf: "checkpoint of GMF", mlp: "checkpoint of NCFMLP"}}

A space is tried by the validation split of one seed, the first values first and then others at
random; what was best there is what runs with each seed. ``checkpoint of NAME`` is replaced by a
checkpoint of that model of the plan, trained in the same run with the same seed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from recbole_ext.config import settings
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.protocols import DECIDED, PROTOCOLS
from recbole_ext.experiments import random_search

_CHECKPOINT = "checkpoint of "

# Of the split that settings are chosen on, and of drawing them; RecBole's default.
TUNING_SEED = 2020


class TableKey(NamedTuple):
    """What has a table of its own."""

    dataset: str
    protocol: str

    def __str__(self) -> str:
        return f"{self.dataset}, {self.protocol}"


class RunKey(NamedTuple):
    """What a run is: of a trial it says its number, of what is tested None."""

    dataset: str
    protocol: str
    label: str
    seed: int
    trial: int | None = None

    @property
    def place(self) -> TableKey:
        """The table it belongs to."""
        return TableKey(self.dataset, self.protocol)

    def __str__(self) -> str:
        what = f"seed {self.seed}" if self.trial is None else f"trial {self.trial}"
        return f"{self.place}: {self.label}, {what}"


@dataclass(frozen=True)
class _Entry:
    """A model as the file has it."""

    model: str
    config: str | None
    settings: dict
    space: dict


@dataclass(frozen=True)
class Model:
    """One line of the table: a model's name, its settings over its defaults, what is tried."""

    name: str
    settings: dict
    trials: list[random_search.Trial]


@dataclass(frozen=True)
class Plan:
    """What a benchmark's file says; see the module."""

    datasets: Annotated[list[str], settings.Filled()]
    protocols: dict  # name -> what models are compared by, as RecBole's results name it
    seeds: Annotated[list[settings.NonNegativeInt], settings.Filled()]
    trials: settings.Count | None
    timeout: settings.Count | None
    settings: dict
    models: dict  # label -> Model

    @property
    def places(self) -> list[TableKey]:
        """The tables."""
        return [TableKey(dataset, name) for dataset in self.datasets for name in self.protocols]

    def labels(self, place: TableKey) -> list[str]:
        """The models of a table."""
        suits = PROTOCOLS[place.protocol].suits
        return [label for label, model in self.models.items() if suits(model.name)]

    def needed_by(self, label: str) -> dict[str, str]:
        """The models whose checkpoints a model starts from: what its settings say -> label."""
        return {
            text: text.removeprefix(_CHECKPOINT) for text in _texts(self.models[label].settings)
        }

    def trial_runs(self) -> list[RunKey]:
        """The runs that settings are chosen by."""
        return [
            RunKey(*place, label, TUNING_SEED, number)
            for place in self.places
            for label in self.labels(place)
            for number in range(len(self.models[label].trials))
        ]

    def runs(self) -> list[RunKey]:
        """Those that are tested, in the order of the file, seed by seed."""
        return [
            RunKey(*place, label, seed)
            for place in self.places
            for seed in self.seeds
            for label in self.labels(place)
        ]

    def all_runs(self) -> list[RunKey]:
        """Both, in the order in which they are made."""
        return [*self.trial_runs(), *self.runs()]

    def fingerprint(self, label: str) -> str:
        """Differs where the settings of a model, or of those it starts from, do."""
        of = [self.models[name] for name in (label, *self.needed_by(label).values())]
        told = [[m.name, m.settings, *([m.trials] if m.trials else [])] for m in of]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def read(file: Path) -> Plan:
    """A plan, checked.

    Raises:
        SettingError: a file cannot be read, a key is missing, unknown or of the wrong type.
    """
    defaults: dict[str, Any] = {"settings": {}, "trials": None, "timeout": None}
    plan = settings.read_alone(Plan, settings.load(file), defaults, str(file))
    if not plan.models:
        raise SettingError(f"{file}: models: expected at least one, found none")
    plan = replace(plan, protocols=_protocols(plan.protocols, f"{file}: protocols"))
    _refuse_decided(plan.settings, f"{file}: settings")
    models = {
        str(label): _model(plan, value, file, f"{file}: models: {label}")
        for label, value in plan.models.items()
    }
    plan = replace(plan, models=models)
    for label in models:
        for needed in plan.needed_by(label).values():
            if needed not in models or plan.needed_by(needed) or models[needed].trials:
                raise SettingError(
                    f"{file}: models: {label}: checkpoint of {needed}: expected one of the models "
                    "here that needs no checkpoint itself and has no space"
                )
    if not plan.runs():
        raise SettingError(f"{file}: protocols: expected one that suits a model, found none")
    return plan


def _protocols(given: Mapping[str, Any], where: str) -> dict[str, str]:
    if not given:
        raise SettingError(f"{where}: expected at least one, as {{default: NDCG@10}}, found none")
    for name, metric in given.items():
        if name not in PROTOCOLS:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(PROTOCOLS)}")
        known = PROTOCOLS[name].metrics
        if str(metric).lower() not in {other.lower() for other in known}:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(known)}")
    return {name: str(metric).lower() for name, metric in given.items()}


def _model(plan: Plan, value: Any, file: Path, where: str) -> Model:
    if not isinstance(value, dict):
        raise SettingError(f"{where}: expected {{model: NAME, ...}}, found {value!r}")
    nothing: dict[str, Any] = {"config": None, "settings": {}, "space": {}}
    entry = settings.read_alone(_Entry, value, nothing, where)
    config = {} if entry.config is None else settings.load(file.parent / entry.config)
    config = {name: value for name, value in config.items() if name not in DECIDED}
    _refuse_decided(entry.settings, f"{where}: settings")
    _refuse_decided(entry.space, f"{where}: space")
    trials: list[random_search.Trial] = []
    if entry.space:
        if plan.trials is None:
            raise SettingError(f"{where}: space: how many settings are tried? give the plan trials")
        random_search.check_space(entry.space, f"{where}: space")
        first = {name: values[0] for name, values in entry.space.items()}
        trials = random_search.draw_from(entry.space, first, plan.trials, TUNING_SEED)
    return Model(entry.model, {**config, **plan.settings, **entry.settings}, trials)


def _refuse_decided(given: Mapping[str, Any], where: str) -> None:
    for name in given:
        if name in DECIDED:
            raise SettingError(f"{where}: {name}: the protocol or the run decides this for all")


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

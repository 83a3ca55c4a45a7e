"""The plan of a benchmark: a yaml, checked before anything runs.

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

Combinations of a space are tried on the validation split of one seed: the first values first, then
others at random. The best of them runs with each seed. ``checkpoint of NAME`` is replaced by a
checkpoint of that model of the plan, trained in the same run with the same seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recbole_ext.config import settings
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.protocols import DECIDED, PROTOCOLS
from recbole_ext.experiments import trials as drawing
from recbole_ext.experiments.plan import TUNING_SEED, Model, Plan
from recbole_ext.experiments.trials import Trial


@dataclass(frozen=True)
class _Entry:
    """A model as the file has it."""

    model: str
    config: str | None
    settings: dict
    space: dict


def read(file: Path) -> Plan:
    """Read and check the plan of a benchmark.

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


def _protocols(metrics: Mapping[str, Any], where: str) -> dict[str, str]:
    if not metrics:
        raise SettingError(f"{where}: expected at least one, as {{default: NDCG@10}}, found none")
    for name, metric in metrics.items():
        if name not in PROTOCOLS:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(PROTOCOLS)}")
        known = PROTOCOLS[name].metrics
        if str(metric).lower() not in {other.lower() for other in known}:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(known)}")
    return {name: str(metric).lower() for name, metric in metrics.items()}


def _model(plan: Plan, value: Any, file: Path, where: str) -> Model:
    if not isinstance(value, dict):
        raise SettingError(f"{where}: expected {{model: NAME, ...}}, found {value!r}")
    defaults: dict[str, Any] = {"config": None, "settings": {}, "space": {}}
    entry = settings.read_alone(_Entry, value, defaults, where)
    config = {} if entry.config is None else settings.load(file.parent / entry.config)
    config = {name: value for name, value in config.items() if name not in DECIDED}
    _refuse_decided(entry.settings, f"{where}: settings")
    _refuse_decided(entry.space, f"{where}: space")
    trials: list[Trial] = []
    if entry.space:
        if plan.trials is None:
            raise SettingError(f"{where}: space: how many settings are tried? give the plan trials")
        drawing.check_space(entry.space, f"{where}: space")
        first = {name: values[0] for name, values in entry.space.items()}
        trials = drawing.draw(entry.space, first, plan.trials, TUNING_SEED)
    return Model(entry.model, {**config, **plan.settings, **entry.settings}, trials)


def _refuse_decided(names: Mapping[str, Any], where: str) -> None:
    for name in names:
        if name in DECIDED:
            raise SettingError(f"{where}: {name}: the protocol or the run decides this for all")

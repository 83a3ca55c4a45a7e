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
      Mine:
        model: my_model.py:MyModel  # from the folder of this file; or my_package.models:MyModel

Combinations of a space are tried on the validation split of one seed: the first values first, then
others at random. The best of them runs with each seed. ``checkpoint of NAME`` is replaced by a
checkpoint of that model of the plan, trained in the same run with the same seed.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Struct, field

from recbole_ext.config import settings
from recbole_ext.config.settings import (
    Count,
    Filled,
    KeySource,
    Seed,
    Space,
    Values,
)
from recbole_ext.errors import SettingError, naming
from recbole_ext.evaluator.protocols import DECIDED, PROTOCOLS
from recbole_ext.experiments import trials as drawing
from recbole_ext.experiments.plan import TUNING_SEED, Model, Plan, load
from recbole_ext.experiments.trials import Trial
from recbole_ext.registry import keys, packed_source


class _Entry(Struct, frozen=True, kw_only=True):
    """A model as the file has it."""

    model: str
    config: str | None = None
    settings: Values = field(default_factory=dict)
    space: Space = field(default_factory=dict)


class _Content(Struct, frozen=True, kw_only=True):
    """The file as it stands."""

    datasets: Annotated[list[str], Filled()]
    protocols: Annotated[dict[str, str], Filled()]
    seeds: Annotated[list[Seed], Filled()]
    trials: Count | None = None
    timeout: Count | None = None
    settings: Values = field(default_factory=dict)
    models: Annotated[dict[str, _Entry], Filled()]


def read(file: Path) -> Plan:
    """Read and check the plan of a benchmark.

    Raises:
        SettingError: a file cannot be read, a key is missing, unknown or of the wrong type, a
            data set or a seed is there twice.
    """
    with naming(file):
        return _read(file)


def _read(file: Path) -> Plan:
    content = settings.read_alone(_Content, load(file), str(file))
    settings.refuse_twice(content.datasets, f"{file}: datasets")
    settings.refuse_twice(content.seeds, f"{file}: seeds")
    _refuse_decided(content.settings, f"{file}: settings")
    models = {label: _model(content, label, file) for label in content.models}
    plan = Plan(
        datasets=content.datasets,
        protocols=_protocols(content.protocols, f"{file}: protocols"),
        seeds=content.seeds,
        trials=content.trials,
        timeout=content.timeout,
        settings=content.settings,
        models=models,
    )
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


def _protocols(metrics: Mapping[str, str], where: str) -> dict[str, str]:
    for name, metric in metrics.items():
        if name not in PROTOCOLS:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(PROTOCOLS)}")
        known = PROTOCOLS[name].metrics
        if metric.lower() not in {other.lower() for other in known}:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(known)}")
    return {name: metric.lower() for name, metric in metrics.items()}


def _model(content: _Content, label: str, file: Path) -> Model:
    entry, where = content.models[label], f"{file}: models: {label}"
    config = {} if entry.config is None else settings.load(file.parent / entry.config)
    config = {name: value for name, value in config.items() if name not in DECIDED}
    _refuse_decided(entry.settings, f"{where}: settings")
    _refuse_decided(entry.space, f"{where}: space")
    shared = {**config, **content.settings}
    values = {**shared, **entry.settings}
    sources = [
        KeySource(config, f"{where}: config: {entry.config}", "models"),
        KeySource(content.settings, f"{file}: settings", "models"),
        KeySource(entry.settings, f"{where}: settings"),
        KeySource(entry.space, f"{where}: space"),
    ]
    name = entry.model
    if ":" in name:  # other unknown names are told with the data sets, as those of a command are
        name = keys.check_model(name, f"{where}: model: ", file.parent)
    keys.check_keys(name, sources, values)
    keys.check_values(name, content.settings, f"{file}: settings")
    keys.check_values(name, entry.settings, f"{where}: settings")
    keys.check_space(name, entry.space, f"{where}: space")
    if not values.get(settings.ALLOW_UNKNOWN):  # a warning has named those of other models
        read = keys.read_keys(name, values)
        values = {key: values[key] for key in values if key in read}
    trials: list[Trial] = []
    if entry.space:
        if content.trials is None:
            raise SettingError(f"{where}: space: how many settings are tried? give the plan trials")
        first = {name: values[0] for name, values in entry.space.items()}
        trials = drawing.draw(entry.space, first, content.trials, TUNING_SEED)
    return Model(name, values, trials, packed_source.pack(name))


def _refuse_decided(names: Iterable[str], where: str) -> None:
    for name in names:
        if name in DECIDED:
            raise SettingError(f"{where}: {name}: the protocol or the run decides this for all")

"""The plan of a benchmark: a yaml, checked before anything runs.

    datasets: [ml-100k]
    protocols: {default: NDCG@10, rating: RMSE}  # protocols.py; what models are compared by in each
    seeds: [1, 2, 3]                # of the split, where RecBole splits, and of every run
    trials: 4                       # settings that are tried for each model with a space
    sampler: tpe                    # chooses them: random (the default), or tpe, which needs Optuna
    pruning: True                   # tpe: a trial ends where others were better by then
    timeout: 1800                   # seconds that a run may take
    metrics: [Novelty, Serendipity] # reported beside those of each protocol that ranks
    settings: {epochs: 100}         # of all models
    models:
      baselines: {model: [Pop, EASE, ItemKNN]}  # a line of the table for each
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
      NCFMLP+EASE:
        model: Ensemble             # of trained models of the plan; models/ensemble/settings.py
        settings: {members: [checkpoint of NCFMLP, checkpoint of EASE]}
      Mine:
        model: my_model.py:MyModel  # from the folder of this file; or my_package.models:MyModel
    paper:                          # figures taken from elsewhere: shown beside, never tested
      - {model: LightGCN, metric: NDCG@10, value: 0.25, source: "A. Author 2021, table 3"}

Combinations of a space are tried on the validation split of one seed: the first values first, then
others. The best of them runs with each seed. ``checkpoint of NAME`` is replaced by a checkpoint of
that model of the plan, trained in the same run with the same seed. A figure of ``paper`` also says
``dataset`` and ``protocol`` where the plan has several.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

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
from recbole_ext.config.types import Text
from recbole_ext.errors import SettingError, naming
from recbole_ext.evaluator.metrics import read_metrics
from recbole_ext.evaluator.protocols import DECIDED, PROTOCOLS
from recbole_ext.experiments import ensembles
from recbole_ext.experiments import study as studies
from recbole_ext.experiments import trials as drawing
from recbole_ext.experiments.plan import TUNING_SEED, Model, PaperFigure, Plan, TableKey, load
from recbole_ext.experiments.study import RANDOM, TPE, Sampler, Study
from recbole_ext.registry import keys, packed_source


class _Entry(Struct, frozen=True, kw_only=True):
    """A model in the form of the file, or several models with the same settings."""

    model: str | Annotated[list[str], Filled()]
    config: str | None = None
    settings: Values = field(default_factory=dict)
    space: Space = field(default_factory=dict)


class _Figure(Struct, frozen=True, kw_only=True):
    """A figure from a publication, in the form of the file."""

    model: Text
    metric: Text
    value: float
    source: Text
    dataset: str | None = None
    protocol: str | None = None


class _Content(Struct, frozen=True, kw_only=True):
    """The content of the file."""

    datasets: Annotated[list[str], Filled()]
    protocols: Annotated[dict[str, str], Filled()]
    seeds: Annotated[list[Seed], Filled()]
    trials: Count | None = None
    sampler: Sampler = RANDOM
    pruning: bool = False
    timeout: Count | None = None
    metrics: list[str] = field(default_factory=list)
    settings: Values = field(default_factory=dict)
    models: Annotated[dict[str, _Entry], Filled()]
    paper: list[Values] = field(default_factory=list)


def read(file: Path) -> Plan:
    """Read and check the plan of a benchmark.

    Raises:
        SettingError: a file cannot be read, a key is missing, unknown or of the wrong type, a
            data set or a seed is there twice.
        UserError: the sampler is not installed.
    """
    with naming(file):
        return _read(file)


def _read(file: Path) -> Plan:
    content = settings.read_alone(_Content, load(file), str(file))
    settings.refuse_twice(content.datasets, f"{file}: datasets")
    settings.refuse_twice(content.seeds, f"{file}: seeds")
    _refuse_decided(content.settings, f"{file}: settings")
    studies.check(content.sampler, content.pruning, str(file))
    metrics = _metrics(content.metrics, f"{file}: metrics")
    _refuse_pruning(content, file)
    entries = dict(_entries(content.models, f"{file}: models"))
    models = {label: _model(content, *entry, file) for label, entry in entries.items()}
    plan = Plan(
        datasets=content.datasets,
        protocols=_protocols(content.protocols, metrics, f"{file}: protocols"),
        seeds=content.seeds,
        trials=content.trials,
        timeout=content.timeout,
        settings=content.settings,
        models=models,
        metrics=metrics,
    )
    for label in models:
        for needed in plan.needed_by(label).values():
            if needed not in models or plan.needed_by(needed) or models[needed].n_trials:
                raise SettingError(
                    f"{file}: models: {label}: checkpoint of {needed}: expected one of the models "
                    "here that needs no checkpoint itself and has no space"
                )
    ensembles.check(plan, f"{file}: models")
    if not plan.runs():
        raise SettingError(f"{file}: protocols: expected one that suits a model, found none")
    for number, figure in enumerate(content.paper, start=1):
        plan.paper.append(_figure(plan, figure, f"{file}: paper: figure {number}"))
    return plan


def _entries(models: Mapping[str, _Entry], where: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The label of each model, its name, and its entry in the file."""
    used: dict[str, str] = {}
    for place, entry in models.items():
        several = isinstance(entry.model, list)
        names = entry.model if isinstance(entry.model, list) else [entry.model]
        settings.refuse_twice(names, f"{where}: {place}: model")
        for name in names:
            # my_model.py:MyModel is MyModel in the table
            label = name.rpartition(":")[2] if several else place
            if label in used:
                raise SettingError(
                    f"{where}: {place}: {label} is the name of a line already, by {used[label]}; "
                    "give one of them an entry of its own, with another name"
                )
            used[label] = place
            yield label, (name, place)


def _metrics(names: list[str], where: str) -> list[str]:
    """Metrics beside those of the protocols.

    Raises:
        SettingError: one is unknown, there twice, or of predicted values.
    """
    if not names:
        return []
    try:
        lower, by_value = read_metrics(names)
    except SettingError as error:
        raise SettingError(f"{where}: {str(error).removeprefix('metrics: ')}") from error
    settings.refuse_twice(lower, where)
    if by_value:
        raise SettingError(
            f"{where}: expected metrics of rankings, found {', '.join(names)}: the protocol of "
            "ratings has its own"
        )
    return names


def _reported(protocol: str, added: Iterable[str]) -> list[str]:
    """The metrics of a protocol, with their cutoffs, and those that the plan adds."""
    entry = PROTOCOLS[protocol]
    cutoffs = entry.settings["topk"] if entry.ranks else []
    return [*entry.metrics, *(f"{name}@{k}" for name in added for k in cutoffs)]


def _protocols(metrics: Mapping[str, str], added: Iterable[str], where: str) -> dict[str, str]:
    for name, metric in metrics.items():
        if name not in PROTOCOLS:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(PROTOCOLS)}")
        known = _reported(name, added)
        if metric.lower() not in {other.lower() for other in known}:
            raise SettingError(f"{where}: {name}: expected one of {', '.join(known)}")
    return {name: metric.lower() for name, metric in metrics.items()}


def _refuse_pruning(content: _Content, file: Path) -> None:
    """Check that trials can be pruned: their validation score must be the metric of the table.

    Raises:
        SettingError: a protocol stops training by another score, of which smaller values may even
            be the better ones.
    """
    for name, metric in content.protocols.items():
        if not content.pruning or name not in PROTOCOLS:
            continue
        protocol = PROTOCOLS[name]
        stopped_by = protocol.settings["valid_metric"]
        if protocol.also is not None:
            stopped_by += f" and {protocol.also.settings['valid_metric']} together"
        if stopped_by.lower() != metric.lower():
            raise SettingError(
                f"{file}: pruning: {name} chooses epochs by {stopped_by}, but compares models by "
                f"{metric}, so its trials cannot be ended early; write pruning: False"
            )


def _figure(plan: Plan, content: Values, where: str) -> PaperFigure:
    """A figure taken from elsewhere, and the table that it belongs to.

    Raises:
        SettingError: a key is missing or wrong, or the plan has no such table or metric.
    """
    figure = settings.read_alone(_Figure, content, where)
    names = []
    for key, known in (("dataset", plan.datasets), ("protocol", list(plan.protocols))):
        name = getattr(figure, key) or (known[0] if len(known) == 1 else None)
        if name not in known:
            shown = "none" if name is None else name
            raise SettingError(f"{where}: {key}: expected one of {', '.join(known)}, found {shown}")
        names.append(name)
    table = TableKey(*names)
    known = _reported(table.protocol, plan.metrics)
    if figure.metric.lower() not in {name.lower() for name in known}:
        raise SettingError(
            f"{where}: metric: expected one of {', '.join(known)}, found {figure.metric}"
        )
    return PaperFigure(figure.model, figure.metric.lower(), figure.value, figure.source, table)


def _model(content: _Content, name: str, place: str, file: Path) -> Model:
    entry, where = content.models[place], f"{file}: models: {place}"
    config = {} if entry.config is None else settings.load(file.parent / entry.config)
    config = {key: value for key, value in config.items() if key not in DECIDED}
    _refuse_decided(entry.settings, f"{where}: settings")
    _refuse_decided(entry.space, f"{where}: space")
    shared = {**config, **content.settings}
    values = {**shared, **entry.settings}
    audience: Literal["run", "models"] = "models" if isinstance(entry.model, list) else "run"
    sources = [
        KeySource(config, f"{where}: config: {entry.config}", "models"),
        KeySource(content.settings, f"{file}: settings", "models"),
        KeySource(entry.settings, f"{where}: settings", audience),
        KeySource(entry.space, f"{where}: space"),
    ]
    if ":" in name:  # other unknown names are reported with the data sets, as a command does
        name = keys.check_model(name, f"{where}: model: ", file.parent)
    keys.check_keys(name, sources, values)
    keys.check_values(name, content.settings, f"{file}: settings")
    keys.check_values(name, entry.settings, f"{where}: settings")
    keys.check_space(name, entry.space, f"{where}: space")
    if not values.get(settings.ALLOW_UNKNOWN):  # a warning has named those of other models
        read = keys.read_keys(name, values)
        values = {key: values[key] for key in values if key in read}
    source = packed_source.pack(name)
    if not entry.space:
        return Model(name, values, [], source=source)
    if content.trials is None:
        raise SettingError(f"{where}: space: how many settings are tried? give the plan trials")
    first = {name: values[0] for name, values in entry.space.items()}
    if content.sampler == TPE:
        n = min(content.trials, drawing.size(entry.space))
        study = Study(entry.space, first, n, TUNING_SEED, content.pruning)
        return Model(name, values, [], study, source)
    trials = drawing.draw(entry.space, first, content.trials, TUNING_SEED)
    return Model(name, values, trials, source=source)


def _refuse_decided(names: Iterable[str], where: str) -> None:
    for name in names:
        if name in DECIDED:
            raise SettingError(f"{where}: {name}: the protocol or the run decides this for all")

"""A plan: the models, tables and runs of an experiment, which is a benchmark or a search.

A benchmark has trials for the models with a space, and then runs that are tested (see
benchmark_plan.py). A search has trials of one model and no test (see search_plan.py).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recbole_ext.config.settings import Values
from recbole_ext.config.yaml_file import read as load_yaml
from recbole_ext.errors import SettingError
from recbole_ext.evaluator import protocols
from recbole_ext.evaluator.protocols import PROTOCOLS, TAIL_RATIO
from recbole_ext.experiments.run_keys import OWN_PROTOCOL, RunKey, TableKey
from recbole_ext.experiments.study import Study
from recbole_ext.experiments.trials import Trial
from recbole_ext.registry.packed_source import PackedSource

_CHECKPOINT = "checkpoint of "

# The seed of the split on which settings are chosen, and of drawing them; RecBole's default.
TUNING_SEED = 2020

# Decimals of the metrics that models are compared by; RecBole rounds them to 4.
_DECIMALS = 6


@dataclass(frozen=True)
class Model:
    """A model of a plan.

    Attributes:
        name: of the model.
        settings: over its defaults.
        trials: values of further settings that are tried, if they are known beforehand.
        study: the sampler that chooses them one after another; None if they are known, or if there
            are none.
        source: the source of a model of your own, as it was when the plan was read.
    """

    name: str
    settings: Values
    trials: list[Trial]
    study: Study | None = None
    source: PackedSource | None = None

    @property
    def n_trials(self) -> int:
        """How many trials it has; 0 without a space."""
        return len(self.trials) if self.study is None else self.study.n

    @property
    def known_trials(self) -> list[Trial]:
        """The trials that are known beforehand; [{}] without a space."""
        return [self.study.first] if self.study is not None else self.trials or [{}]


@dataclass(frozen=True)
class PaperFigure:
    """A figure from a publication, which is shown below ours and compared by no test.

    Attributes:
        model: its name in the publication.
        metric: as results name it.
        value: of the metric.
        source: the publication and the place in it.
        table: the table below which it is shown.
    """

    model: str
    metric: str
    value: float
    source: str
    table: TableKey


@dataclass(frozen=True)
class Plan:
    """The models of an experiment, and the data sets, protocols and seeds of their runs.

    Attributes:
        datasets: their names.
        protocols: name -> the metric that models are compared by, as RecBole's results name it.
        seeds: of the runs that are tested; none for a search.
        trials: settings that are tried for each model with a space.
        timeout: seconds that a run may take; None without a limit.
        settings: of all models.
        models: label -> its model, with ``settings`` that it reads among its own.
        metrics: of rankings, that are reported beside those of each protocol that ranks.
        paper: figures taken from elsewhere.
    """

    datasets: list[str]
    protocols: dict[str, str]
    seeds: list[int]
    trials: int | None
    timeout: int | None
    settings: Values
    models: dict[str, Model]
    metrics: list[str] = field(default_factory=list)
    paper: list[PaperFigure] = field(default_factory=list)

    @property
    def is_search(self) -> bool:
        """Whether it has only trials and no tested runs."""
        return not self.seeds

    @property
    def tables(self) -> list[TableKey]:
        """The tables, in the order of the file."""
        return [TableKey(dataset, name) for dataset in self.datasets for name in self.protocols]

    def labels(self, table: TableKey) -> list[str]:
        """The models of a table: those that its protocol can evaluate."""
        if table.protocol == OWN_PROTOCOL:
            return list(self.models)
        suits = PROTOCOLS[table.protocol].suits
        return [label for label, model in self.models.items() if suits(model.name)]

    def needed_by(self, label: str) -> dict[str, str]:
        """The models whose checkpoints a model starts from: the text in its settings -> label."""
        return {
            text: text.removeprefix(_CHECKPOINT)
            for text in _checkpoint_texts(self.models[label].settings)
        }

    def sources(self, label: str) -> list[PackedSource | None]:
        """The sources that a run of a model needs: its own, and those it is pre-trained from."""
        labels = (label, *self.needed_by(label).values())
        return [self.models[name].source for name in labels]

    def trial_runs(self) -> list[RunKey]:
        """The runs by which settings are chosen."""
        return [
            RunKey(*table, label, seed, number)
            for table in self.tables
            for label in self.labels(table)
            for seed in self.trial_seeds(table, label)
            for number in range(self.models[label].n_trials)
        ]

    def trial_seeds(self, table: TableKey, label: str) -> list[int]:
        """The seeds of a model's trials: one; with folds, one for each fold.

        Each fold has its own trials: the validation rows of one fold are test rows of another.
        """
        return self.repeats(table) if table.has_folds else [self._trial_seed(label)]

    def repeats(self, table: TableKey) -> list[int]:
        """The seeds of the runs that are tested; of a protocol with folds, their numbers."""
        if table.has_folds and not self.is_search:
            return list(range(1, (PROTOCOLS[table.protocol].folds or 0) + 1))
        return self.seeds

    def _trial_seed(self, label: str) -> int:
        """The seed of the trials: a search's file names it; other plans use ``TUNING_SEED``."""
        return self.models[label].settings.get("seed", TUNING_SEED)

    def runs(self) -> list[RunKey]:
        """The runs that are tested, in the order of the file, seed by seed."""
        return [
            RunKey(*table, label, seed)
            for table in self.tables
            for seed in self.repeats(table)
            for label in self.labels(table)
        ]

    def all_runs(self) -> list[RunKey]:
        """Trials and tested runs, in the order in which they start."""
        return [*self.trial_runs(), *self.runs()]

    def run_settings(
        self, table: TableKey, label: str, checkpoints: Mapping[str, str]
    ) -> dict[str, Any]:
        """The settings of a model in a table over its defaults, without its space and its seed.

        Args:
            table, label: which one.
            checkpoints: texts that stand for checkpoints -> their files.
        """
        own = fill_checkpoints(self.models[label].settings, checkpoints)
        if table.protocol == OWN_PROTOCOL:
            return own
        protocol = PROTOCOLS[table.protocol]
        settings = {**own, **protocol.settings, "metric_decimal_place": _DECIMALS}
        if protocol.ranks and self.metrics:
            known = {name.lower() for name in settings["metrics"]}
            added = [name for name in self.metrics if name.lower() not in known]
            settings |= {"metrics": [*settings["metrics"], *added], "tail_ratio": TAIL_RATIO}
        return settings

    def data_set(self, table: TableKey, repeat: int = 1) -> str:
        """The name of the data set on which the runs of a table are made.

        Args:
            repeat: the seed or the fold; the data set depends on the fold alone.
        """
        if table.protocol == OWN_PROTOCOL:
            return table.dataset
        return protocols.data_set(table.protocol, table.dataset, repeat)

    def fingerprint(self, key: RunKey) -> str:
        """A hash of everything in the plan on which the result of a run depends.

        That is the model, its source, its settings, and those of the models that it is pre-trained
        from; the values of a trial, or all trials for a run that is tested with the best of them.
        """
        content: list[Any] = []
        for label in (key.label, *self.needed_by(key.label).values()):
            model = self.models[label]
            tried: Any = model.trials
            if model.study is not None:
                tried = model.study.record() | (
                    {} if key.trial is not None else {"n": model.study.n}
                )
            elif label == key.label and key.trial is not None:
                tried = model.trials[key.trial]
            source = [model.source.hash] if model.source is not None else []
            content.append([model.name, model.settings, *([tried] if tried else []), *source])
        if self.metrics:
            content.append(self.metrics)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def load(file: Path) -> dict[str, Any]:
    """The content of a plan's file, whose values can all be written to the results.

    Raises:
        SettingError: it cannot be read, or has a date, or a number that is not finite.
    """
    content = load_yaml(file)
    _refuse_unwritable(content, str(file))
    return content


def _refuse_unwritable(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unwritable(inner, f"{where}: {key}")
    elif isinstance(value, list):
        for inner in value:
            _refuse_unwritable(inner, where)
    else:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            problem = f"expected a text, a finite number or a truth value, found {value}"
            raise SettingError(f"{where}: {problem}") from error


def _checkpoint_texts(value: Any) -> Iterator[str]:
    """The values among settings that are placeholders for checkpoints."""
    if isinstance(value, str) and value.startswith(_CHECKPOINT):
        yield value
    inside = value.values() if isinstance(value, dict) else value
    for inner in inside if isinstance(value, (dict, list)) else ():
        yield from _checkpoint_texts(inner)


def fill_checkpoints(value: Any, files: Mapping[str, str]) -> Any:
    """Replace the placeholders for checkpoints among settings by their files."""
    if isinstance(value, dict):
        return {key: fill_checkpoints(inner, files) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill_checkpoints(inner, files) for inner in value]
    return files.get(value, value) if isinstance(value, str) else value

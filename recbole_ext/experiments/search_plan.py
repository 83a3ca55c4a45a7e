"""A search as a plan: trials of one model's settings, compared by validation, and no test.

A search is a yaml:

    model: AutoRec                  # or my_model.py:MyModel, from the folder of this file
    datasets: [ml-100k-random90-seed101, ml-100k-random90-seed102]
    trials: 20                      # combinations that are tried; the first is `base` as it is
    seed: 1                         # of the draw, and of every run
    base: {orientation: item}       # over the model's defaults; what the space has, a trial changes
    space:
      reg_weight: [0.05, 0.1, 0.2]
      dropout_prob: [0.3, 0.5]

or, in the place of `trials` and `space`, lists what is tried:

    variants:
      - {}
      - {mlp_hidden_size: [500, 500]}
      - {centring: bias, damping: 5}

With `sampler: tpe` each trial is chosen by those before it (see study.py, it needs Optuna). With
`pruning: True` a trial ends where others were better after as many epochs.

How the model is evaluated is part of `base` or of the data set, and is the same for all trials.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct, field, structs

from recbole_ext.config import settings
from recbole_ext.config.settings import KeySource
from recbole_ext.errors import SettingError, naming
from recbole_ext.evaluator.protocols import DECIDED
from recbole_ext.experiments import study as studies
from recbole_ext.experiments import trials as drawing
from recbole_ext.experiments.plan import Model, Plan, load
from recbole_ext.experiments.run_keys import OWN_PROTOCOL
from recbole_ext.experiments.study import RANDOM, TPE, Sampler, Study
from recbole_ext.experiments.trials import Trial
from recbole_ext.registry import keys, packed_source


class Search(Struct, frozen=True, kw_only=True):
    """The content of a search file; see the module."""

    model: str
    datasets: Annotated[list[str], settings.Filled()]
    trials: settings.Count | None = None
    sampler: Sampler = RANDOM
    pruning: bool = False
    seed: settings.Seed = 2020
    base: settings.Values = field(default_factory=dict)
    space: settings.Space = field(default_factory=dict)
    variants: list[settings.Values] | None = None

    @property
    def names(self) -> list[str]:
        """The settings that differ between trials."""
        return list(
            dict.fromkeys(name for variant in self.variants or [self.space] for name in variant)
        )


def read(file: Path) -> Search:
    """Read and check a search file.

    Raises:
        SettingError: it cannot be read, a key is missing, unknown or of the wrong type, or a
            data set or a trial is there twice.
    """
    with naming(file):
        return _read(file)


def _read(file: Path) -> Search:
    search = settings.read_alone(Search, load(file), str(file))
    settings.refuse_twice(search.datasets, f"{file}: datasets")
    by_space = (search.trials is not None, len(search.space) > 0)
    if by_space != (search.variants is None,) * 2:
        raise SettingError(f"{file}: expected either trials and space, or variants")
    if search.sampler == TPE and search.variants is not None:
        raise SettingError(f"{file}: sampler: {TPE} draws from a space, found variants")
    studies.check(search.sampler, search.pruning, str(file))
    _refuse(search.base, ("seed",), f"{file}: base", "write it as a key of the file")
    _refuse(search.base, ("data_path",), f"{file}: base", "write it on the command line")
    where = f"{file}: {'space' if search.variants is None else 'variants'}"
    _refuse(search.names, DECIDED, where, "it has to be the same for all trials; write it in base")
    if ":" in search.model:  # where its class is
        name = keys.check_model(search.model, f"{file}: model: ", file.parent)
        search = structs.replace(search, model=name)
    variants = search.variants or []
    sources = [
        KeySource(search.base, f"{file}: base"),
        KeySource(search.space, f"{file}: space"),
        *(KeySource(variant, f"{file}: variants") for variant in variants),
    ]
    keys.check_keys(search.model, sources, search.base)
    keys.check_values(search.model, search.base, f"{file}: base")
    keys.check_space(search.model, search.space, f"{file}: space")
    settings.refuse_twice(variants, f"{file}: variants")
    for variant in variants:
        keys.check_values(search.model, variant, f"{file}: variants")
    return search


def _refuse(names: Iterable[str], refused: Iterable[str], where: str, advice: str) -> None:
    for name in sorted({*names} & {*refused}):
        raise SettingError(f"{where}: {name}: cannot be set here; {advice}")


def plan(search: Search, defaults: Mapping[str, Any]) -> Plan:
    """The plan of a search: one model, its trials on each data set, no runs that are tested.

    Args:
        search: see ``read``.
        defaults: the settings of a run of ``base``, with ``valid_metric``.

    Raises:
        SettingError: there are fewer combinations than trials.
    """
    metric = str(defaults["valid_metric"])
    base = {"valid_metric": metric, **search.base, "seed": search.seed}
    source = packed_source.pack(search.model)
    model = Model(search.model, base, *_trials(search, defaults), source)
    return Plan(
        datasets=search.datasets,
        protocols={OWN_PROTOCOL: metric.lower()},
        seeds=[],
        trials=search.trials,
        timeout=None,
        settings={},
        models={search.model: model},
    )


def _trials(search: Search, defaults: Mapping[str, Any]) -> tuple[list[Trial], Study | None]:
    """The variants; or the defaults, and then distinct combinations, which may be a study's."""
    first = {name: defaults.get(name) for name in search.names}
    if search.trials is None:
        return [{**first, **variant} for variant in search.variants or []], None
    total = drawing.size(search.space)
    if search.trials > total:
        raise SettingError(
            f"trials: expected at most {total}, the combinations there are, found {search.trials}"
        )
    if search.sampler == TPE:
        return [], Study(search.space, first, search.trials, search.seed, search.pruning)
    return drawing.draw(search.space, first, search.trials, search.seed), None

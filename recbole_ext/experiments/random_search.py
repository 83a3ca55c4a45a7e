"""Random search over a model's settings: by validation alone, going on where it stopped.

A search is a yaml:

    model: AutoRec
    datasets: [ml-100k-random90-seed101, ml-100k-random90-seed102]
    trials: 20                      # combinations that are tried; the first is `base` as it is
    seed: 1                         # of the draw, and of every run
    base: {orientation: item}       # over the model's defaults; what the space has, a trial changes
    space:
      reg_weight: [0.05, 0.1, 0.2]
      dropout_prob: [0.3, 0.5]

or, in the place of `trials` and `space`, says what is tried:

    variants:
      - {}
      - {mlp_hidden_size: [500, 500]}
      - {centring: bias, damping: 5}

Its results are a csv with a line for each run of a trial on a data set. Lines are only added, and
a run that has one is not repeated. The test split is never evaluated.
"""

import csv
import json
import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from recbole_ext.config import settings
from recbole_ext.errors import SettingError, in_a_line
from recbole_ext.experiments import processes, results_file
from recbole_ext.trainer import single_run

Trial = dict[str, Any]  # setting -> value, for every setting of the space

_MEASURED = ("valid_score", "epochs", "seconds", "error")


@dataclass(frozen=True)
class Search:
    """What a search file says; see the module."""

    model: str
    datasets: Annotated[list[str], settings.Filled()]
    trials: settings.Count | None
    seed: settings.NonNegativeInt
    base: dict
    space: dict
    variants: list[dict] | None

    @property
    def names(self) -> list[str]:
        """The settings that differ between trials."""
        return list(
            dict.fromkeys(name for variant in self.variants or [self.space] for name in variant)
        )

    @property
    def columns(self) -> list[str]:
        """Those of the results."""
        return ["trial", "dataset", *self.names, *_MEASURED]


@dataclass(frozen=True)
class Outcome:
    """One run: a trial on a data set.

    Attributes:
        trial: its number.
        dataset: its name.
        values: of the space's settings.
        valid_score: of the model's ``valid_metric`` at the best epoch; nan if the run failed.
        epochs: until the best one, from 1 on.
        seconds: of training and validation.
        error: why the run failed, or "".
    """

    trial: int
    dataset: str
    values: Trial
    valid_score: float
    epochs: int
    seconds: float
    error: str


def read(file: Path) -> Search:
    """A search file, checked.

    Raises:
        SettingError: it cannot be read, a key is missing, unknown or of the wrong type.
    """
    defaults = {"seed": 2020, "base": {}, "space": {}}
    search = settings.read_alone(Search, settings.load(file), defaults, str(file))
    drawn = (search.trials is not None, len(search.space) > 0)
    if drawn != (search.variants is None,) * 2:
        raise SettingError(f"{file}: expected either trials and space, or variants")
    check_space(search.space, f"{file}: space")
    return search


def check_space(space: Mapping[str, Any], where: str) -> None:
    """What is searched: setting -> values.

    Raises:
        SettingError: the values of a setting are no list, or none.
    """
    for name, choices in space.items():
        if not isinstance(choices, list) or not choices:
            raise SettingError(f"{where}: {name}: expected a list of values, found {choices!r}")


def draw(search: Search, defaults: Mapping[str, Any]) -> list[Trial]:
    """The trials: the variants, or the defaults and then distinct combinations at random.

    Args:
        search: it has fewer trials than combinations.
        defaults: the values of the settings where nothing is searched.

    Raises:
        SettingError: there are fewer combinations than trials.
    """
    first = {name: defaults.get(name) for name in search.names}
    if search.trials is None:
        return [{**first, **variant} for variant in search.variants or []]
    total = math.prod(len(values) for values in search.space.values())
    if search.trials > total:
        raise SettingError(
            f"trials: expected at most {total}, the combinations there are, found {search.trials}"
        )
    return draw_from(search.space, first, search.trials, search.seed)


def draw_from(space: Mapping[str, list[Any]], first: Trial, n: int, seed: int) -> list[Trial]:
    """``first``, and then distinct combinations of a space at random: ``n`` or all there are."""
    choices = list(space.values())
    total = math.prod(len(values) for values in choices)
    trials = [first]
    for number in random.Random(seed).sample(range(total), total):
        if len(trials) == n:
            break
        trial = {}
        for name, values in zip(space, choices, strict=True):
            number, place = divmod(number, len(values))
            trial[name] = values[place]
        if trial != first:
            trials.append(trial)
    return trials


# --- results --------------------------------------------------------------------------------


def load_results(file: Path, search: Search, trials: list[Trial]) -> list[Outcome]:
    """The runs that a results file has; a line that a killed search has left unfinished is cut.

    Raises:
        SettingError: the file is of another search.
    """
    rows = list(csv.reader(results_file.read(file)))
    if rows and rows[0] != search.columns:
        raise SettingError(
            f"{file}, line 1: expected the columns {', '.join(search.columns)}, found "
            f"{', '.join(rows[0])}: of another search; give another --output"
        )
    outcomes = []
    for line, row in enumerate(rows[1:], start=2):
        trial, values = int(row[0]), [json.loads(text) for text in row[2:-4]]
        outcome = Outcome(
            trial,
            row[1],
            dict(zip(search.names, values, strict=True)),
            float(row[-4]),
            int(row[-3]),
            float(row[-2]),
            row[-1],
        )
        if trial >= len(trials) or trials[trial] != outcome.values:
            raise SettingError(
                f"{file}, line {line}: trial {trial} of this search has other settings; the search "
                "has changed since: give another --output"
            )
        outcomes.append(outcome)
    results_file.cut(file)
    return outcomes


def _append(file: Path, search: Search, outcome: Outcome) -> None:
    new = not file.is_file() or not file.stat().st_size
    with results_file.adding_to(file) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if new:
            writer.writerow(search.columns)
        measured = (f"{outcome.valid_score:.6f}", outcome.epochs, f"{outcome.seconds:.1f}")
        values = [json.dumps(outcome.values[name]) for name in search.names]
        writer.writerow([outcome.trial, outcome.dataset, *values, *measured, outcome.error])


def ranked(outcomes: list[Outcome], n_datasets: int, bigger: bool) -> list[tuple[float, Trial]]:
    """The trials that have run on every data set, by their mean validation score, best first."""
    scores: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        if not outcome.error:
            scores.setdefault(outcome.trial, []).append(outcome)
    means = [
        (sum(run.valid_score for run in runs) / n_datasets, runs[0].values)
        for runs in scores.values()
        if len(runs) == n_datasets
    ]
    return sorted(means, key=lambda pair: -pair[0] if bigger else pair[0])


# --- runs -----------------------------------------------------------------------------------


def run(
    search: Search, trials: list[Trial], data_path: Path, output: Path, workers: int
) -> Iterator[Outcome]:
    """Run what the results file does not have yet; each outcome is in it before it is returned.

    Args:
        search, trials: see ``draw``.
        data_path: the folder of data sets.
        output: the results file.
        workers: processes at a time.
    """
    done = {(outcome.trial, outcome.dataset) for outcome in load_results(output, search, trials)}
    jobs = {
        (number, dataset): (
            search.model,
            dataset,
            {**search.base, **trial, "seed": search.seed, "data_path": str(data_path.absolute())},
        )
        for number, trial in enumerate(trials)
        for dataset in search.datasets
        if (number, dataset) not in done
    }
    for (number, dataset), found in processes.run_all(jobs, validate, workers):
        measured = (
            (math.nan, 0, 0.0, str(found)) if isinstance(found, processes.JobFailure) else found
        )
        outcome = Outcome(number, dataset, trials[number], *measured)
        _append(output, search, outcome)
        yield outcome


def validate(model: str, dataset: str, given: Mapping[str, Any]) -> tuple[float, int, float, str]:
    """Train a model and return its best validation score; a failure is returned, not raised.

    Returns:
        the score, the epochs to it, the seconds it took, and why it failed ("" if not).
    """
    start = time.perf_counter()
    try:
        trained = single_run.prepare(model, dataset, {**given, **single_run.QUIET})
        score, _ = trained.fit_validated(saved=False)
        return score, trained.best_epoch, time.perf_counter() - start, ""
    except Exception as error:  # whatever a run can die of is this run's outcome
        return math.nan, 0, time.perf_counter() - start, in_a_line(error)

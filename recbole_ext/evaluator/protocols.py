"""How models are evaluated in a benchmark, by name: what all of them are given alike.

A protocol says what is held out, what it is ranked against, and by what it is measured. It wins
over the settings of a plan and of its models, so that no model can choose its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ext.data import grid, interaction_file, splits
from recbole_ext.evaluator.measures import PROTOCOLS as MEASURES
from recbole_ext.registry import models

# Of the data sets that are made. The seed is RecBole's own.
SEED = 2020
_NEGATIVES = 99  # of a user
_TEST, _VALID = 0.2, 0.05  # shares of the cells

_RANDOM = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"}
# Beside accuracy; the tail are the four fifths of the items that are the least popular.
_BEYOND = ["ItemCoverage", "AveragePopularity", "TailPercentage"]


@dataclass(frozen=True)
class Protocol:
    """A way to evaluate.

    Attributes:
        told: what it does, for the report.
        settings: RecBole's, of every run.
        suffix: of the data set that it is carried out on, made of the plan's; "" for that itself.
        make: writes that data set.
        of_ratings: True for models of ratings alone, False for all others alone, None for both.
    """

    told: str
    settings: dict[str, Any]
    suffix: str = ""
    make: Callable[[str, str, Path], None] | None = None
    of_ratings: bool | None = None

    @property
    def metrics(self) -> list[str]:
        """What it measures, as ``NDCG@10`` or ``RMSE``."""
        names, cuts = self.settings["metrics"], self.settings.get("topk")
        return [f"{name}@{k}" for name in names for k in cuts] if cuts else names

    def suits(self, model: str) -> bool:
        """Whether it can be said of a model, by its name."""
        return self.of_ratings in (None, models.needs_ratings(model))


def _leave_one_out(source: str, name: str, data_path: Path) -> None:
    command = f"recbole-ext data split {source} loo --seed {SEED} --negatives {_NEGATIVES}"
    found = interaction_file.read(interaction_file.locate(source, data_path))
    splits.write_leave_one_out(found, name, data_path, command, _NEGATIVES, SEED)


def _grid(source: str, name: str, data_path: Path) -> None:
    command = f"recbole-ext data grid {source} --test {_TEST} --valid {_VALID} --seed {SEED}"
    found = interaction_file.read(interaction_file.locate(source, data_path))
    grid.write(found, name, data_path, command, _TEST, _VALID, SEED)


def _measured_by(measure: str) -> dict[str, Any]:
    chosen = dict(MEASURES[measure])
    eval_args = {**_RANDOM, "mode": chosen.pop("mode")}
    return {**chosen, "eval_args": eval_args}


_RANKING = _measured_by("ranking")

PROTOCOLS = {
    "default": Protocol(
        "RecBole's default: a random tenth of each user's interactions is tested, another one "
        "chooses the epoch; all items that the user has not seen are ranked",
        {**_RANKING, "metrics": [*_RANKING["metrics"], *_BEYOND], "tail_ratio": 0.8},
    ),
    "leave-one-out": Protocol(
        "the NCF paper's: each user's latest interaction is ranked among 99 items drawn once, the "
        "latest but one chooses the epoch",
        {
            "eval_args": {"mode": f"uni{_NEGATIVES}"},
            "metrics": ["NDCG", "Hit"],
            "topk": [10],
            "valid_metric": "NDCG@10",
        },
        "loo",
        _leave_one_out,
    ),
    "rating": Protocol(
        "the ratings of RecBole's default split are predicted",
        _measured_by("rating"),
        of_ratings=True,
    ),
    "grid": Protocol(
        "every user-item cell has a label, 0 or 1; a fifth of the cells is tested, the same share "
        "of ones in each part",
        {
            "eval_args": {"mode": "labeled"},
            "metrics": ["AUC", "LogLoss", "RMSE"],
            "valid_metric": "AUC",
        },
        "grid",
        _grid,
        of_ratings=False,
    ),
}

# What a protocol decides, and a run.
DECIDED = ("eval_args", "metrics", "topk", "valid_metric", "fixed_negatives", "seed", "data_path")


def data_set(protocol: str, source: str) -> str:
    """The name of the data set that a protocol is carried out on."""
    suffix = PROTOCOLS[protocol].suffix
    return f"{source}-{suffix}" if suffix else source


def prepare(protocol: str, source: str, data_path: Path) -> None:
    """Make the data set of a protocol, where it is not there yet.

    Raises:
        DataError: the source is not here, or cannot be split so.
    """
    made, name = PROTOCOLS[protocol], data_set(protocol, source)
    if made.make is not None and not (data_path / name).is_dir():
        made.make(source, name, data_path)

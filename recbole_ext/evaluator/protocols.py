"""The protocols: how models are evaluated, the same way for all of them.

A protocol says which interactions are held out, what they are ranked against, and by which
metrics. `recbole-ext benchmark` runs the ``PROTOCOLS``, `recbole-ext evaluate` applies those
``OF_TRAINED_MODELS``, and `recbole-ext data split` and `data grid` write their data sets. In a
benchmark its settings win over those of the plan and of the models, so that no model can choose
its own evaluation.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

from recbole_ext.errors import SettingError
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.registry import models

if TYPE_CHECKING:
    from recbole.config import Config

    from recbole_ext.data.interaction_file import InteractionFile
    from recbole_ext.data.splits import SplitDataset

SEED = 2020  # of the data sets, RecBole's default
NEGATIVES = 99  # of each held-out item; He et al., "Neural Collaborative Filtering", WWW 2017
GRID_TEST, GRID_VALID = 0.2, 0.05  # shares of the cells

# What a protocol or the run decides; neither a plan nor a model may set it.
DECIDED = (
    *("eval_args", "metrics", "topk", "valid_metric", "valid_rmse_weight", "fixed_negatives"),
    *("seed", "data_path"),
)


class _Write(Interface):
    """Writes a data set; see ``leave_one_out.write`` and ``grid.write``."""

    def __call__(
        self,
        rows: "InteractionFile",
        name: str,
        data_path: Path,
        command: str,
        *,
        evaluation: Mapping[str, Any],
        **options: Any,
    ) -> "SplitDataset": ...


@dataclass(frozen=True)
class DatasetRecipe:
    """How the data set of a protocol is written from another one.

    Attributes:
        suffix: the name is the source's, a hyphen, and this.
        command: the words after ``recbole-ext data``; the source's name comes after the first.
        options: of that command, name -> value.
        writer: ``module:function``, imported when it is needed: `--help` need not wait for pandas.
    """

    suffix: str
    command: tuple[str, ...]
    options: dict[str, Any]
    writer: str


@dataclass(frozen=True)
class Protocol:
    """A way to evaluate models.

    Attributes:
        description: what is held out and how it is evaluated, for reports.
        settings: RecBole's settings of every run: ``eval_args``, ``metrics``, ``topk``,
            ``valid_metric``, and more that these metrics need.
        recipe: how its data set is written; None: it is evaluated on the source itself.
        run_metrics: metrics that a run on its data set reports after those of ``settings``, which
            a benchmark compares.
        rating_models: True: for models of ratings only; False: for all others only; None: for all.
        also: a protocol that tests each trained model, too, by metrics of the other kind.
    """

    description: str
    settings: dict[str, Any]
    recipe: DatasetRecipe | None = None
    run_metrics: tuple[str, ...] = ()
    rating_models: bool | None = None
    also: "Protocol | None" = None

    @property
    def metrics(self) -> list[str]:
        """Its metrics with their cutoffs, such as ``NDCG@10`` or ``RMSE``."""
        names, cutoffs = self.settings["metrics"], self.settings.get("topk")
        own = [f"{name}@{k}" for name in names for k in cutoffs] if cutoffs else names
        return own if self.also is None else [*own, *self.also.metrics]

    def suits(self, model: str) -> bool:
        """Whether it can evaluate a model, by the model's name."""
        return self.rating_models in (None, models.needs_ratings(model))

    def dataset_name(self, source: str) -> str:
        """The name of the data set that it evaluates on, written from the data set ``source``."""
        return source if self.recipe is None else f"{source}-{self.recipe.suffix}"

    def command(self, source: str) -> str:
        """The command that writes its data set from the data set ``source``; "" without one."""
        from recbole_ext.data import dataset_folder

        if self.recipe is None:
            return ""
        first, *others = self.recipe.command
        return dataset_folder.command(first, source, *others, **self.recipe.options)

    def write_dataset(
        self, rows: "InteractionFile", data_path: Path, name: str | None = None
    ) -> "SplitDataset":
        """Write its data set from the interactions of another one.

        Args:
            rows: of the source.
            data_path: the folder of data sets.
            name: of the new data set; None: ``dataset_name``.

        Raises:
            DataError: the source cannot be split in this way, or another folder is in the place.
            ValueError: the protocol has no data set of its own.
        """
        if self.recipe is None:
            raise ValueError("this protocol is evaluated on the source itself")
        write: _Write = models.load(self.recipe.writer)
        return write(
            rows,
            name or self.dataset_name(rows.path.stem),
            data_path,
            self.command(rows.path.stem),
            evaluation={**self.settings, "metrics": [*self.settings["metrics"], *self.run_metrics]},
            **self.recipe.options,
        )

    def applied_to(self, config: "Config") -> "Config":
        """The settings of a run with this way to evaluate; the split stays the same.

        RecBole cannot compute rating and ranking metrics in one run. A model that has been
        trained can be evaluated by both all the same.

        Args:
            config: of the run; left as it is.

        Raises:
            SettingError: this is for models of ratings, and the model does not predict them.
        """
        from recbole.utils import EvaluatorType

        mode = self.settings["eval_args"]["mode"]
        settings = {**config.final_config_dict, "valid_rmse_weight": 0.0, **self.settings}
        settings["fixed_negatives"] = False
        settings["eval_args"] = {**config["eval_args"], "mode": {"valid": mode, "test": mode}}
        label, rating = settings["LABEL_FIELD"], settings["RATING_FIELD"]
        if self.rating_models and label != rating:
            raise SettingError(
                f"{settings['model']} has been trained to predict {label} (LABEL_FIELD), "
                f"expected {rating} (RATING_FIELD): its predictions are no ratings; use "
                "--protocol ranking"
            )
        settings["eval_type"] = EvaluatorType.VALUE if mode == "labeled" else EvaluatorType.RANKING
        settings["valid_metric_bigger"] = bigger_is_better(settings["valid_metric"])
        result = copy.copy(config)
        result.final_config_dict = settings
        for phase in ("valid", "test"):
            result._set_eval_neg_sample_args(phase)
        return result


def leave_one_out(negatives: int = NEGATIVES, seed: int = SEED) -> Protocol:
    """The protocol of He et al., "Neural Collaborative Filtering", WWW 2017, section 4.1.

    Args:
        negatives: items that each held-out item is ranked among, at least 1.
        seed: of their drawing.
    """
    return Protocol(
        f"the NCF paper's: each user's latest interaction is ranked among {negatives} items drawn "
        "once, the latest but one chooses the epoch",
        {
            "eval_args": {"mode": f"uni{negatives}"},
            "metrics": ["NDCG", "Hit"],
            "topk": [10],
            "valid_metric": "NDCG@10",
        },
        DatasetRecipe(
            "loo",
            ("split", "loo"),
            {"seed": seed, "negatives": negatives},
            "recbole_ext.data.leave_one_out:write",
        ),
    )


def grid(test: float = GRID_TEST, valid: float = GRID_VALID, seed: int = SEED) -> Protocol:
    """Every user-item cell with a label, 0 or 1; see ``recbole_ext.data.grid``.

    Args:
        test, valid: shares of the cells, in (0, 1).
        seed: of the split.
    """
    return Protocol(
        f"every user-item cell has a label, 0 or 1; {test:.0%} of the cells are tested, the same "
        "share of ones in each part",
        {
            "eval_args": {"mode": "labeled"},
            "metrics": ["AUC", "LogLoss", "RMSE"],
            "valid_metric": "AUC",
        },
        DatasetRecipe(
            "grid",
            ("grid",),
            {"test": test, "valid": valid, "seed": seed},
            "recbole_ext.data.grid:write",
        ),
        run_metrics=("MAE",),
        rating_models=False,
    )


# RecBole's default split.
_RANDOM = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"}

RATING = Protocol(
    "the ratings of RecBole's default split are predicted",
    {
        "metrics": ["RMSE", "MAE"],
        "valid_metric": "RMSE",
        "eval_args": {**_RANDOM, "mode": "labeled"},
    },
    rating_models=True,
)

RANKING = Protocol(
    "RecBole's default: a random tenth of each user's interactions is tested, another one "
    "chooses the epoch; all items that the user has not seen are ranked",
    {
        "metrics": ["NDCG", "Recall", "Hit", "MRR"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "eval_args": {**_RANDOM, "mode": "full"},
    },
)

# Metrics beyond accuracy; the tail are the four fifths of the items that are the least popular.
_BEYOND_ACCURACY = ["ItemCoverage", "AveragePopularity", "TailPercentage"]

# Of a benchmark, by their names in plans.
PROTOCOLS = {
    "default": Protocol(
        RANKING.description,
        {
            **RANKING.settings,
            "metrics": [*RANKING.settings["metrics"], *_BEYOND_ACCURACY],
            "tail_ratio": 0.8,
        },
    ),
    "leave-one-out": leave_one_out(),
    "rating": RATING,
    "grid": grid(),
    "rating+ranking": Protocol(
        f"{RANKING.description}; ratings are tested, too; NDCG@10 less RMSE chooses the epoch",
        {**RANKING.settings, "valid_rmse_weight": 1.0},
        also=RATING,
        rating_models=True,
    ),
}

# Those that can evaluate a model on the split that it was trained on, by their names.
OF_TRAINED_MODELS = {"rating": RATING, "ranking": RANKING}


def data_set(protocol: str, source: str) -> str:
    """The name of the data set that a protocol is carried out on."""
    return PROTOCOLS[protocol].dataset_name(source)


def prepare(protocol: str, source: str, data_path: Path) -> None:
    """Write the data set of a protocol, where it is not there yet.

    Args:
        protocol: one of ``PROTOCOLS``.
        source: the name of the data set that it is written from.
        data_path: the folder of data sets.

    Raises:
        DataError: the source is not here, or cannot be split in this way.
    """
    from recbole_ext.data import interaction_file

    entry = PROTOCOLS[protocol]
    if entry.recipe is not None and not (data_path / entry.dataset_name(source)).is_dir():
        rows = interaction_file.read(interaction_file.locate(source, data_path))
        entry.write_dataset(rows, data_path)

"""What a protocol is: what is held out, what it is ranked against, and by which metrics."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

from recbole_ext.errors import SettingError
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.registry import keys, loading, model_parts

if TYPE_CHECKING:
    from recbole.config import Config

    from recbole_ext.data.interaction_file import InteractionFile
    from recbole_ext.data.splits import SplitDataset

# Models that score people who were not in training; inference/new_person.py says how.
TAKE_NEW_PEOPLE = (
    *("NCFMLP", "NCFGMF", "NCFNeuMF", "AutoRec", "EASE", "SLIMElastic", "ADMMSLIM", "ItemKNN"),
    *("MultiVAE", "MultiDAE", "RecVAE", "MacridVAE", "RaCT", "CDAE"),
)

_RMSE_WEIGHT = "valid_rmse_weight"  # a setting of AutoRec: epochs are chosen by ratings, too


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
    ) -> "SplitDataset | list[SplitDataset]": ...


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
        folds: the number of data sets that its recipe writes; each is tested once, in the place of
            a seed. None: every seed runs on the same data set.
        new_users: whether the users of the test part are not in training; see
            experiments/new_users.py.
        also: a protocol that tests each trained model, too, by metrics of the other kind.
        check: ``module:function``, called with the name of a data set and the folder of data sets
            before anything runs; it raises a ``DataError`` where the protocol does not suit it.
    """

    description: str
    settings: dict[str, Any]
    recipe: DatasetRecipe | None = None
    run_metrics: tuple[str, ...] = ()
    rating_models: bool | None = None
    folds: int | None = None
    new_users: bool = False
    also: "Protocol | None" = None
    check: str = ""

    @property
    def ranks(self) -> bool:
        """Whether it evaluates rankings, not predicted values."""
        return "topk" in self.settings

    @property
    def metrics(self) -> list[str]:
        """Its metrics with their cutoffs, such as ``NDCG@10`` or ``RMSE``."""
        names, cutoffs = self.settings["metrics"], self.settings.get("topk")
        own = [f"{name}@{k}" for name in names for k in cutoffs] if cutoffs else names
        return own if self.also is None else [*own, *self.also.metrics]

    def suits(self, model: str) -> bool:
        """Whether it can evaluate a model, by the model's name."""
        if self.new_users and model in keys.known_models() and model not in TAKE_NEW_PEOPLE:
            return False
        if not self.ranks and model_parts.ranks_only(model):
            return False
        rates = model_parts.needs_ratings(model)
        if self.also is not None and rates:
            return _RMSE_WEIGHT in model_parts.setting_names(model)
        return self.rating_models in (None, rates)

    def dataset_name(self, source: str, fold: int = 1) -> str:
        """The name of the data set that it evaluates on, written from the data set ``source``.

        Args:
            fold: from 1 to ``folds``; ignored without folds.
        """
        if self.recipe is None:
            return source
        name = f"{source}-{self.recipe.suffix}"
        return name if self.folds is None else f"{name}-fold{fold}of{self.folds}"

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
            name: of the new data set, of folds without the number; None: ``dataset_name``.

        Returns:
            it; of folds the first one.

        Raises:
            DataError: the source cannot be split in this way, or another folder is in the place.
            ValueError: the protocol has no data set of its own.
        """
        if self.recipe is None:
            raise ValueError("this protocol is evaluated on the source itself")
        write: _Write = loading.named(self.recipe.writer)
        metrics = [*self.settings["metrics"], *self.run_metrics]
        source = rows.path.stem
        written = write(
            rows,
            name or f"{source}-{self.recipe.suffix}",
            data_path,
            self.command(source),
            evaluation={**self.settings, "metrics": metrics},
            **self.recipe.options,
        )
        return written[0] if isinstance(written, list) else written

    def applied_to(self, config: "Config") -> "Config":
        """The settings of a run, changed to this protocol's evaluation; the split stays the same.

        RecBole cannot compute rating and ranking metrics in one run, but a trained model can be
        evaluated by both, one after the other.

        Args:
            config: of the run; left as it is.

        Raises:
            SettingError: this is for models of ratings, and the model does not predict them.
        """
        from recbole.utils import EvaluatorType

        mode = self.settings["eval_args"]["mode"]
        settings = {**config.final_config_dict, _RMSE_WEIGHT: 0.0, **self.settings}
        settings["fixed_negatives"] = False
        eval_args = config.final_config_dict["eval_args"]
        settings["eval_args"] = {**eval_args, "mode": {"valid": mode, "test": mode}}
        if self.rating_models:
            label, rating = settings["LABEL_FIELD"], settings["RATING_FIELD"]
            if label != rating:
                raise SettingError(
                    f"{settings['model']} has been trained to predict {label} (LABEL_FIELD), "
                    f"expected {rating} (RATING_FIELD): its predictions are no ratings; use "
                    "--protocol ranking"
                )
        by_value = mode == "labeled"
        settings["eval_type"] = EvaluatorType.VALUE if by_value else EvaluatorType.RANKING
        settings["valid_metric_bigger"] = bigger_is_better(settings["valid_metric"])
        result = copy.copy(config)
        result.final_config_dict = settings
        for phase in ("valid", "test"):
            result._set_eval_neg_sample_args(phase)
        return result

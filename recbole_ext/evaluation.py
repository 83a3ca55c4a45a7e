"""How evaluation differs from RecBole's: fixed negatives, one model by several protocols, and the
metrics of each user.

RecBole draws the negatives of ``mode: uni99`` anew in each run, so two models are ranked
against different items. A data set whose settings say ``fixed_negatives`` brings them in
``<name>.valid.negatives`` and ``<name>.test.negatives``.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recbole_ext import atomic_files
from recbole_ext.errors import DataError, SettingError

if TYPE_CHECKING:
    from recbole.config import Config
    from recbole.trainer import Trainer

PROTOCOLS: dict[str, dict[str, Any]] = {
    "rating": {"mode": "labeled", "metrics": ["RMSE", "MAE"], "valid_metric": "RMSE"},
    "ranking": {
        "mode": "full",
        "metrics": ["NDCG", "Recall", "Hit", "MRR"],
        "topk": [10],
        "valid_metric": "NDCG@10",
    },
}


def by_protocol(config: "Config", protocol: str) -> "Config":
    """The settings of a run with another way to evaluate; the split stays the same.

    RecBole cannot ask for rating and ranking metrics in one run. A model that has been trained
    can be evaluated by both all the same.

    Args:
        config: of the run; left as it is.
        protocol: ``rating``, RMSE and MAE of the held-out ratings; or ``ranking``, of all items
            that the user has not seen, where every held-out interaction is relevant.

    Raises:
        SettingError: ratings are asked for, and the model does not predict them.
    """
    from recbole.utils import EvaluatorType

    chosen = dict(PROTOCOLS[protocol])
    mode = chosen.pop("mode")
    settings = {**config.final_config_dict, **chosen, "fixed_negatives": False}
    settings["eval_args"] = {**settings["eval_args"], "mode": {"valid": mode, "test": mode}}
    if protocol == "rating":
        label, rating = settings["LABEL_FIELD"], settings["RATING_FIELD"]
        if label != rating:
            raise SettingError(
                f"{config['model']} has been trained to predict {label} (LABEL_FIELD), expected "
                f"{rating} (RATING_FIELD): its predictions are no ratings; use --protocol ranking"
            )
    settings["eval_type"] = EvaluatorType.VALUE if protocol == "rating" else EvaluatorType.RANKING
    settings["valid_metric_bigger"] = protocol == "ranking"
    other = copy.copy(config)
    other.final_config_dict = settings
    for phase in ("valid", "test"):
        other._set_eval_neg_sample_args(phase)
    return other


@dataclass(frozen=True)
class PerUser:
    """The metrics of each user.

    Attributes:
        users: [users], their ids in RecBole, ascending.
        metrics: name -> [users]; of rankings as RecBole names them, ``rmse``, ``mae``.
    """

    users: np.ndarray
    metrics: dict[str, np.ndarray]


def per_user(trainer: "Trainer", data: Any, **options: Any) -> tuple[dict[str, float], PerUser]:
    """``trainer.evaluate``, and what each user has contributed to it.

    RecBole's metrics are means over users (over ratings for RMSE and MAE) of what it does not
    return. AUC and LogLoss are of all ratings at once and not among what a user has.

    Args:
        trainer: of a trained model.
        data: its validation or test loader.
        options: of ``trainer.evaluate``.

    Returns:
        the metrics of ``trainer.evaluate``, and those of the users.
    """
    from recbole.evaluator.base_metric import LossMetric, TopkMetric

    found: dict[str, np.ndarray] = {}
    feat = data._dataset.inter_feat
    users, of = np.unique(feat[data._dataset.uid_field].numpy(), return_inverse=True)
    counts = np.bincount(of)

    def of_rankings(metric: Any) -> Any:
        def record(name: str, values: np.ndarray) -> Any:
            found.update({f"{name}@{k}": values[:, k - 1] for k in metric.topk})
            return type(metric).topk_result(metric, name, values)

        return record

    def of_ratings(name: str, metric: Any) -> Any:
        def record(predicted: np.ndarray, truth: np.ndarray) -> Any:
            error = np.abs(predicted.astype(np.float64) - truth)
            if name == "mae":
                found[name] = np.bincount(of, error) / counts
            if name == "rmse":
                found[name] = np.sqrt(np.bincount(of, error**2) / counts)
            return type(metric).metric_info(metric, predicted, truth)

        return record

    metrics = trainer.evaluator.metric_class
    for name, metric in metrics.items():
        if isinstance(metric, TopkMetric):
            metric.topk_result = of_rankings(metric)
        elif isinstance(metric, LossMetric):
            metric.metric_info = of_ratings(name, metric)
    try:
        result = trainer.evaluate(data, **options)
    finally:
        for metric in metrics.values():
            vars(metric).pop("topk_result", None)
            vars(metric).pop("metric_info", None)
    return dict(result), PerUser(users, found)


class FixedNegatives:
    """RecBole's sampler of one phase, with its negatives read from a file.

    Args:
        sampler: of the phase valid or test; None where the mode draws no negatives.
        config, dataset: of the run.

    Raises:
        DataError: the mode is not ``uniN``, or the file is missing or damaged.
    """

    def __init__(self, sampler: Any, config: Any, dataset: Any) -> None:
        folder, name = Path(config["data_path"]), config["dataset"]
        if sampler is None:
            raise DataError(
                f"{folder / name}.yaml: fixed_negatives is for eval_args: {{mode: uniN}}, found "
                f"{config['eval_args']['mode']}; set fixed_negatives: False to evaluate otherwise"
            )
        self.phase, self.used_ids = sampler.phase, sampler.used_ids
        self.path = folder / f"{name}.{self.phase}.negatives"
        separator, encoding = config["field_separator"], config["encoding"]
        fields = atomic_files.read_header(self.path, separator, encoding)
        frames = []
        for _, frame, problems in atomic_files.scan(self.path, fields, separator, encoding):
            if problems:
                line = min(problems)
                raise DataError(f"{self.path}, line {line}: {problems[line]}; split again")
            frames.append(frame.astype(str))
        rows = pd.concat(frames)
        users = self._numbers(rows["user_id"], dataset, dataset.uid_field)
        items = self._numbers(rows["item_id"], dataset, dataset.iid_field)
        order = np.argsort(users, kind="stable")
        self.items = items[order]
        self.starts = np.searchsorted(users[order], np.arange(dataset.user_num + 1))

    def _numbers(self, tokens: pd.Series, dataset: Any, field: str) -> np.ndarray:
        numbers = tokens.map(dataset.field2token_id[field])
        if numbers.isna().any():
            line = numbers.index[numbers.isna()][0]
            raise DataError(
                f"{self.path}, line {line}: {field} {tokens.loc[line]} is in no interaction; "
                "split again"
            )
        return numbers.to_numpy(dtype=np.int64)

    def sample_by_user_ids(self, user_ids: Any, item_ids: Any, num: int) -> Tensor:
        """The negatives of some users, in the order of RecBole's samplers.

        Args:
            user_ids: [B].
            item_ids: [B], the held-out items; not needed.
            num: of negatives a user.

        Returns:
            [num * B]: the first negative of each user, then the second, ...

        Raises:
            DataError: a user has another number of negatives.
        """
        users = np.asarray(user_ids)
        found = self.starts[users + 1] - self.starts[users]
        if (found != num).any():
            raise DataError(
                f"{self.path}: a user has {found[found != num][0]} negatives, eval_args: "
                f"{{mode: uni{num}}} expects {num}; split again with --negatives {num}"
            )
        places = self.starts[users] + np.arange(num)[:, None]
        return torch.from_numpy(self.items[places].ravel())

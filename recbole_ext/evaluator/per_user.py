"""The metrics of each user, beside the means over users that RecBole returns."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from recbole_ext.evaluator import evaluated_parts

if TYPE_CHECKING:
    from recbole.trainer import Trainer


@dataclass(frozen=True)
class PerUser:
    """The metrics of each user, and what each user's metrics are made of.

    Attributes:
        users: [users], their ids in RecBole, ascending.
        metrics: name -> [users]; of rankings as RecBole names them, ``rmse``, ``mae``.
        place: [rows], of each evaluated row the place of its user in ``users``.
        items: [rows], the row's item.
        lists: [users, k], the recommended items, 0 where a list has ended; None for value metrics.
        errors: ``rmse``, ``mae`` -> [rows], the distance between prediction and label.
    """

    users: np.ndarray
    metrics: dict[str, np.ndarray]
    place: np.ndarray
    items: np.ndarray
    lists: np.ndarray | None = None
    errors: dict[str, np.ndarray] = field(default_factory=dict)


def per_user(trainer: "Trainer", data: Any, **options: Any) -> tuple[Mapping[str, float], PerUser]:
    """The metrics of ``trainer.evaluate``, and those of each user.

    RecBole's metrics are means over users (over ratings for RMSE and MAE), and it does not return
    the values of the users. AUC and LogLoss are computed from all ratings at once, ItemCoverage,
    GiniIndex and ShannonEntropy from all lists: users have no values of these.

    Args:
        trainer: of a trained model.
        data: its validation or test loader.
        options: of ``trainer.evaluate``.

    Returns:
        the metrics of ``trainer.evaluate``, and those of the users.
    """
    from recbole.evaluator.base_metric import LossMetric
    from recbole.utils import EvaluatorType

    user_metrics: dict[str, np.ndarray] = {}
    errors: dict[str, np.ndarray] = {}
    feat = data._dataset.inter_feat
    liked = evaluated_parts.relevant_rows(feat, trainer.config["LABEL_FIELD"])
    ranked = trainer.config["eval_type"] == EvaluatorType.RANKING
    if liked is not None and ranked:
        feat = feat[liked]  # a user without a relevant item has no ranking metrics
    users, place = np.unique(feat[data._dataset.uid_field].numpy(), return_inverse=True)
    counts = np.bincount(place)

    def of_rankings(metric: Any) -> Any:
        def record(name: str, values: np.ndarray) -> Any:
            user_metrics.update({f"{name}@{k}": values[:, k - 1] for k in metric.topk})
            return type(metric).topk_result(metric, name, values)

        return record

    def of_ratings(name: str, metric: Any) -> Any:
        def record(predicted: np.ndarray, truth: np.ndarray) -> Any:
            error = np.abs(predicted.astype(np.float64) - truth)
            if name == "mae":
                user_metrics[name] = np.bincount(place, error) / counts
            if name == "rmse":
                user_metrics[name] = np.sqrt(np.bincount(place, error**2) / counts)
            if name in user_metrics:
                errors[name] = error
            return type(metric).metric_info(metric, predicted, truth)

        return record

    metrics = trainer.evaluator.metric_class
    for name, metric in metrics.items():
        if hasattr(metric, "topk_result"):  # a list of values after each rank for each user
            metric.topk_result = of_rankings(metric)
        elif isinstance(metric, LossMetric):
            metric.metric_info = of_ratings(name, metric)
    try:
        with _kept_lists(trainer, ranked) as lists:
            result = trainer.evaluate(data, **options)
    finally:
        for metric in metrics.values():
            vars(metric).pop("topk_result", None)
            vars(metric).pop("metric_info", None)
    items = feat[data._dataset.iid_field].numpy()
    kept = lists[0] if lists else None
    return result, PerUser(users, user_metrics, place.reshape(-1), items, kept, errors)


@contextmanager
def _kept_lists(trainer: "Trainer", ranked: bool) -> Iterator[list[np.ndarray]]:
    """Within this block, evaluations of rankings append their recommended lists to this list."""
    kept: list[np.ndarray] = []
    register, evaluator = trainer.eval_collector.register, trainer.evaluator
    collected, of_recbole = register.need("rec.items"), evaluator.evaluate

    def evaluate(struct: Any) -> Any:
        kept.append(struct.get("rec.items").numpy())
        return of_recbole(struct)

    if ranked:
        evaluator.evaluate = evaluate
        setattr(register, "rec.items", True)
    try:
        yield kept
    finally:
        vars(evaluator).pop("evaluate", None)
        if ranked and not collected:
            delattr(register, "rec.items")

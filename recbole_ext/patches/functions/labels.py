"""What is relevant in an evaluation, and what has no score: for all models and loaders."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import SettingError
from recbole_ext.evaluator import evaluated_parts
from recbole_ext.registry import model_size


def create_samplers(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``create_samplers``, after the split: refuses parts that the settings do not fit."""

    def create(config: Any, dataset: Any, built_datasets: Any) -> Any:
        evaluated_parts.check(config, dataset, built_datasets)
        counts = dataset.user_num, dataset.item_num
        model_size.check(config["model"], config.final_config_dict, *counts)
        return wrapped(config, dataset, built_datasets)

    return create(*args, **kwargs)


def evaluate(
    wrapped: Callable[..., Any], trainer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Trainer.evaluate``: tells the collector which interactions are relevant."""

    def of(eval_data: Any, *rest: Any, **options: Any) -> Any:
        trainer.eval_collector.relevant = None
        if eval_data:
            dataset = eval_data._dataset
            rows = evaluated_parts.relevant_rows(dataset.inter_feat, trainer.config["LABEL_FIELD"])
            if rows is not None and not rows.all():
                liked = dataset.copy(dataset.inter_feat[rows])
                trainer.eval_collector.relevant = InteractionSet.of_dataset(liked)
        return wrapped(eval_data, *rest, **options)

    return of(*args, **kwargs)


def eval_batch_collect(
    wrapped: Callable[..., None], collector: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``Collector.eval_batch_collect`` of the relevant items; users without one are left out."""

    def collect(scores_tensor: Any, interaction: Any, positive_u: Any, positive_i: Any) -> None:
        if torch.isnan(scores_tensor).any():
            raise SettingError(
                f"{collector.config['model']} predicts values that are no numbers (nan): training "
                "has diverged, or a setting does not suit the data; try a smaller learning_rate"
            )
        relevant = getattr(collector, "relevant", None)
        if positive_u is not None and relevant is not None:
            users = interaction[collector.config["USER_ID_FIELD"]]
            if len(users) != len(scores_tensor):  # a row of the batch for each candidate
                users = users.unique_consecutive()
            place, items = positive_u.cpu(), positive_i.cpu()
            is_relevant = relevant.have(users.cpu()[place].numpy(), items.numpy())
            place, positive_i = place[is_relevant], items[is_relevant]
            rows, positive_u = place.unique(return_inverse=True)
            if not len(rows):
                return
            scores_tensor = scores_tensor[rows.to(scores_tensor.device)]
        wrapped(scores_tensor, interaction, positive_u, positive_i)

    collect(*args, **kwargs)


def valid_epoch(
    wrapped: Callable[..., Any], trainer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Trainer._valid_epoch``: refuses a score that no other score is better or worse than."""
    score, result = wrapped(*args, **kwargs)
    if not math.isfinite(score):
        epochs = getattr(trainer, "train_loss_dict", None)
        after = f" after epoch {max(epochs)}" if epochs else ""
        raise SettingError(
            f"valid_metric: {trainer.config['valid_metric']} is {score}{after}: no epoch can be "
            "chosen by it; use a metric that is defined for these data, or a smaller learning_rate"
        )
    return score, result


def used_info(self: Any, dataobject: Any) -> tuple[np.ndarray, np.ndarray]:
    """``LossMetric.used_info``: predictions and labels, [rows] each, also of a single row."""
    predictions, labels = dataobject.get("rec.score"), dataobject.get("data.label")
    return predictions.reshape(-1).numpy(), labels.reshape(-1).numpy()

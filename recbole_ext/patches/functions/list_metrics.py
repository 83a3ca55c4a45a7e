"""Our metrics of recommended lists among RecBole's, and what its collector keeps for them."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

from recbole_ext.registry.metrics import OWN


def provide_metrics(register: ModuleType) -> None:
    """Add our metrics to the four tables in which RecBole looks up metrics."""
    from recbole_ext.evaluator import list_metrics

    for (name, metric), cls in zip(OWN.items(), list_metrics.CLASSES, strict=True):
        register.metrics_dict[name] = cls
        register.metric_information[name] = list(metric.needs)
        register.metric_types[name] = cls.metric_type


def data_collect(
    wrapped: Callable[..., None], collector: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Collector.data_collect``: the training interactions, where a metric needs them."""
    from recbole_ext.evaluator import list_metrics

    wrapped(*args, **kwargs)
    if collector.register.need("data.interactions"):
        train = args[0] if args else kwargs["train_data"]
        label = collector.config["LABEL_FIELD"]
        collector.data_struct.set(
            "data.interactions", list_metrics.interactions(train.dataset, label)
        )


def eval_batch_collect(
    wrapped: Callable[..., None], collector: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Collector.eval_batch_collect``: Pop's lists for the users of the batch.

    It stands inside the wrapper that leaves out users without a relevant item.
    """
    from recbole_ext.evaluator import list_metrics

    wrapped(*args, **kwargs)
    if collector.register.need("rec.popular"):
        scores = args[0] if args else kwargs["scores_tensor"]
        users_of = collector.data_struct.get("data.interactions")
        counts = torch.from_numpy(users_of.getnnz(axis=1)).to(scores.device)
        lists = list_metrics.popular(counts, scores, max(collector.topk))
        collector.data_struct.update_tensor("rec.popular", lists)

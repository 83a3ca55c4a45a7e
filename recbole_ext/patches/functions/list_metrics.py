"""Our metrics of recommended lists among RecBole's, and what its collector keeps for them.

The formulas are in ``evaluator/list_metrics.py``.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from recbole.evaluator.base_metric import TopkMetric
from recbole.utils import EvaluatorType

from recbole_ext.evaluator import list_metrics
from recbole_ext.registry.metrics import OWN


class _ListMetric(TopkMetric):
    """A metric of lists; ``TopkMetric`` takes the means at the cutoffs, and rounds."""

    metric_type = EvaluatorType.RANKING

    def calculate_metric(self, dataobject: Any) -> dict[str, float]:
        """The mean over users at each cutoff."""
        result: dict[str, float] = self.topk_result(
            type(self).__name__.lower(), self.of_users(dataobject)
        )
        return result

    def of_users(self, dataobject: Any) -> np.ndarray:
        """[users, k], the metric of each user after each rank."""
        raise NotImplementedError


class Novelty(_ListMetric):
    """The mean self-information of the recommended items, in bits."""

    metric_need: ClassVar = list(OWN["novelty"].needs)

    def of_users(self, dataobject: Any) -> np.ndarray:
        """[users, k]."""
        lists = dataobject["rec.items"].numpy()
        return list_metrics.novelty(lists, dataobject["data.interactions"])


class IntraListDiversity(_ListMetric):
    """How far apart the items of a list are, in [0, 1]."""

    metric_need: ClassVar = list(OWN["intralistdiversity"].needs)

    def of_users(self, dataobject: Any) -> np.ndarray:
        """[users, k]."""
        lists = dataobject["rec.items"].numpy()
        return list_metrics.intra_list_diversity(lists, dataobject["data.interactions"])


class Serendipity(_ListMetric):
    """The share of a list that is relevant and that Pop would not have recommended."""

    metric_need: ClassVar = list(OWN["serendipity"].needs)

    def of_users(self, dataobject: Any) -> np.ndarray:
        """[users, k]."""
        relevant, _ = self.used_info(dataobject)
        lists, expected = (dataobject[name].numpy() for name in ("rec.items", "rec.popular"))
        return list_metrics.serendipity(lists, relevant, expected)


_CLASSES = (IntraListDiversity, Novelty, Serendipity)  # in the order of registry/metrics.py


def provide_metrics(register: ModuleType) -> None:
    """Add our metrics to the tables in which RecBole looks up metrics; more is better for all."""
    for (name, metric), cls in zip(OWN.items(), _CLASSES, strict=True):
        register.metrics_dict[name] = cls
        register.metric_information[name] = list(metric.needs)
        register.metric_types[name] = cls.metric_type


def data_collect(
    wrapped: Callable[..., None], collector: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Collector.data_collect``: the training interactions, where a metric needs them."""
    wrapped(*args, **kwargs)
    if collector.register.need("data.interactions"):
        train = args[0] if args else kwargs["train_data"]
        users_of = list_metrics.interactions(train.dataset, collector.config["LABEL_FIELD"])
        collector.data_struct.set("data.interactions", users_of)


def eval_batch_collect(
    wrapped: Callable[..., None], collector: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Collector.eval_batch_collect``: Pop's lists for the users of the batch.

    It stands inside the wrapper that leaves out users without a relevant item.
    """
    wrapped(*args, **kwargs)
    if collector.register.need("rec.popular"):
        scores = args[0] if args else kwargs["scores_tensor"]
        users_of = collector.data_struct.get("data.interactions")
        counts = torch.from_numpy(users_of.getnnz(axis=1)).to(scores.device)
        lists = list_metrics.popular(counts, scores, max(collector.topk))
        collector.data_struct.update_tensor("rec.popular", lists)

"""Metrics of recommended lists by their formulas, ties in rankings, and what Pop counts.

RecBole takes the k best of all items, the padding item 0 among them, also where a user has fewer
candidates: the rest of the list is items that the user has in training, other masked items and
the padding. Here a list ends where the candidates end; item 0 in a list says that there is none.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recbole_ext.evaluator import ties

# --- lists ----------------------------------------------------------------------------------


def recommended(items: Tensor, scores: Tensor) -> Tensor:
    """Lists with 0 in the place of what is no recommendation.

    Args:
        items: [users, k], ids in the order of their scores.
        scores: [users, items], ``-inf`` for all items that are no candidates.
    """
    return items.masked_fill(scores.gather(1, items) == -torch.inf, 0)


def means_of_lists(values: np.ndarray, items: np.ndarray) -> np.ndarray:
    """The mean of each user's list after each rank, [users, k].

    Args:
        values: [users, k], of the items at each rank, 0 for item 0.
        items: [users, k], as ``recommended`` returns them.
    """
    lengths = np.cumsum(items > 0, axis=1)
    return values.cumsum(axis=1) / np.maximum(lengths, 1)


def average_popularity(self: Any, dataobject: Any) -> dict[str, float]:
    """``AveragePopularity.calculate_metric`` over lists that may be shorter than k."""
    items, counts = self.used_info(dataobject)
    return self.topk_result("averagepopularity", means_of_lists(self.get_pop(items, counts), items))


def tail_percentage(self: Any, dataobject: Any) -> dict[str, float]:
    """``TailPercentage.calculate_metric`` over lists that may be shorter than k."""
    items, counts = self.used_info(dataobject)
    return self.topk_result("tailpercentage", means_of_lists(self.get_tail(items, counts), items))


def of_the_catalogue(
    wrapped: Callable[..., float], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> float:
    """Wraps ``ItemCoverage.get_coverage`` and ``GiniIndex.get_gini``: item 0 is no item."""

    def of_items(item_matrix: np.ndarray, num_items: int) -> float:
        return wrapped(item_matrix[item_matrix > 0][None], num_items - 1)

    return of_items(*args, **kwargs)


def get_entropy(self: Any, item_matrix: np.ndarray) -> float:
    """``ShannonEntropy.get_entropy``: -sum of p log p over the recommended items, in nats."""
    _, counts = np.unique(item_matrix[item_matrix > 0], return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


# --- ties -----------------------------------------------------------------------------------


def collect_ties(
    wrapped: Callable[..., None], collector: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Collector.eval_batch_collect``: which users have a tie at which rank."""
    wrapped(*args, **kwargs)
    if collector.register.need("rec.items") or collector.register.need("rec.topk"):
        scores = args[0] if args else kwargs["scores_tensor"]
        collector.data_struct.update_tensor("rec.ties", ties.at_ranks(scores, collector.topk))


def evaluate(
    wrapped: Callable[..., Any], evaluator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Wraps ``Evaluator.evaluate``: metrics of rankings with their ties."""
    result = wrapped(*args, **kwargs)
    struct = args[0] if args else kwargs["dataobject"]
    if "rec.ties" not in struct:
        return result
    return ties.Metrics(result, ties.Ties.of(struct.get("rec.ties"), evaluator.config["topk"]))


# --- Pop ------------------------------------------------------------------------------------


def count_interactions(
    wrapped: Callable[..., None], model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Pop.__init__``: an item's count is the number of its rows in training."""

    def build(config: Any, dataset: Any) -> None:
        wrapped(config, dataset)
        items = dataset.inter_feat[dataset.iid_field]
        counts = torch.bincount(items, minlength=model.n_items)[:, None]
        model.item_cnt = counts.to(model.device)
        model.max_cnt = model.item_cnt.max(dim=0)[0]
        # A checkpoint has counts, too: those of RecBole, if it is older than this patch.
        model.load_other_parameter = lambda _: None

    build(*args, **kwargs)


def pop_loss(self: Any, interaction: Any) -> Tensor:
    """``Pop.calculate_loss``: batches, which have drawn items too, are not counted."""
    return torch.nn.Parameter(torch.zeros(1)).to(self.device)

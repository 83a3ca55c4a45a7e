"""What RecBole knows of its metrics."""

from recbole_ext.config.settings import near
from recbole_ext.errors import SettingError


def bigger_is_better(metric: str) -> bool:
    """Whether a bigger value of a metric is better, as RecBole's early stopping decides it.

    Args:
        metric: its name, with or without a cutoff, in any case: ``NDCG@10``, ``rmse``.

    Raises:
        SettingError: RecBole has no such metric.
    """
    from recbole.evaluator import metric_types, smaller_metrics

    name = metric.partition("@")[0].lower()
    if name not in metric_types:
        nearest = near(name, metric_types)
        advice = f"did you mean {nearest}?" if nearest else f"there are: {', '.join(metric_types)}"
        raise SettingError(f"{metric}: RecBole has no such metric; {advice}")
    return name not in smaller_metrics

"""Which metrics there are: RecBole's, and ours of recommended lists.

Importing this imports neither RecBole nor torch; the classes of our metrics are in
``evaluator/list_metrics.py``.
"""

from functools import cache

from recbole_ext.registry import recbole_source
from recbole_ext.registry.recbole_source import Metric

_LISTS = ("rec.items", "data.interactions")

OWN = {
    metric.name.lower(): metric
    for metric in (
        Metric("IntraListDiversity", False, False, _LISTS),
        Metric("Novelty", False, False, _LISTS),
        Metric("Serendipity", False, False, ("rec.items", "rec.topk", "rec.popular", _LISTS[1])),
    )
}


@cache
def metrics() -> dict[str, Metric]:
    """Name in lower case -> metric: RecBole's in RecBole's order, then ours."""
    return {**recbole_source.metrics(), **OWN}

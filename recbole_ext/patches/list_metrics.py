"""Patches through which RecBole finds our metrics of recommended lists; group ``names``."""

from recbole_ext.patches.patch import Patch

_OURS = "recbole_ext.patches.functions.list_metrics"
_NEEDS = "Our metrics of lists need the training interactions, and Pop's lists."

PATCHES = (
    Patch(
        name="list-metrics",
        target="recbole.evaluator.register:metrics_dict",
        kind="provide",
        group="names",
        why="metrics: [Novelty, IntraListDiversity, Serendipity] are found by name.",
        function=f"{_OURS}:provide_metrics",
    ),
    Patch(
        name="training-interactions",
        target="recbole.evaluator.collector:Collector.data_collect",
        kind="wrap",
        group="names",
        why=_NEEDS,
        function=f"{_OURS}:data_collect",
    ),
    Patch(
        name="popular-lists",
        target="recbole.evaluator.collector:Collector.eval_batch_collect",
        kind="wrap",
        group="names",
        why=_NEEDS,
        function=f"{_OURS}:eval_batch_collect",
        requires="training-interactions",
    ),
)

"""Patches of metrics of rankings, and of the model that is only a count, Pop; group ``bugs``."""

from recbole_ext.patches.patch import Edit, Patch

_OURS = "recbole_ext.patches.functions.metrics"
_POP_WHY = (
    "Pop counts an item once a batch, however often the batch has it, and counts drawn items."
)
_TIES_WHY = "Nobody learns that equal scores at the cut make a metric depend on an arbitrary order."
_LISTS_WHY = (
    "Where a user has fewer candidates than k, masked items and the padding count as recommended."
)
_PADDING_WHY = "The padding item counts as one of the items that could be recommended."

PATCHES = (
    Patch(
        name="recommended-items",
        target="recbole.evaluator.collector:Collector.eval_batch_collect",
        kind="edit",
        group="bugs",
        why=_LISTS_WHY,
        edits=(
            Edit(
                'update_tensor("rec.items", topk_idx)',
                f'update_tensor("rec.items", {_OURS}.recommended(topk_idx, scores_tensor))',
            ),
        ),
        uses=(_OURS,),
    ),
    Patch(
        name="average-popularity",
        target="recbole.evaluator.metrics:AveragePopularity.calculate_metric",
        kind="replace",
        group="bugs",
        why=_LISTS_WHY,
        function=f"{_OURS}:average_popularity",
        sources={"1.2.1": "01c334c19484"},
        requires="recommended-items",
    ),
    Patch(
        name="tail-percentage",
        target="recbole.evaluator.metrics:TailPercentage.calculate_metric",
        kind="replace",
        group="bugs",
        why=_LISTS_WHY,
        function=f"{_OURS}:tail_percentage",
        sources={"1.2.1": "2768f05d1085"},
        requires="recommended-items",
    ),
    Patch(
        name="item-coverage",
        target="recbole.evaluator.metrics:ItemCoverage.get_coverage",
        kind="wrap",
        group="bugs",
        why=_PADDING_WHY,
        function=f"{_OURS}:of_the_catalogue",
        sources={"1.2.1": "daf468ffb7b4"},
        requires="recommended-items",
    ),
    Patch(
        name="gini-index",
        target="recbole.evaluator.metrics:GiniIndex.get_gini",
        kind="wrap",
        group="bugs",
        why=_PADDING_WHY,
        function=f"{_OURS}:of_the_catalogue",
        sources={"1.2.1": "5591b5dffbb3"},
        requires="recommended-items",
    ),
    Patch(
        name="shannon-entropy",
        target="recbole.evaluator.metrics:ShannonEntropy.get_entropy",
        kind="replace",
        group="bugs",
        why="The entropy is divided by the number of recommended items.",
        function=f"{_OURS}:get_entropy",
        sources={"1.2.1": "02c11ca642f8"},
        requires="recommended-items",
    ),
    Patch(
        name="ties-collected",
        target="recbole.evaluator.collector:Collector.eval_batch_collect",
        kind="wrap",
        group="bugs",
        why=_TIES_WHY,
        function=f"{_OURS}:collect_ties",
        requires="coverage-metrics",
    ),
    Patch(
        name="ties-counted",
        target="recbole.evaluator.evaluator:Evaluator.evaluate",
        kind="wrap",
        group="bugs",
        why=_TIES_WHY,
        function=f"{_OURS}:evaluate",
        requires="ties-collected",
    ),
    Patch(
        name="pop-counts",
        target="recbole.model.general_recommender.pop:Pop.__init__",
        kind="wrap",
        group="bugs",
        why=_POP_WHY,
        function=f"{_OURS}:count_interactions",
        upstream=(2198, 1844, 2199),
        requires="pop-batches",
    ),
    Patch(
        name="pop-batches",
        target="recbole.model.general_recommender.pop:Pop.calculate_loss",
        kind="replace",
        group="bugs",
        why=_POP_WHY,
        function=f"{_OURS}:pop_loss",
        upstream=(2198, 1844, 2199),
        sources={"1.2.1": "9de0a1e166f0"},
        requires="pop-counts",
    ),
)

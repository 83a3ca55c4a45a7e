"""Patches for faults of RecBole itself."""

from recbole_ext.patches import conditions
from recbole_ext.patches.patch import Edit, Patch

_OURS = "recbole_ext.patches.functions.bugs"
_METRICS = "recbole_ext.patches.functions.metrics"
_CPU_WHY = "Several processes (--nproc) need CUDA: RecBole asks for nccl and for CUDA devices."
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
        name="cpu-processes",
        target="recbole.config.configurator:Config._init_device",
        kind="edit",
        group="bugs",
        why=_CPU_WHY,
        edits=(
            Edit('assert len(gpu_id.split(",")) >= self.final_config_dict["nproc"]', "pass"),
            Edit('backend="nccl"', 'backend="gloo"'),
            Edit('"cuda", self.final_config_dict["local_rank"]', '"cpu"'),
            Edit('torch.cuda.set_device(self.final_config_dict["local_rank"])', "pass"),
        ),
        needed=conditions.no_cuda,
    ),
    Patch(
        name="cpu-processes-model",
        target="recbole.trainer.trainer:AbstractTrainer.__init__",
        kind="replace",
        group="bugs",
        why=_CPU_WHY,
        function=f"{_OURS}:abstract_trainer_init",
        needed=conditions.no_cuda,
        sources={"1.2.1": "212c9bb58d17"},
    ),
    Patch(
        name="folder-race",
        target="recbole.utils.utils:ensure_dir",
        kind="replace",
        group="bugs",
        why="Of two processes that make saved/ at the same time, one fails.",
        function=f"{_OURS}:ensure_dir",
        sources={"1.2.1": "4ea3f5d9409e"},
    ),
    Patch(
        name="coverage-metrics",
        target="recbole.evaluator.collector:Collector.get_data_struct",
        kind="replace",
        group="bugs",
        why="The counts that ItemCoverage, AveragePopularity and others need are moved like "
        "tensors, which fails.",
        function=f"{_OURS}:get_data_struct",
        upstream=(2191, 2194),
        sources={"1.2.1": "b11ab6b322d3"},
    ),
    Patch(
        name="download-barrier",
        target="recbole.data.dataset.dataset:Dataset._download",
        kind="edit",
        group="bugs",
        why="A download ends in a barrier of processes, which one process alone cannot pass.",
        edits=(
            Edit(
                "torch.distributed.barrier()",
                "torch.distributed.is_initialized() and torch.distributed.barrier()",
                times=2,
            ),
        ),
    ),
    Patch(
        name="recommended-items",
        target="recbole.evaluator.collector:Collector.eval_batch_collect",
        kind="edit",
        group="bugs",
        why=_LISTS_WHY,
        edits=(
            Edit(
                'update_tensor("rec.items", topk_idx)',
                f'update_tensor("rec.items", {_METRICS}.recommended(topk_idx, scores_tensor))',
            ),
        ),
        uses=(_METRICS,),
    ),
    Patch(
        name="average-popularity",
        target="recbole.evaluator.metrics:AveragePopularity.calculate_metric",
        kind="replace",
        group="bugs",
        why=_LISTS_WHY,
        function=f"{_METRICS}:average_popularity",
        sources={"1.2.1": "01c334c19484"},
        requires="recommended-items",
    ),
    Patch(
        name="tail-percentage",
        target="recbole.evaluator.metrics:TailPercentage.calculate_metric",
        kind="replace",
        group="bugs",
        why=_LISTS_WHY,
        function=f"{_METRICS}:tail_percentage",
        sources={"1.2.1": "2768f05d1085"},
        requires="recommended-items",
    ),
    Patch(
        name="item-coverage",
        target="recbole.evaluator.metrics:ItemCoverage.get_coverage",
        kind="wrap",
        group="bugs",
        why=_PADDING_WHY,
        function=f"{_METRICS}:of_the_catalogue",
        sources={"1.2.1": "daf468ffb7b4"},
        requires="recommended-items",
    ),
    Patch(
        name="gini-index",
        target="recbole.evaluator.metrics:GiniIndex.get_gini",
        kind="wrap",
        group="bugs",
        why=_PADDING_WHY,
        function=f"{_METRICS}:of_the_catalogue",
        sources={"1.2.1": "5591b5dffbb3"},
        requires="recommended-items",
    ),
    Patch(
        name="shannon-entropy",
        target="recbole.evaluator.metrics:ShannonEntropy.get_entropy",
        kind="replace",
        group="bugs",
        why="The entropy is divided by the number of recommended items.",
        function=f"{_METRICS}:get_entropy",
        sources={"1.2.1": "02c11ca642f8"},
        requires="recommended-items",
    ),
    Patch(
        name="ties-collected",
        target="recbole.evaluator.collector:Collector.eval_batch_collect",
        kind="wrap",
        group="bugs",
        why=_TIES_WHY,
        function=f"{_METRICS}:collect_ties",
        requires="coverage-metrics",
    ),
    Patch(
        name="ties-counted",
        target="recbole.evaluator.evaluator:Evaluator.evaluate",
        kind="wrap",
        group="bugs",
        why=_TIES_WHY,
        function=f"{_METRICS}:evaluate",
        requires="ties-collected",
    ),
    Patch(
        name="pop-counts",
        target="recbole.model.general_recommender.pop:Pop.__init__",
        kind="wrap",
        group="bugs",
        why=_POP_WHY,
        function=f"{_METRICS}:count_interactions",
        upstream=(2198, 1844, 2199),
        requires="pop-batches",
    ),
    Patch(
        name="pop-batches",
        target="recbole.model.general_recommender.pop:Pop.calculate_loss",
        kind="replace",
        group="bugs",
        why=_POP_WHY,
        function=f"{_METRICS}:pop_loss",
        upstream=(2198, 1844, 2199),
        sources={"1.2.1": "9de0a1e166f0"},
        requires="pop-counts",
    ),
)

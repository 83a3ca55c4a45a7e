"""Patches for faults of RecBole itself."""

from recbole_ext.patches import conditions
from recbole_ext.patches.patch import Edit, Patch

_OURS = "recbole_ext.patches.functions.bugs"
_CPU_WHY = "Several processes (--nproc) need CUDA: RecBole asks for nccl and for CUDA devices."

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
)

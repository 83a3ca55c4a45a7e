"""Patches that make several processes (``--nproc``) give the numbers of one; group ``bugs``."""

from recbole_ext.patches.patch import Edit, Patch

_TRAINER = "recbole.trainer.trainer"
_START = "recbole.quick_start.quick_start"
_OURS = "recbole_ext.patches.functions.several_processes"
_SHARES_WHY = (
    "Processes average the metrics of their shares, some rows counted twice, where each metric is "
    "of all rows once."
)

PATCHES = (
    Patch(
        name="evaluation-shares",
        target=f"{_TRAINER}:Trainer.evaluate",
        kind="edit",
        group="bugs",
        why=_SHARES_WHY,
        edits=(
            Edit(
                "in enumerate(iter_data):",
                f"in enumerate({_OURS}.own_batches(self, iter_data, len(eval_data))):",
            ),
            Edit("self.evaluator.evaluate(struct)", f"{_OURS}.metrics_of_all(self, struct)"),
            Edit("result = self._map_reduce(result, num_sample)", "pass"),
        ),
        uses=(_OURS,),
        requires="evaluation-loaders",
    ),
    Patch(
        name="evaluation-loaders",
        target="recbole.data.dataloader.abstract_dataloader:AbstractDataLoader.__init__",
        kind="edit",
        group="bugs",
        why=_SHARES_WHY,
        edits=(
            Edit(
                'if not config["single_spec"]:',
                f'if not config["single_spec"] and not {_OURS}.is_evaluated(self):',
            ),
        ),
        uses=(_OURS,),
        requires="evaluation-shares",
    ),
    Patch(
        name="evaluation-of-one-model",
        target=f"{_TRAINER}:Trainer.evaluate",
        kind="wrap",
        group="bugs",
        why="Processes draw negatives of their own in an evaluation; where each has trained a "
        "model of its own, nobody notices.",
        function=f"{_OURS}:evaluate",
        requires="evaluation-shares",
    ),
    Patch(
        name="checkpoint-barrier",
        target=f"{_TRAINER}:Trainer._save_checkpoint",
        kind="wrap",
        group="bugs",
        why="A process loads the checkpoint of an earlier epoch, or none, while another one saves.",
        function=f"{_OURS}:save_checkpoint",
    ),
    Patch(
        name="sparse-adam-processes",
        target=f"{_TRAINER}:Trainer.__init__",
        kind="wrap",
        group="bugs",
        why="sparse_adam fails in the first step of several processes, without a reason.",
        function=f"{_OURS}:build_trainer",
    ),
    Patch(
        name="process-errors-raised",
        target=f"{_START}:run",
        kind="edit",
        group="bugs",
        why="What is wrong with a setting or a file is a long traceback with several processes.",
        edits=(Edit("mp.spawn(", f"{_OURS}.spawn("),),
        uses=(_OURS,),
    ),
    Patch(
        name="process-errors-sent",
        target=f"{_START}:run_recboles",
        kind="replace",
        group="bugs",
        why="What is wrong with a setting or a file is a long traceback with several processes.",
        function=f"{_OURS}:run_recboles",
        sources={"1.2.1": "d3aa24986ab9"},
        requires="process-errors-raised",
    ),
)

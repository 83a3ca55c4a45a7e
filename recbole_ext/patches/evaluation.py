"""Patches by which an evaluation means what it says, or is refused; group ``bugs``."""

from recbole_ext.patches.patch import Patch

_OURS = "recbole_ext.patches.functions.labels"
_RELEVANT_WHY = "Held-out rows with label 0 count as relevant in full, uniN and popN rankings."
_NO_SCORE_WHY = "A validation score of nan saves no checkpoint; the test then finds no such file."

PATCHES = (
    Patch(
        name="evaluated-parts",
        target="recbole.data.utils:create_samplers",
        kind="wrap",
        group="bugs",
        why="A part without rows, labels of the wrong kind, topk beyond the items and users who "
        "have all items end in a traceback, or in a number that means nothing.",
        function=f"{_OURS}:create_samplers",
    ),
    Patch(
        name="relevant-items",
        target="recbole.trainer.trainer:Trainer.evaluate",
        kind="wrap",
        group="bugs",
        why=_RELEVANT_WHY,
        function=f"{_OURS}:evaluate",
        requires="relevant-items-collected",
    ),
    Patch(
        name="relevant-items-collected",
        target="recbole.evaluator.collector:Collector.eval_batch_collect",
        kind="wrap",
        group="bugs",
        why=_RELEVANT_WHY,
        function=f"{_OURS}:eval_batch_collect",
        requires="relevant-items",
    ),
    Patch(
        name="no-valid-score",
        target="recbole.trainer.trainer:Trainer._valid_epoch",
        kind="wrap",
        group="bugs",
        why=_NO_SCORE_WHY,
        function=f"{_OURS}:valid_epoch",
    ),
    Patch(
        name="no-valid-score-trees",
        target="recbole.trainer.trainer:DecisionTreeTrainer._valid_epoch",
        kind="wrap",
        group="bugs",
        why=_NO_SCORE_WHY,
        function=f"{_OURS}:valid_epoch",
    ),
    Patch(
        name="one-labelled-row",
        target="recbole.evaluator.base_metric:LossMetric.used_info",
        kind="replace",
        group="bugs",
        why="Value metrics of a part with a single row fail: its row becomes a scalar.",
        function=f"{_OURS}:used_info",
        sources={"1.2.1": "d75594a6d856"},
    ),
)

"""What a full ranking collects, and how it asks the model."""

from typing import Any

import torch
from torch import Tensor


def ranked(run: Any, method: str) -> tuple[Tensor, dict[str, float], list[int]]:
    """The scores that are collected, the metrics, and how many rows each call has.

    Args:
        run: whose validation part is ranked.
        method: of the model, ``predict`` or ``full_sort_predict``.
    """
    collector = run.trainer.eval_collector
    score, collect = getattr(run.model, method), collector.eval_batch_collect
    sizes: list[int] = []
    collected = []
    setattr(run.model, method, lambda x: (sizes.append(len(x)), score(x))[1])
    collector.eval_batch_collect = lambda s, *rest: (
        collected.append(s.clone()),
        collect(s, *rest),
    )[1]
    metrics = run.trainer.evaluate(run.valid, load_best_model=False)
    delattr(run.model, method)
    del collector.eval_batch_collect
    return torch.cat(collected), metrics, sizes

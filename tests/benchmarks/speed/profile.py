"""Where the time of a step and of an evaluation goes, and how far it is from a matrix product's."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from recbole_ext.trainer import allocator
from tests.benchmarks.speed import small
from tests.benchmarks.speed.sides import gemm_peak, seconds


def _profiled(name: str, work: Callable[[], Any], peak: float) -> str:
    work()
    with FlopCounterMode(display=False) as counted:
        work()
    flops = counted.get_total_flops()
    taken = seconds(work, 7)
    with torch.profiler.profile() as profiler:
        work()
    table = profiler.key_averages().table(
        sort_by="self_cpu_time_total", row_limit=12, max_name_column_width=32
    )
    columns = [line[:110].rstrip() for line in table.splitlines()]
    share = flops / taken / 1e9 / peak
    told = f"{1000 * taken:.1f} ms, {flops / 1e9:.2f} GFLOP of matrix products, {share:.0%} of peak"
    return "\n".join([f"{name}: {told}", *columns, ""])


def text() -> str:
    """The profile of NCFMLP on ml-100k, with two threads or as many as there are."""
    allocator.keep_freed_memory()
    peak = gemm_peak()
    parts = [f"float32 matrix products: {peak:.0f} GFLOP/s at the most\n"]
    for batch in (2048, 8192):
        run = small._ncf("recbole_ext", train_batch_size=batch)
        run.model.train()
        batches = [found for found, _ in zip(run.train, range(2), strict=False)]

        def step(run: Any = run, batches: list[Any] = batches) -> None:
            run.trainer.optimizer.zero_grad()
            run.model.calculate_loss(batches[0]).backward()
            run.trainer.optimizer.step()

        parts.append(_profiled(f"a step of training, batch {batch:,}", step, peak))
        draw = seconds(lambda run=run: next(iter(run.train)), 5)  # type: ignore[misc]
        parts.append(f"drawing that batch, its epoch's order included: {1000 * draw:.1f} ms\n")
    run = small._ncf("recbole_ext")

    def evaluate() -> None:
        run.trainer.evaluate(run.valid, load_best_model=False)

    parts.append(_profiled("an evaluation of all users, full ranking", evaluate, peak))
    return "\n".join(parts)

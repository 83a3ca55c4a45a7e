"""What the commands that run a plan share: their checks, their processes, their progress."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.run_config import configure

if TYPE_CHECKING:
    from recbole_ext.experiments.plan import Plan
    from recbole_ext.experiments.results import Result


def check(plan: "Plan", data_path: Path) -> None:
    """Refuse a plan with a run that cannot start, before anything is written.

    Args:
        plan: a benchmark or a search.
        data_path: the folder of data sets.

    Raises:
        UserError: a model, a data set or a setting cannot be used.
    """
    for table in plan.tables:
        dataset = plan.data_set(table)
        if not (data_path / dataset).is_dir():  # a protocol's, which is not written yet
            dataset = table.dataset
        for label in plan.labels(table):
            model = plan.models[label]
            checkpoints = {text: __file__ for text in plan.needed_by(label)}  # any existing file
            settings = plan.run_settings(table, label, checkpoints)
            for values in model.trials or [{}]:
                run_settings = {**settings, **values, "data_path": str(data_path)}
                configure(model.name, dataset, None, run_settings)


def carry_out(
    plan: "Plan",
    results: Sequence["Result"],
    data_path: Path,
    output: Path,
    workers: int,
    address: str | None = None,
) -> "list[Result]":
    """Make the runs that a results file does not have yet, with a progress bar.

    Args:
        plan: a benchmark or a search.
        results: the runs that the file has.
        data_path: the folder of data sets.
        output: the results file.
        workers: processes at a time.
        address: of a Ray cluster that carries out the runs; None for processes of this machine.

    Returns:
        all results of the plan.
    """
    from tqdm import tqdm

    from recbole_ext.experiments import processes, ray_cluster, runs

    execute = partial(processes.run_all, workers=workers, timeout=plan.timeout)
    if address is not None:
        execute = partial(ray_cluster.run_all, address=address, timeout=plan.timeout)
    results = list(results)
    total = len(plan.all_runs())
    with tqdm(total=total, initial=len(results), file=sys.stderr, disable=None) as bar:
        for result in runs.run(plan, data_path, output, execute):
            results.append(result)
            outcome = result.error or f"{result.all_seconds:.0f} s"
            tqdm.write(f"{result.key}: {outcome}", file=sys.stderr)
            bar.update()
    if failed := sum(bool(result.error) for result in results):
        click.echo(
            f"{failed} runs failed; to retry them, remove their lines from {output} and start "
            "this command again",
            err=True,
        )
    return results

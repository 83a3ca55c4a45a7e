"""What the commands that run a plan share: their checks, their processes, their progress."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli.run_config import configure, preflight
from recbole_ext.errors import naming

if TYPE_CHECKING:
    from recbole_ext.experiments.plan import Plan
    from recbole_ext.experiments.results import Result
    from recbole_ext.experiments.tracker import Tracker


def check(plan: "Plan", data_path: Path, file: Path) -> None:
    """Refuse a plan with a run that cannot start, before anything is written.

    Args:
        plan: a benchmark or a search.
        data_path: the folder of data sets.
        file: of the plan, for messages.

    Raises:
        UserError: a model, a data set or a setting cannot be used.
    """
    runs = list(_distinct_runs(plan, data_path))
    with naming(file):
        for run in runs:  # what can be told before torch is imported, of all runs
            preflight(*run)
        for run in runs:
            configure(*run)


def _distinct_runs(
    plan: "Plan", data_path: Path
) -> Iterator[tuple[str, str, None, dict[str, Any]]]:
    """Model, data set, no files and settings of each run of a plan; one for all seeds."""
    for table in plan.tables:
        dataset = plan.data_set(table)
        if not (data_path / dataset).is_dir():  # a protocol's, which is not written yet
            dataset = table.dataset
        for label in plan.labels(table):
            model = plan.models[label]
            checkpoints = {text: __file__ for text in plan.needed_by(label)}  # any existing file
            settings = plan.run_settings(table, label, checkpoints)
            for values in model.known_trials:
                yield model.name, dataset, None, {**settings, **values, "data_path": str(data_path)}


def tracker(name: str | None, file: Path) -> "Tracker | None":
    """The tracker that an option names; its experiment has the name of the plan.

    Args:
        name: of ``--tracker``.
        file: of the plan.

    Raises:
        UserError: it is not installed.
    """
    if name is None:
        return None
    from recbole_ext.experiments import tracker

    return tracker.Tracker(file.stem, Path(tracker.FOLDER))


def carry_out(
    plan: "Plan",
    results: Sequence["Result"],
    data_path: Path,
    output: Path,
    workers: int,
    address: str | None = None,
    keep_failed: bool = False,
    tracker: "Tracker | None" = None,
) -> "list[Result]":
    """Make the runs that a results file does not have yet, with a progress bar.

    Args:
        plan: a benchmark or a search.
        results: the runs that the file has.
        data_path: the folder of data sets.
        output: the results file.
        workers: processes at a time, and trials that a sampler asks for at a time.
        address: of a Ray cluster that carries out the runs; None for processes of this machine.
        keep_failed: whether runs that have failed stay as they are.
        tracker: to which each run is added, too; those that the file has already as well.

    Returns:
        all results of the plan, one of each run.
    """
    from tqdm import tqdm

    from recbole_ext.cli import signals
    from recbole_ext.experiments import processes, ray_cluster, runs
    from recbole_ext.experiments.results import is_done

    signals.advise(signals.GOES_ON)

    execute = partial(processes.run_all, workers=workers, timeout=plan.timeout)
    if address is not None:
        execute = partial(ray_cluster.run_all, address=address, timeout=plan.timeout)
    newest = {result.key: result for result in results}
    keys = plan.all_runs()
    n_done = sum(is_done(plan, newest, key, keep_failed) for key in keys)
    if tracker is not None:
        for result in newest.values():
            tracker.log(plan, result)
    new_results = runs.run(plan, data_path, output, execute, keep_failed, workers)
    with (
        tqdm(total=len(keys), initial=n_done, file=sys.stderr, disable=None) as bar,
        closing(new_results),
    ):
        for result in new_results:
            newest[result.key] = result
            if tracker is not None:
                tracker.log(plan, result)
            outcome = result.error or f"{result.all_seconds:.0f} s"
            if result.pruned:
                outcome += f", pruned after {result.epochs} epochs"
            tqdm.write(f"{result.key}: {outcome}", file=sys.stderr)
            bar.update()
    if failed := sum(bool(result.error) for result in newest.values()):
        click.echo(
            f"{failed} runs failed; {output} has their tracebacks, and the next start of this "
            "command tries them again (--keep-failed leaves them)",
            err=True,
        )
    return list(newest.values())

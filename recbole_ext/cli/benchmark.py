"""`recbole-ext benchmark`: models side by side."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.command import HELP, configure, reports_errors, runs_a_file
from recbole_ext.cli.data.shared import data_path_option

if TYPE_CHECKING:
    from recbole_ext.experiments.plan import Plan
    from recbole_ext.experiments.runs import CarryOut, Result

EXAMPLE = """\b
Examples:
  recbole-ext benchmark configs/benchmark/ml-100k-quick.yaml --dry-run
  recbole-ext benchmark configs/benchmark/ml-100k-quick.yaml --workers 2 --report report
  recbole-ext benchmark configs/benchmark/ml-100k-full.yaml --ray auto --data_path /shared/dataset
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@runs_a_file(".jsonl")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for report.html, report.md, and the tables as csv and LaTeX.",
)
@click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="A Ray cluster that carries out the runs, one a core; its nodes have this package, and "
    "the folder of data sets at the same place.",
)
@click.option("--dry-run", is_flag=True, help="Print what would run, and run nothing.")
@data_path_option
@reports_errors
def benchmark(
    file: Path,
    output: Path | None,
    workers: int,
    report: Path | None,
    address: str | None,
    dry_run: bool,
    data_path: Path,
) -> None:
    """Train and test the models of the plan FILE, each with each seed, and print their tables.

    Each run gets a line in the results at once. Started again, the benchmark goes on where it
    was stopped. Where the plan gives a model a space, its settings are chosen by validation first.
    The test split is evaluated once a run.
    """
    from tqdm import tqdm

    from recbole_ext.evaluator import protocols
    from recbole_ext.experiments import plan as plans
    from recbole_ext.experiments import report as reports
    from recbole_ext.experiments import runs, summary

    plan = plans.read(file)
    output = output or file.with_suffix(".jsonl")
    results = runs.load(output, plan)
    _check(plan, data_path)
    wanted = plan.all_runs()
    click.echo(f"{len(wanted)} runs, of which {output} has {len(results)}", err=True)
    if dry_run:
        done = {result.key for result in results}
        for key in wanted:
            click.echo(f"{key}: {'done' if key in done else 'to run'}")
        shipped = file.with_suffix(".jsonl")
        beside = runs.load(shipped, plan) if shipped.is_file() else []
        click.echo(_estimate(plan, results, beside, workers), err=True)
        return
    for place in plan.places:
        protocols.prepare(place.protocol, place.dataset, data_path)
    with tqdm(total=len(wanted), initial=len(results), file=sys.stderr) as bar:
        for result in runs.run(plan, data_path, output, _carry_out(plan, workers, address)):
            results.append(result)
            tqdm.write(
                f"{result.key}: {result.error or f'{result.seconds:.0f} s'}", file=sys.stderr
            )
            bar.update()
    for place in plan.places:
        metric = plan.protocols[place.protocol]
        head, rows = summary.table(metric, summary.lines(plan, results, place))
        click.echo(f"\n{place}, test, mean and standard deviation over seeds {plan.seeds}:\n")
        click.echo(summary.markdown(head, rows))
    if report is not None:
        page, *_ = reports.write(report, plan, results, f"recbole-ext benchmark {file}")
        click.echo(f"\n{page}", err=True)
    if any(result.error for result in results):
        sys.exit(1)


def _check(plan: "Plan", data_path: Path) -> None:
    """Refuse what cannot run, before anything is written."""
    from recbole_ext.evaluator import protocols
    from recbole_ext.experiments import runs

    for place in plan.places:
        name = protocols.data_set(place.protocol, place.dataset)
        if not (data_path / name).is_dir():  # not made yet
            name = place.dataset
        for label in plan.labels(place):
            model = plan.models[label]
            files = {text: __file__ for text in plan.needed_by(label)}  # any file that is there
            given = runs.given_to(plan, place, label, files)
            for values in model.trials or [{}]:
                told = {**given, **values, "data_path": str(data_path)}
                configure(model.name, name, None, told)


def _carry_out(plan: "Plan", workers: int, address: str | None) -> "CarryOut":
    from recbole_ext.experiments import processes, ray_cluster

    if address is not None:
        return partial(ray_cluster.run_all, address=address, timeout=plan.timeout)
    return partial(processes.run_all, workers=workers, timeout=plan.timeout)


def _estimate(plan: "Plan", results: "list[Result]", beside: "list[Result]", workers: int) -> str:
    """How long the rest will take, by what runs have taken, these or others, and by the timeout."""
    from recbole_ext.experiments import runs

    left = len(plan.all_runs()) - len(results)
    if not left:
        return "nothing to run"
    seconds, unknown = runs.seconds_left(plan, results, [*results, *beside])
    told = []
    if seconds:
        told.append(f"about {seconds / workers / 60:.0f} minutes to go with --workers {workers}")
    if unknown:
        told.append(f"no run yet to judge by: {', '.join(sorted(unknown))}")
    if plan.timeout is not None:
        hours = left * plan.timeout / workers / 3600
        told.append(f"at the most {hours:.1f} hours, by the timeout of {plan.timeout} s a run")
    return "; ".join(told)

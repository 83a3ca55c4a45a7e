"""`recbole-ext benchmark`: models side by side."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.command import HELP, reports_errors, runs_a_file, tracker_option
from recbole_ext.cli.data.shared import data_path_option

if TYPE_CHECKING:
    from recbole_ext.experiments.plan import Plan
    from recbole_ext.experiments.results import Result

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
    help="Folder for report.html, report.md, and the tables as csv and LaTeX.",
)
@click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Address of a Ray cluster that executes the runs, one per core; its nodes need this "
    "package and the same folder of data sets.",
)
@tracker_option
@click.option("--dry-run", is_flag=True, help="List the runs and estimate their time; run nothing.")
@data_path_option
@reports_errors
def benchmark(
    file: Path,
    output: Path | None,
    workers: int,
    keep_failed: bool,
    report: Path | None,
    address: str | None,
    tracker: str | None,
    dry_run: bool,
    data_path: Path,
) -> None:
    """Train and test the models of the plan FILE, each with each seed, and print their tables.

    Each run adds a line to the results when it ends. The same command continues after an
    interruption and repeats runs that have failed. If the plan gives a model a space, its settings
    are first chosen by validation. Each run evaluates the test split once.
    """
    from recbole_ext.cli import experiments
    from recbole_ext.data import writable
    from recbole_ext.evaluator import protocols
    from recbole_ext.experiments import (
        benchmark_plan,
        ensemble_gain,
        paper,
        ray_cluster,
        same_runs,
        summary,
    )
    from recbole_ext.experiments import report as reports
    from recbole_ext.experiments import results as results_of
    from recbole_ext.experiments import tracker as trackers

    if tracker is not None:
        trackers.require(f"--tracker {tracker}")
    if address is not None:
        ray_cluster.require("--ray")
    plan = benchmark_plan.read(file)
    output = output or file.with_suffix(".jsonl")
    results = results_of.load(output, plan)
    experiments.check(plan, data_path, file)
    keys = plan.all_runs()
    newest = {result.key: result for result in results}
    done = {key for key in keys if results_of.is_done(plan, newest, key, keep_failed)}
    click.echo(f"{len(keys)} runs, of which {output} has {len(done)}", err=True)
    if dry_run:
        for key in keys:
            failed = key in newest and newest[key].error
            click.echo(f"{key}: {'failed, ' * bool(failed)}{'done' if key in done else 'to run'}")
        shipped = file.with_suffix(".jsonl")
        beside = results_of.load(shipped, plan) if shipped.is_file() else []
        left = [result for result in results if result.key in done]
        click.echo(_estimate(plan, left, beside, workers), err=True)
        return
    writable.check_file(output, "--output")
    if report is not None:
        writable.check_folder(report, "--report")
    for table in plan.tables:
        protocols.prepare(table.protocol, table.dataset, data_path)
    results = experiments.carry_out(
        *(plan, results, data_path, output, workers, address, keep_failed),
        tracker=experiments.tracker(tracker, file),
    )
    for table in plan.tables:
        metric = plan.protocols[table.protocol]
        lines = summary.lines(plan, results, table)
        head, rows = summary.table(metric, lines, paper.metrics(plan, table))
        over = f"{table.repeat}s {plan.repeats(table)}"
        click.echo(f"\n{table}, test, mean and standard deviation over {over}:\n")
        click.echo(summary.markdown(head, [*rows, *paper.rows(plan, table, head)]))
        gains = ensemble_gain.sentences(plan, results, table)
        for note in (*paper.notes(plan, table), *summary.left_out(plan, table), *gains):
            click.echo(f"\n{note}")
        if budgets := summary.budgets(plan, results, table):
            click.echo(f"\n{budgets}")
        if ties := summary.ties(lines):
            click.echo(f"\n{ties}")
        for sentence in summary.failures(plan, results, table):
            click.echo(f"\n{sentence}")
        for sentence in same_runs.cautions(plan, results, table):
            click.echo(f"warning: {sentence}", err=True)
    if report is not None:
        page, *_ = reports.write(report, plan, results, f"recbole-ext benchmark {file}")
        click.echo(f"\n{page}", err=True)
    if any(result.error for result in results):
        sys.exit(1)


def _estimate(plan: "Plan", results: "list[Result]", beside: "list[Result]", workers: int) -> str:
    """How long the rest will take, by what runs have taken, these or others, and by the timeout."""
    from recbole_ext.experiments.results import seconds_left

    left = len(plan.all_runs()) - len(results)
    if not left:
        return "nothing to run"
    seconds, unknown = seconds_left(plan, results, [*results, *beside])
    parts = []
    if seconds:
        parts.append(f"about {seconds / workers / 60:.0f} minutes to go with --workers {workers}")
    if unknown:
        parts.append(f"no run yet to judge by: {', '.join(sorted(unknown))}")
    if plan.timeout is not None:
        hours = left * plan.timeout / workers / 3600
        parts.append(f"at most {hours:.1f} hours, by the timeout of {plan.timeout} s a run")
    return "; ".join(parts)

"""`recbole-ext benchmark`: models side by side."""

import sys
from pathlib import Path

import click

from recbole_ext.cli.command import HELP, configure, reports_errors, runs_a_file
from recbole_ext.cli.data.shared import data_path_option

EXAMPLE = """\b
Examples:
  recbole-ext benchmark configs/benchmark/ranking.yaml --dry-run
  recbole-ext benchmark configs/benchmark/ranking.yaml --workers 2 --report report
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@runs_a_file(".jsonl")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for report.html, and the tables as Markdown, csv and LaTeX.",
)
@click.option("--dry-run", is_flag=True, help="Print what would run, and run nothing.")
@data_path_option
@reports_errors
def benchmark(
    file: Path,
    output: Path | None,
    workers: int,
    report: Path | None,
    dry_run: bool,
    data_path: Path,
) -> None:
    """Train and test the models of the plan FILE, each with each seed, and print their table.

    Each run gets a line in the results at once. Started again, the benchmark goes on where it
    was stopped. The test split is evaluated once a run.
    """
    from tqdm import tqdm

    from recbole_ext.benchmark import plan as plans
    from recbole_ext.benchmark import report as reports
    from recbole_ext.benchmark import runs, summary

    plan = plans.read(file)
    output = output or file.with_suffix(".jsonl")
    for dataset in plan.datasets:
        for label, chosen in plan.models.items():
            files = {text: __file__ for text in plan.needed_by(label)}  # any file that is there
            given = plans.filled(chosen.settings, files)
            configure(chosen.name, dataset, None, {**given, "data_path": str(data_path)})
    results = runs.load(output, plan)
    wanted = plan.runs()
    click.echo(f"{len(wanted)} runs, of which {output} has {len(results)}", err=True)
    if dry_run:
        done = {result.key for result in results}
        for key in wanted:
            state = "done" if key in done else "to run"
            click.echo(f"{key.dataset}, {key.label}, seed {key.seed}: {state}")
        return
    with tqdm(total=len(wanted), initial=len(results), file=sys.stderr) as bar:
        for result in runs.run(plan, data_path, output, workers):
            results.append(result)
            what = f"{result.dataset}, {result.label}, seed {result.seed}"
            tqdm.write(f"{what}: {result.error or f'{result.seconds:.0f} s'}", file=sys.stderr)
            bar.update()
    for dataset in plan.datasets:
        head, rows = summary.table(plan, summary.lines(plan, results, dataset))
        click.echo(f"\n{dataset}, test, mean and standard deviation over seeds {plan.seeds}:\n")
        click.echo(summary.markdown(head, rows))
    if report is not None:
        page, *_ = reports.write(report, plan, results, f"recbole-ext benchmark {file}")
        click.echo(f"\n{page}", err=True)
    if any(result.error for result in results):
        sys.exit(1)

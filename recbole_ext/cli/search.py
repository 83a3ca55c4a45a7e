"""`recbole-ext search`: settings of a model, searched by validation."""

import sys
from pathlib import Path

import click

from recbole_ext.cli.command import HELP, reports_errors, runs_a_file, tracker_option
from recbole_ext.cli.data.shared import data_path_option
from recbole_ext.cli.run_config import configure, preflight
from recbole_ext.errors import naming

EXAMPLE = """\b
Example:
  recbole-ext data split ml-100k random --test 0.1 --seed 101
  recbole-ext data split ml-100k random --test 0.1 --seed 102
  recbole-ext search configs/search/autorec_item.yaml --workers 2
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@runs_a_file(".jsonl")
@tracker_option
@data_path_option
@reports_errors
def search(
    file: Path,
    output: Path | None,
    workers: int,
    keep_failed: bool,
    tracker: str | None,
    data_path: Path,
) -> None:
    """Try settings of a model, drawn from the search FILE, and rank them by validation.

    Each run adds a line to the results when it ends. The same command continues after an
    interruption and repeats runs that have failed. The test split is never evaluated.
    """
    import yaml
    from tabulate import tabulate

    from recbole_ext.cli import experiments
    from recbole_ext.data import writable
    from recbole_ext.evaluator import evaluation_settings
    from recbole_ext.experiments import results as results_of
    from recbole_ext.experiments import results_file, search_plan, summary
    from recbole_ext.experiments import tracker as trackers
    from recbole_ext.registry import model_size

    if tracker is not None:
        trackers.require(f"--tracker {tracker}")
    content = search_plan.read(file)
    if output is None:
        output = file.with_suffix(".jsonl")
        old = file.with_suffix(".csv")
        if not output.exists() and results_file.is_old_csv(old):
            output = old  # which is refused with a message
    base = {**content.base, "seed": content.seed, "data_path": str(data_path)}
    with naming(file):
        for dataset in content.datasets:
            values = preflight(content.model, dataset, None, base)
            evaluation_settings.check_validated(values)
            model_size.check_space(content.model, content.space, values, "space")
        for dataset in content.datasets:
            config = configure(content.model, dataset, None, base)
        plan = search_plan.plan(content, config.final_config_dict)
    results = results_of.load(output, plan)
    experiments.check(plan, data_path, file)
    writable.check_file(output, "--output")
    results = experiments.carry_out(
        *(plan, results, data_path, output, workers),
        keep_failed=keep_failed,
        tracker=experiments.tracker(tracker, file),
    )
    rows, best = summary.trials_table(plan, results)
    failures = [
        f"{table}: {text}"
        for table in plan.tables
        for text in summary.failures(plan, results, table)
    ]
    if best is None:
        for sentence in failures:
            click.echo(sentence, err=True)
        click.echo(f"error: no trial has run on every data set; see {output}", err=True)
        sys.exit(1)
    metric = config["valid_metric"]
    datasets = " and ".join(plan.datasets)
    click.echo(f"\n{content.model}, mean validation {metric} on {datasets}:\n")
    click.echo(tabulate(rows, headers=[metric, "beside the first trial"], disable_numparse=True))
    for table in plan.tables:
        if any(result.pruned for result in results):
            click.echo(f"\n{table}: {summary.budgets(plan, results, table)}")
    for sentence in failures:
        click.echo(f"\n{sentence}")
    click.echo(f"\nthe best settings, beside the base ({output} has all runs):\n")
    click.echo(yaml.safe_dump(best, sort_keys=False))

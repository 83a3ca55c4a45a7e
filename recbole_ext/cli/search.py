"""`recbole-ext search`: settings of a model, searched by validation."""

import sys
from pathlib import Path

import click

from recbole_ext.cli.command import HELP, configure, reports_errors, runs_a_file
from recbole_ext.cli.data.shared import data_path_option

EXAMPLE = """\b
Example:
  recbole-ext data split ml-100k random --test 0.1 --seed 101
  recbole-ext data split ml-100k random --test 0.1 --seed 102
  recbole-ext search configs/search/autorec_item.yaml --workers 2
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@runs_a_file(".csv")
@data_path_option
@reports_errors
def search(file: Path, output: Path | None, workers: int, data_path: Path) -> None:
    """Try settings of a model, drawn from the search FILE, and rank them by validation.

    Each run gets a line in the results at once. Started again, the search goes on where it was
    stopped. The test split is never evaluated.
    """
    import yaml
    from tabulate import tabulate
    from tqdm import tqdm

    from recbole_ext.experiments import random_search as searching

    chosen = searching.read(file)
    output = output or file.with_suffix(".csv")
    given = {"data_path": str(data_path), "seed": chosen.seed}
    for dataset in chosen.datasets:
        config = configure(chosen.model, dataset, None, {**chosen.base, **given})
    trials = searching.draw(chosen, config.final_config_dict)
    for trial in trials:  # all of them are refused or none
        configure(chosen.model, dataset, None, {**chosen.base, **trial, **given})
    outcomes = searching.load_results(output, chosen, trials)
    bar = tqdm(total=len(trials) * len(chosen.datasets), initial=len(outcomes), file=sys.stderr)
    with bar:
        for outcome in searching.run(chosen, trials, data_path, output, workers):
            outcomes.append(outcome)
            if outcome.error:
                tqdm.write(f"trial {outcome.trial} on {outcome.dataset}: {outcome.error}")
            bar.update()
    bigger = config["valid_metric_bigger"]
    ranking = searching.ranked(outcomes, len(chosen.datasets), bigger)
    if not ranking:
        click.echo(f"error: no trial has run on every data set; see {output}", err=True)
        sys.exit(1)
    metric = config["valid_metric"]
    rows = [
        [
            f"{score:.4f}",
            ", ".join(f"{k}={v}" for k, v in trial.items() if v != trials[0][k]) or "-",
        ]
        for score, trial in ranking
    ]
    where = " and ".join(chosen.datasets)
    click.echo(f"\n{chosen.model}, mean validation {metric} on {where}:\n")
    click.echo(tabulate(rows, headers=[metric, "beside the first trial"], disable_numparse=True))
    click.echo(f"\nthe best settings, beside the base ({output} has all runs):\n")
    click.echo(yaml.safe_dump(ranking[0][1], sort_keys=False))

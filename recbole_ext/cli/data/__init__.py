"""`recbole-ext data`: MovieLens or your own files as atomic files; splits, checks, descriptions."""

import click

from recbole_ext.cli.command import HELP
from recbole_ext.cli.data import check, describe, importing, releases, splitting

EXAMPLE = """\b
Examples:
  recbole-ext data import ratings.csv --name mine
  recbole-ext data list
  recbole-ext data get ml-1m
  recbole-ext data split ml-1m random --test 0.1 --seed 1
  recbole-ext data grid ml-100k && run_recbole --model=NCFMLP --dataset=ml-100k-grid
"""


@click.group(context_settings=HELP, epilog=EXAMPLE)
def data() -> None:
    """Import files of your own, or get MovieLens; split, check and describe any data set."""


for command in (
    importing.import_files,
    releases.list_releases,
    releases.get,
    splitting.split,
    splitting.grid,
    check.check,
    describe.describe,
):
    data.add_command(command)

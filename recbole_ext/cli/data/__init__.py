"""`recbole-ext data`: MovieLens as atomic files; splits, checks and descriptions of data sets."""

import click

from recbole_ext.cli.command import HELP
from recbole_ext.cli.data import check, describe, releases, splitting

EXAMPLE = """\b
Examples:
  recbole-ext data list
  recbole-ext data get ml-1m
  recbole-ext data split ml-1m random --test 0.1 --seed 1
  recbole-ext data grid ml-100k && run_recbole --model=NCFMLP --dataset=ml-100k-grid
"""


@click.group(context_settings=HELP, epilog=EXAMPLE)
def data() -> None:
    """Get MovieLens as atomic files; split, check and describe any data set."""


for command in (
    releases.list_releases,
    releases.get,
    splitting.split,
    splitting.grid,
    check.check,
    describe.describe,
):
    data.add_command(command)

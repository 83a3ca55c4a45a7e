"""`recbole-ext explore`: a page that shows what a trained model recommends, and why."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from recbole_ext.cli import answer
from recbole_ext.cli.command import (
    HELP,
    load_recommender,
    model_option,
    original_option,
    reports_errors,
    say_who_answers,
    trust_option,
)

EXAMPLE = """\b
Example:
  run_recbole --model=AutoRec --dataset=ml-100k
  recbole-ext explore saved/AutoRec-<time>.pth --output explore.html
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("file")
@click.option(
    "--output",
    default="explore.html",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Path of the page, one file that needs no network.",
)
@original_option
@model_option
@trust_option
@reports_errors
def explore(file: str, output: Path, original: bool, trust_checkpoint: bool) -> None:
    """Write a page that shows what the model of the checkpoint FILE recommends, and why.

    It shows users with their items and recommendations, items with the most similar ones, and a map
    of the items, and recommends to a new person who selects items. It has all items and, of more
    than 10,000 users, the most active ones.
    """
    from recbole_ext.data import writable
    from recbole_ext.trainer import outputs

    writable.check_file(output, "--output")
    with answer.running(quiet=False, as_json=False, verbose=False), outputs.leaving_none():
        asked, recommender = load_recommender(file, trust_checkpoint, original)
        from recbole_ext.inference import explore as page

        summary = page.write(recommender, output, _with_a_bar)
    say_who_answers(file, asked)
    for reason in summary.missing:
        click.echo(f"note: {reason}", err=True)
    click.echo(
        f"{summary.n_users:,} users, {summary.n_items:,} items, {summary.n_bytes / 1e6:.1f} MB: "
        f"{output}"
    )


def _with_a_bar(users: Iterable[Any]) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(users, unit="users", file=sys.stderr, leave=False, disable=None)

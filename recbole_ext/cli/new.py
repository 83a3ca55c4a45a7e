"""`recbole-ext new`: the files of your own model."""

from pathlib import Path
from typing import Literal

import click

from recbole_ext.cli.command import HELP, reports_errors

EXAMPLE = """\b
Example:
  recbole-ext new MyModel
  python -m pytest test_my_model.py
  run_recbole --model=my_model.py:MyModel --dataset=ml-100k
  recbole-ext benchmark my_model_benchmark.yaml --workers 2 --report report
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["general", "sequential"]),
    default="general",
    show_default=True,
    help="general: a user's items, in no order; sequential: the next item of a sequence.",
)
@reports_errors
def new(name: str, kind: Literal["general", "sequential"]) -> None:
    """Write a model NAME that trains, its defaults, a benchmark plan with it, and a test.

    The files are written to the current folder; existing files are not replaced.
    """
    from recbole_ext.registry import new_model

    paths = new_model.write(name, kind, Path())
    for path, what in zip(paths, ("the model", "its defaults", "a plan", "its test"), strict=True):
        click.echo(f"{what + ':':<14}{path}")
    click.echo(f"next: run_recbole --model={paths[0]}:{name} --dataset=ml-100k")

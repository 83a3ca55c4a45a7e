"""`recbole-ext refit`: the model of a checkpoint, trained on all data."""

import shlex

import click

from recbole_ext.cli import answer
from recbole_ext.cli.command import HELP, model_option, reports_errors, trust_option

EXAMPLE = """\b
Example:
  recbole-ext refit saved/AutoRec-<time>.pth
  recbole-ext recommend saved/AutoRec-<time>-refit.pth --user 196
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("file")
@model_option
@trust_option
@reports_errors
def refit(file: str, trust_checkpoint: bool) -> None:
    """Train the model of the checkpoint FILE again, on its training, validation and test part.

    It has the settings of FILE and the number of epochs that validation chose. The new checkpoint
    is written beside FILE. `recommend` uses it; `evaluate` refuses it: no test data is left.
    """
    from recbole_ext.data import writable
    from recbole_ext.trainer import checkpoint
    from recbole_ext.trainer import refit as refitting

    with (
        answer.running(quiet=False, as_json=False, verbose=False),
        checkpoint.trusted(trust_checkpoint),
        checkpoint.read_once(),
    ):
        refitting.check(file)
        writable.check_file(refitting.file_of(file), "the refit")
        from recbole_ext.trainer.allocator import keep_freed_memory

        keep_freed_memory()
        result = refitting.refit(file)
    number = f"{result.epochs} epoch{'s' if result.epochs != 1 else ''}"
    click.echo(answer.describe_run(result.config))
    click.echo(f"trained for {number} on all {result.n_interactions:,} interactions")
    click.echo(f"checkpoint: {result.file}")
    click.echo(f"next: recbole-ext recommend {shlex.quote(str(result.file))} --user ID")

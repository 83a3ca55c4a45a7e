"""Errors, trained models and tables, shared by the commands.

No caller of this module imports RecBole before its options are read, so that `--help` answers at
once.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from recbole_ext.errors import UserError, file_error, memory_error

if TYPE_CHECKING:
    from recbole_ext.inference.recommender import Recommender

F = TypeVar("F", bound=Callable[..., Any])

# Of an installed library they are for its authors: no user of a command can act on them.
_FOR_AUTHORS = (FutureWarning, DeprecationWarning, PendingDeprecationWarning, SyntaxWarning)

HELP = {"help_option_names": ["-h", "--help"]}


def runs_a_file(suffix: str) -> Callable[[F], F]:
    """The options of a command that runs a yaml file.

    They are FILE, ``--output``, ``--workers`` and ``--keep-failed``.

    Args:
        suffix: of the results file.
    """
    options = (
        click.argument("file", type=click.Path(path_type=Path)),
        click.option(
            "--output",
            type=click.Path(path_type=Path),
            help=f"Results file, one line per run.  [default: FILE with {suffix} instead of .yaml]",
        ),
        click.option(
            "--workers",
            default=1,
            show_default=True,
            type=click.IntRange(1),
            help="Number of parallel worker processes.",
        ),
        click.option(
            "--keep-failed",
            is_flag=True,
            help="Do not repeat runs that have failed.",
        ),
    )

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


tracker_option = click.option(
    "--tracker",
    type=click.Choice(["mlflow"]),
    help="Experiment tracker that gets each run, in the folder mlruns; "
    "`MLFLOW_ALLOW_FILE_STORE=true mlflow ui` shows it.",
)


class OneLineErrors(click.Command):
    """A command or group whose own output, such as its help, ends in one line, too."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """As click does it; what cannot be written is an error of one line, status 2."""
        with _one_line_errors():
            return super().main(*args, **kwargs)


class Group(OneLineErrors, click.Group):
    """click's group of commands."""


def reports_errors(command: F) -> F:
    """A command that prints a ``UserError`` alone and exits with 2; warnings without a path.

    A signal ends it in one line, too; see signals.py.
    """

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from recbole_ext.cli import signals
        from recbole_ext.trainer import outputs

        outputs.forget()
        warnings.showwarning = partial(_show_warning, set())
        if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")  # a name the terminal cannot show
        with signals.ends_in_one_line(), _one_line_errors():
            return command(*args, **kwargs)

    return run  # type: ignore[return-value]


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        _end(str(error))
    except OSError as error:
        if (of_file := file_error(error)) is None:
            raise
        _drop_output()
        _end(str(of_file))
    except (MemoryError, RuntimeError) as error:
        if (of_memory := memory_error(error)) is None:
            raise
        _end(str(of_memory))


def _end(message: str) -> NoReturn:
    """Exit with 2, without the files of a run that has not trained; the message names the log of
    one that has.
    """
    from recbole_ext.trainer import outputs

    outputs.remove_untrained()
    log = outputs.trained_log()
    click.echo(f"error: {message}" + (f"; log: {log}" if log else ""), err=True)
    sys.exit(2)


def _drop_output() -> None:
    """Forget what standard output could not take: Python would try it again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warning(
    shown: set[str],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    if issubclass(category, _FOR_AUTHORS) and "site-packages" in Path(filename).parts:
        return
    place = "" if category is UserWarning else f" ({category.__name__}, {filename}:{lineno})"
    text = f"warning: {message}{place}"
    if text not in shown:  # settings are read again by RecBole
        shown.add(text)
        print(text, file=sys.stderr)  # not click's: it keeps old streams


trust_option = click.option(
    "--trust-checkpoint",
    is_flag=True,
    help="Load FILE even if it is a pickle, which can execute code: only a file of your own.",
)


def _make_known(_: click.Context, __: click.Parameter, text: str | None) -> None:
    if text:
        from recbole_ext.registry import keys

        with _one_line_errors():
            keys.check_model(text)


model_option = click.option(
    "--model",
    metavar="FILE.py:CLASS",
    expose_value=False,
    callback=_make_known,
    help="Place of the class of your own model, if it has moved since training.",
)

original_option = click.option(
    "--original",
    is_flag=True,
    help="Use FILE itself even if its refit (trained on all data) exists.",
)


def load_trained(file: str, trust: bool, allow_changed_data: bool = False) -> Any:
    """RecBole's ``load_data_and_model``: config, model, dataset, and three loaders.

    Args:
        file: a checkpoint.
        trust: whether it may be a pickle.
        allow_changed_data: whether data that has changed since training is a warning.

    Raises:
        CheckpointError: the file cannot be used, before RecBole is imported; its data set is not
            there, or has changed since training.
    """
    from recbole_ext.trainer import checkpoint, same_run

    with (
        checkpoint.trusted(trust),
        checkpoint.read_once(),
        same_run.changed_data(allow_changed_data),
    ):
        same_run.check_usable(file)
        from recbole.quick_start import load_data_and_model

        with same_run.set_up_again(file):
            return load_data_and_model(file)


def load_recommender(file: str, trust: bool, original: bool) -> "tuple[str, Recommender]":
    """The checkpoint that answers, FILE or its refit, and its recommender.

    Args:
        file: a checkpoint.
        trust: whether it may be a pickle.
        original: whether FILE itself answers, also where its refit stands beside it.

    Raises:
        CheckpointError: as ``load_trained``.
    """
    from recbole_ext.trainer import checkpoint, refit, same_run

    with checkpoint.trusted(trust), checkpoint.read_once():
        asked = file if original else refit.preferred(file)
        same_run.check_usable(asked)  # before RecBole is imported
        from recbole_ext.inference.recommender import Recommender

        return asked, Recommender.load(asked)


def say_who_answers(file: str, asked: str) -> None:
    """A note on standard error where the refit ``asked`` has answered in the place of ``file``."""
    if asked != file:
        click.echo(
            f"note: answered by {asked}, which is {file} trained on all data; --original asks "
            f"{file} itself",
            err=True,
        )


def result_table(rows: Mapping[str, Mapping[str, float]], ties_below: bool = True) -> str:
    """Metrics side by side: one line for each of ``rows``, such as valid and test.

    Args:
        rows: name -> metric -> value.
        ties_below: whether lines below it name the ties at the cut of a ranking, if there are any.
    """
    from tabulate import tabulate

    from recbole_ext.evaluator import ties

    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    lines = [[name, *(float(row[metric]) for metric in metrics)] for name, row in rows.items()]
    table = tabulate(lines, headers=["", *metrics], floatfmt=".4f")
    return "\n".join([table, *(ties.sentences(rows) if ties_below else ())])

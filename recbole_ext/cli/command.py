"""RecBole's ``--key=value`` settings, errors and tables, shared by the commands.

No caller of this module imports RecBole before its options are read, so that `--help` answers at
once.
"""

import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

import click

from recbole_ext.errors import (
    CheckpointError,
    RegistryError,
    SettingError,
    UserError,
    file_error,
    in_a_line,
)

F = TypeVar("F", bound=Callable[..., Any])

# For commands that take RecBole's settings besides their own options.
CONTEXT = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
HELP = {"help_option_names": ["-h", "--help"]}

_ONE_DASH = re.compile(r"-[^\W\d][\w-]+")  # -epochs; no negative number


class SettingsCommand(click.Command):
    """A command that takes RecBole's settings besides its own options.

    What click would read otherwise than its author means is refused: an option that is given twice,
    of which click keeps the last, and ``-epochs``, which click reads as ``-e -p -o -c -h -s``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it.

        Raises:
            click.UsageError: for the first word that is refused.
        """
        options = [param for param in self.params if isinstance(param, click.Option)]
        short = {name for option in options for name in option.opts if len(name) == 2}
        for before, word in zip(["", *args], args, strict=False):
            is_value = before.startswith("--") and "=" not in before
            with_value = word[:2] in short and "=" not in word  # -mBPR
            if _ONE_DASH.match(word) and not is_value and not with_value:
                raise click.UsageError(f"{word}: expected two dashes; write -{word}", ctx)
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for option in options:
            if order.count(option) > 1 and not (option.multiple or option.is_flag):
                raise click.UsageError(f"{option.opts[0]}: given twice; give it once", ctx)
        return super().parse_args(ctx, args)


def names_a_run(command: F) -> F:
    """The options of one training run: ``--model``, ``--dataset``, ``--config_files``."""
    options = (
        click.option(
            *("--model", "-m"),
            default="BPR",
            show_default=True,
            help="Name of the model: NCFMLP, AutoRec or any model of RecBole.",
        ),
        click.option(
            *("--dataset", "-d"),
            default="ml-100k",
            show_default=True,
            help="Name of the data set: a folder in data_path (dataset/).",
        ),
        click.option(
            *("--config_files", "files"), help="Yaml files, separated by spaces; later ones win."
        ),
        click.option(
            "--allow-unknown-keys",
            is_flag=True,
            help="Warn about settings that no model reads, instead of refusing them.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


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
            help="Leave runs that have failed as they are, instead of trying them again.",
        ),
    )

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def reports_errors(command: F) -> F:
    """A command that prints a ``UserError`` alone and exits with 2; warnings without a path.

    A signal ends it in one line, too; see signals.py.
    """

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from recbole_ext.cli import signals

        warnings.showwarning = partial(_show_warning, set())
        if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")  # a name the terminal cannot show
        with signals.ends_in_one_line():
            try:
                return command(*args, **kwargs)
            except UserError as error:
                click.echo(f"error: {error}", err=True)
                sys.exit(2)
            except OSError as error:
                if (message := file_error(error)) is None:
                    raise
                _drop_output()
                click.echo(f"error: {message}", err=True)
                sys.exit(2)

    return run  # type: ignore[return-value]


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
    place = "" if category is UserWarning else f" ({category.__name__}, {filename}:{lineno})"
    text = f"warning: {message}{place}"
    if text not in shown:  # settings are read again by RecBole
        shown.add(text)
        print(text, file=sys.stderr)  # not click's: it keeps old streams


def parse_settings(words: Sequence[str], allow_unknown_keys: bool = False) -> dict[str, Any]:
    """RecBole's settings from a command line: ``--key=value`` and ``--key value``.

    RecBole reads the first form only and drops anything else with a note in its log.

    Args:
        words: of the command line that belong to none of the command's options.
        allow_unknown_keys: the option of this name, which becomes a setting.

    Raises:
        SettingError: a word that belongs to no key, a key without a value, or two values; an
            option of another command.
    """
    from recbole_ext.config.setting_names import ALLOW_UNKNOWN, OPTION_KEYS, near

    settings: dict[str, Any] = {ALLOW_UNKNOWN: True} if allow_unknown_keys else {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or len(word) == 2:
            raise SettingError(f"{word}: expected --key=value; what does this word belong to?")
        key, equals, value = word[2:].partition("=")
        if not key.strip():
            raise SettingError(f"{word}: expected --key=value, found no key")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise SettingError(f"--{key}: expected a value; write --{key}=VALUE")
            value = rest.pop(0)
        if key in OPTION_KEYS:
            context = click.get_current_context(silent=True)
            options = (
                [name for part in context.command.params for name in part.opts] if context else []
            )
            nearest = near(f"--{key}", options)
            hint = f"; did you mean {nearest}?" if nearest else "; remove it"
            raise SettingError(f"--{key}: this command has no such option{hint}")
        if settings.setdefault(key, value) != value:
            raise SettingError(f"--{key}: found both {settings[key]} and {value}; give it once")
    return settings


def config_files(text: str | None) -> list[str] | None:
    """The yaml files of ``--config_files``, separated by spaces, each checked.

    Raises:
        SettingError: a file is missing, is no yaml, or holds no keys; the message has its line.
    """
    from recbole_ext.config import settings

    if not text:
        return None
    files = text.split()
    for file in files:
        try:
            settings.load(Path(file))
        except SettingError as error:
            raise SettingError(f"--config_files: {error}") from error
    return files


trust_option = click.option(
    "--trust-checkpoint",
    is_flag=True,
    help="Load FILE even if it is a pickle, which can execute code: only a file of your own.",
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

        try:
            return load_data_and_model(file)
        except (UserError, OSError):
            raise
        except Exception as error:  # whatever RecBole makes of settings that do not fit the data
            raise CheckpointError(
                f"{file}: its run cannot be set up again here ({in_a_line(error)}); its settings "
                "are damaged, or of another release: train anew"
            ) from error


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


__all__ = [
    "CONTEXT",
    "HELP",
    "RegistryError",
    "SettingsCommand",
    "config_files",
    "load_trained",
    "names_a_run",
    "parse_settings",
    "reports_errors",
    "result_table",
    "trust_option",
]

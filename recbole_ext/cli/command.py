"""RecBole's ``--key=value`` settings, errors and tables, shared by the commands.

No caller of this module imports RecBole before its options are read, so that `--help` answers at
once.
"""

import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from recbole_ext.errors import RegistryError, SettingError, UserError

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
    """The options of a command that runs a yaml file: FILE, ``--output``, ``--workers``.

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
    )

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def reports_errors(command: F) -> F:
    """A command that prints a ``UserError`` alone and exits with 2; warnings without a path."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        warnings.showwarning = _show_warning
        try:
            return command(*args, **kwargs)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(2)

    return run  # type: ignore[return-value]


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    place = "" if category is UserWarning else f" ({category.__name__}, {filename}:{lineno})"
    print(f"warning: {message}{place}", file=sys.stderr)  # not click's: it keeps old streams


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
        CheckpointError: the file cannot be read, before RecBole writes a log; or the data has
            changed since training.
    """
    from recbole_ext.trainer import checkpoint, same_run

    with checkpoint.trusted(trust), same_run.changed_data(allow_changed_data):
        checkpoint.load(file, map_location="cpu")
        from recbole.quick_start import load_data_and_model

        return load_data_and_model(file)


def result_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Metrics side by side: one line for each of ``rows``, such as valid and test.

    A line below it names the ties at the cut of a ranking, where there are any.
    """
    from tabulate import tabulate

    from recbole_ext.evaluator import ties

    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    lines = [[name, *(float(row[metric]) for metric in metrics)] for name, row in rows.items()]
    table = tabulate(lines, headers=["", *metrics], floatfmt=".4f")
    return "\n".join([table, *ties.sentences(rows)])


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

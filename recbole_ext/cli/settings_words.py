"""RecBole's settings on a command line: ``--key=value``, and the options of one run.

No caller of this module imports RecBole before its options are read, so that `--help` answers at
once.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from recbole_ext.cli.command import F, OneLineErrors
from recbole_ext.errors import SettingError

# For commands that take RecBole's settings besides their own options.
CONTEXT = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
_ONE_DASH = re.compile(r"-[^\W\d][\w-]+")  # -epochs; no negative number


class SettingsCommand(OneLineErrors, click.Command):
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


allow_unknown_keys = click.option(
    "--allow-unknown-keys",
    is_flag=True,
    help="Warn about settings that no model reads, instead of refusing them.",
)


def names_a_run(command: F) -> F:
    """The options of one training run: ``--model``, ``--dataset``, ``--config_files``."""
    options = (
        click.option(
            *("--model", "-m"),
            default="BPR",
            show_default=True,
            help="Name of the model: NCFMLP, AutoRec, any of RecBole, yours: my_model.py:MyModel.",
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
        allow_unknown_keys,
    )
    for option in reversed(options):
        command = option(command)
    return command


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

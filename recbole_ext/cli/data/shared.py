"""Options, progress bars and reading, shared by the data commands."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli.command import F
from recbole_ext.evaluator import protocols

if TYPE_CHECKING:
    from recbole_ext.data.interaction_file import InteractionFile


def example(lines: str) -> str:
    """The end of a command's help; each line begins with a newline and two spaces."""
    return f"\b\nExample:{lines}\n"


class FiniteRange(click.FloatRange):
    """A range of numbers, of which nan and infinity are none: nan is in every range of click's."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """As click does it.

        Raises:
            click.BadParameter: it is no finite number of the range.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"expected a finite number, found {value}", param, ctx)
        return number


data_path_option = click.option(
    "--data_path",
    default="dataset",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of data sets, as RecBole's setting data_path.",
)
seed_option = click.option(
    "--seed",
    default=protocols.SEED,
    show_default=True,
    type=click.IntRange(0, 2**32 - 1),  # what numpy takes
    help="Random seed.",
)
new_name_option = click.option(
    "--name",
    "new_name",
    help="Name of the new data set.  [default: NAME with the method's name after it]",
)


def share_option(flag: str, default: float, help_text: str) -> Callable[[F], F]:
    """An option between 0 and 1, both excluded.

    Args:
        flag: the name of the option, with two dashes.
        default: its default.
        help_text: its help.
    """
    kind = FiniteRange(0, 1, min_open=True, max_open=True)
    return click.option(flag, default=default, show_default=True, type=kind, help=help_text)


def from_option(help_text: str) -> Callable[[F], F]:
    """The option ``--from``: a release on this machine."""
    kind = click.Path(path_type=Path)
    return click.option("--from", "source_path", type=kind, metavar="PATH", help=help_text)


@contextmanager
def progress_bar(label: str, size: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar in bytes, on standard error if that is a terminal."""
    from tqdm import tqdm

    with tqdm(
        total=size,
        desc=label,
        unit="B",
        unit_scale=True,
        file=sys.stderr,
        leave=False,
        disable=None,
    ) as bar:

        def progress(n_bytes: int) -> None:
            bar.update(n_bytes)

        yield progress


@contextmanager
def download_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar of a download, whose size is known once it has begun."""
    from tqdm import tqdm

    with tqdm(
        desc=label, unit="B", unit_scale=True, file=sys.stderr, leave=False, disable=None
    ) as bar:

        def progress(here: int, whole: int) -> None:
            bar.total = whole or None
            bar.update(here - bar.n)

        yield progress


def new_names(
    source: str,
    new_name: str | None,
    default: str,
    data_path: Path,
    suffixes: Sequence[str] = ("",),
) -> list[str]:
    """The names of new data sets, each of which can be written.

    Args:
        source: the data set that they are made from.
        new_name: of ``--name``; None for ``default``.
        data_path: the folder of data sets.
        suffixes: of the names, one for each data set.

    Raises:
        UserError: a name is no name of a folder, or the folder cannot be written.
    """
    from recbole_ext.data import dataset_folder
    from recbole_ext.data.locate import check_name

    check_name(source, "NAME")
    base = default if new_name is None else check_name(new_name, "--name")
    names = [f"{base}{suffix}" for suffix in suffixes]
    for name in names:
        dataset_folder.check_new(data_path, name)
    return names


def read_rows(name: str, data_path: Path) -> "InteractionFile":
    """The interactions of a data set, with a progress bar.

    Raises:
        DataError: it is not here, or cannot be read.
    """
    from recbole_ext.data import interaction_file

    path = interaction_file.locate(name, data_path)
    with progress_bar(f"reading {path.name}", path.stat().st_size) as progress:
        return interaction_file.read(path, progress)

"""`recbole-ext data describe`: the counts, the ratings and the long tail of a data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.command import HELP, reports_errors
from recbole_ext.cli.data.shared import data_path_option, example, read_rows

if TYPE_CHECKING:
    import numpy as np

    from recbole_ext.data.describe import Description


@click.command(
    "describe",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data describe ml-100k --html ml-100k.html"""),
)
@click.argument("name")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page of plots to FILE.",
)
@data_path_option
@reports_errors
def describe(name: str, html: Path | None, data_path: Path) -> None:
    """Print the counts of the data set NAME, its ratings, its popular items and its long tail."""
    from tabulate import tabulate

    from recbole_ext.data import describe as descriptions
    from recbole_ext.data import titles, writable

    if html is not None:
        writable.check_file(html, "--html")
    rows = read_rows(name, data_path)
    figures = descriptions.describe(rows)
    title_of = titles.read(rows.path.with_suffix(".item"))
    click.echo(tabulate(_counts(figures), tablefmt="plain", disable_numparse=True))
    click.echo(f"\nmost popular items, with their interactions\n{_popular(figures, title_of)}")
    if figures.histogram:
        click.echo(f"\nratings: mean {figures.mean:.4f}, standard deviation {figures.std:.4f}")
        aligned = ("right", "right", "right", "left")
        bars = tabulate(
            _histogram(figures), tablefmt="plain", disable_numparse=True, colalign=aligned
        )
        click.echo(bars)
    if html is not None:
        descriptions.write_page(figures, name, html)
        click.echo(f"\nplots: {html}")


def _counts(figures: "Description") -> list[list[str]]:
    """The lines of the table: what is counted, and the count."""
    from datetime import datetime, timezone

    import numpy as np

    lines = [
        ["users", f"{figures.users:,}"],
        ["items", f"{figures.items:,}"],
        ["interactions", f"{figures.rows:,}"],
        ["density", f"{figures.density:.3%}"],
        ["interactions of a user", _spread(figures.per_user)],
        ["interactions of an item", _spread(figures.per_item)],
        ["Gini index of the items", f"{figures.gini:.3f}"],
    ]
    for head, share in figures.heads.items():
        lines.append([f"top {head:.0%} of the items", f"{share:.1%} of the interactions"])
    if not np.isnan(figures.first):
        times = (figures.first, figures.last)
        days = [str(datetime.fromtimestamp(time, timezone.utc).date()) for time in times]
        lines.append(["first and last day", ", ".join(days)])
    return lines


def _popular(figures: "Description", title_of: Mapping[str, str]) -> str:
    """A line for each: its interactions, its id, its title."""
    from tabulate import tabulate

    lines = [
        [f"{count:,}", item, title_of.get(item, "")] for item, count in figures.popular.items()
    ]
    aligned = ("right", "left", "left")
    return tabulate(lines, tablefmt="plain", disable_numparse=True, colalign=aligned)


def _spread(counts: "np.ndarray") -> str:
    import numpy as np

    return f"{counts.mean():.1f} on average, median {np.median(counts):g}, " + (
        f"{counts[-1]:,} to {counts[0]:,}"
    )


def _histogram(figures: "Description") -> list[list[str]]:
    """A line for each rating value: the value, its count, its share, and a bar."""
    most = max(figures.histogram.values())
    return [
        [f"{value:g}", f"{count:,}", f"{count / figures.rows:.1%}", "#" * round(40 * count / most)]
        for value, count in figures.histogram.items()
    ]

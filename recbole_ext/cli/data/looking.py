"""`recbole-ext data check` and `data describe`: what is wrong with a data set, what is in it."""

import sys
from pathlib import Path

import click

from recbole_ext.cli.command import HELP, reports_errors
from recbole_ext.cli.data.shared import bar, data_path_option, example, read_rows


@click.command(
    "check",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data check dataset/ml-1m
  recbole-ext data check dataset/books --range 1 10"""),
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--range", "limits", nargs=2, type=float, help="Lowest and highest rating.")
@click.option("--field_separator", default="\t", help="Between columns.  [default: a tab]")
@click.option("--encoding", default="utf-8", show_default=True, help="Of the files.")
@click.option(
    "--limit", default=5, show_default=True, type=click.IntRange(1), help="Lines shown of a kind."
)
@reports_errors
def check(
    folder: Path,
    limits: tuple[float, float] | None,
    field_separator: str,
    encoding: str,
    limit: int,
) -> None:
    """Check the atomic files of FOLDER; exits with 2 if a run on them would be wrong."""
    from tabulate import tabulate

    from recbole_ext.data import checks
    from recbole_ext.data.movielens import catalogue

    if limits is None:
        release = catalogue.RELEASES.get(folder.name)
        limits = (release.low, release.high) if release else (float("-inf"), float("inf"))
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
    with bar(f"checking {folder.name}", size) as progress:
        report = checks.check_folder(folder, field_separator, encoding, *limits, limit, progress)
    for problem in report.problems:
        click.echo(str(problem))
    if report.problems:
        lines = [[file, kind, f"{n:,}"] for (file, kind), n in sorted(report.counts.items())]
        table = tabulate(
            lines, headers=["file", "problem", "count"], colalign=("left", "left", "right")
        )
        click.echo(f"\n{table}")
    rows = ", ".join(f"{file}: {n:,} rows" for file, n in report.rows.items())
    errors = f"{report.errors:,} error{'s' if report.errors > 1 else ''}"
    verdict = f"{errors}: a run would be wrong" if report.errors else "a run can go"
    click.echo(f"{rows}\n{folder}: {verdict}")
    if report.errors:
        sys.exit(2)


@click.command(
    "describe",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data describe ml-100k --html ml-100k.html"""),
)
@click.argument("name")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page of plots too."
)
@data_path_option
@reports_errors
def describe(name: str, html: Path | None, data_path: Path) -> None:
    """Print the counts of the data set NAME, its ratings and its long tail."""
    from datetime import datetime, timezone

    import numpy as np
    from tabulate import tabulate

    from recbole_ext.data import describe as describing

    found = describing.describe(read_rows(name, data_path))

    def spread(counts: np.ndarray) -> str:
        return f"{counts.mean():.1f} on average, median {np.median(counts):g}, " + (
            f"{counts[-1]:,} to {counts[0]:,}"
        )

    lines = [
        ["users", f"{found.users:,}"],
        ["items", f"{found.items:,}"],
        ["interactions", f"{found.rows:,}"],
        ["density", f"{found.density:.3%}"],
        ["a user has", spread(found.per_user)],
        ["an item has", spread(found.per_item)],
        ["gini of the items", f"{found.gini:.3f}"],
    ]
    for head, share in found.heads.items():
        lines.append([f"top {head:.0%} of the items", f"{share:.1%} of the interactions"])
    if not np.isnan(found.first):
        days = (datetime.fromtimestamp(t, timezone.utc).date() for t in (found.first, found.last))
        lines.append(["from, to", ", ".join(map(str, days))])
    click.echo(tabulate(lines, tablefmt="plain", disable_numparse=True))
    if found.histogram:
        click.echo(f"\nratings: mean {found.mean:.4f}, standard deviation {found.std:.4f}")
        most = max(found.histogram.values())
        bars = [
            [
                f"{value:g}",
                f"{count:,}",
                f"{count / found.rows:.1%}",
                "#" * round(40 * count / most),
            ]
            for value, count in found.histogram.items()
        ]
        aligned = ("right", "right", "right", "left")
        click.echo(tabulate(bars, tablefmt="plain", disable_numparse=True, colalign=aligned))
    if html is not None:
        describing.write_page(found, name, html)
        click.echo(f"\nplots: {html}")

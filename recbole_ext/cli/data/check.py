"""`recbole-ext data check`: the problems of a data set's files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli import answer
from recbole_ext.cli.command import HELP, reports_errors
from recbole_ext.cli.data.shared import example, progress_bar

if TYPE_CHECKING:
    from recbole_ext.data.check_report import Report


@click.command(
    "check",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data check dataset/ml-1m
  recbole-ext data check dataset/books --range 1 10"""),
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--range", "limits", nargs=2, type=float, help="Lowest and highest rating.")
@click.option("--field_separator", default="\t", help="Text between two columns.  [default: a tab]")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files.")
@click.option(
    "--limit",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Number of lines shown for each kind of problem.",
)
@answer.json_option
@reports_errors
def check(
    folder: Path,
    limits: tuple[float, float] | None,
    field_separator: str,
    encoding: str,
    limit: int,
    as_json: bool,
) -> None:
    """Check the atomic files of FOLDER.

    Exits with 2 if training would fail or give wrong numbers.
    """
    from tabulate import tabulate

    from recbole_ext.data import checks
    from recbole_ext.data.movielens import catalogue

    if limits is None:
        release = catalogue.RELEASES.get(folder.name)
        limits = (release.low, release.high) if release else (float("-inf"), float("inf"))
    low, high = limits
    if not low <= high:  # nor where one is nan
        raise click.BadParameter(
            f"--range: expected LOW HIGH with LOW below HIGH, found {low:g} {high:g}"
        )
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
    with progress_bar(f"checking {folder.name}", size) as progress:
        report = checks.check_folder(folder, field_separator, encoding, *limits, limit, progress)
    if as_json:
        answer.print_json({"folder": str(folder), **_content(report)})
        sys.exit(2 if report.errors else 0)
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
    consequence = "training would fail or give wrong numbers"
    verdict = f"{errors}: {consequence}" if report.errors else "no errors"
    click.echo(f"{rows}\n{folder}: {verdict}")
    if report.errors:
        sys.exit(2)


def _content(report: "Report") -> dict[str, Any]:
    """For ``--json``."""
    return {
        "errors": report.errors,
        "rows": report.rows,
        "problems": [
            {"severity": problem.severity, "where": problem.where, "what": problem.what}
            for problem in report.problems
        ],
        "counts": [
            {"file": file, "problem": kind, "count": n}
            for (file, kind), n in sorted(report.counts.items())
        ],
    }

"""`recbole-ext data`: MovieLens as atomic files, its splits, and what is wrong with a folder."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.command import HELP, F, reports_errors, result_table

if TYPE_CHECKING:
    from recbole_ext.movielens.catalogue import Release
    from recbole_ext.movielens.rows import Rows
    from recbole_ext.movielens.splits import Made

EXAMPLE = """\b
Examples:
  recbole-ext data list
  recbole-ext data get ml-1m
  recbole-ext data split ml-1m random --test 0.1 --seed 1
  recbole-ext data grid ml-100k && run_recbole --model=NCFMLP --dataset=ml-100k-grid
"""


def _example(lines: str) -> str:
    return f"\b\nExample:{lines}\n"


_data_path = click.option(
    "--data_path",
    default="dataset",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The folder of data sets, as RecBole's setting.",
)
_seed = click.option(
    "--seed", default=2020, show_default=True, type=click.IntRange(0), help="Of what is drawn."
)
_new_name = click.option("--name", "new_name", help="Of the new data set, instead of one made up.")


def _share(flag: str, default: float, help_text: str) -> Callable[[F], F]:
    kind = click.FloatRange(0, 1, min_open=True, max_open=True)
    return click.option(flag, default=default, show_default=True, type=kind, help=help_text)


@click.group(context_settings=HELP, epilog=EXAMPLE)
def data() -> None:
    """Get MovieLens as atomic files, split it as others do, check and describe a data set."""


@contextmanager
def _bar(what: str, size: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar in bytes, on standard error."""
    from tqdm import tqdm

    with tqdm(
        total=size, desc=what, unit="B", unit_scale=True, file=sys.stderr, leave=False
    ) as bar:

        def progress(n_bytes: int) -> None:
            bar.update(n_bytes)

        yield progress


@contextmanager
def _download_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """The same for a download, whose size is known once it has begun."""
    from tqdm import tqdm

    with tqdm(desc=what, unit="B", unit_scale=True, file=sys.stderr, leave=False) as bar:

        def progress(here: int, whole: int) -> None:
            bar.total = whole or None
            bar.update(here - bar.n)

        yield progress


def _read(name: str, data_path: Path) -> "Rows":
    from recbole_ext.movielens import rows

    path = rows.locate(name, data_path)
    with _bar(f"reading {path.name}", path.stat().st_size) as progress:
        return rows.read(path, progress)


def _say_made(made: "Made", data_path: Path) -> None:
    parts = ", ".join(f"{rows:,} {part}" for part, rows in made.counts.items())
    click.echo(f"{data_path / made.name}: {parts}")


@data.command(
    "list",
    context_settings=HELP,
    epilog=_example("""
  recbole-ext data list"""),
)
@_data_path
@reports_errors
def list_releases(data_path: Path) -> None:
    """List the MovieLens releases, and which of them are here."""
    from tabulate import tabulate

    from recbole_ext.movielens.catalogue import CITATION, RELEASES

    lines = []
    for name, release in RELEASES.items():
        here = (data_path / name / f"{name}.inter").is_file()
        where = "here" if here else "in RecBole" if name == "ml-100k" else ""
        counts = (f"{n:,}" for n in (release.users, release.items, release.ratings))
        scale = f"{release.low:g}-{release.high:g}"
        lines.append([name, *counts, scale, f"{release.megabytes} MB", where, release.licence])
    headers = ["name", "users", "items", "ratings", "scale", "zip", "", "licence"]
    right = ("left", "right", "right", "right", "left", "right", "left", "left")
    click.echo(tabulate(lines, headers=headers, colalign=right, disable_numparse=True))
    click.echo(f"\nml-latest and ml-latest-small change from time to time.\nCite: {CITATION}")


@data.command(
    "get",
    context_settings=HELP,
    epilog=_example("""
  recbole-ext data get ml-1m
  recbole-ext data get ml-100k --from ~/ml-100k.zip"""),
)
@click.argument("name")
@click.option(
    "--from",
    "source_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The release's zip, or the folder it was unpacked to, instead of a download.",
)
@_data_path
@reports_errors
def get(name: str, source_path: Path | None, data_path: Path) -> None:
    """Download the release NAME and convert it to atomic files: .inter, .item, .user.

    A broken download is resumed. The zip is kept in DATA_PATH/downloads.
    """
    from recbole_ext.movielens import catalogue, convert, raw

    release = catalogue.find(name)
    click.echo(f"{name}: {release.licence}; the whole licence is in its README. GroupLens asks for")
    click.echo(f"a citation: {catalogue.CITATION}")
    if source_path is None:
        source_path = _download(release, data_path)
    source = raw.Source(source_path)
    layout = source.layout()
    with _bar(f"converting {layout.ratings}", source.size(layout.ratings)) as progress:
        counts = convert.convert(source, release, data_path / name, progress)
    found = ", ".join(f"{number:,} {what}" for what, number in counts.items())
    click.echo(f"{data_path / name}: {found}")
    expected = {"users": release.users, "items": release.items, "ratings": release.ratings}
    if release.md5 and counts != expected:
        published = ", ".join(f"{number:,} {what}" for what, number in expected.items())
        click.echo(f"warning: GroupLens publishes {published}: this is another file", err=True)


def _download(release: "Release", data_path: Path) -> Path:
    from recbole_ext.movielens import download

    to = data_path / "downloads" / f"{release.name}.zip"
    with _download_bar(f"downloading {to.name}") as progress:
        return download.download(release.url, to, release.md5, progress)


@data.command(
    "split",
    context_settings=HELP,
    epilog=_example("""
  recbole-ext data split ml-1m random --test 0.1 --seed 1
  recbole-ext data split ml-100k loo
  recbole-ext data split ml-100k u1 --from ~/ml-100k.zip
  run_recbole --model=AutoRec --dataset=ml-100k-u1"""),
)
@click.argument("name")
@click.argument(
    "method",
    type=click.Choice(["random", "kfold", "loo", "u1", "u2", "u3", "u4", "u5", "ua", "ub"]),
)
@_share("--test", 0.1, "Share of all rows that is tested (random).")
@_share(
    "--valid",
    0.05,
    "Share that is for validation: of all rows (random, kfold), of the base (u1...).",
)
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2), help="(kfold).")
@click.option(
    "--negatives", default=99, show_default=True, type=click.IntRange(1), help="A user (loo)."
)
@click.option(
    "--from",
    "source_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The ml-100k zip or folder with u1.base, ... [default: DATA_PATH/downloads/ml-100k.zip]",
)
@_new_name
@_seed
@_data_path
@reports_errors
def split(
    name: str,
    method: str,
    test: float,
    valid: float,
    folds: int,
    negatives: int,
    source_path: Path | None,
    new_name: str | None,
    seed: int,
    data_path: Path,
) -> None:
    """Split the data set NAME into train, valid and test files: a data set of its own.

    \b
    random   a share of all rows; valid likewise
    kfold    each of FOLDS equal parts is the test part of one data set
    loo      each user's latest row, ranked among NEGATIVES items drawn once (NCF paper)
    u1 ...   GroupLens's own splits of ml-100k, from its zip
    """
    from recbole_ext.movielens import raw, splits

    command = f"recbole-ext data split {name} {method} --seed {seed}"
    if method in splits.KNOWN:
        if name != "ml-100k":
            raise click.BadParameter(f"{method} is a split of ml-100k, not of {name}")
        source = raw.Source(source_path or data_path / "downloads" / "ml-100k.zip")
        made = splits.write_known(
            source,
            method,
            new_name or f"{name}-{method}",
            data_path,
            f"{command} --valid {valid}",
            valid,
            seed,
        )
        _say_made(made, data_path)
        return
    rows = _read(name, data_path)
    if method == "loo":
        new_name = new_name or f"{name}-loo"
        command += f" --negatives {negatives}"
        made = splits.write_leave_one_out(rows, new_name, data_path, command, negatives, seed)
        _say_made(made, data_path)
    elif method == "random":
        if test + valid >= 1:
            raise click.BadParameter(f"--test {test} and --valid {valid} leave nothing to train on")
        new_name = new_name or f"{name}-random{100 * (1 - test):g}-seed{seed}"
        options = {"test": test, "valid": valid, "seed": seed}
        command += f" --test {test} --valid {valid}"
        parts = splits.random_split(len(rows), test, valid, seed)
        _say_made(splits.write_split(rows, parts, new_name, data_path, command, options), data_path)
    else:
        if valid >= 1 - 1 / folds:
            raise click.BadParameter(f"--valid {valid} and {folds} folds leave nothing to train on")
        command += f" --folds {folds} --valid {valid}"
        for fold, parts in enumerate(splits.kfold(len(rows), folds, valid, seed), start=1):
            place = f"{new_name or f'{name}-seed{seed}'}-fold{fold}of{folds}"
            options = {"fold": fold, "folds": folds, "valid": valid, "seed": seed}
            _say_made(
                splits.write_split(rows, parts, place, data_path, command, options), data_path
            )


@data.command(
    "grid",
    context_settings=HELP,
    epilog=_example("""
  recbole-ext data grid ml-100k
  run_recbole --model=NCFMLP --dataset=ml-100k-grid"""),
)
@click.argument("name")
@_share("--test", 0.2, "Share of the cells that is tested.")
@_share("--valid", 0.05, "Share of the cells that is for validation.")
@_new_name
@_seed
@_data_path
@reports_errors
def grid(
    name: str, test: float, valid: float, new_name: str | None, seed: int, data_path: Path
) -> None:
    """Make the full user-item grid of NAME with 0/1 labels, split in a stratified way.

    Prints what a constant and the items' popularity get on the test part: what a model has to
    beat.
    """
    from recbole_ext.movielens import grid as making

    if test + valid >= 1:
        raise click.BadParameter(f"--test {test} and --valid {valid} leave nothing to train on")
    new_name = new_name or f"{name}-grid"
    command = f"recbole-ext data grid {name} --test {test} --valid {valid} --seed {seed}"
    made, beside = making.write(
        _read(name, data_path), new_name, data_path, command, test, valid, seed
    )
    _say_made(made, data_path)
    click.echo(f"\non the test part of {made.name}:")
    click.echo(result_table(beside))


@data.command(
    "check",
    context_settings=HELP,
    epilog=_example("""
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

    from recbole_ext import checking
    from recbole_ext.movielens import catalogue

    if limits is None:
        release = catalogue.RELEASES.get(folder.name)
        limits = (release.low, release.high) if release else (float("-inf"), float("inf"))
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
    with _bar(f"checking {folder.name}", size) as progress:
        report = checking.check_folder(folder, field_separator, encoding, *limits, limit, progress)
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


@data.command(
    "describe",
    context_settings=HELP,
    epilog=_example("""
  recbole-ext data describe ml-100k --html ml-100k.html"""),
)
@click.argument("name")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page of plots too."
)
@_data_path
@reports_errors
def describe(name: str, html: Path | None, data_path: Path) -> None:
    """Print the counts of the data set NAME, its ratings and its long tail."""
    from datetime import datetime, timezone

    import numpy as np
    from tabulate import tabulate

    from recbole_ext.movielens import describe as describing

    found = describing.describe(_read(name, data_path))

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

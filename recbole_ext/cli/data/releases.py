"""`recbole-ext data list` and `data get`: what GroupLens publishes, as atomic files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.command import HELP, reports_errors
from recbole_ext.cli.data.shared import (
    data_path_option,
    download_bar,
    example,
    from_option,
    progress_bar,
)

if TYPE_CHECKING:
    from recbole_ext.data.movielens.catalogue import Release


@click.command(
    "list",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data list"""),
)
@data_path_option
@reports_errors
def list_releases(data_path: Path) -> None:
    """List the MovieLens releases, and which of them are here."""
    from tabulate import tabulate

    from recbole_ext.data.movielens.catalogue import CITATION, RELEASES

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


@click.command(
    "get",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data get ml-1m
  recbole-ext data get ml-100k --from ~/ml-100k.zip"""),
)
@click.argument("name")
@from_option("Zip of the release, or its unpacked folder, instead of a download.")
@data_path_option
@reports_errors
def get(name: str, source_path: Path | None, data_path: Path) -> None:
    """Download the release NAME and convert it to atomic files: .inter, .item, .user.

    A broken download is resumed. The zip is kept in DATA_PATH/downloads.
    """
    from recbole_ext.data import dataset_folder
    from recbole_ext.data.movielens import catalogue, convert, raw

    release = catalogue.find(name)
    dataset_folder.check_new(data_path, name)
    click.echo(f"{name}: {release.licence}; the whole licence is in its README. GroupLens asks for")
    click.echo(f"a citation: {catalogue.CITATION}")
    if source_path is None:
        source_path = _download(release, data_path)
    source = raw.Source(source_path)
    layout = source.layout()
    with progress_bar(f"converting {layout.ratings}", source.size(layout.ratings)) as progress:
        counts = convert.convert(source, release, data_path / name, progress)
    text = ", ".join(f"{number:,} {kind}" for kind, number in counts.items())
    click.echo(f"{data_path / name}: {text}")
    expected = {"users": release.users, "items": release.items, "ratings": release.ratings}
    if release.md5 and counts != expected:
        published = ", ".join(f"{number:,} {kind}" for kind, number in expected.items())
        click.echo(f"warning: GroupLens publishes {published}: this is another file", err=True)


def _download(release: "Release", data_path: Path) -> Path:
    from recbole_ext.data import writable
    from recbole_ext.data.movielens import download

    writable.check_folder(data_path / "downloads", "--data_path")
    to = data_path / "downloads" / f"{release.name}.zip"
    with download_bar(f"downloading {to.name}") as progress:
        return download.download(release.url, to, release.md5, progress)

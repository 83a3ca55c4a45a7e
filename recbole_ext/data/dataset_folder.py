"""Folders of atomic files that this package makes: whole or not there, with their manifest."""

import csv
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from recbole_ext.config.version import __version__
from recbole_ext.errors import DataError

MANIFEST = "manifest.json"


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill; it takes its place when the block ends, and vanishes if it fails.

    An older one of ours is replaced.

    Raises:
        DataError: another folder, not made by this package, is in the place.
    """
    if folder.exists() and read_manifest(folder) is None:
        raise DataError(
            f"{folder}: is there already, and recbole-ext has not made it (no {MANIFEST}); "
            "move it away, or name another data_path"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield part
        part.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_table(path: Path, columns: Iterable[str], rows: Iterable[list[str]]) -> None:
    """An atomic file of features; RecBole reads a quoted value back as it was."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_manifest(folder: Path, made: str, **record: Any) -> None:
    """What was made of what: the source with its md5, the options, the counts.

    Args:
        folder: of the data set.
        made: the command that makes it again.
        record: plain values.
    """
    content = {"made_by": f"recbole_ext {__version__}", "command": made, **record}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder that this package has made; None for any other folder."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(content, dict) and str(content.get("made_by")).startswith("recbole_ext ")
    return content if ours else None


def write_settings(folder: Path, name: str, why: str, settings: dict[str, Any]) -> None:
    """The settings of RecBole that the data set needs, beside it: a run reads them as defaults."""
    text = yaml.safe_dump(settings, sort_keys=False, default_flow_style=None)
    (folder / f"{name}.yaml").write_text(f"# {why}\n{text}", encoding="utf-8")

"""Folders of data sets that this package writes: whole or not there, with their manifest."""

import csv
import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from recbole_ext.config.version import __version__
from recbole_ext.data import file_lock, writable
from recbole_ext.data.atomic_write import atomic_folder, existing_folder, write_text
from recbole_ext.data.locate import check_name
from recbole_ext.errors import DataError

MANIFEST = "manifest.json"  # not in <name>.yaml: a run takes what is there for its settings


def check_new(data_path: Path, name: str, what: str = "--name") -> None:
    """Refuse a data set that ``new_folder`` could not write, before the work for it begins.

    Args:
        data_path: the folder of data sets.
        name: of the new data set.
        what: the option that names it, for the message.

    Raises:
        DataError: the name is no name of a folder, or another folder, not written by this package,
            is in the place.
        FileError: ``data_path`` cannot be written.
    """
    folder = data_path / check_name(name, what)
    writable.check_folder(data_path, "--data_path")
    if folder.exists() and read_manifest(folder) is None:
        raise DataError(
            f"{folder}: exists already, and recbole-ext has not written it (no {MANIFEST}); "
            "move it away, or name another data_path"
        )


@contextmanager
def new_folder(data_path: Path, name: str) -> Iterator[Path]:
    """A folder to fill; it takes its place when the block ends, and vanishes if it fails.

    An older folder that this package has written is replaced. While another process writes the
    same data set, this one waits.

    Raises:
        DataError, FileError: see ``check_new``.
    """
    check_new(data_path, name)
    folder = data_path / name
    with existing_folder(data_path), file_lock.turn(folder), atomic_folder(folder) as unfinished:
        yield unfinished


def write_table(path: Path, columns: Iterable[str], rows: Iterable[list[str]]) -> None:
    """An atomic file of features in a ``new_folder``; RecBole reads a quoted value back as it was.

    Args:
        path: the file.
        columns: the header, each ``name:type``.
        rows: a value for each column.
    """
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def command(*words: str, **options: Any) -> str:
    """The command that writes a data set again: ``recbole-ext data split ml-1m loo --seed 1``.

    Args:
        words: those after ``recbole-ext data``.
        options: name -> value, in the order of the command line.
    """
    flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return shlex.join(["recbole-ext", "data", *words, *flags])


def write_manifest(folder: Path, command: str, **record: Any) -> None:
    """Where a data set comes from: the source with its md5, the options, the counts.

    Args:
        folder: of the data set.
        command: writes it again.
        record: plain values.
    """
    content = {"made_by": f"recbole_ext {__version__}", "command": command, **record}
    write_text(folder / MANIFEST, json.dumps(content, indent=2) + "\n")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder that this package has written; None for any other folder."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(content, dict) and str(content.get("made_by")).startswith("recbole_ext ")
    return content if ours else None


def write_settings(folder: Path, name: str, why: str, settings: dict[str, Any]) -> None:
    """The settings of RecBole that the data set needs, beside it: a run reads them as defaults.

    Args:
        folder: of the data set.
        name: of the data set.
        why: a comment for the first line of the file.
        settings: key -> value.
    """
    text = yaml.safe_dump(settings, sort_keys=False, default_flow_style=None)
    write_text(folder / f"{name}.yaml", f"# {why}\n{text}")


def md5_of(path: Path) -> str:
    """The md5 of a file, in hexadecimal."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(2**22):
            digest.update(piece)
    return digest.hexdigest()

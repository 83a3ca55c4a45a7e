"""Where a data set lies: one answer for the commands, for runs and for checkpoints."""

import importlib.util
from pathlib import Path

from recbole_ext.errors import DataError

# RecBole carries this data set, and reads its own copy whatever ``data_path`` says.
CARRIED = "ml-100k"

# Bytes of a data set's name: a file system takes 255, and the names of its files are longer.
LONGEST = 200


def check_name(name: str, what: str = "dataset") -> str:
    """Refuse a name of a data set that is no name of a folder: it could lead out of ``data_path``.

    Args:
        name: of a data set; its folder and files have this name.
        what: the option or setting that names it, for the message.

    Returns:
        the name.

    Raises:
        DataError: it is empty, a path, has characters that are not printed, or is too long.
    """
    if not isinstance(name, str):
        raise DataError(f"{what}: expected the name of a data set, found {name!r}")
    path_like = name in (".", "..") or any(mark in name for mark in "/\\")
    if path_like or not name.strip() or not name.isprintable():
        raise DataError(
            f"{what}: expected the name of a folder inside data_path, found {name[:80]!r}; write "
            "its name alone, and the folder that it is in as data_path"
        )
    if len(name.encode()) > LONGEST:
        raise DataError(
            f"{what}: expected a name of at most {LONGEST} bytes, found {len(name.encode())} in "
            f"{name[:40]}...; shorten it"
        )
    return name


def carried_copy() -> Path | None:
    """The folder of the ml-100k inside RecBole; None where RecBole is not installed."""
    spec = importlib.util.find_spec("recbole")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "dataset_example" / CARRIED


def dataset_folder(name: str, data_path: Path) -> Path:
    """The folder of a data set.

    It is ``data_path / name``. Only if ml-100k is not there, it is RecBole's own copy: what a
    user has put below ``data_path`` is what the user means.

    Args:
        name: of the data set.
        data_path: the folder of data sets.

    Raises:
        DataError: the name is none; see ``check_name``.
    """
    folder = data_path / check_name(name)
    if name == CARRIED and not any(folder.glob(f"{name}*.inter")):
        return carried_copy() or folder
    return folder


def describe_location(folder: Path) -> str:
    """Where a run's data is from, for its report."""
    return "RecBole's own copy" if folder.resolve() == _resolved_copy() else str(folder)


def _resolved_copy() -> Path | None:
    copy = carried_copy()
    return None if copy is None else copy.resolve()

"""Where a data set lies: one answer for the commands, for runs and for checkpoints."""

import importlib.util
from pathlib import Path

# RecBole carries this data set, and reads its own copy whatever ``data_path`` says.
CARRIED = "ml-100k"


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
    """
    folder = data_path / name
    if name == CARRIED and not any(folder.glob(f"{name}*.inter")):
        return carried_copy() or folder
    return folder


def describe_location(folder: Path) -> str:
    """Where a run's data is from, for its report."""
    return "RecBole's own copy" if folder.resolve() == _resolved_copy() else str(folder)


def _resolved_copy() -> Path | None:
    copy = carried_copy()
    return None if copy is None else copy.resolve()

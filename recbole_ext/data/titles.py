"""What items are called: the titles in a data set's ``.item`` file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from recbole_ext.data import atomic_files, feature_table

WORDS = ("title", "name")


def column_of(names: Iterable[str], words: Sequence[str] = WORDS) -> str | None:
    """The column of titles: the first with "title" or "name" in its name; None without one.

    Args:
        names: of the columns.
        words: other ones, to look for the column of something else.
    """
    return next((name for name in names if any(word in name for word in words)), None)


def read(path: Path) -> dict[str, str]:
    """The title of each item.

    Args:
        path: an ``.item`` file with tabs between its columns.

    Returns:
        item id -> title; {} where there is no such file, or no column of titles in it.

    Raises:
        DataError: the file cannot be read; it names the first line.
    """
    if not path.is_file():
        return {}
    fields = atomic_files.read_header(path, "\t", "utf-8")
    column = column_of(name for name, kind in fields.items() if kind.startswith("token"))
    if column is None or "item_id" not in fields:
        return {}
    required = atomic_files.required_columns(path)
    frame = feature_table.read(path, "\t", "utf-8", required, ["item_id", column])
    return dict(zip(frame["item_id"], frame[column].fillna(""), strict=True))

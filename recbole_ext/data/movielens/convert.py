"""A release of MovieLens -> RecBole's atomic files.

The text of a rating goes through as it stands, so ids, order and values are those of the
release; each is read as a number beside it, block by block, and only checked.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_ext.data import dataset_folder, delimited
from recbole_ext.data.movielens import raw
from recbole_ext.data.movielens.catalogue import Release
from recbole_ext.errors import DataError

HEADER = b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n"

_COLUMNS: dict[str, delimited.Kind] = {
    "user": "int",
    "movie": "int",
    "rating": "float",
    "timestamp": "int",
}

Progress = Callable[[int], None]  # bytes read since the last call


def convert(
    source: raw.Source, release: Release, folder: Path, progress: Progress = lambda n: None
) -> dict[str, int]:
    """Write ``<folder>/<name>.inter``, ``.item`` and, where the release has them, ``.user``.

    Args:
        source: the zip or folder of the release.
        release: which one it is; its range of ratings is checked.
        folder: where to; it appears when all of it is written.
        progress: called with the bytes of the ratings read since the last call.

    Returns:
        the counts of users, items and ratings.

    Raises:
        DataError: a file is missing or a line is not of the release's layout; it names the line.
    """
    layout = source.layout()
    name = release.name
    with dataset_folder.new_folder(folder.parent, folder.name) as part:
        counts = _ratings(source, layout, release, part / f"{name}.inter", progress)
        write_features(source, layout, part, name)
        dataset_folder.write_manifest(
            part,
            dataset_folder.command("get", name),
            source={"file": source.path.name, "md5": _md5(source)},
            counts=counts,
        )
    return counts


def write_features(source: raw.Source, layout: raw.Layout, folder: Path, name: str) -> None:
    """``<name>.item`` and ``<name>.user``, as far as the release has them.

    Args:
        source: the release.
        layout: of its files.
        folder: of the data set.
        name: of the data set.

    Raises:
        DataError: a line is not of the release's layout; it names the line.
    """
    for file, suffix, columns, read in (
        (layout.movies, "item", layout.movie_columns, layout.read_movie),
        (layout.users, "user", raw.USER_COLUMNS, layout.read_user),
    ):
        if file in source:
            table = raw.table(source, file, layout.feature_separator, layout.encodings, read)
            dataset_folder.write_table(folder / f"{name}.{suffix}", columns, table)


def rating_blocks(
    source: raw.Source,
    file: str,
    separator: bytes,
    header: str = "",
    low: float = -np.inf,
    high: float = np.inf,
) -> Iterator[tuple[delimited.Block, pd.DataFrame]]:
    """The ratings of one file of a release, block by block: as text, and as numbers.

    Args:
        source: the release.
        file: the name of the file in it.
        separator: between two columns.
        header: the first line; "" for none.
        low, high: the range of ratings.

    Raises:
        DataError: for the first line that is not a rating from ``low`` to ``high``.
    """
    with source.open(file) as stream:
        first_line = 1
        if header:
            first = stream.readline().decode("utf-8", errors="replace").rstrip("\r\n")
            if first.lstrip("\ufeff") != header:
                raise DataError(
                    f"{source.where(file)}, line 1: expected the header {header!r}, found "
                    f"{first[:80]!r}"
                )
            first_line = 2
        empty = True
        for block in delimited.read_blocks(stream, separator, 4, "ascii", first_line):
            frame, wrong = delimited.parse(block, _COLUMNS)
            problems = {**block.problems, **wrong}
            outside = ~frame["rating"].between(low, high).to_numpy(dtype=bool)
            for line, rating in frame.loc[outside, "rating"].to_dict().items():
                problems[int(line)] = f"rating: expected {low:g} to {high:g}, found {rating:g}"
            if problems:
                line = min(problems)
                more = f" ({len(problems)} such lines so far)" if len(problems) > 1 else ""
                raise DataError(
                    f"{source.where(file)}, line {line}: {problems[line]}{more}; this is not what "
                    "GroupLens publishes: download the release again"
                )
            empty = False
            yield block, frame
        if empty:
            raise DataError(f"{source.where(file)}: holds no rating; download the release again")


def _ratings(
    source: raw.Source, layout: raw.Layout, release: Release, path: Path, progress: Progress
) -> dict[str, int]:
    users: set[int] = set()
    items: set[int] = set()
    ratings = 0
    with path.open("wb") as stream:
        stream.write(HEADER)
        for block, frame in rating_blocks(
            source, layout.ratings, layout.separator, layout.header, release.low, release.high
        ):
            stream.write(block.text)
            users.update(frame["user"].unique().tolist())
            items.update(frame["movie"].unique().tolist())
            ratings += len(frame)
            progress(block.n_bytes)
    return {"users": len(users), "items": len(items), "ratings": ratings}


def _md5(source: raw.Source) -> str:
    """Of the zip; of the ratings where the release is a folder."""
    if source.path.is_file():
        return dataset_folder.md5_of(source.path)
    return dataset_folder.md5_of(Path(source.where(source.layout().ratings)))

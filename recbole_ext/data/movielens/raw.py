"""The files of a release as GroupLens lays them out, from its zip or from a folder.

    tab    u.data, u.item, u.user                ml-100k; latin-1
    dat    ratings.dat, movies.dat, users.dat    ml-1m (latin-1), ml-10m (utf-8, no users)
    csv    ratings.csv, movies.csv               ml-20m and later; utf-8

A zip is read where it lies: nothing is unpacked, so nothing can be written outside a folder.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from recbole_ext.errors import DataError


@dataclass(frozen=True)
class Layout:
    """How one family of releases writes its files.

    Attributes:
        ratings: the file of ratings: user, item, rating, timestamp in each line.
        separator: of its columns.
        header: its first line; "" where it has none.
        movies, users: the other files; users may be missing.
        encodings: to be tried in turn for these two.
        feature_separator: of their columns.
        read_movie, read_user: a line's fields -> a row of the atomic file.
        movie_columns: the header of the atomic file of movies.
    """

    ratings: str
    separator: bytes
    header: str
    movies: str
    users: str
    encodings: tuple[str, ...]
    feature_separator: str
    read_movie: Callable[[list[str]], list[str]]
    movie_columns: tuple[str, ...]
    read_user: Callable[[list[str]], list[str]]


USER_COLUMNS = (
    "user_id:token",
    "age:token",
    "gender:token",
    "occupation:token",
    "zip_code:token",
)

# The flags of u.item in their order there; u.genre of the release lists the same.
GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
)


def title_and_year(text: str) -> tuple[str, str]:
    """``Toy Story (1995)`` -> the title and the year; "" where the title ends in none."""
    match = re.fullmatch(r"(.*?)\s*\((\d{4})\)\s*", text)
    return (match.group(1), match.group(2)) if match else (text.strip(), "")


def _movie_of_100k(fields: list[str]) -> list[str]:
    if len(fields) != 24 or set(fields[5:]) - {"0", "1"}:
        raise ValueError(f"expected 24 columns, the last 19 of them 0 or 1, found {len(fields)}")
    genres = [name for name, flag in zip(GENRES_100K, fields[5:], strict=True) if flag == "1"]
    return [fields[0], *title_and_year(fields[1]), " ".join(genres)]


def _movie_with_genres(fields: list[str]) -> list[str]:
    if len(fields) != 3:
        raise ValueError(f"expected 3 columns (movie, title, genres), found {len(fields)}")
    genres = "" if fields[2] == "(no genres listed)" else fields[2].replace("|", " ")
    return [fields[0], *title_and_year(fields[1]), genres]


def _user_of_100k(fields: list[str]) -> list[str]:
    if len(fields) != 5:
        raise ValueError(f"expected 5 columns, found {len(fields)}")
    return fields


def _user_of_1m(fields: list[str]) -> list[str]:
    if len(fields) != 5:
        raise ValueError(f"expected 5 columns, found {len(fields)}")
    user, gender, age, occupation, zip_code = fields
    return [user, age, gender, occupation, zip_code]


_MOVIE = ("item_id:token", "movie_title:token_seq", "release_year:token")

# RecBole's own ml-100k calls the genres "class", its other releases "genre".
LAYOUTS: tuple[Layout, ...] = (
    Layout(
        *("u.data", b"\t", "", "u.item", "u.user", ("latin-1",), "|"),
        *(_movie_of_100k, (*_MOVIE, "class:token_seq"), _user_of_100k),
    ),
    Layout(
        *("ratings.dat", b"::", "", "movies.dat", "users.dat", ("utf-8", "latin-1"), "::"),
        *(_movie_with_genres, (*_MOVIE, "genre:token_seq"), _user_of_1m),
    ),
    Layout(
        *("ratings.csv", b",", "userId,movieId,rating,timestamp", "movies.csv", ""),
        *(("utf-8",), ",", _movie_with_genres, (*_MOVIE, "genre:token_seq"), _user_of_1m),
    ),
)


class Source:
    """A release's zip, or the folder it was unpacked to.

    Raises:
        DataError: ``path`` is neither, or holds a name that leads outside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            files = [p for p in sorted(path.rglob("*")) if p.is_file()]
            self._members = {p.name: str(p) for p in reversed(files)}
        elif path.is_file():
            try:
                self._zip = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError) as error:
                raise DataError(
                    f"{path}: expected a zip file of GroupLens, or the folder it was unpacked "
                    f"to ({error}); download it again"
                ) from error
            names = self._zip.namelist()
            for name in names:
                parts = PurePosixPath(name.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts:
                    raise DataError(f"{path}: {name!r} leads outside the zip; do not use this file")
            self._members = {PurePosixPath(name).name: name for name in reversed(names)}
        else:
            raise DataError(
                f"{path}: no such file or folder; give a zip of GroupLens or its folder"
            )

    def __contains__(self, name: str) -> bool:
        return bool(name) and name in self._members

    def where(self, name: str) -> str:
        """The file, as messages name it."""
        return f"{self.path}/{self._members[name]}" if self._zip else self._members[name]

    def size(self, name: str) -> int:
        """In bytes, unpacked."""
        if self._zip is not None:
            return self._zip.getinfo(self._members[name]).file_size
        return Path(self._members[name]).stat().st_size

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The bytes of one file.

        Raises:
            DataError: it is missing, or the zip is damaged.
        """
        if name not in self:
            here = ", ".join(sorted(self._members)[:12]) or "nothing"
            raise DataError(f"{self.path}: no {name} in it; found {here}")
        member = self._members[name]
        try:
            with self._zip.open(member) if self._zip else Path(member).open("rb") as stream:
                yield stream  # type: ignore[misc]
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise DataError(f"{self.where(name)}: damaged ({error}); download it again") from error

    def layout(self) -> Layout:
        """Which layout this is.

        Raises:
            DataError: none that is known.
        """
        for layout in LAYOUTS:
            if layout.ratings in self:
                return layout
        raise DataError(
            f"{self.path}: expected one of {', '.join(item.ratings for item in LAYOUTS)} in it; "
            f"found {', '.join(sorted(self._members)[:12]) or 'nothing'}"
        )


def table(
    source: Source,
    name: str,
    separator: str,
    encodings: tuple[str, ...],
    read: Callable[[list[str]], list[str]],
) -> list[list[str]]:
    """The rows of movies or users: small enough to be read at once.

    Args:
        source: the release.
        name: of the file in it.
        separator: between two columns.
        encodings: tried in this order.
        read: the columns of a line -> the values of a row.

    Raises:
        DataError: a line is not of this layout; it names it.
    """
    with source.open(name) as stream:
        data = stream.read()
    for encoding in encodings:
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
    else:
        raise DataError(
            f"{source.where(name)}, line {line}: not text in the encoding {encodings[-1]}; "
            "download the release again"
        )
    if separator == ",":
        try:
            lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
        except csv.Error as error:
            raise DataError(f"{source.where(name)}: not csv: {error}") from error
        first = 2
    else:
        lines = [line.split(separator) for line in text.split("\n")]
        lines = [[*fields[:-1], fields[-1].rstrip("\r")] for fields in lines]
        if lines and lines[-1] == [""]:
            lines.pop()
        first = 1
    rows = []
    for number, fields in enumerate(lines, start=first):
        try:
            row = read(fields)
        except ValueError as error:
            raise DataError(f"{source.where(name)}, line {number}: {error}") from error
        # RecBole ends a line and a column where these stand, quoted or not
        rows.append([re.sub(r"[\t\r\n]+", " ", field) for field in row])
    return rows

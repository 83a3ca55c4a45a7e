"""How published tables are written, where a header does not say it.

Without a header, their columns are known by the file's name or by its first rows:

movielens       u.data, ratings.dat: user, item, rating, time
amazon-2018     ratings only: item, user, rating, time (McAuley et al.); 2014 has the user first
gowalla         totalCheckins.txt of SNAP (Brightkite too): user, time, latitude, longitude, place
sasrec          user and item, each user's lines in the order of time; told by --format alone
movies.dat      of MovieLens, a table of items: item, title, genres
netflix-titles  movie_titles.csv of the Netflix prize, a table of items: item, year, title; commas
                in a title are no separators
book-crossing   has a header; MySQL has written it: \\" is a quote inside quotes, NULL is no value
"""

import re
from collections.abc import Sequence

FORMATS: dict[str, tuple[str, ...]] = {
    "movielens": ("user", "item", "rating", "time"),
    "amazon-2018": ("item", "user", "rating", "time"),
    "amazon-2014": ("user", "item", "rating", "time"),
    "gowalla": ("user", "time", "latitude", "longitude", "item"),
    "sasrec": ("user", "item"),
    "movies.dat": ("item", "title", "genres"),
    "netflix-titles": ("item", "year", "title"),
}
IN_ORDER = "sasrec"  # has no times: the order of its lines is that of time

_PRODUCT = re.compile(r"(B[0-9A-Z]{9}|\d{9}[\dX])")
_REVIEWER = re.compile(r"A[0-9A-Z]{9,20}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DEGREES = re.compile(r"-?\d{1,3}(\.\d+)?")
_YEAR = re.compile(r"\d{4}|NULL")
_FILES = {"u.data": "movielens", "ratings.dat": "movielens", "movies.dat": "movies.dat"}

ESCAPES = frozenset({"book-crossing"})  # whose quotes inside quotes have a backslash before them
LAST_TAKES_ALL = frozenset({"netflix-titles"})  # whose last column may hold separators
NULLS = {"book-crossing": "NULL", "netflix-titles": "NULL"}  # what stands for no value
_BOOK_CROSSING = (("User-ID", "ISBN"), ("ISBN", "Book-Title"), ("User-ID", "Location"))


def recognise(file_name: str, rows: Sequence[Sequence[str]]) -> str | None:
    """The name in ``FORMATS`` of a table without a header; None for one that is not known.

    Args:
        file_name: without its folder; a suffix of a compression does not count.
        rows: the first ones.
    """
    name = re.sub(r"\.(gz|bz2|xz|zst|zip)$", "", file_name)
    by_name = "movielens" if _is_fold(name) else _FILES.get(name)
    widths = {len(row) for row in rows}
    if by_name is not None and widths == {len(FORMATS[by_name])}:
        return by_name
    if name.startswith("movie_titles.") and min(widths) >= 2:
        columns = list(zip(*(row[:2] for row in rows), strict=True))
        if all(map(str.isdecimal, columns[0])) and _all(_YEAR, columns[1]):
            return "netflix-titles"
    if widths == {4}:
        columns = list(zip(*rows, strict=True))
        if _all(_PRODUCT, columns[0]) and _all(_REVIEWER, columns[1]):
            return "amazon-2018"
        if _all(_REVIEWER, columns[0]) and _all(_PRODUCT, columns[1]):
            return "amazon-2014"
    if widths == {5}:
        columns = list(zip(*rows, strict=True))
        if _all(_MOMENT, columns[1]) and all(_all(_DEGREES, place) for place in columns[2:4]):
            return "gowalla"
    return None


def recognise_header(names: Sequence[str], separator: str) -> str | None:
    """The same of a table with a header; None for one that is written as any other."""
    is_dump = separator == ";" and tuple(names[:2]) in _BOOK_CROSSING
    return "book-crossing" if is_dump else None


def _is_fold(name: str) -> bool:
    """Whether a file is one of GroupLens's parts of u.data."""
    return re.fullmatch(r"u[1-5ab]\.(base|test)", name) is not None


def _all(pattern: re.Pattern[str], column: Sequence[str]) -> bool:
    return all(pattern.fullmatch(value) for value in column)

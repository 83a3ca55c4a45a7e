"""Interactions that a user types or writes: `50=5,181=4`, a csv file of ratings, a list of ids.

Read and checked before the model is loaded; whether the ids are known is checked by the model.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from recbole_ext.errors import DataError

Interactions = dict[str, float] | list[str]  # item -> rating, or items alone

_FORM = "write item=rating pairs such as 50=5,181=4, or items alone such as 50,181"


def of_option(text: str) -> Interactions:
    """The interactions of `50=5,181=4`, or of `50,181` without ratings.

    Raises:
        DataError: there is none, an item occurs twice, or a rating is missing or no number.
    """
    entries = [entry.strip() for entry in text.split(",")]
    pairs = [entry.rpartition("=") if "=" in entry else (entry, "", None) for entry in entries]
    rows = [(f"--for {text}", item.strip(), rating) for item, _, rating in pairs]
    if not text.strip() or not all(item for _, item, _ in rows):
        raise DataError(f"--for {text!r}: expected an item in each place, found none; {_FORM}")
    return _interactions(rows)


def of_csv(path: Path) -> Interactions:
    """The interactions of a csv file with a column item_id and, optionally, a column rating.

    Raises:
        DataError: as ``of_option``; with the line.
        OSError: the file cannot be read.
    """
    reader = csv.reader(_lines(path))
    header = [name.strip() for name in next(reader, [])]
    if "item_id" not in header:
        raise DataError(
            f"{path}, line 1: expected the columns item_id,rating, found "
            f"{','.join(header) or 'nothing'}; write them as the first line"
        )
    place = header.index("item_id")
    rating_place = header.index("rating") if "rating" in header else None
    rows = []
    for fields in reader:
        if not any(field.strip() for field in fields):
            continue
        where = f"{path}, line {reader.line_num}"
        if len(fields) != len(header):
            raise DataError(
                f"{where}: expected {len(header)} fields, {','.join(header)}, found {len(fields)}"
            )
        rating = None if rating_place is None else fields[rating_place]
        rows.append((where, fields[place].strip(), rating))
    if not rows:
        raise DataError(f"{path}: expected an item a line, found none: the history is empty")
    return _interactions(rows)


def of_list(path: Path) -> list[str]:
    """The ids of a file with an id a line; empty lines are skipped.

    Raises:
        DataError: there is none.
        OSError: the file cannot be read.
    """
    tokens = [line.strip() for line in _lines(path)]
    tokens = [token for token in tokens if token]
    if not tokens:
        raise DataError(f"{path}: expected an item id a line, found none")
    return tokens


def _interactions(rows: Iterable[tuple[str, str, str | None]]) -> Interactions:
    """The interactions of lines (place, item, rating), in the form that a model expects."""
    ratings: dict[str, float | None] = {}
    for where, item, text in rows:
        if item in ratings:
            raise DataError(f"{where}: item {item}: given twice; give each item once")
        ratings[item] = None if text is None else _number(where, item, text)
        if (ratings[item] is None) != (next(iter(ratings.values())) is None):
            raise DataError(f"{where}: item {item}: some items have a rating, others none; {_FORM}")
    if None in ratings.values():
        return list(ratings)
    return {item: rating for item, rating in ratings.items() if rating is not None}


def _number(where: str, item: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(
            f"{where}: item {item}: rating: expected a number, found {text.strip()!r}"
        ) from None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected text in UTF-8, found byte {error.start} of another"
        ) from None

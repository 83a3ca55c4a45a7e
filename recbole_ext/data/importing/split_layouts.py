"""Published splits in the layouts of papers' code: data sets with their own train and test rows.

lightgcn   train.txt, test.txt, valid.txt: a user and then the user's items, a line (LightGCN,
           NGCF; Gowalla, Yelp2018, Amazon-Book)
ncf        NAME.train.rating, NAME.test.rating, NAME.test.negative: one test item a user, and
           the items that it is ranked among (He et al., "Neural Collaborative Filtering")
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from recbole_ext.data import splits
from recbole_ext.data.importing.source_files import examine
from recbole_ext.data.importing.sources import UTF_8, Source
from recbole_ext.data.importing.text_lines import Lines
from recbole_ext.errors import DataError

Format = Literal["lightgcn", "ncf"]

_PARTS = ("train.txt", "valid.txt", "test.txt")
_NCF = re.compile(r"(.+)\.(train\.rating|test\.rating|test\.negative)")
_PAIR = re.compile(r"\(([^,()]+),([^,()]+)\)")

VALID = 0.05  # share of the training rows, where a split has no validation part


@dataclass
class Part:
    """The rows of one part of a split.

    Attributes:
        users, items: text of each row.
        ratings, times: of each row; empty where there are none.
    """

    users: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    ratings: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.users)

    def at(self, index: np.ndarray) -> "Part":
        """Some of the rows."""

        def of(values: list) -> list:
            return [values[row] for row in index.tolist()] if values else []

        return Part(of(self.users), of(self.items), of(self.ratings), of(self.times))


@dataclass
class PublishedSplit:
    """A split as it was published.

    Attributes:
        format: its layout.
        sources: its files.
        parts: train, valid, test -> rows.
        negatives: user -> the items that the user's held-out items are ranked among; {} for all.
        notes: what a user should know of it.
    """

    format: Format
    sources: list[Source]
    parts: dict[str, Part]
    negatives: dict[str, list[str]]
    notes: list[str]


def recognise(paths: Sequence[Path]) -> Format | None:
    """The layout that some files or a folder have; None for another one."""
    names = {path.name for path in _files(paths)}
    if {"train.txt", "test.txt"} <= names:
        return "lightgcn"
    return "ncf" if any(map(_NCF.fullmatch, names)) else None


def _files(paths: Sequence[Path]) -> list[Path]:
    return [
        file
        for path in paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if file.is_file()
    ]


def read(paths: Sequence[Path], layout: Format, seed: int) -> PublishedSplit:
    """Read a published split.

    Args:
        paths: its files, or the folder that holds them.
        layout: of these files.
        seed: of the rows that are held out for validation, where the split has none.

    Raises:
        DataError: a file is missing, or a line is not as it should be; it names it.
    """
    files = _files(paths)
    split = _lightgcn(files) if layout == "lightgcn" else _ncf(files)
    for name, part in split.parts.items():
        if not len(part):
            raise DataError(f"{paths[0]}: no row for {name} in it; this is not a split")
    if "valid" not in split.parts:
        train = split.parts["train"]
        kept, held_out = splits.hold_out(len(train), VALID, seed)
        split.parts = {
            "train": train.at(kept),
            "valid": train.at(held_out),
            "test": split.parts["test"],
        }
        split.notes.append(
            f"no validation part is published: {VALID:.0%} of the training rows are held out for "
            f"it (seed {seed})"
        )
    return split


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    with source.open_text() as stream:
        lines = Lines(stream, source.label)
        for text in lines.texts():
            if text := text.strip():
                yield lines.number, text


def _source(file: Path) -> Source:
    return examine(file, UTF_8, str(file))


def _lightgcn(files: Sequence[Path]) -> PublishedSplit:
    paths = {file.name: file for file in files}
    by_name = {name: _source(paths[name]) for name in _PARTS if name in paths}
    parts: dict[str, Part] = {}
    for file_name in _PARTS:
        if file_name in by_name:
            part = parts[file_name.removesuffix(".txt")] = Part()
            for _, text in _lines(by_name[file_name]):
                user, *items = text.split()
                part.users += [user] * len(items)
                part.items += items
    if missing := {"train", "test"} - set(parts):
        raise DataError(
            f"{files[0].parent}: no {missing.pop()}.txt in it; LightGCN's layout has train.txt and "
            "test.txt"
        )
    return PublishedSplit("lightgcn", list(by_name.values()), parts, {}, [])


def _ncf(files: Sequence[Path]) -> PublishedSplit:
    matches = [match for file in files if (match := _NCF.fullmatch(file.name))]
    prefixes = sorted({match[1] for match in matches})
    if len(prefixes) != 1:
        raise DataError(
            f"{files[0].parent}: expected the files of one data set, found those of "
            f"{', '.join(prefixes) or 'none'}; name one of its files instead of the folder"
        )
    place = next(file.parent for file in files if _NCF.fullmatch(file.name))
    kinds = ("train.rating", "test.rating", "test.negative")
    paths = [place / f"{prefixes[0]}.{kind}" for kind in kinds]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: no such file; NCF's layout has {', '.join(kinds)}")
    sources = [_source(path) for path in paths]
    train, test = _ncf_ratings(sources[0]), _ncf_ratings(sources[1])
    negatives = _ncf_negatives(sources[2], test, {*train.items, *test.items})
    latest = _latest_rows(train, negatives)
    is_latest = np.zeros(len(train), dtype=bool)
    is_latest[latest] = True
    parts = {"train": train.at(np.flatnonzero(~is_latest)), "valid": train.at(latest), "test": test}
    note = (
        "no validation part is published: each user's latest training row is held out for it, "
        "ranked among the user's published negatives"
    )
    return PublishedSplit("ncf", sources, parts, negatives, [note])


def _ncf_ratings(source: Source) -> Part:
    part = Part()
    for line, text in _lines(source):
        columns = text.split("\t")
        try:
            user, item, rating, time = columns
            part.ratings.append(float(rating))
            part.times.append(float(time))
        except ValueError as error:
            raise DataError(
                f"{source.label}, line {line}: expected user, item, rating and time with tabs "
                f"between them, found {text[:40]!r}"
            ) from error
        part.users.append(user)
        part.items.append(item)
    return part


def _ncf_negatives(source: Source, test: Part, known: set[str]) -> dict[str, list[str]]:
    held_out = dict(zip(test.users, test.items, strict=True))
    negatives: dict[str, list[str]] = {}
    number = 0
    for line, text in _lines(source):
        where = f"{source.label}, line {line}"
        pair, *items = text.split("\t")
        match = _PAIR.fullmatch(pair)
        if match is None or not items:
            raise DataError(f"{where}: expected (user,item) and then items, found {text[:40]!r}")
        user, item = (name.strip() for name in match.groups())
        if held_out.get(user) != item:
            raise DataError(
                f"{where}: expected the test item {held_out.get(user)} of user {user}, found {item}"
            )
        number = number or len(items)
        if len(items) != number:
            raise DataError(f"{where}: expected {number} items as before, found {len(items)}")
        if unknown := next((one for one in items if one not in known), None):
            raise DataError(f"{where}: item {unknown} is in no row of the other files")
        negatives[user] = items
    if missing := next((user for user in held_out if user not in negatives), None):
        raise DataError(f"{source.label}: no line for user {missing}, who has a test item")
    return negatives


def _latest_rows(train: Part, tested: Collection[str]) -> np.ndarray:
    """The latest row of each user who is tested and keeps a row; ascending."""
    users = pd.factorize(np.array(train.users, dtype=object))[0]
    order = np.lexsort((np.arange(len(users)), np.array(train.times), users))
    ends = np.append(np.flatnonzero(np.diff(users[order])), len(users) - 1)
    counts = np.diff(np.append(-1, ends))
    latest = order[ends[counts >= 2]]
    return np.sort([row for row in latest.tolist() if train.users[row] in tested]).astype(int)

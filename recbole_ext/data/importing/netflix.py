"""The files of the Netflix prize: a line ``1:`` for each movie, then ``user,rating,date`` lines.

combined_data_1.txt to combined_data_4.txt, or the mv_*.txt of the first release.
"""

import io
import re
from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.csv

from recbole_ext.data.importing.columns import Kind
from recbole_ext.data.importing.exact_reader import Values
from recbole_ext.data.importing.sources import Progress, Source
from recbole_ext.data.importing.text_lines import Lines
from recbole_ext.data.importing.values import Part, Refused, part_of
from recbole_ext.data.line_blocks import whole_lines
from recbole_ext.errors import DataError

NAMES = ("item", "user", "rating", "time")

_BLOCK = 2**24  # bytes
_HEAD = re.compile(rb"^(\d+):\r?\n", re.MULTILINE)
_MOVIE = re.compile(r"(\d+):")


def is_netflix(source: Source) -> bool:
    """Whether a file of text begins with a movie and a colon."""
    with source.open_text() as stream:
        return _MOVIE.fullmatch(stream.readline(100).decode("utf-8", "replace").strip()) is not None


def sample(source: Source) -> list[tuple[str, ...]]:
    """Some rows, as text; those that cannot be read are left out."""
    rows: list[tuple[str, ...]] = []
    movie = ""
    with source.open_text() as stream:
        for line in islice(stream, 1000):
            text = line.decode("utf-8", "replace").strip()
            if match := _MOVIE.fullmatch(text):
                movie = match[1]
            elif text.count(",") == 2:
                rows.append((movie, *text.split(",")))
    return rows


def read_fast(source: Source, kinds: Mapping[str, Kind], progress: Progress) -> Iterator[Part]:
    """The rows, a block at a time.

    Args:
        source: the file.
        kinds: column -> kind of its values.
        progress: called with the bytes read since the last call.

    Raises:
        Refused: a line is not as it should be.
    """
    movie = b""
    with source.open_text(progress) as stream:
        for lines in whole_lines(stream, _BLOCK):
            before, *pieces = _HEAD.split(lines)
            movies, texts = [movie, *pieces[::2]], [before, *pieces[1::2]]
            movie = movies[-1]
            if any(texts):
                yield _part(movies, texts, kinds)


def _part(movies: list[bytes], texts: list[bytes], kinds: Mapping[str, Kind]) -> Part:
    counts = [text.count(b"\n") for text in texts]
    if counts[0] and not movies[0]:
        raise Refused
    types = {"user": pa.dictionary(pa.int32(), pa.string()), "rating": pa.float64()}
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(b"".join(texts)),
            pyarrow.csv.ReadOptions(column_names=list(NAMES[1:]), block_size=_BLOCK),
            pyarrow.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types={**types, "time": pa.string()},
                null_values=[""],
                strings_can_be_null=False,
            ),
        ).combine_chunks()
    except pa.ArrowException as error:
        raise Refused from error
    if len(table) != sum(counts):
        raise Refused
    arrays = {name: table[name].combine_chunks() for name in NAMES[1:]}
    codes = pa.array(np.repeat(np.arange(len(movies), dtype=np.int32), counts))
    names = pa.array([movie.decode() for movie in movies], pa.string())
    arrays["item"] = pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
    return part_of({name: arrays[name] for name in kinds}, kinds)


def read_exact(source: Source, kinds: Mapping[str, Kind], progress: Progress) -> Iterator[Part]:
    """The rows, line by line.

    Args:
        source: the file.
        kinds: column -> kind of its values.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: the first line that cannot be read, with its number.
    """
    values = Values(source.label, kinds, None)
    movie = ""
    with source.open_text(progress) as stream:
        lines = Lines(stream, source.label)
        for line in lines.texts():
            text = line.rstrip("\r\n")
            if match := _MOVIE.fullmatch(text):
                movie = match[1]
                continue
            columns = text.split(",")
            if not text:
                continue
            if len(columns) != 3 or not movie:
                raise DataError(
                    f"{source.label}, line {lines.number}: expected a movie and a colon, or "
                    f"user,rating,date below one, found {text[:40]!r}"
                )
            row = dict(zip(NAMES, [movie, *columns], strict=True))
            values.add(lines.number, {name: row[name] for name in kinds})
    yield values.take()

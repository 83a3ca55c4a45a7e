"""One atomic file as the table that RecBole's ``Dataset._load_feat`` makes of it."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_ext.data import atomic_files, categories
from recbole_ext.data.refused_lines import RefusedLines
from recbole_ext.errors import DataError


def read(
    path: Path,
    separator: str,
    encoding: str | None,
    required: Collection[str],
    loaded: Collection[str],
    between: str = " ",
) -> pd.DataFrame:
    """Read some columns of an atomic file, by the reader of ``recbole-ext data check``.

    Args:
        path: the file.
        separator: RecBole's ``field_separator``.
        encoding: of the file.
        required: columns that must have a value in each line.
        loaded: columns to read.
        between: RecBole's ``seq_separator``.

    Returns:
        the columns in the order of the file, a row for each line that is not empty: numbers as
        float64, tokens of interactions as categories, all else as text. A token or number that is
        not there is NaN.

    Raises:
        DataError: lines cannot be read; it names the first and counts them.
    """
    fields = atomic_files.read_header(path, separator, encoding)
    frames: list[pd.DataFrame] = []
    refused = RefusedLines(path)
    scan = atomic_files.scan(path, fields, separator, encoding, required, loaded, between)
    for _, frame, problems in scan:
        refused.add(problems)
        if not refused and len(frame):
            frames.append(frame)
    if refused:
        raise DataError(refused.message())
    columns = [name for name in fields if name in loaded]
    as_codes = path.suffix == ".inter"  # a text for each row takes seconds, where there are many
    return pd.DataFrame(
        {
            name: _column([frame[name] for frame in frames], fields[name], as_codes)
            for name in columns
        }
    )


def _column(parts: list[pd.Series], kind: str, as_codes: bool) -> pd.Series:
    if kind == "float":
        return pd.concat(parts, ignore_index=True)
    whole = categories.union([part.array for part in parts])
    if kind == "token" and as_codes:
        return pd.Series(whole.remove_categories([""]) if "" in whole.categories else whole)
    tokens = pd.Series(np.asarray(whole.categories, dtype="object"), dtype=str)
    if kind == "token":
        tokens = tokens.where(tokens != "")  # NaN, which RecBole makes [PAD]
    return pd.Series(tokens.array.take(whole.codes))

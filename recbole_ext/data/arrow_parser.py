"""Well formed lines parsed by Arrow, which lets other threads run, where pandas' parser does not.

Both read each number to its nearest, and texts as they are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def parse(text: bytes, columns: Mapping[str, str | None]) -> pd.DataFrame | None:
    """Columns of text or of numbers; None where a value is no number, or an unusual one.

    Args:
        text: UTF-8; lines of as many columns as there are, with a tab between two.
        columns: name -> "category" for text, "float64", or None for one that is left out.

    Returns:
        a row for each line: categories in no order, and float64.
    """
    import pyarrow as pa
    import pyarrow.csv

    types = {"category": pa.dictionary(pa.int32(), pa.string()), "float64": pa.float64()}
    kinds = {name: kind for name, kind in columns.items() if kind is not None}
    if not kinds or any(kind not in types for kind in kinds.values()):
        return None
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text),
            pyarrow.csv.ReadOptions(
                column_names=list(columns), block_size=len(text) + 1, use_threads=False
            ),
            pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types={name: types[kind] for name, kind in kinds.items()},
                include_columns=list(kinds),
                null_values=[],
                strings_can_be_null=False,
            ),
        ).combine_chunks()
    except pa.ArrowInvalid:
        return None
    return pd.DataFrame({name: _column(table[name].chunk(0)) for name in kinds})


def _column(values: Any) -> "pd.Categorical | np.ndarray":
    import pyarrow as pa

    if not pa.types.is_dictionary(values.type):
        return np.asarray(values)
    texts = pd.Index(values.dictionary.to_pylist())
    return pd.Categorical.from_codes(values.indices.to_numpy(), texts, validate=False)

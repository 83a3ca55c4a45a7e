"""How RecBole reads and splits a data set without its loops over lines: the same results.

RecBole parses files by pandas' Python engine, counts the interactions of each user and item in a
``Counter`` of all lines, and groups lines by user one at a time. Here that is pandas' C parser,
reading each number to its nearest, and sorting (``data/grouping.py``). Ids of interactions stay
codes until RecBole numbers them: a text for each row would take most of the time.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from recbole_ext.data.delimited import EXACT
from recbole_ext.data.grouping import Groups, count


def parser(separator: str) -> dict[str, Any]:
    """Arguments of ``pandas.read_csv``; the C engine splits at one character only."""
    if len(separator) != 1:
        return {"engine": "python"}
    return {"engine": "c", **EXACT}


def provide_counter(module: ModuleType) -> None:
    """``count`` under the name ``Counter``."""
    module.Counter = count  # type: ignore[attr-defined]


def concat_remaped_tokens(_: Any, remap_list: list[tuple[Any, str, Any]]) -> tuple[Any, np.ndarray]:
    """``Dataset._concat_remaped_tokens``: categories stay categories."""
    from recbole.utils import FeatureType

    tokens = [
        feat[field].values if kind == FeatureType.TOKEN else feat[field].agg(np.concatenate)
        for feat, field, kind in remap_list
        if kind in (FeatureType.TOKEN, FeatureType.TOKEN_SEQ)
    ]
    return concatenate(tokens), np.cumsum(list(map(len, tokens)))[:-1]


def concatenate(parts: list[Any]) -> Any:
    """Some columns, one after the other; categories if one of them has categories."""
    if not any(isinstance(part, pd.Categorical) for part in parts):
        return np.concatenate(parts)
    whole = [_as_codes(part) for part in parts]
    return whole[0] if len(whole) == 1 else union_categoricals(whole)


def _as_codes(column: Any) -> pd.Categorical:
    codes, names = (
        (column.codes, column.categories)
        if isinstance(column, pd.Categorical)
        else pd.factorize(np.asarray(column, dtype=object))
    )
    return pd.Categorical.from_codes(codes, pd.Index(names.tolist(), dtype=object))


def grouped_index(_: Any, group_by_list: Any) -> Groups:
    """``Dataset._grouped_index``: the positions of each value."""
    return Groups.of(np.asarray(group_by_list))

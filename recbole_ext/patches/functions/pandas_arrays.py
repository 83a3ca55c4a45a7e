"""pandas' own arrays, where RecBole knows lists and numpy's arrays alone.

``frame["user_id"].astype(str).values`` is an array of numpy's before pandas 3, and one of pandas'
since; so are, in either, the values of columns of nullable and Arrow's types.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

_OF_PANDAS = (ExtensionArray, pd.Series, pd.Index)


def is_pandas(values: Any) -> bool:
    """Whether it is an array, a series or an index of pandas."""
    return isinstance(values, _OF_PANDAS)


def plain(values: Any) -> Any:
    """An array of numpy for one of pandas; anything else as it is."""
    return values.to_numpy() if is_pandas(values) else values


def with_plain_arrays(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Dataset.token2id`` and ``id2token``, for arrays of pandas', too."""
    return wrapped(*map(plain, args), **{name: plain(value) for name, value in kwargs.items()})


def to_tensor(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``_convert_to_tensor``: a tensor of its own where the array cannot be written to."""
    (data,) = (*args, *kwargs.values())
    data = plain(data)
    if isinstance(data, np.ndarray) and not data.flags.writeable:
        data = data.copy()
    return wrapped(data)

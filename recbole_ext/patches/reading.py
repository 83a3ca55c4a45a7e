"""How RecBole reads and splits a data set, without its loops over lines: the same results, sooner.

RecBole parses files by pandas' Python engine, counts the interactions of each user and item in a
``Counter`` of all lines, and groups lines by user one at a time. Here that is pandas' C parser,
reading each number to its nearest, and sorting.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import wrapt
from scipy import sparse

from recbole_ext.patches.rewriting import rewrite

# Before pandas 3.1 the C parser rounds some numbers wrongly unless it is told.
_EXACT: dict[str, Any] = {"float_precision": "round_trip"}
if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1):
    _EXACT = {}

PARSER = {'engine="python",': "**_parser(field_separator),"}  # of Dataset._load_feat


def parser(separator: str) -> dict[str, Any]:
    """What ``pandas.read_csv`` is told: the C engine cannot split at more than one character."""
    if len(separator) != 1:
        return {"engine": "python"}
    return {"engine": "c", **_EXACT}


def count(values: Any = ()) -> Counter[Any]:
    """``Counter(values)``, of an array by sorting; in the order of first occurrence."""
    if not isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray):
        return Counter(values)
    codes, found = pd.factorize(values)  # type: ignore[arg-type]  # takes both
    return Counter(dict(zip(found.tolist(), np.bincount(codes).tolist(), strict=True)))


@dataclass(frozen=True)
class Groups:
    """The places of equal values, ascending; groups in the order of first occurrence.

    Attributes:
        order: [values], their places, group by group.
        counts: [groups], how many values each has.
    """

    order: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Groups":
        """Those of some values, [values]."""
        codes, found = pd.factorize(values)
        # from columns, one for each value, to rows, one for each group: a counting sort
        columns = (np.ones(len(codes), dtype=np.int8), codes, np.arange(len(codes) + 1))
        order = sparse.csc_array(columns, shape=(len(found), len(codes))).tocsr().indices
        return cls(order, np.bincount(codes, minlength=len(found)))

    def __iter__(self) -> Iterator[list[int]]:
        ends = self.counts.cumsum()
        places = self.order.tolist()
        return (places[start:end] for start, end in zip(ends - self.counts, ends, strict=True))

    def __len__(self) -> int:
        return len(self.counts)

    def split(self, sizes: Callable[[int], Sequence[int]], n: int) -> list[np.ndarray]:
        """The places of each of ``n`` parts.

        Args:
            sizes: how many values a group has -> where its second part begins, its third, ...
            n: how many parts.
        """
        totals, kind = np.unique(self.counts, return_inverse=True)
        begins = np.array([sizes(int(total)) for total in totals]).reshape(len(totals), n - 1)
        starts = np.repeat(self.counts.cumsum() - self.counts, self.counts)
        place = np.arange(len(self.order)) - starts  # in the group
        part = np.zeros(len(place), dtype=np.int8)
        for column in begins[kind].T:
            part += place >= np.repeat(column, self.counts)
        return [self.order[part == number] for number in range(n)]


# of Dataset.split_by_ratio, whose loop over groups is left with nothing to do
SPLIT = {
    "next_index = [[] for _ in range(len(ratios))]": "next_index = grouped_inter_feat_index.split("
    "lambda tot: self._calcu_split_ids(tot=tot, ratios=ratios), len(ratios))",
    "for grouped_index in grouped_inter_feat_index:": "for grouped_index in ():",
}


def grouped(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Groups:
    """In the place of ``Dataset._grouped_index``."""

    def group(group_by_list: Any) -> Groups:
        return Groups.of(np.asarray(group_by_list))

    return group(*args, **kwargs)


def mend_dataset(module: ModuleType) -> None:
    """Put these into ``recbole.data.dataset.dataset``."""
    module._parser = parser  # type: ignore[attr-defined]
    rewrite(module.Dataset._load_feat, PARSER)
    module.Counter = count  # type: ignore[attr-defined]
    wrapt.wrap_function_wrapper(module, "Dataset._grouped_index", grouped)
    rewrite(module.Dataset.split_by_ratio, SPLIT)

"""Equal values counted and grouped by sorting; the results are those of Python's loops."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse


def count(values: Any = ()) -> Counter[Any]:
    """``Counter(values)``, of an array by sorting; in the order of first occurrence."""
    if not isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray):
        return Counter(values)
    codes, distinct = pd.factorize(values)  # type: ignore[arg-type]  # takes both
    return Counter(dict(zip(distinct.tolist(), np.bincount(codes).tolist(), strict=True)))


@dataclass(frozen=True)
class Groups:
    """The positions of equal values, ascending; groups in the order of first occurrence.

    Attributes:
        order: [values], their positions, group by group.
        counts: [groups], how many values each has.
    """

    order: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Groups":
        """The groups of some values, [values]."""
        codes, distinct = pd.factorize(values)
        # from columns, one for each value, to rows, one for each group: a counting sort
        columns = (np.ones(len(codes), dtype=np.int8), codes, np.arange(len(codes) + 1))
        order = sparse.csc_array(columns, shape=(len(distinct), len(codes))).tocsr().indices
        return cls(order, np.bincount(codes, minlength=len(distinct)))

    def __iter__(self) -> Iterator[list[int]]:
        ends = self.counts.cumsum()
        positions = self.order.tolist()
        return (positions[start:end] for start, end in zip(ends - self.counts, ends, strict=True))

    def __len__(self) -> int:
        return len(self.counts)

    def split(self, sizes: Callable[[int], Sequence[int]], n: int) -> list[np.ndarray]:
        """The positions of each of ``n`` parts.

        Args:
            sizes: how many values a group has -> where its second part begins, its third, ...
            n: how many parts.
        """
        totals, kind = np.unique(self.counts, return_inverse=True)
        begins = np.array([sizes(int(total)) for total in totals]).reshape(len(totals), n - 1)
        starts = np.repeat(self.counts.cumsum() - self.counts, self.counts)
        rank = np.arange(len(self.order)) - starts  # of a value in its group
        part = np.zeros(len(rank), dtype=np.int8)
        for column in begins[kind].T:
            part += rank >= np.repeat(column, self.counts)
        return [self.order[part == number] for number in range(n)]

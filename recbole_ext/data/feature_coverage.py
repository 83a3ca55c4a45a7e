"""Whether the files of features and those of interactions speak of the same users and items.

RecBole says nothing of the differences: it drops interactions, or counts users and items that
have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

_SHOWN = 5  # names in a message


@dataclass
class Lines:
    """The ids that stand in the lines of one or more files, block after block.

    Attributes:
        tokens: one array a block.
        numbers: one array a block, the line of each token.
    """

    tokens: list[np.ndarray] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)

    def take(self, column: pd.Series) -> None:
        """Add a block; its index is the line number."""
        self.tokens.append(column.to_numpy(dtype="object"))
        self.numbers.append(column.index.to_numpy())

    def rows(self) -> pd.Series:
        """All tokens, by line number."""
        return pd.Series(np.concatenate(self.tokens), np.concatenate(self.numbers), dtype="object")


def differences(
    who: str, features: Lines, interactions: pd.Series, parts: bool
) -> Iterator[tuple[str, str, int, int]]:
    """Where a ``.user`` or ``.item`` file and the interactions do not agree.

    Args:
        who: ``user`` or ``item``.
        features: the ids of the feature file.
        interactions: id -> number of rows it has.
        parts: whether the interactions come as ``benchmark_filename``, which RecBole does not
            filter.

    Yields:
        what differs, in a line; its kind; the line of the file, 0 where there is none; how many
        there are of that kind.
    """
    rows = features.rows()
    again = rows[rows.duplicated()]
    if len(again):
        token = again.iloc[0]
        first = rows.index[rows == token][0]
        what = (
            f"{who} {token} again, as in line {first}: RecBole keeps the first line of each {who} "
            f"({len(again)} line{'s' if len(again) > 1 else ''} dropped)"
        )
        yield what, f"{who} described twice", int(again.index[0]), len(again)
    missing = interactions[~interactions.index.isin(rows)]
    if len(missing):
        n_rows = int(missing.sum())
        happens = (
            "RecBole fills in their features"
            if parts
            else f"a run that loads this file drops their {n_rows} "
            f"interaction{'s' if n_rows > 1 else ''} (filter_inter_by_user_or_item)"
        )
        what = f"{_some(missing.index, who)} of the interactions not in this file; {happens}"
        yield what, f"{who} without features", 0, len(missing)
    lonely = pd.Index(rows[~rows.isin(interactions.index)]).unique()
    if len(lonely):
        what = (
            f"{_some(lonely, who)} of this file in no interaction; a run that loads it counts "
            f"{'them' if len(lonely) > 1 else 'it'}"
        )
        if who == "item":
            what += " and ranks them among the others" if len(lonely) > 1 else " and ranks it, too"
        yield what, f"{who} without interactions", 0, len(lonely)


def _some(names: pd.Index, who: str) -> str:
    shown = ", ".join(map(str, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} {who}{'s' if len(names) > 1 else ''} ({shown})"

"""What people do with interactions before they train: each step says how many rows it took.

The steps come in this order: the time, the ratings, pairs that come again, a sample of users, the
core; so the core that is asked for is the core of what is written.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from recbole_ext.data.line_blocks import in_order
from recbole_ext.errors import DataError

Duplicates = Literal["keep", "first", "last", "mean", "count"]

_ROWS = 2**20  # that are counted at a time
_ROWS_OF_PAIRS = 2**22  # that are sorted at a time


@dataclass(frozen=True)
class Selection:
    """Which rows are kept.

    Attributes:
        since, until: seconds since 1970; both are kept; None for no limit.
        min_rating: the least rating that is kept; None for no limit.
        duplicates: what becomes of rows of one user and item: all kept; the first or last of them
            by time, by their order where there is none; one row with the mean rating or with their
            number as its rating, and else the last one's values.
        sample_users: number of users that are drawn; None for all.
        seed: of the drawing.
        core: the least number of rows of a user and of an item; 0 for no limit.
    """

    since: float | None = None
    until: float | None = None
    min_rating: float | None = None
    duplicates: Duplicates = "keep"
    sample_users: int | None = None
    seed: int = 0
    core: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Rows:
    """Rows of a table, by their numbers there.

    Attributes:
        index: [rows], ascending row numbers in the table; None for all of them.
        users, items: [rows], codes.
        ratings, times: [rows], or None.
    """

    index: np.ndarray | None
    users: np.ndarray
    items: np.ndarray
    ratings: np.ndarray | None
    times: np.ndarray | None

    def __len__(self) -> int:
        return len(self.users)

    def at(self, keep: np.ndarray) -> "Rows":
        """Some of the rows.

        Args:
            keep: [rows], bool.
        """
        return Rows(
            np.flatnonzero(keep) if self.index is None else self.index[keep],
            self.users[keep],
            self.items[keep],
            None if self.ratings is None else self.ratings[keep],
            None if self.times is None else self.times[keep],
        )


@dataclass(frozen=True)
class Step:
    """A step of the selection, and what it has left.

    Attributes:
        what: in words.
        dropped: rows that it took.
        rows, users, items: that are left.
    """

    what: str
    dropped: int
    rows: int
    users: int
    items: int


@dataclass
class Selected:
    """The rows that are kept, and the steps to them.

    Attributes:
        rows: that are kept.
        steps: the first is the reading.
        repeated: rows that are not the first of their user and item, as read.
    """

    rows: Rows
    steps: list[Step] = field(default_factory=list)
    repeated: int = 0

    def then(self, rows: Rows, what: str) -> None:
        """Note a step.

        Raises:
            DataError: it leaves no row.
        """
        dropped = len(self.rows) - len(rows)
        if not len(rows):
            before = "; before it ".join(
                f"{step.what} took {step.dropped:,}" for step in reversed(self.steps[1:])
            )
            more = f" (before it {before})" if before else ""
            raise DataError(
                f"{what}: takes all {dropped:,} rows that are left, of {self.steps[0].rows:,} read"
                f"{more}; nothing is written: choose a weaker limit"
            )
        self.rows = rows
        self.steps.append(_step(what, dropped, rows))


def _step(what: str, dropped: int, rows: Rows) -> Step:
    users, items = (int(np.count_nonzero(_counts(codes))) for codes in (rows.users, rows.items))
    return Step(what, dropped, len(rows), users, items)


def _counts(codes: np.ndarray) -> np.ndarray:
    """How often each code occurs; of some rows at a time, whose copies as int64 are small."""
    counts = np.zeros(int(codes.max()) + 1, dtype=np.int64)
    for start in range(0, len(codes), _ROWS):
        counts += np.bincount(codes[start : start + _ROWS], minlength=len(counts))
    return counts


def n_repeated(users: np.ndarray, items: np.ndarray) -> int:
    """The rows that are not the first of their user and item; of some users at a time.

    Args:
        users, items: [rows], codes.
    """
    group = np.cumsum(_counts(users)) // _ROWS_OF_PAIRS  # of each user

    def of_group(number: int) -> int:
        first, last = np.searchsorted(group, [number, number + 1])
        rows = (users >= first) & (users < last)
        pairs = np.sort(users[rows].astype(np.int64) << 32 | items[rows])
        return int(np.count_nonzero(pairs[1:] == pairs[:-1]))

    return sum(in_order(of_group, range(int(group[-1]) + 1)))


def select(rows: Rows, selection: Selection) -> Selected:
    """Keep what the selection says.

    Raises:
        DataError: a step leaves no row, or needs a column that there is not.
    """
    selected = Selected(rows, [_step("read", 0, rows)], n_repeated(rows.users, rows.items))
    for limit, option in ((selection.since, "--since"), (selection.until, "--until")):
        if limit is not None:
            times = _needed(selected.rows.times, option, "time")
            keep = times >= limit if option == "--since" else times <= limit
            selected.then(selected.rows.at(keep), option)
    if selection.min_rating is not None:
        ratings = _needed(selected.rows.ratings, "--min-rating", "rating")
        what = f"--min-rating {selection.min_rating:g}"
        keep = ratings.astype(np.float64) >= selection.min_rating  # as float32, 3.3 is less
        selected.then(selected.rows.at(keep), what)
    if selection.duplicates != "keep":
        kept = without_duplicates(selected.rows, selection.duplicates)
        selected.then(kept, f"--duplicates {selection.duplicates}")
    if selection.sample_users is not None:
        keep = sample_of_users(selected.rows.users, selection.sample_users, selection.seed)
        selected.then(selected.rows.at(keep), f"--sample-users {selection.sample_users}")
    if any(selection.core):
        keep = core(selected.rows.users, selected.rows.items, *selection.core)
        what = ",".join(map(str, dict.fromkeys(selection.core)))
        selected.then(selected.rows.at(keep), f"--core {what}")
    return selected


def _needed(column: np.ndarray | None, option: str, role: str) -> np.ndarray:
    if column is None:
        raise DataError(f"{option}: there is no column of {role}s; name one with --{role}")
    return column


def without_duplicates(rows: Rows, duplicates: Duplicates) -> Rows:
    """One row of each user and item; see ``Selection``.

    Raises:
        DataError: the mean of ratings is asked for where there are none.
    """
    pairs = rows.users.astype(np.int64) << 32 | rows.items
    order = np.arange(len(rows))
    if rows.times is not None:
        order = np.argsort(rows.times, kind="stable")
    by_time = pd.Series(pairs[order])
    keep = np.zeros(len(rows), dtype=bool)
    last = "first" if duplicates == "first" else "last"
    keep[order[~by_time.duplicated(keep=last).to_numpy()]] = True
    kept = rows.at(keep)
    if duplicates in ("first", "last"):
        return kept
    numbers, codes = np.unique(pairs, return_inverse=True)
    counts = np.bincount(codes)
    place = np.searchsorted(numbers, pairs[keep])
    if duplicates == "count":
        return replace(kept, ratings=counts[place].astype(np.float64))
    ratings = _needed(rows.ratings, "--duplicates mean", "rating")
    return replace(kept, ratings=(np.bincount(codes, ratings) / counts)[place])


def sample_of_users(users: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Whether the user of each row is one of ``number`` that are drawn.

    Args:
        users: [rows], codes; the draw depends on which there are, not on their rows.
        number: of users; at most all.
        seed: of numpy's ``RandomState``, whose streams do not change.
    """
    present = np.unique(users)
    drawn = np.random.RandomState(seed).permutation(len(present))[:number]
    return np.isin(users, present[drawn])


def core(users: np.ndarray, items: np.ndarray, of_user: int, of_item: int) -> np.ndarray:
    """Whether each row is in the core: all users and items in it have enough rows in it.

    Args:
        users, items: [rows], codes.
        of_user, of_item: the least number of rows of a user and of an item.
    """
    keep = np.ones(len(users), dtype=bool)
    while True:
        enough_of_users = np.bincount(users[keep], minlength=users.max() + 1) >= of_user
        enough_of_items = np.bincount(items[keep], minlength=items.max() + 1) >= of_item
        left = keep & enough_of_users[users] & enough_of_items[items]
        if (left == keep).all():
            return keep
        keep = left

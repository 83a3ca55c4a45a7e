"""Groups of users by their activity and of items by their popularity, and the metrics in each.

Both come from the training part alone: a user's activity and an item's popularity are numbers of
training interactions. Groups of users are quarters of the users. Groups of items each have a
quarter of the training interactions, so that they have about the same weight in the test part.
Equal numbers are always in the same group.
"""

import numpy as np

N_GROUPS = 4


def quarters(numbers: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The group of each number, [n]; group 0 has the smallest numbers.

    Equal numbers belong to the quarter that contains the middle of them. A group may be empty.

    Args:
        numbers: [n].
        weights: [n], at least 0; each group has about a quarter of their sum. None: 1 each.
    """
    if weights is None:
        weights = np.ones(len(numbers))
    _, place = np.unique(numbers, return_inverse=True)
    of_equals = np.bincount(place.reshape(-1), weights)
    middle = of_equals.cumsum() - of_equals / 2
    share = middle / max(of_equals.sum(), 1e-300)
    return np.minimum((share * N_GROUPS).astype(int), N_GROUPS - 1)[place.reshape(-1)]


def recall(
    lists: np.ndarray, place: np.ndarray, items: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Each user's share of relevant items in the list, by groups of items.

    Args:
        lists: [users, k], items; 0 where a list has ended.
        place: [rows], the place in ``lists`` of the user of each relevant row.
        items: [rows], its item; a pair that occurs twice counts once.
        groups: [items], the group of each item.

    Returns:
        [groups, users], nan where a user has no relevant item in a group.
    """
    pairs = np.unique(np.stack([place, items], axis=1), axis=0)
    place, items = pairs[:, 0], pairs[:, 1]
    hit = (lists[place] == items[:, None]).any(axis=1)
    return _shares(hit.astype(float), place, groups[items], len(lists))


def errors(
    of_rows: np.ndarray, place: np.ndarray, items: np.ndarray, groups: np.ndarray, squared: bool
) -> np.ndarray:
    """Each user's mean error, or root mean squared error, by groups of items.

    Args:
        of_rows: [rows], distances between prediction and rating.
        place: [rows], the number of each row's user.
        items: [rows], its item.
        groups: [items], the group of each item.
        squared: True for the root of the mean square (RMSE), False for the mean (MAE).

    Returns:
        [groups, users], nan where a user has no row in a group.
    """
    means = _shares(of_rows**2 if squared else of_rows, place, groups[items], place.max() + 1)
    return np.sqrt(means) if squared else means


def _shares(values: np.ndarray, place: np.ndarray, of_group: np.ndarray, n: int) -> np.ndarray:
    cell = of_group * n + place
    counts = np.bincount(cell, minlength=N_GROUPS * n)
    sums = np.bincount(cell, values, minlength=N_GROUPS * n)
    means = np.full(N_GROUPS * n, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means.reshape(N_GROUPS, n)

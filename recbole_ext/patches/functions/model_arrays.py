"""What RecBole's models build from the interactions, by arrays in the place of Python loops."""

from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


def adjacency(interactions: Any) -> sparse.csr_matrix:
    """The graph of users and items: [[0, R], [R', 0]].

    Args:
        interactions: R, [n_users, n_items], a sparse matrix in coordinates.

    Returns:
        [n_users + n_items, n_users + n_items], float32 ones. The entries of a row are in the order
        of RecBole's dictionary, each where it occurs first: torch adds in this order.
    """
    n_users, n_items = interactions.shape
    users, items = interactions.row.astype(np.int64), interactions.col.astype(np.int64)
    first = np.unique(users * n_items + items, return_index=True)[1]
    if len(first) < len(users):
        first.sort()
        users, items = users[first], items[first]
    n = n_users + n_items
    rows = np.concatenate([users, items + n_users])
    columns = np.concatenate([items + n_users, users])
    entries = sparse.coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(n, n))
    entries.has_canonical_format = True  # as it is: otherwise, scipy sorts it
    return entries.tocsr()


def padded_histories(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, lengths: np.ndarray, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """``Dataset._history_matrix``: the interactions of each row in their order, padded with 0.

    Args:
        rows, columns, values: [interactions] each.
        lengths: [n_rows], the number of interactions of each row.
        width: the most of a row that are kept.

    Returns:
        columns, [n_rows, width], and their values, float32, and how many each row has, [n_rows].
    """
    order = np.argsort(rows, kind="stable")
    in_order = rows[order]
    place = np.arange(len(rows)) - (lengths.cumsum() - lengths)[in_order]
    if (kept := place < width).sum() < len(rows):
        order, in_order, place = order[kept], in_order[kept], place[kept]
    matrix = np.zeros((len(lengths), width), dtype=np.int64)
    weights = np.zeros((len(lengths), width), dtype=np.float32)
    matrix[in_order, place] = columns[order]
    weights[in_order, place] = values[order]
    counts = np.minimum(lengths, width).astype(np.int64)
    return torch.from_numpy(matrix), torch.from_numpy(weights), torch.from_numpy(counts)

"""Arrays as the page of `explore` holds them: base64 of little-endian numbers."""

import base64
from collections.abc import Iterable
from typing import Any

import numpy as np

_COUNTING = (np.uint8, np.uint16, np.uint32)
_STEPS = 32767  # on each side of 0, of a weight in 16 bits

Content = dict[str, Any]  # what JSON can hold


def packed(values: np.ndarray) -> Content:
    """An array of one dimension: its type as JavaScript names it, and its bytes."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    text = base64.b64encode(np.ascontiguousarray(little).tobytes()).decode("ascii")
    return {"type": values.dtype.name, "data": text}


def packed_numbers(values: np.ndarray) -> Content:
    """Whole numbers from 0 on, in the smallest type that holds them."""
    highest = int(values.max(initial=0))
    return packed(values.astype(next(t for t in _COUNTING if highest <= np.iinfo(t).max)))


def packed_floats(values: Any) -> Content:
    """Numbers in 32 bits."""
    return packed(np.asarray(values).astype(np.float32))


def packed_lists(rows: np.ndarray, n_lists: int, **columns: Content) -> Content:
    """Lists of different lengths, one after the other.

    Args:
        rows: [n], the list of each entry, ascending.
        n_lists: how many lists there are.
        columns: of each entry, packed.
    """
    return {"starts": packed_numbers(starts_of(rows, n_lists)), **columns}


def starts_of(rows: np.ndarray, n_lists: int) -> np.ndarray:
    """[n_lists + 1], where the entries of each list begin; the last one is their number."""
    return np.append(0, np.bincount(rows, minlength=n_lists).cumsum())


def quantised(weights: np.ndarray) -> Content:
    """A matrix in 16 bits: each row in steps of 1/32767 of its greatest absolute value.

    Args:
        weights: [rows, columns].
    """
    scales = np.abs(weights).max(axis=1, initial=0.0) / _STEPS
    steps = np.rint(weights / np.where(scales > 0, scales, 1.0)[:, None])
    return {
        "columns": weights.shape[1],
        "scales": packed_floats(scales),
        "steps": packed(steps.astype(np.int16).ravel()),
    }


def quantised_sparse(weights: Any) -> Content:
    """The same of a sparse matrix: its rows one after the other, with the columns of the entries.

    Args:
        weights: scipy's csr_matrix; changed: its entries are sorted.
    """
    weights.sort_indices()
    starts, values = weights.indptr.astype(np.int64), weights.data
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(starts))
    highest = np.zeros(weights.shape[0])
    np.maximum.at(highest, rows, np.abs(values))
    scales = highest / _STEPS
    steps = np.rint(values / np.where(scales > 0, scales, 1.0)[rows])
    return {
        "columns": weights.shape[1],
        "starts": packed_numbers(starts),
        "at": packed_numbers(weights.indices),
        "scales": packed_floats(scales),
        "steps": packed(steps.astype(np.int16)),
    }


def places(ids: Iterable[Any]) -> dict[Any, int]:
    """Each id -> its place."""
    return {one: place for place, one in enumerate(ids)}

"""Items in the page of `explore`: their genres, their neighbours, their places on the map."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from recbole_ext.errors import SettingError
from recbole_ext.inference.page_arrays import Content, packed_floats, packed_lists, packed_numbers
from recbole_ext.models import representations

N_SIMILAR = 10  # neighbours of each item
MOST_NEIGHBOURHOODS = 5_000  # items that t-SNE places; more are placed by PCA

_BLOCK = 1024  # items whose neighbours are computed at a time
_GRID = 65535  # steps along each side of the map


def genres(of_items: list[list[str]]) -> Content:
    """The names, the most frequent first, and of each item the places of its own."""
    flat = [genre for own in of_items for genre in own]
    names, at, counts = np.unique(
        np.array(flat, dtype=str), return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    rows = np.repeat(np.arange(len(of_items)), [len(own) for own in of_items])
    return {
        "names": [str(name) for name in names[order]],
        **packed_lists(rows, len(of_items), at=packed_numbers(place[at])),
    }


def of_vectors(model: Any, n_items: int) -> Content:
    """Neighbours and the map; or why the page has neither."""
    try:
        vectors = representations.vectors(model, "item")
    except SettingError as error:
        return {"similar": {"none": str(error)}, "map": {"none": str(error)}}
    k = min(N_SIMILAR, n_items - 1)
    if not k:
        reason = "the data set has a single item"
        return {"similar": {"none": reason}, "map": {"none": reason}}
    parts = [
        representations.nearest(vectors, numbers, k)
        for numbers in torch.arange(1, n_items + 1, device=vectors.device).split(_BLOCK)
    ]
    items, cosines = (
        torch.cat(of_parts).cpu().numpy().ravel() for of_parts in zip(*parts, strict=True)
    )
    at, how = projection(vectors[1:])
    return {
        "similar": {
            "perItem": k,
            "items": packed_numbers(items - 1),
            "cosines": packed_floats(cosines),
        },
        "map": {
            "how": how,
            "x": packed_numbers(np.rint(at[:, 0] * _GRID)),
            "y": packed_numbers(np.rint(at[:, 1] * _GRID)),
        },
    }


def projection(vectors: Tensor) -> tuple[np.ndarray, str]:
    """Items on a plane: near each other where the angle between their vectors is small.

    t-SNE: van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 2008.

    Args:
        vectors: [N, H], N at least 2.

    Returns:
        [N, 2], in the middle of a square with the sides [0, 1]; and the name of the method.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    units = torch.nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()
    size = min(50, *units.shape)
    axes = PCA(size, random_state=0).fit_transform(units)
    if size < 2:
        axes = np.pad(axes, ((0, 0), (0, 1)))
    how = "PCA"
    if 10 <= len(units) <= MOST_NEIGHBOURHOODS:
        perplexity = min(30.0, (len(units) - 1) / 3)
        axes = TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(axes)
        how = "t-SNE"
    low, high = axes[:, :2].min(axis=0), axes[:, :2].max(axis=0)
    return 0.5 + (axes[:, :2] - (low + high) / 2) / max(float((high - low).max()), 1e-12), how

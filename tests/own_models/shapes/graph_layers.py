"""Beside hop_mf.py, which imports it."""

import numpy as np
import scipy.sparse as sp
import torch


def normalised(interactions, n_users, n_items):
    """The symmetrically normalised graph of users and items."""
    graph = sp.bmat([[None, interactions], [interactions.T, None]]).tocoo()
    degree = np.asarray(graph.sum(axis=1)).ravel() + 1e-7
    values = graph.data * degree[graph.row] ** -0.5 * degree[graph.col] ** -0.5
    place = torch.tensor(np.stack([graph.row, graph.col]))
    size = n_users + n_items
    return torch.sparse_coo_tensor(place, torch.tensor(values, dtype=torch.float32), (size, size))

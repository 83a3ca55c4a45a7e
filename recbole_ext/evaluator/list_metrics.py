"""Metrics of recommended lists beyond accuracy: novelty, diversity within a list, serendipity.

In the formulas R is a user's list after rank k, U(i) the set of users with item i in the training
part, and U that of all users there. A training row with label 0 is no interaction.

    Novelty@k               1/|R| sum over i in R of -log2(|U(i)| / |U|)

The mean self-information of the items: Zhou et al., "Solving the apparent diversity-accuracy
dilemma of recommender systems", PNAS 2010; Castells, Hurley and Vargas, "Novelty and Diversity in
Recommender Systems", 2015, section 4.2. An item without a training interaction counts as one with
a single one: log2 |U| is the largest value.

    IntraListDiversity@k    2/(|R| (|R|-1)) sum over i < j in R of 1 - cos(i, j)
    cos(i, j)               |U(i) and U(j)| / sqrt(|U(i)| |U(j)|), 0 where one of them is empty

Smyth and McClave, "Similarity vs. Diversity", ICCBR 2001; the cosine of the items' users instead
of their features, so that it needs no features and no model. A list of one item has 0.

    Serendipity@k           |{i in R: i is relevant and not in P}| / |R|

P is the list of the same length that Pop, the most popular items, has for the same user and the
same candidates: Ge, Delgado-Battenfeld and Jannach, "Beyond Accuracy: Evaluating Recommender
Systems by Coverage and Serendipity", RecSys 2010, where P is the primitive model's list. The share
is of the whole list, so that a list which is popular but for one item cannot have 1.

All three are at least 0, and higher is better. RecBole's own metrics beyond accuracy are used as
they are: AveragePopularity, TailPercentage, ItemCoverage, GiniIndex and ShannonEntropy.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix

from recbole_ext.evaluator.evaluated_parts import relevant_rows

if TYPE_CHECKING:
    from torch import Tensor

_ENTRIES = 4_000_000  # interactions of pairs of items that are in memory at a time


def interactions(dataset: Any, label_field: str) -> csr_matrix:
    """[items, users], 1 where the training part has an interaction.

    Args:
        dataset: RecBole's, of the training part.
        label_field: ``LABEL_FIELD``.
    """
    feat = dataset.inter_feat
    liked = relevant_rows(feat, label_field)
    if liked is not None:
        feat = feat[liked]
    items, users = feat[dataset.iid_field].numpy(), feat[dataset.uid_field].numpy()
    shape = dataset.item_num, dataset.user_num
    matrix = csr_matrix((np.ones(len(items), dtype=np.float32), (items, users)), shape=shape)
    matrix.data[:] = 1.0  # scipy has added up repeated interactions
    return matrix


def popular(counts: "Tensor", scores: "Tensor", k: int) -> "Tensor":
    """Pop's lists for the candidates of some users; of equal counts the smaller number first.

    Args:
        counts: [items], training interactions.
        scores: [users, items], ``-inf`` for items that are no candidates.
        k: the length of a list.

    Returns:
        [users, k], items; 0 where there are fewer candidates.
    """
    import torch

    order = torch.argsort(counts, descending=True, stable=True)
    candidates = (scores > -torch.inf)[:, order]
    # the first k candidates of each row, in this order
    rank = candidates.long().cumsum(1)
    place = torch.where(candidates & (rank <= k), rank - 1, k)
    lists = torch.zeros(len(scores), k + 1, dtype=torch.long, device=scores.device)
    lists.scatter_(1, place, order.expand_as(place))
    lists[:, k] = 0
    return lists[:, :k]


def novelty(lists: np.ndarray, users_of: csr_matrix) -> np.ndarray:
    """Novelty after each rank, [users, k].

    Args:
        lists: [users, k], items; 0 where a list has ended.
        users_of: [items, users], see ``interactions``.
    """
    n_users = max(len(np.unique(users_of.indices)), 1)
    information = np.log2(n_users / np.maximum(users_of.getnnz(axis=1), 1))
    return _running(np.where(lists > 0, information[lists], 0.0), np.cumsum(lists > 0, axis=1))


def intra_list_diversity(lists: np.ndarray, users_of: csr_matrix) -> np.ndarray:
    """IntraListDiversity after each rank, [users, k]; arguments as of ``novelty``."""
    k = lists.shape[1]
    distance = np.zeros(lists.shape)
    for rank in range(1, k):
        new, before = lists[:, rank], lists[:, :rank]
        both = (new[:, None] > 0) & (before > 0)
        pairs = np.stack([np.broadcast_to(new[:, None], before.shape)[both], before[both]])
        values = np.zeros(before.shape)
        values[both] = 1 - _cosines(pairs, users_of)
        distance[:, rank] = values.sum(axis=1)
    lengths = np.cumsum(lists > 0, axis=1)
    return _running(distance, lengths * (lengths - 1) // 2)


def _cosines(pairs: np.ndarray, users_of: csr_matrix) -> np.ndarray:
    """The cosine of the users of each pair of items, [pairs]; each pair is computed once."""
    n_items = users_of.shape[0]
    keys, place = np.unique(
        np.minimum(*pairs).astype(np.int64) * n_items + np.maximum(*pairs), return_inverse=True
    )
    one, two = np.divmod(keys, n_items)
    counts = users_of.getnnz(axis=1)
    common = np.zeros(len(keys))
    ends = np.cumsum(np.minimum(counts[one], counts[two]) + 1)
    for part in np.split(np.arange(len(keys)), np.unique(ends // _ENTRIES, return_index=True)[1]):
        if len(part):
            common[part] = users_of[one[part]].multiply(users_of[two[part]]).sum(axis=1).A1
    length = np.sqrt(counts[one].astype(float) * counts[two])
    return np.divide(common, length, out=np.zeros(len(keys)), where=length > 0)[place.reshape(-1)]


def serendipity(lists: np.ndarray, relevant: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Serendipity after each rank, [users, k].

    Args:
        lists: [users, k], items; 0 where a list has ended.
        relevant: [users, k], whether each item is.
        expected: [users, k], Pop's lists, see ``popular``.
    """
    hits = np.zeros(lists.shape)
    same = (lists[:, :, None] == expected[:, None, :]) & (lists[:, :, None] > 0)
    for rank in range(lists.shape[1]):
        in_both = same[:, : rank + 1, : rank + 1].any(axis=2)
        hits[:, rank] = (relevant[:, : rank + 1] & ~in_both).sum(axis=1)
    return hits / np.maximum(np.cumsum(lists > 0, axis=1), 1)


def _running(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The running sum up to each rank, divided by the running count; 0 where the count is 0."""
    return values.cumsum(axis=1) / np.maximum(counts, 1)

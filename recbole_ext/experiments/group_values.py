"""What a run records for the groups of its test users and items; see evaluator/groups.py."""

from typing import Any

import numpy as np

from recbole_ext.evaluator import groups
from recbole_ext.evaluator.evaluated_parts import relevant_rows
from recbole_ext.evaluator.per_user import PerUser


def of_run(run: Any, by_user: PerUser, metric: str) -> dict[str, Any]:
    """The activity of each test user, and each user's metric within groups of items.

    Args:
        run: a ``single_run.Run`` that has been evaluated.
        by_user: its test metrics of each user.
        metric: what models are compared by.

    Returns:
        plain values:
        ``activity``: [users], training interactions;
        ``metric``: ``recall@k`` with the cutoff of a ranking metric, or RMSE or MAE;
        ``values``: [groups][users], None where a user has no row in the group; ``metric`` and
        ``values`` are left out for metrics without values of users;
        ``items``: [groups], the number of items, and their fewest and most training interactions.
    """
    dataset = run.train._dataset
    feat = dataset.inter_feat
    liked = relevant_rows(feat, run.config["LABEL_FIELD"])
    if liked is not None:
        feat = feat[liked]
    trained = np.bincount(feat[dataset.uid_field].numpy(), minlength=dataset.user_num)
    popularity = np.bincount(feat[dataset.iid_field].numpy(), minlength=dataset.item_num)
    # no user has the padding item
    of_items = np.append(0, groups.quarters(popularity[1:], popularity[1:]))
    record: dict[str, Any] = {"activity": trained[by_user.users].tolist()}
    cutoff = metric.partition("@")[2]
    if by_user.lists is not None and cutoff:
        lists = by_user.lists[:, : int(cutoff)]
        record["metric"] = f"recall@{cutoff}"
        values = groups.recall(lists, by_user.place, by_user.items, of_items)
    elif metric in by_user.errors:
        record["metric"] = metric
        errors = by_user.errors[metric]
        values = groups.errors(errors, by_user.place, by_user.items, of_items, metric == "rmse")
    else:
        return record
    record["values"] = [
        [None if np.isnan(value) else round(float(value), 6) for value in row] for row in values
    ]
    record["items"] = [
        [len(own), int(own.min()), int(own.max())] if len(own) else [0, 0, 0]
        for own in (popularity[1:][of_items[1:] == group] for group in range(groups.N_GROUPS))
    ]
    return record

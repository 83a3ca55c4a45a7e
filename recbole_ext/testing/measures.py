"""What the clauses measure, and how they compare it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from recbole_ext.registry import model_parts
from recbole_ext.testing import board, scored
from recbole_ext.trainer.single_run import Run

_SHOWN = 4  # names in a sentence


def columns(name: str) -> dict[str, Any]:
    """The columns that a kind of models needs, and settings without which it does not start."""
    kind = model_parts.kind(name).type.name
    inter = ["user_id", "item_id", "rating", "timestamp"]
    columns: dict[str, Any] = {"inter": inter}
    others: dict[str, Any] = {}
    if kind in ("CONTEXT", "DECISIONTREE"):
        columns = {
            "inter": ["user_id", "item_id", "timestamp"],
            "user": ["user_id", "taste"],
            "item": ["item_id", "colour"],
        }
        # RecBole would train them on the labels of a data set
        others = {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}
    if kind == "SEQUENTIAL":
        columns["item"] = ["item_id", "colour"]
        others = {"MAX_ITEM_LIST_LENGTH": 8}
    if kind == "KNOWLEDGE":
        columns |= {
            "kg": ["head_id", "relation_id", "tail_id"],
            "link": ["item_id", "entity_id"],
        }
    return {"load_col": columns, **others}


def batches(run: Run) -> Iterator[Any]:
    """The training batches of an epoch; of a knowledge graph's model those with both parts."""
    if run.config["MODEL_TYPE"].name == "KNOWLEDGE":
        from recbole.utils import KGDataLoaderState

        run.train.set_mode(KGDataLoaderState.RSKG)
    yield from run.train


def note(moved: set[str], name: str) -> Callable[[Tensor], None]:
    """A hook of a parameter that notes a gradient which is not zero."""

    def note(gradient: Tensor) -> None:
        dense = gradient.coalesce().values() if gradient.is_sparse else gradient
        if bool((dense != 0).any()):
            moved.add(name)

    return note


def listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def same(one: Tensor, other: Tensor) -> bool:
    """Equal scores, nan like nan."""
    rtol, atol = (1e-2, 1e-3) if torch.cuda.is_available() else (1e-5, 1e-6)
    return torch.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True)


def same_losses(one: Mapping[int, Any], other: Mapping[int, Any]) -> bool:
    """Equal losses of each epoch; on a GPU, which adds in no certain order, but for rounding."""
    if not torch.cuda.is_available():
        return one == other
    first, second = (torch.tensor([*losses.values()]).double() for losses in (one, other))
    return torch.allclose(first, second, rtol=1e-5, atol=1e-7, equal_nan=True)


def same_order(one: Tensor, other: Tensor) -> bool:
    """Whether two tables of scores, [rows, items], have the items of each row in the same order."""
    ordered = other.gather(1, one.argsort(dim=1))
    return bool((ordered.diff(dim=1) >= -1e-6).all())


def right_pairs(run: Run) -> float:
    """The share of pairs, of an own and another colour, in which the own one has the higher score.

    What a user has in the training part is left out.
    """
    data, of = run.dataset, scored.rows(run)
    values = scored.scores(run)
    users = data.field2id_token[data.uid_field]
    items = data.field2id_token[data.iid_field]
    feat = run.train._dataset.inter_feat
    have: dict[int, set[int]] = {}
    for user, item in zip(
        feat[data.uid_field].tolist(), feat[data.iid_field].tolist(), strict=True
    ):
        have.setdefault(user, set()).add(item)
    right = total = 0
    for user, row in zip(of.users.tolist(), values, strict=True):
        left = [i for i in range(1, len(items)) if i not in have.get(user, ())]
        own = row[[i for i in left if board.is_own(users[user], items[i])]]
        others = row[[i for i in left if not board.is_own(users[user], items[i])]]
        right += int((own[:, None] > others).sum())
        total += len(own) * len(others)
    return right / max(total, 1)

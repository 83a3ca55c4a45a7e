"""Full rankings: users are scored as RecBole scores them, and ranked many at a time.

RecBole ranks ``eval_batch_size`` scores at a time, by default two users of ml-100k. A model's
products depend, in their last bits, on how many users it scores at once. Therefore it still
scores as many as RecBole would; masking, sorting and counting are of all users of a large batch.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch

from recbole_ext.models.memo import Memo
from recbole_ext.registry import model_parts, models


def scores_all_items(config: Any) -> bool:
    """Whether the model of a run scores all items of any number of users at once."""
    model = config["model"]
    return models.is_known(model) and bool(model_parts.attribute(model, "scores_all_items", False))


def in_one_process(config: Any) -> bool:
    """Whether a run is not shared by several processes, whose batches have RecBole's size."""
    return "single_spec" not in config or bool(config["single_spec"])


def users_at_a_time(trainer: Any) -> int:
    """How many users RecBole scores at a time in a full ranking."""
    return max(trainer.config["eval_batch_size"] // trainer.tot_item_num, 1)


def full_sort_batch_eval(
    wrapped: Callable[[Any], Any], trainer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Trainer._full_sort_batch_eval``: the scores of a large batch, from small ones.

    Returns:
        the users, their scores [users, n_items], and of each held-out item its row and its id.
    """

    def score(batched_data: Any) -> Any:
        users, history, positive_u, positive_i = batched_data
        step = users_at_a_time(trainer)
        # without a history: the rows of a sequential model, as many as eval_batch_size
        if history is None or len(users) <= step or scores_all_items(trainer.config):
            return wrapped(batched_data)
        parts = (users[slice(start, start + step)] for start in range(0, len(users), step))
        scores = torch.cat([wrapped((part, None, None, None))[1] for part in parts])
        scores[history] = -torch.inf
        return users, scores, positive_u, positive_i

    return score(*args, **kwargs)


_memos: WeakKeyDictionary[Any, Memo] = WeakKeyDictionary()


def encoded_once(
    wrapped: Callable[..., Any], encoder: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``GcEncoder.forward`` of GCMC: once in a ranking, not once for each batch of users."""
    if encoder.training or torch.is_grad_enabled():
        _memos.pop(encoder, None)
        return wrapped(*args, **kwargs)
    memo = _memos.setdefault(encoder, Memo())
    return memo.get(encoder.parameters(), lambda: wrapped(*args, **kwargs))

"""The scores that a model has for all items, of every user or sequence of the test part."""

from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recbole_ext.trainer.single_run import Run

SEED = 7  # of what a model draws when it predicts


class Rows(NamedTuple):
    """What is scored: a row for each user, or for each sequence of the test part.

    Attributes:
        interaction: of the rows, as RecBole gives it to ``full_sort_predict``.
        users: [rows], RecBole's numbers.
        items: all items, with their features, as RecBole joins them.
    """

    interaction: Any
    users: Tensor
    items: Any


def rows(run: Run) -> Rows:
    """All users of a run's data set; of a sequential model the sequences of its test part."""
    from recbole.data.interaction import Interaction

    part = run.test._dataset
    if run.config["MODEL_TYPE"].name == "SEQUENTIAL":
        every = torch.arange(len(part.inter_feat))
        interaction = run.test.transform(part, part.inter_feat[every])
    else:
        users = torch.arange(1, part.user_num)
        interaction = part.join(Interaction({part.uid_field: users}))
    return Rows(interaction, interaction[part.uid_field], part.get_item_feature())


@torch.no_grad()
def at_once(run: Run, of: Rows) -> Tensor | None:
    """[rows, items] by ``full_sort_predict``; None for a model without it."""
    run.model.eval()
    torch.manual_seed(SEED)
    try:
        scores = run.model.full_sort_predict(of.interaction.to(run.config["device"]))
    except NotImplementedError:
        return None
    return scores.reshape(len(of.users), -1).float().cpu()


@torch.no_grad()
def by_pairs(run: Run, of: Rows) -> Tensor:
    """[rows, items] by ``predict``, a pair at a place.

    A model whose ``predict`` gives ratings may rank by other scores: ``for_ranking()``, a context
    within which ``predict`` gives those. RecBole's metrics of rankings are asked for within it.
    """
    run.model.eval()
    torch.manual_seed(SEED)
    n_items = run.dataset.item_num
    pairs = of.interaction.repeat_interleave(n_items)
    pairs.update(of.items.repeat(len(of.users)))
    with getattr(run.model, "for_ranking", nullcontext)():
        scores = run.model.predict(pairs.to(run.config["device"]))
    return scores.reshape(len(of.users), n_items).float().cpu()


def scores(run: Run) -> Tensor:
    """[rows, items], by ``full_sort_predict`` where the model has it."""
    of = rows(run)
    whole = at_once(run, of)
    return by_pairs(run, of) if whole is None else whole

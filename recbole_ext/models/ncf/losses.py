r"""What NCF is trained by. s: scores, y = sigmoid(s), r: 1 for an interaction, 0 for none.

    BCE        -r log y - (1 - r) log(1 - y)            He et al. 2017, equation 7
    MSE, RMSE  (r - y)^2, and the root of its mean      the squared loss of their equation 5
    BPR        -log sigmoid(s_ui - s_uj)                Rendle et al. 2009, section 4.1
    hinge      max(0, margin - s_ui + s_uj)             Weston et al. 2011 without the rank weight
    softmax    -log exp(s_ui) / (exp(s_ui) + sum_j exp(s_uj))    Covington et al. 2016
    CE         -log softmax(s_ui)_k, where k is the class of the rating, and 0 for not rated

i is an item that the user u has interacted with, j are the others: drawn ones, the other items of
the batch, or all that the user has not interacted with. With all items, softmax is the
multinomial likelihood of Liang et al. 2018, the other interactions of the user included below the
line. The means are over interactions and those j; a pairwise loss is averaged over pairs.

Where the data set has labels of its own, i are those labelled 1 and j those labelled 0; an item
without a label does not count.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Loss = Literal["BCE", "MSE", "RMSE", "BPR", "hinge", "softmax", "CE"]
Negatives = Literal["sampled", "in_batch", "all"]

POINTWISE = ("BCE", "MSE", "RMSE")
PAIRWISE = ("BPR", "hinge")


def interaction_loss(scores: Tensor, labels: Tensor, kind: Loss) -> Tensor:
    """The mean loss of predicting ``labels`` by ``sigmoid(scores)``.

    Args:
        scores: [B].
        labels: [B], 0 or 1.
        kind: BCE, MSE or RMSE.

    Returns:
        A scalar.
    """
    if kind == "BCE":
        return functional.binary_cross_entropy_with_logits(scores, labels)
    squared_error = functional.mse_loss(torch.sigmoid(scores), labels)
    return squared_error if kind == "MSE" else squared_error.sqrt()


def contrastive_loss(
    positives: Tensor, negatives: Tensor, counted: Tensor | None, kind: Loss, margin: float = 1.0
) -> Tensor:
    """The mean loss of ranking an item above others.

    Args:
        positives: [B], scores of the items of the interactions.
        negatives: [B, N], scores of the others.
        counted: [B, N], which of the others count; None for all.
        kind: BPR, hinge or softmax.
        margin: of the hinge.

    Returns:
        A scalar.
    """
    if kind == "softmax":
        if counted is not None:
            negatives = negatives.masked_fill(~counted, -torch.inf)
        all_scores = torch.cat([positives[:, None], negatives], dim=1)
        return (all_scores.logsumexp(1) - positives).mean()
    loss = _pairwise_losses(positives, negatives, kind, margin)
    if counted is None:
        return loss.mean()
    return torch.where(counted, loss, 0.0).sum() / counted.sum().clamp(min=1)  # 0 where none counts


def _pairwise_losses(positives: Tensor, negatives: Tensor, kind: Loss, margin: float) -> Tensor:
    """[B], [B, N] or [N] -> [B, N]."""
    lead = positives[:, None] - negatives
    return functional.softplus(-lead) if kind == "BPR" else (margin - lead).clamp(min=0)


def loss_of_rows(
    scores: Tensor, seen: Tensor, counted: Tensor | None, kind: Loss, margin: float = 1.0
) -> Tensor:
    """The mean loss of some users with all items, 0 where there is nothing to compare.

    Args:
        scores: [B, I].
        seen: [B, I], true for an interaction.
        counted: [B, I], true for an item that counts, which all interactions do; None for all.
        kind: any but CE.
        margin: of the hinge.

    Returns:
        A scalar.
    """
    if kind in POINTWISE:
        if counted is not None:
            scores, seen = scores[counted], seen[counted]
        return interaction_loss(scores, seen.to(scores), kind)
    if kind == "softmax":
        if counted is not None:
            scores = scores.masked_fill(~counted, -torch.inf)
        return -scores.log_softmax(1)[seen].sum() / seen.sum().clamp(min=1)
    against = ~seen if counted is None else counted & ~seen
    total, n_pairs = scores.new_zeros(()), 0
    for row, own, others in zip(scores, seen, against, strict=True):
        losses = _pairwise_losses(row[own], row[others], kind, margin)
        total, n_pairs = total + losses.sum(), n_pairs + losses.numel()
    return total / max(n_pairs, 1)


def class_loss(scores: Tensor, classes: Tensor) -> Tensor:
    """The mean cross-entropy: [B, K], [B] -> a scalar."""
    return functional.cross_entropy(scores, classes)

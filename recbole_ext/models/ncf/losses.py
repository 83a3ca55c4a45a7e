r"""The losses of NCF. s: scores, y = sigmoid(s), r: 1 for an interaction, 0 for none.

    BCE        -r log y - (1 - r) log(1 - y)            He et al. 2017, equation 7
    MSE, RMSE  (r - y)^2, and the root of its mean      the squared loss of their equation 5
    BPR        -log sigmoid(s_ui - s_uj)                Rendle et al. 2009, section 4.1
    hinge      max(0, margin - s_ui + s_uj)             Weston et al. 2011 without the rank weight
    softmax    -log exp(s_ui) / (exp(s_ui) + sum_j exp(s_uj))    Covington et al. 2016
    CE         -log softmax(s_ui)_k, where k is the class of the rating, and 0 for not rated

i is an item that the user u has interacted with, j are the negatives (objective.py): drawn items,
the other items of the batch, or all that the user has not interacted with. With all items, softmax
is the multinomial likelihood of Liang et al. 2018: its denominator has the user's other
interactions as well. The means are over interactions and negatives; BPR and hinge are averaged
over pairs (i, j).

In a batch, an item occurs as often as it is popular; softmax therefore takes log(popularity) from
the scores there: Yi et al., "Sampling-Bias-Corrected Neural Modeling", RecSys 2019.

``item_samples`` estimates the loss over all items by M of them, which are drawn for each batch
(item_sample.py). S_u are those that user u has no interaction with, a uniform sample of N_u, all
such items, so that each stands for w_u = |N_u| / |S_u| of them:

    BCE, MSE, CE   (sum_u sum_i l(s_ui) + sum_u w_u sum_{j in S_u} l(s_uj)) / (B N)
    RMSE           the root of that of MSE
    BPR, hinge     sum_u w_u sum_i sum_{j in S_u} l(s_ui - s_uj) / sum_u w_u |R_u| |S_u|
    softmax        -log exp(s_ui) / (sum_{i in R_u} exp(s_ui) + w_u sum_{j in S_u} exp(s_uj))

R_u are the user's interactions; where S_u is empty, they are all that counts of the user. Where no
S_u is, the loss over all items is the mean over the draws of all but RMSE and softmax, whose root
and logarithm tend to it with M. Softmax adds log w_u to the drawn scores, which is the correction
of Bengio & Senecal, "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic
Language Model", IEEE Trans. Neural Networks 2008, and Jean et al., "On Using Very Large Target
Vocabulary for Neural Machine Translation", ACL 2015, for a uniform proposal.

Where the data set has labels of its own, i are the items labelled 1 and j those labelled 0; an
item without a label does not count.

Symbols: B users or pairs, N items, K scores of a pair (1, or the number of classes).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.models.ncf.item_sample import ItemSample


class LossFunction(ABC):
    """One loss for each origin of negatives; every method returns a scalar, the mean loss.

    Attributes:
        n_scores: K.
        needs_ratings: whether it reads the ratings, not only which pairs are interactions.
        needs_negatives: whether it is undefined for interactions alone.
    """

    n_scores = 1
    needs_ratings = False
    needs_negatives = False

    @abstractmethod
    def sampled(
        self, scores: Tensor, labels: Tensor, ratings: Tensor | None, n_drawn: int
    ) -> Tensor:
        """The loss of interactions and drawn items.

        Args:
            scores: [B] or [B, K], in RecBole's order: the interactions, then the first item drawn
                for each, the second, ...
            labels: [B], 1 for an interaction, 0 for a drawn item.
            ratings: [B]; None where ``needs_ratings`` is false.
            n_drawn: negatives of each interaction.
        """

    @abstractmethod
    def in_batch(self, scores: Tensor, ratings: Tensor, seen: Tensor, items: Tensor) -> Tensor:
        """The loss of a batch of B interactions, each user with each item of the batch.

        Args:
            scores: [B, B] or [B, B, K]; the interactions are on the diagonal.
            ratings: [B, B], 0 where there is none.
            seen: [B, B], true where user and item have an interaction.
            items: [B], the items of the columns.
        """

    @abstractmethod
    def all_items(
        self, scores: Tensor, ratings: Tensor, seen: Tensor, labelled: Tensor | None
    ) -> Tensor:
        """The loss of B users with all N items, 0 where there is nothing to compare.

        Args:
            scores: [B, N] or [B, N, K].
            ratings: [B, N], 0 where there is none.
            seen: [B, N], true for an interaction.
            labelled: [B, N], true for an item that counts, which all interactions do; None for all.
        """

    @abstractmethod
    def some_items(self, own: Tensor, drawn: Tensor, sample: ItemSample) -> Tensor:
        """The estimate of ``all_items`` by a sample of the items.

        Args:
            own: [P] or [P, K], scores of the interactions.
            drawn: [B, M] or [B, M, K], of each user with each drawn item.
            sample: which these are.
        """

    def newcomer(self, scores: Tensor, seen: Tensor, n_drawn: int) -> Tensor:
        """The loss of one user that was not in training, with all items.

        Args:
            scores, seen: [1, N].
            n_drawn: negatives of each interaction in training, at least 1.
        """
        return self.all_items(scores, scores, seen, None)

    def prediction(self, scores: Tensor) -> Tensor:
        """What the model says of each pair, the probability y: [...] -> [...]."""
        return torch.sigmoid(scores)


# --- pointwise: BCE, MSE, RMSE --------------------------------------------------------------


def squared_error(scores: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """The mean of (r - y)^2, each times its weight.

    Args:
        scores, labels: [B].
        weight: [B]; None for a 1 each.
    """
    if weight is None:
        return functional.mse_loss(torch.sigmoid(scores), labels)
    return (weight * (torch.sigmoid(scores) - labels).square()).mean()


def root_squared_error(scores: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """The root of the mean of (r - y)^2, each times its weight: see ``squared_error``."""
    return squared_error(scores, labels, weight).sqrt()


class Pointwise(LossFunction):
    """Predicts the label of each pair by y.

    Args:
        error: of scores [...], labels [...], which are 0 or 1, and weights [...] or none; a scalar.
    """

    def __init__(self, error: Callable[..., Tensor]) -> None:
        self.error = error

    def sampled(
        self, scores: Tensor, labels: Tensor, ratings: Tensor | None, n_drawn: int
    ) -> Tensor:
        return self.error(scores, labels)

    def in_batch(self, scores: Tensor, ratings: Tensor, seen: Tensor, items: Tensor) -> Tensor:
        own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        used = ~seen | own  # the user's other interactions are no negatives
        return self.error(scores[used], own[used].to(scores))

    def all_items(
        self, scores: Tensor, ratings: Tensor, seen: Tensor, labelled: Tensor | None
    ) -> Tensor:
        if labelled is not None:
            scores, seen = scores[labelled], seen[labelled]
        return self.error(scores, seen.to(scores))

    def some_items(self, own: Tensor, drawn: Tensor, sample: ItemSample) -> Tensor:
        scores = torch.cat([own, drawn.flatten()])
        labels = torch.cat([torch.ones_like(own), torch.zeros_like(drawn).flatten()])
        weights = torch.cat([torch.ones_like(own), sample.weights.flatten()])
        of_mean = len(scores) / (len(drawn) * sample.n_items)
        return self.error(scores, labels, of_mean * weights)

    def newcomer(self, scores: Tensor, seen: Tensor, n_drawn: int) -> Tensor:
        """Items without an interaction weigh as much as the drawn ones do in training."""
        positives, negatives = scores[seen], scores[~seen]
        loss = self.error(positives, torch.ones_like(positives))
        against = self.error(negatives, torch.zeros_like(negatives))
        return (loss + n_drawn * against) / (1 + n_drawn)


# --- contrastive: BPR, hinge, softmax -------------------------------------------------------


class Contrastive(LossFunction):
    """Ranks the item of an interaction above others."""

    needs_negatives = True

    @abstractmethod
    def contrast(self, positives: Tensor, negatives: Tensor, counted: Tensor | None) -> Tensor:
        """The mean loss of some items against others.

        Args:
            positives: [B], scores of the items of the interactions.
            negatives: [B, N], scores of the others.
            counted: [B, N], which of the others count; None for all.
        """

    def sampled(
        self, scores: Tensor, labels: Tensor, ratings: Tensor | None, n_drawn: int
    ) -> Tensor:
        positives, *drawn = scores.view(1 + n_drawn, -1)
        return self.contrast(positives, torch.stack(drawn, dim=1), None)

    def in_batch(self, scores: Tensor, ratings: Tensor, seen: Tensor, items: Tensor) -> Tensor:
        return self.contrast(scores.diagonal(), scores, ~seen)


def bpr(lead: Tensor) -> Tensor:
    """-log sigmoid(lead), of each s_ui - s_uj: [...] -> [...]."""
    return functional.softplus(-lead)


def hinge(lead: Tensor, margin: float) -> Tensor:
    """max(0, margin - lead), of each s_ui - s_uj: [...] -> [...]."""
    return (margin - lead).clamp(min=0)


class Pairwise(Contrastive):
    """Compares an interaction with one negative at a time.

    Args:
        penalty: of each lead s_ui - s_uj: [...] -> [...].
    """

    def __init__(self, penalty: Callable[[Tensor], Tensor]) -> None:
        self.penalty = penalty

    def contrast(self, positives: Tensor, negatives: Tensor, counted: Tensor | None) -> Tensor:
        losses = self.penalty(positives[:, None] - negatives)
        if counted is None:
            return losses.mean()
        return torch.where(counted, losses, 0.0).sum() / counted.sum().clamp(min=1)

    def all_items(
        self, scores: Tensor, ratings: Tensor, seen: Tensor, labelled: Tensor | None
    ) -> Tensor:
        negatives = ~seen if labelled is None else labelled & ~seen
        total, n_pairs = scores.new_zeros(()), 0
        for s_u, i, j in zip(scores, seen, negatives, strict=True):
            losses = self.penalty(s_u[i][:, None] - s_u[j])
            total, n_pairs = total + losses.sum(), n_pairs + losses.numel()
        return total / max(n_pairs, 1)

    def some_items(self, own: Tensor, drawn: Tensor, sample: ItemSample) -> Tensor:
        weights = functional.embedding(sample.own.row, sample.weights)  # [P, M]
        losses = self.penalty(own[:, None] - functional.embedding(sample.own.row, drawn))
        return (weights * losses).sum() / weights.sum().clamp(min=1)


class Softmax(Contrastive):
    """Compares an interaction with all its negatives at once.

    Args:
        popularity: [items], the share of each in the interactions; None leaves the scores of a
            batch as they are.
    """

    def __init__(self, popularity: Tensor | None = None) -> None:
        self.popularity = popularity

    def contrast(self, positives: Tensor, negatives: Tensor, counted: Tensor | None) -> Tensor:
        if counted is not None:
            negatives = negatives.masked_fill(~counted, -torch.inf)
        s = torch.cat([positives[:, None], negatives], dim=1)
        return (s.logsumexp(1) - positives).mean()

    def in_batch(self, scores: Tensor, ratings: Tensor, seen: Tensor, items: Tensor) -> Tensor:
        if self.popularity is not None:
            scores = scores - self.popularity[items].log()
        return super().in_batch(scores, ratings, seen, items)

    def all_items(
        self, scores: Tensor, ratings: Tensor, seen: Tensor, labelled: Tensor | None
    ) -> Tensor:
        if labelled is not None:
            scores = scores.masked_fill(~labelled, -torch.inf)
        return -scores.log_softmax(1)[seen].sum() / seen.sum().clamp(min=1)

    def some_items(self, own: Tensor, drawn: Tensor, sample: ItemSample) -> Tensor:
        user = sample.own.row
        corrected = drawn + sample.weights.log()  # [B, M], -inf where it does not count
        own = own.to(corrected)  # in half precision the weights are float32
        top = corrected.detach().amax(1).scatter_reduce(0, user, own.detach(), "amax")
        total = (corrected - top[:, None]).exp().sum(1)
        total = total.index_add(0, user, (own - top[user]).exp())  # [B], Z_u / exp(top_u)
        return (total.log()[user] + top[user] - own).sum() / max(len(own), 1)

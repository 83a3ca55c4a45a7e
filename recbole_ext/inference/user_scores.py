"""The scores of all items for users, and the best items, as in RecBole's evaluation."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.errors import DataError
from recbole_ext.inference.trained_model import TrainedModel

# Scores that are computed at a time: 16 MiB by models that say that they score all items at once;
# others may keep a vector for each pair of a user and an item.
_ALL_ITEMS, _OTHERS = 2**22, 2**18


class UserScores:
    """Scores of users by a trained model.

    Args:
        trained: the model.
    """

    def __init__(self, trained: TrainedModel) -> None:
        self.trained = trained
        self._sequences = _latest_sequences(trained) if trained.is_sequential else None

    @property
    def users(self) -> np.ndarray:
        """RecBole's numbers of all users; for a sequential model, of those in the test part."""
        if self._sequences is None:
            return np.arange(1, self.trained.dataset.user_num)
        return np.unique(self._sequences.inter_feat[self._sequences.uid_field].numpy())

    @property
    def users_at_a_time(self) -> int:
        """How many users ``of`` should be asked for at a time, so that memory stays bounded."""
        from recbole.model.abstract_recommender import AbstractRecommender

        n_scores = _ALL_ITEMS if self.trained.scores_all_items else _OTHERS
        kind = type(self.trained.model)
        if kind.full_sort_predict is AbstractRecommender.full_sort_predict:
            n_scores = self.trained.eval_batch_size  # RecBole repeats a user for every item
        return max(n_scores // self.trained.dataset.item_num, 1)

    def of(self, users: np.ndarray, without_seen: bool = False) -> Tensor:
        """The scores of all items: [B] -> [B, items], ``-inf`` for the padding item.

        Args:
            users: RecBole's numbers.
            without_seen: whether seen items have the score ``-inf``, too. For a sequential model
                nothing is left out, as in RecBole's evaluation.

        Raises:
            DataError: a sequential model has no sequence of a user.
        """
        from recbole.utils.case_study import full_sort_scores

        trained = self.trained
        dataset = trained.dataset
        if self._sequences is not None:
            dataset = self._sequences
            self._check_sequences(users)
        nothing = InteractionSet(np.empty(0, dtype=np.int64), dataset.user_num, dataset.item_num)
        part = SimpleNamespace(  # what full_sort_scores reads of a loader
            dataset=dataset,
            is_sequential=trained.is_sequential,
            uid2history_item=_Items(trained.seen if without_seen else nothing),
        )
        return full_sort_scores(users, _scorer(trained.model), part, trained.device)

    @torch.no_grad()
    def ratings(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """The rating of each pair, by a model that ranks by other scores: [n], [n] -> [n].

        Args:
            users, items: RecBole's numbers.
        """
        from recbole.data.interaction import Interaction

        model = self.trained.model
        pairs = [torch.tensor(numbers, device=self.trained.device) for numbers in (users, items)]
        step = self.trained.eval_batch_size
        parts = [
            model.predict(Interaction({model.USER_ID: some_users, model.ITEM_ID: some_items}))
            for some_users, some_items in zip(*(p.split(step) for p in pairs), strict=True)
        ]
        return torch.cat(parts).cpu().numpy()

    def _check_sequences(self, users: np.ndarray) -> None:
        assert self._sequences is not None
        missing = users[~np.isin(users, self.users)]
        if len(missing):
            field = self._sequences.uid_field
            token = self._sequences.id2token(field, int(missing[0]))
            raise DataError(
                f"{field} {token}: {self.trained.name} predicts the next item of a sequence, and "
                "the test part has none of this user; ask for a user of the test part"
            )


def _scorer(model: Any) -> SimpleNamespace:
    """The part of a model that ``full_sort_scores`` uses; ``eval`` is called only in training mode.

    ``eval`` forgets what a model keeps for an evaluation, as AutoRec the codes of all items.
    """

    def set_eval() -> None:
        if model.training:
            model.eval()

    return SimpleNamespace(
        eval=set_eval, full_sort_predict=model.full_sort_predict, predict=model.predict
    )


def best(scores: Tensor, k: int, at_least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k items with the highest scores, those of ``-inf`` left out.

    Which of several items with equal scores come first depends on the length that ``topk`` is
    asked for: it is asked for at least that of the evaluation.

    Args:
        scores: [B, items].
        k: of each row.
        at_least: the length that an evaluation asks for.

    Returns:
        of each item that is left its row, ascending, its number and its score.
    """
    top = scores.topk(min(max(k, at_least), scores.shape[1]))
    values, items = top.values[:, :k].cpu().numpy(), top.indices[:, :k].cpu().numpy()
    kept = values > -np.inf
    return np.nonzero(kept)[0], items[kept], values[kept]


class _Items:
    """``uid2history_item`` of RecBole's loader: users -> of each the items."""

    def __init__(self, interactions: InteractionSet) -> None:
        self.interactions = interactions

    def __getitem__(self, users: Iterable[Any]) -> list[Tensor]:
        numbers = np.array([int(user) for user in users])
        row, items = self.interactions.of(numbers)
        counts = np.bincount(row, minlength=len(numbers))
        return list(torch.from_numpy(items).split(counts.tolist()))


def _latest_sequences(trained: TrainedModel) -> Any:
    """The test part with the last row of each user: the sequence before the last item."""
    part = trained.parts.get("test", trained.parts["train"])
    users = part.inter_feat[part.uid_field].numpy()
    _, from_the_end = np.unique(users[::-1], return_index=True)
    return part.copy(part.inter_feat[len(users) - 1 - from_the_end])

"""Recommendations, scores, reasons and similar items of a trained model, by the ids of the data.

Every answer is a pandas frame. Ids are those of the data files, as text; a number works, too.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recbole_ext.errors import DataError, SettingError
from recbole_ext.inference import explain, histories, neighbours, new_person, trained_model
from recbole_ext.inference.histories import Interactions
from recbole_ext.inference.names import Id, Ids, Names
from recbole_ext.inference.trained_model import TrainedModel
from recbole_ext.inference.user_scores import UserScores, best

Exclude = Literal["seen"] | None


class Recommender:
    """A trained model that answers by the ids of the data files.

    Args:
        trained: the model and its data set; ``recbole_ext.load(FILE)`` reads both.

    Attributes:
        users, items: all ids of the data set, text.
    """

    def __init__(self, trained: TrainedModel) -> None:
        self.trained = trained
        self._names = Names(trained)
        self._scores = UserScores(trained)

    @classmethod
    def load(cls, file: str | Path, trust_checkpoint: bool = False) -> "Recommender":
        """The recommender of a checkpoint; see ``trained_model.load``."""
        return cls(trained_model.load(file, trust_checkpoint))

    @property
    def users(self) -> np.ndarray:
        """The ids of all users, [users]."""
        return self._names.users[1:]

    @property
    def items(self) -> np.ndarray:
        """The ids of all items, [items]."""
        return self._names.items[1:]

    @property
    def scored_users(self) -> np.ndarray:
        """RecBole's numbers of the users that have scores, see ``UserScores.users``."""
        return self._scores.users

    def recommend(
        self,
        users: Ids,
        k: int = 10,
        exclude: Exclude = "seen",
        among: Iterable[Id] | None = None,
    ) -> pd.DataFrame:
        """The items with the highest scores for each user, best first.

        Scores and order are those of the evaluation of the test part.

        Args:
            users: one id or several.
            k: the length of each list, at least 1; it is shorter where fewer items are left.
            exclude: "seen" leaves out the user's items in the training and the validation part,
                as the evaluation does; None leaves out nothing.
            among: the ids of the candidates; None for all items.

        Returns:
            columns user_id, item_id, score, rank (from 1 on) and title.

        Raises:
            DataError: an id is unknown; the message names the nearest ones.
        """
        frames = list(self.recommend_in_parts(users, k, exclude, among))
        return pd.concat(frames, ignore_index=True)

    def recommend_in_parts(
        self,
        users: Ids | None = None,
        k: int = 10,
        exclude: Exclude = "seen",
        among: Iterable[Id] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Like ``recommend``, in several frames of some users each, which needs less memory.

        Args:
            users: None for all of the data set.
            k, exclude, among: see ``recommend``.
        """
        if exclude not in ("seen", None):
            raise SettingError(f'exclude: expected "seen" or None, found {exclude!r}')
        allowed = self._candidates(k, among)
        numbers = np.arange(1, len(self._names.users))
        if users is not None:
            numbers = self._names.numbers("user", users)
        if not len(numbers):
            raise DataError("users: expected at least one id, found none")
        step = self._scores.users_at_a_time
        for start in range(0, len(numbers), step):
            some = numbers[start : start + step]
            scores = self._scores.of(some, exclude == "seen")
            rows, items, values = self._lists(scores, k, allowed)
            ids = {"user_id": self._names.users[some[rows]]}
            yield self._names.lists_frame(ids, rows, items, values)

    def recommend_for(
        self,
        interactions: Interactions,
        k: int = 10,
        exclude: Exclude = "seen",
        among: Iterable[Id] | None = None,
    ) -> pd.DataFrame:
        """Recommendations for a person who was not in training.

        new_person.py says how each model computes the scores.

        Args:
            interactions: item id -> rating; for models of interactions, item ids are enough.
            k, among: see ``recommend``.
            exclude: "seen" leaves out the person's items, None does not.

        Returns:
            columns item_id, score, rank (from 1 on) and title.

        Raises:
            DataError: there is no item, one is unknown or given twice, or a rating is missing or
                out of the range of the data set.
            SettingError: the model cannot take in new people.
        """
        items, ratings = histories.numbers_of(self._names, interactions)
        allowed = self._candidates(k, among)
        scores = new_person.scores(self.trained, items, ratings)
        if exclude == "seen":
            scores[torch.from_numpy(items).to(scores.device)] = -torch.inf
        rows, numbers, values = self._lists(scores[None], k, allowed)
        return self._names.lists_frame({}, rows, numbers, values)

    def predict(self, users: Ids, items: Ids) -> pd.DataFrame:
        """The score of pairs: of each user with the item at the same place.

        It is the score that ``recommend`` ranks by; AutoRec's ratings are not clipped to the scale.
        AutoRec with an exposure head does not rank by ratings: a second column has the predicted
        rating, clipped as for RMSE.

        Args:
            users, items: of the same length; a single id is repeated to the length of the other.

        Returns:
            columns user_id, item_id, score, title, and rating for a model with an exposure head.

        Raises:
            DataError: an id is unknown, or the lengths differ.
        """
        pairs = self._names.numbers("user", users), self._names.numbers("item", items)
        lengths = [len(numbers) for numbers in pairs]
        if lengths[0] != lengths[1] and 1 not in lengths:
            raise DataError(
                f"users and items: expected as many of each, found {lengths[0]} and {lengths[1]}"
            )
        user_numbers, item_numbers = np.broadcast_arrays(*pairs)
        distinct, which = np.unique(user_numbers, return_inverse=True)
        scores = np.empty(len(which))
        step = self._scores.users_at_a_time
        for start in range(0, len(distinct), step):
            of_users = self._scores.of(distinct[start : start + step]).cpu().numpy()
            here = (which >= start) & (which < start + step)
            scores[here] = of_users[which[here] - start, item_numbers[here]]
        frame = pd.DataFrame(
            {
                "user_id": self._names.users[user_numbers],
                "item_id": self._names.items[item_numbers],
                "score": scores,
                "title": self.trained.titles[item_numbers],
            }
        )
        if not getattr(self.trained.model, "ranks_by_ratings", True):
            frame["rating"] = self._scores.ratings(user_numbers, item_numbers)
        return frame

    def history(self, user: Id) -> pd.DataFrame:
        """The items of a user in the training and the validation part, the highest rating first.

        Returns:
            columns item_id, rating (where the data set has ratings) and title.

        Raises:
            DataError: the id is unknown.
        """
        (number,) = self._names.numbers("user", user)
        return histories.of_user(self._names, int(number))

    def described(self, interactions: Interactions) -> pd.DataFrame:
        """The items of a new person, in the form of ``history``."""
        return histories.of_person(self._names, interactions)

    def explain(self, user: Id, items: Ids, k_reasons: int | None = 3) -> pd.DataFrame:
        """Why items are recommended to a user: the items of the user that explain each of them.

        How a contribution is computed depends on the model: see ``explained_by``.

        Args:
            user: an id.
            items: one id or several, to be explained.
            k_reasons: the largest number of reasons for each item, those with the highest positive
                contribution; None for all items of the user in the training part.

        Returns:
            columns user_id, item_id, because_id, contribution, share (of the sum of the absolute
            contributions of all items of the user), rank (from 1 on) and title (of because_id).

        Raises:
            DataError: an id is unknown, or the user has no item in the training part.
            SettingError: the model's scores cannot be explained.
        """
        return explain.of_user(self._names, user, items, k_reasons)

    def explain_for(
        self,
        interactions: Interactions,
        items: Ids,
        k_reasons: int | None = 3,
    ) -> pd.DataFrame:
        """As ``explain``, for a person who was not in training; without the column user_id.

        Args:
            interactions: see ``recommend_for``.
            items, k_reasons: see ``explain``.
        """
        return explain.of_person(self._names, interactions, items, k_reasons)

    @property
    def explained_by(self) -> str:
        """How contributions are computed for this model, a sentence.

        Raises:
            SettingError: the model's scores cannot be explained.
        """
        return explain.way_of(self.trained).sentence

    def similar_items(self, items: Ids, k: int = 10) -> pd.DataFrame:
        """The items that are nearest to each item, by the cosine of the model's vectors.

        Args:
            items: one id or several.
            k: the length of each list, at most the number of other items.

        Returns:
            columns item_id, similar_id, cosine, rank (from 1 on) and title.

        Raises:
            DataError: an id is unknown, or ``k`` is too large.
            SettingError: the model has no vectors.
        """
        frame = neighbours.frame(self._names, "item", items, k)
        frame["title"] = self.trained.titles[frame.pop("number").to_numpy()]
        return frame

    def similar_users(self, users: Ids, k: int = 10) -> pd.DataFrame:
        """As ``similar_items``, of users; columns user_id, similar_id, cosine and rank."""
        return neighbours.frame(self._names, "user", users, k).drop(columns="number")

    def _candidates(self, k: int, among: Iterable[Id] | None) -> Tensor | None:
        """[items], whether each may be recommended; None where all may.

        Raises:
            DataError: ``k`` is not positive, or a candidate is unknown.
        """
        if k < 1:
            raise DataError(f"k: expected at least 1, found {k}")
        if among is None:
            return None
        allowed = torch.zeros(len(self._names.items), dtype=torch.bool)
        allowed[torch.from_numpy(self._names.numbers("item", among))] = True
        return allowed

    def _lists(
        self, scores: Tensor, k: int, allowed: Tensor | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if torch.isnan(scores).any():
            raise SettingError(
                f"{self.trained.file}: {self.trained.name} predicts values that are no numbers "
                "(nan): training has diverged; train anew with a smaller learning_rate"
            )
        if allowed is not None:
            scores[:, ~allowed.to(scores.device)] = -torch.inf
        return best(scores, k, self.trained.longest_cutoff)

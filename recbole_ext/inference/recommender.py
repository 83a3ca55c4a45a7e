"""Answers of a trained model by the user's own ids: what to recommend, how much, and what is near.

Every answer is a pandas frame. Ids are those of the data files, as text; a number works, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recbole_ext.data.ids import Entity
from recbole_ext.errors import DataError, SettingError
from recbole_ext.inference import new_person, trained_model
from recbole_ext.inference.names import Id, Ids, Names
from recbole_ext.inference.trained_model import TrainedModel
from recbole_ext.inference.user_scores import UserScores, best
from recbole_ext.models import representations

Exclude = Literal["seen"] | None


class Recommender:
    """A trained model that is asked by the ids of the data files.

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
        """The one of a checkpoint; see ``trained_model.load``."""
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
        """RecBole's numbers of the users that have scores; of a sequential model see ``UserScores``."""
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
            exclude: "seen" leaves out what the user has in the training and the validation part,
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
        """As ``recommend``, a frame for some users at a time, so that memory stays bounded.

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
        interactions: Mapping[Id, float] | Iterable[Id],
        k: int = 10,
        exclude: Exclude = "seen",
        among: Iterable[Id] | None = None,
    ) -> pd.DataFrame:
        """Recommendations for a person who was not in training.

        How the model takes in the person's items: see new_person.py.

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
        ratings = interactions if isinstance(interactions, Mapping) else None
        items = self._names.numbers("item", interactions)
        values = None if ratings is None else np.array([*ratings.values()], dtype=np.float64)
        allowed = self._candidates(k, among)
        scores = new_person.scores(self.trained, items, values)
        if exclude == "seen":
            scores[torch.from_numpy(items).to(scores.device)] = -torch.inf
        rows, numbers, values = self._lists(scores[None], k, allowed)
        return self._names.lists_frame({}, rows, numbers, values)

    def predict(self, users: Ids, items: Ids) -> pd.DataFrame:
        """The score of pairs: of each user with the item at the same place.

        It is the score that ``recommend`` ranks by: a rating of AutoRec is not cut at the ends of
        the scale.

        Args:
            users, items: of the same length; one id stands for as many as the other has.

        Returns:
            columns user_id, item_id, score and title.

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
        return pd.DataFrame(
            {
                "user_id": self._names.users[user_numbers],
                "item_id": self._names.items[item_numbers],
                "score": scores,
                "title": self.trained.titles[item_numbers],
            }
        )

    def history(self, user: Id) -> pd.DataFrame:
        """What a user has in the training and the validation part, the highest rating first.

        Returns:
            columns item_id, rating (where the data set has ratings) and title.

        Raises:
            DataError: the id is unknown.
        """
        (number,) = self._names.numbers("user", user)
        parts = [part for name, part in self.trained.parts.items() if name != "test"]
        rows = [part.inter_feat[part.uid_field] == int(number) for part in parts]
        pairs = zip(parts, rows, strict=True)
        items = torch.cat([part.inter_feat[part.iid_field][of_user] for part, of_user in pairs])
        numbers = items.unique().numpy()
        ratings = self.trained.ratings
        if ratings is None:
            return self._names.items_frame(numbers)
        of_items = ratings.of_user(int(number))
        return self._with_ratings(numbers, [of_items[item] for item in numbers.tolist()])

    def described(self, interactions: Mapping[Id, float] | Iterable[Id]) -> pd.DataFrame:
        """A new person's items as ``history`` describes a user's."""
        numbers = self._names.numbers("item", interactions)
        if isinstance(interactions, Mapping):
            return self._with_ratings(numbers, [*interactions.values()])
        return self._names.items_frame(numbers)

    def _with_ratings(self, numbers: np.ndarray, ratings: Sequence[float]) -> pd.DataFrame:
        """Items with their ratings, the highest first."""
        frame = self._names.items_frame(numbers)
        frame.insert(1, "rating", ratings)
        return frame.sort_values("rating", ascending=False, kind="stable", ignore_index=True)

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
        frame = self._similar("item", items, k)
        frame["title"] = self.trained.titles[frame.pop("number").to_numpy()]
        return frame

    def similar_users(self, users: Ids, k: int = 10) -> pd.DataFrame:
        """As ``similar_items``, of users; columns user_id, similar_id, cosine and rank."""
        return self._similar("user", users, k).drop(columns="number")

    def _similar(self, entity: Entity, ids: Ids, k: int) -> pd.DataFrame:
        numbers = self._names.numbers(entity, ids)
        vectors = representations.vectors(self.trained.model, entity)
        if not 1 <= k <= len(vectors) - 2:
            raise DataError(
                f"k: expected 1 to {len(vectors) - 2}, the number of other {entity}s, found {k}"
            )
        near, cosines = representations.nearest(vectors, torch.from_numpy(numbers), k)
        tokens = self._names.of(entity)
        return pd.DataFrame(
            {
                f"{entity}_id": np.repeat(tokens[numbers], k),
                "similar_id": tokens[near.cpu().numpy().ravel()],
                "cosine": cosines.cpu().numpy().ravel(),
                "rank": np.tile(np.arange(1, k + 1), len(numbers)),
                "number": near.cpu().numpy().ravel(),
            }
        )

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

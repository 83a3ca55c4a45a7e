"""Ratings on the scale of the data file.

RecBole scales ml-100k's ratings to [0, 1] (``normalize_all``); users expect the stars that they
have given.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from recbole_ext.data.ids import id_field

if TYPE_CHECKING:
    from recbole_ext.data.interaction_file import InteractionFile


class Ratings:
    """The ratings of a data set.

    Args:
        dataset: RecBole's, whose ids are remapped.
        field: the column with the ratings.
        file: the interactions as the file has them, where the run has normalised the column; None
            where it has not.
    """

    def __init__(self, dataset: Any, field: str, file: "InteractionFile | None") -> None:
        self.dataset, self.field, self.file = dataset, field, file

    @cached_property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest rating that occurs."""
        if self.file is not None:
            assert self.file.ratings is not None
            return float(self.file.ratings.min()), float(self.file.ratings.max())
        values = self.dataset.inter_feat[self.field]
        return float(values.min()), float(values.max())

    @cached_property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The user and the item of each interaction, RecBole's numbers, and the rating."""
        dataset = self.dataset
        fields = [id_field(dataset, "user"), id_field(dataset, "item")]
        if self.file is None:
            feat = dataset.inter_feat
            users, items, ratings = (feat[name].numpy() for name in (*fields, self.field))
            return users, items, ratings
        assert self.file.ratings is not None
        numbers = []
        for field, tokens, of_rows in zip(
            fields,
            (self.file.user_tokens, self.file.item_tokens),
            (self.file.users, self.file.items),
            strict=True,
        ):
            known = dataset.field2token_id[field]
            numbers.append(np.array([known.get(str(token), 0) for token in tokens])[of_rows])
        users, items = numbers
        kept = (users > 0) & (items > 0)  # RecBole may have filtered the others
        return users[kept], items[kept], self.file.ratings[kept]

    def of_user(self, user: int) -> dict[int, float]:
        """The number of each item of a user -> the rating.

        Args:
            user: RecBole's number.
        """
        users, items, ratings = self.columns
        rows = users == user
        return dict(zip(items[rows].tolist(), ratings[rows].tolist(), strict=True))

    def of_pairs(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """The rating of each pair, [B], [B] -> [B]; of a pair that occurs again the last one.

        Args:
            users, items: RecBole's numbers; each pair occurs in the data set.
        """
        all_users, all_items, ratings = self.columns
        keys = all_users.astype(np.int64) * self.dataset.item_num + all_items
        order = np.argsort(keys, kind="stable")
        queries = users.astype(np.int64) * self.dataset.item_num + items
        last = np.searchsorted(keys[order], queries, side="right") - 1
        return ratings[order][last]

"""Ratings on the scale of the data file.

RecBole's models see ml-100k's ratings squeezed into [0, 1] (``normalize_all``); people want to see
the stars that they have given.
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

    def of_user(self, user: int) -> dict[int, float]:
        """The number of each item of a user -> the rating.

        Args:
            user: RecBole's number.
        """
        dataset = self.dataset
        uid, iid = dataset.uid_field, dataset.iid_field
        if self.file is None:
            feat = dataset.inter_feat
            rows = feat[uid] == user
            return dict(zip(feat[iid][rows].tolist(), feat[self.field][rows].tolist(), strict=True))
        assert self.file.ratings is not None
        token = str(dataset.id2token(id_field(dataset, "user"), user))
        rows = np.flatnonzero(self.file.users == np.flatnonzero(self.file.user_tokens == token)[0])
        tokens = self.file.item_tokens[self.file.items[rows]]
        numbers = dataset.field2token_id[iid]
        pairs = zip(tokens, self.file.ratings[rows].tolist(), strict=True)
        return {int(numbers[token]): rating for token, rating in pairs if token in numbers}

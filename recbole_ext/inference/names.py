"""Ids of the data files and RecBole's numbers, and frames with these ids."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from recbole_ext.data.ids import Entity, id_field, number_of
from recbole_ext.inference.trained_model import TrainedModel

Id = str | int
Ids = Id | Iterable[Id]


class Names:
    """The ids of a data set.

    Args:
        trained: a model with its data set.

    Attributes:
        users, items: [users], [items], the id of each number, text; that of 0 is RecBole's padding.
    """

    def __init__(self, trained: TrainedModel) -> None:
        self.trained = trained
        self.users, self.items = (
            np.asarray(trained.dataset.field2id_token[id_field(trained.dataset, entity)], object)
            for entity in ("user", "item")
        )

    def of(self, entity: Entity) -> np.ndarray:
        """``users`` or ``items``."""
        return self.users if entity == "user" else self.items

    def numbers(self, entity: Entity, ids: Ids) -> np.ndarray:
        """RecBole's numbers of one id or several, [B].

        Raises:
            DataError: an id is unknown; the message names the nearest ones.
        """
        several = [ids] if isinstance(ids, (str, int, np.integer)) else ids
        dataset = self.trained.dataset
        known = dataset.field2token_id[id_field(dataset, entity)]
        tokens = map(str, several)
        numbers = [known.get(t, 0) or number_of(dataset, entity, t, dashes="") for t in tokens]
        return np.array(numbers, dtype=np.int64)

    def items_frame(self, numbers: np.ndarray) -> pd.DataFrame:
        """Items: columns item_id and title."""
        return pd.DataFrame({"item_id": self.items[numbers], "title": self.trained.titles[numbers]})

    def lists_frame(
        self, first: dict[str, Any], rows: np.ndarray, items: np.ndarray, scores: np.ndarray
    ) -> pd.DataFrame:
        """Ranked lists one below the other: columns item_id, score, rank and title.

        Args:
            first: columns before these.
            rows: [n], the list of each line, ascending.
            items, scores: [n], of each line.
        """
        counts = np.bincount(rows)
        starts = np.repeat(counts.cumsum() - counts, counts)
        return pd.DataFrame(
            {
                **first,
                "item_id": self.items[items],
                "score": scores,
                "rank": np.arange(1, len(rows) + 1) - starts,
                "title": self.trained.titles[items],
            }
        )

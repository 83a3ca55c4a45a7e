"""Similar users and items."""

import numpy as np
import pandas as pd
import torch

from recbole_ext.data.ids import Entity
from recbole_ext.errors import DataError
from recbole_ext.inference.names import Ids, Names
from recbole_ext.models import representations


def frame(names: Names, entity: Entity, ids: Ids, k: int) -> pd.DataFrame:
    """The nearest others of some users or items, by the cosine of the model's vectors.

    Args:
        names: of the data set of the model.
        entity: whether ``ids`` are users or items.
        ids: one id or several.
        k: the length of each list, at most the number of the others.

    Returns:
        columns ENTITY_id, similar_id, cosine, rank (from 1 on) and number, RecBole's number of the
        similar one.

    Raises:
        DataError: an id is unknown, or ``k`` is too large.
        SettingError: the model has no vectors.
    """
    numbers = names.numbers(entity, ids)
    vectors = representations.vectors(names.trained.model, entity)
    if not 1 <= k <= len(vectors) - 2:
        raise DataError(
            f"k: expected 1 to {len(vectors) - 2}, the number of other {entity}s, found {k}"
        )
    near, cosines = representations.nearest(vectors, torch.from_numpy(numbers), k)
    tokens = names.of(entity)
    return pd.DataFrame(
        {
            f"{entity}_id": np.repeat(tokens[numbers], k),
            "similar_id": tokens[near.cpu().numpy().ravel()],
            "cosine": cosines.cpu().numpy().ravel(),
            "rank": np.tile(np.arange(1, k + 1), len(numbers)),
            "number": near.cpu().numpy().ravel(),
        }
    )

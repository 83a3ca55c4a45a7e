"""The tokens of users and items (their ids in the data files) and their numbers in RecBole."""

from typing import Any, Literal

from recbole_ext.config.setting_names import near
from recbole_ext.errors import DataError

Entity = Literal["user", "item"]


def id_field(dataset: Any, entity: Entity) -> str:
    """The column of a RecBole ``Dataset`` that holds the ids of users, or of items."""
    return dataset.uid_field if entity == "user" else dataset.iid_field


def number_of(dataset: Any, entity: Entity, token: str, dashes: str = "--") -> int:
    """RecBole's number, from 1 on, of a user or an item.

    Args:
        dataset: RecBole's ``Dataset``.
        entity: what ``token`` is the id of.
        token: the id as the data files have it.
        dashes: before ``entity`` in the message: those of an option, or "".

    Raises:
        DataError: the data set has no such user or item; the message names the nearest ids.
    """
    field = id_field(dataset, entity)
    numbers = dataset.field2token_id[field]
    number = int(numbers.get(token, 0))
    if not number:  # 0 is RecBole's padding
        nearest = near(token, [other for other in map(str, numbers) if other != "[PAD]"])
        advice = f"; did you mean {nearest}?" if nearest else ""
        raise DataError(
            f"{dashes}{entity} {token}: no such {field} in {dataset.dataset_name}{advice}"
        )
    return number

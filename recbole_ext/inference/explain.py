"""Reasons: the items of a person that contribute most to a recommendation, as a frame."""

import numpy as np
import pandas as pd

from recbole_ext.errors import DataError
from recbole_ext.inference import histories, new_person
from recbole_ext.inference.contributions import Person, Way, way_of
from recbole_ext.inference.names import Id, Ids, Names


def of_user(names: Names, user: Id, items: Ids, k_reasons: int | None) -> pd.DataFrame:
    """See ``Recommender.explain``.

    Args:
        names: the ids of the trained model.
        user, items, k_reasons: see there.
    """
    way = way_of(names.trained)
    (number,) = names.numbers("user", user)
    person = way.history(int(number))
    if not len(person.items):
        raise DataError(
            f"user {names.users[number]}: has no item in the training part, so that nothing "
            "explains a score; ask for a user who has"
        )
    frame = _frame(names, way, person, items, k_reasons)
    frame.insert(0, "user_id", names.users[number])
    return frame


def of_person(
    names: Names, interactions: histories.Interactions, items: Ids, k_reasons: int | None
) -> pd.DataFrame:
    """See ``Recommender.explain_for``.

    Args:
        names: the ids of the trained model.
        interactions, items, k_reasons: see there.
    """
    way = way_of(names.trained)
    numbers, ratings = histories.numbers_of(names, interactions)
    new_person.check(names.trained, numbers, ratings)
    return _frame(names, way, Person(None, numbers, ratings), items, k_reasons)


def _frame(
    names: Names, way: Way, person: Person, items: Ids, k_reasons: int | None
) -> pd.DataFrame:
    if k_reasons is not None and k_reasons < 1:
        raise DataError(f"k_reasons: expected at least 1, found {k_reasons}")
    targets = names.numbers("item", items)
    values = np.empty((0, len(person.items)))
    if len(targets):
        values = way.contributions(person, targets).T  # [T, n]
    order = np.argsort(-values, axis=1, kind="stable")[:, :k_reasons]
    row = np.repeat(np.arange(len(targets)), order.shape[1])
    rank = np.tile(np.arange(1, order.shape[1] + 1), len(targets))
    place = order.ravel()
    contribution = values[row, place]
    total = np.abs(values).sum(axis=1)[row]
    share = np.divide(contribution, total, out=np.zeros_like(total), where=total > 0)
    kept = contribution > 0 if k_reasons is not None else np.ones(len(row), dtype=bool)
    because = person.items[place]
    frame = pd.DataFrame(
        {
            "item_id": names.items[targets[row]],
            "because_id": names.items[because],
            "contribution": contribution,
            "share": share,
            "rank": rank,
            "title": names.trained.titles[because],
        }
    )
    return frame[kept].reset_index(drop=True)

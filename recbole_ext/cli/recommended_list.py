"""The recommendations for one person as text and as JSON, beside what the person has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from recbole_ext.inference.interaction_text import Interactions
    from recbole_ext.inference.recommender import Recommender

_LONGEST = 34  # characters of a title


@dataclass(frozen=True)
class RecommendedList:
    """What is recommended to one person.

    Attributes:
        user: the id; None for a new person.
        items: columns item_id, score, rank and title.
        history: what the person has, columns item_id, rating (if there are ratings) and title.
    """

    user: str | None
    items: "pd.DataFrame"
    history: "pd.DataFrame"

    @classmethod
    def for_users(
        cls, recommender: "Recommender", users: Sequence[str], settings: Mapping[str, Any]
    ) -> "list[RecommendedList]":
        """Those of some users; a user who is named twice has one.

        Args:
            recommender: is asked.
            users: ids.
            settings: of ``Recommender.recommend``.
        """
        distinct = list(dict.fromkeys(users))
        frame = recommender.recommend(distinct, **settings)
        return [
            cls(user, frame[frame["user_id"] == user], recommender.history(user))
            for user in distinct
        ]

    @classmethod
    def for_person(
        cls,
        recommender: "Recommender",
        interactions: "Interactions",
        settings: Mapping[str, Any],
    ) -> "RecommendedList":
        """Those of a person who was not in training."""
        items = recommender.recommend_for(interactions, **settings)
        return cls(None, items, recommender.described(interactions))

    def table(self) -> str:
        """As text, the recommendations on the left."""
        from tabulate import tabulate

        n = len(self.history)
        who = "a new person" if self.user is None else f"user {self.user}"
        rated = "rating" in self.history
        titles = ["title"] * self._has_titles
        headers = ["", "score", "item", *titles, *["rated"] * rated, "has", *titles]
        left = [
            [str(row.rank), f"{row.score:.4f}", *self._words(row)]
            for row in self.items.itertuples()
        ]
        right = [
            [*([f"{row.rating:g}"] if rated else []), *self._words(row)]
            for row in self.history.head(max(len(left), 1)).itertuples()
        ]
        n_left = 3 + len(titles)
        pairs = zip_longest(left, right, fillvalue=list[str]())
        lines = [[*(one or [""] * n_left), *other] for one, other in pairs]
        right_side = "those rated highest" if rated else "some of them"
        title = f"{who} has {n:,} item{'s' * (n != 1)}"
        title += f"; on the right are {right_side}" * (n > 0)
        return f"{title}\n\n{tabulate(lines, headers=headers, disable_numparse=True)}"

    def content(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "user_id": self.user,
            "recommendations": self.items.drop(columns="user_id", errors="ignore").to_dict(
                "records"
            ),
            "history": self.history.to_dict("records"),
        }

    @property
    def _has_titles(self) -> bool:
        return any(frame["title"].astype(bool).any() for frame in (self.items, self.history))

    def _words(self, row: Any) -> list[str]:
        title = row.title if len(row.title) <= _LONGEST else f"{row.title[: _LONGEST - 3]}..."
        return [row.item_id, *[title] * self._has_titles]

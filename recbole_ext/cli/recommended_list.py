"""The recommendations for one person as text and as JSON, beside what the person has."""

from collections.abc import Iterator, Mapping, Sequence
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
        reasons: of each item, see ``Recommender.explain``; None where they are not asked for.
    """

    user: str | None
    items: "pd.DataFrame"
    history: "pd.DataFrame"
    reasons: "pd.DataFrame | None" = None

    @classmethod
    def for_users(
        cls,
        recommender: "Recommender",
        users: Sequence[str],
        settings: Mapping[str, Any],
        explained: bool = False,
    ) -> "list[RecommendedList]":
        """Those of some users; a user who is named twice has one.

        Args:
            recommender: is asked.
            users: ids.
            settings: of ``Recommender.recommend``.
            explained: whether each item is to have its reasons.
        """
        distinct = list(dict.fromkeys(users))
        frame = recommender.recommend(distinct, **settings)
        lists = []
        for user in distinct:
            items = frame[frame["user_id"] == user]
            reasons = recommender.explain(user, items["item_id"]) if explained else None
            lists.append(cls(user, items, recommender.history(user), reasons))
        return lists

    @classmethod
    def for_person(
        cls,
        recommender: "Recommender",
        interactions: "Interactions",
        settings: Mapping[str, Any],
        explained: bool = False,
    ) -> "RecommendedList":
        """Those of a person who was not in training.

        Args:
            recommender: the model.
            interactions: item id -> rating, or item ids.
            settings: arguments of ``Recommender.recommend_for``.
            explained: whether reasons are computed.
        """
        items = recommender.recommend_for(interactions, **settings)
        reasons = None
        if explained:
            reasons = recommender.explain_for(interactions, items["item_id"])
        return cls(None, items, recommender.described(interactions), reasons)

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
        table = tabulate(lines, headers=headers, disable_numparse=True)
        return "\n\n".join([title, table, *self._table_of_reasons()])

    def _table_of_reasons(self) -> Iterator[str]:
        """The table of them, if they are asked for."""
        from tabulate import tabulate

        if self.reasons is None:
            return
        lines = []
        for row in self.items.itertuples():
            because = [
                f"{reason['title'] or reason['item_id']} (+{reason['contribution']:.3g})"
                for reason in self._because(str(row.item_id))
            ]
            words = "; ".join(because) or "nothing that the person has"
            lines.append([str(row.rank), row.title or row.item_id, words])
        headers = ["", "recommended", "because of"]
        yield tabulate(lines, headers=headers, disable_numparse=True)

    def _because(self, item: str) -> list[dict[str, Any]]:
        """The reasons of an item: item_id, contribution, share, title."""
        assert self.reasons is not None
        own = self.reasons[self.reasons["item_id"] == item].rename(
            columns={"item_id": "recommended", "because_id": "item_id"}
        )
        return own[["item_id", "contribution", "share", "title"]].to_dict("records")

    def content(self) -> dict[str, Any]:
        """For ``--json``."""
        rows = self.items.drop(columns="user_id", errors="ignore").to_dict("records")
        if self.reasons is not None:
            rows = [{**row, "because": self._because(row["item_id"])} for row in rows]
        return {
            "user_id": self.user,
            "recommendations": rows,
            "history": self.history.to_dict("records"),
        }

    @property
    def _has_titles(self) -> bool:
        return any(frame["title"].astype(bool).any() for frame in (self.items, self.history))

    def _words(self, row: Any) -> list[str]:
        title = row.title if len(row.title) <= _LONGEST else f"{row.title[: _LONGEST - 3]}..."
        return [row.item_id, *[title] * self._has_titles]

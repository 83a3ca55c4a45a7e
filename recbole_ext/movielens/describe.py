"""What a data set looks like: counts, the histogram of ratings, the long tail; as numbers and
as a page of plots."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recbole_ext.movielens.rows import Rows

# Shares of the items, most popular first, whose share of the interactions is given.
HEADS = (0.01, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Description:
    """Figures of a data set.

    Attributes:
        users, items, rows: counts; items are those with an interaction.
        density: rows / (users * items).
        per_user, per_item: [users] and [items], interactions of each, most first.
        histogram: rating -> rows; empty where there are no ratings.
        mean, std: of the ratings; NaN where there are none.
        heads: share of the items -> share of the interactions that fall to the most popular.
        gini: of the items' popularity; 0 is even, 1 is all on one item.
        first, last: seconds since 1970 of the first and last interaction; NaN without times.
    """

    users: int
    items: int
    rows: int
    density: float
    per_user: np.ndarray
    per_item: np.ndarray
    histogram: dict[float, int]
    mean: float
    std: float
    heads: dict[float, float]
    gini: float
    first: float
    last: float


def describe(rows: Rows) -> Description:
    """The figures of one ``.inter`` file."""
    per_user = np.sort(np.bincount(rows.users))[::-1]
    per_item = np.sort(np.bincount(rows.items))[::-1]
    covered = np.cumsum(per_item) / len(rows)
    heads = {head: float(covered[max(1, round(head * len(per_item))) - 1]) for head in HEADS}
    rising = per_item[::-1]
    ranks = np.arange(1, len(rising) + 1)
    gini = float((2 * (ranks * rising).sum() / rising.sum() - (len(rising) + 1)) / len(rising))
    histogram: dict[float, int] = {}
    mean = std = float("nan")
    if rows.ratings is not None:
        values, counts = np.unique(rows.ratings, return_counts=True)
        histogram = dict(zip(values.tolist(), counts.tolist(), strict=True))
        mean, std = float(rows.ratings.mean()), float(rows.ratings.std())
    times = rows.timestamps if rows.timestamps is not None else np.array([np.nan])
    return Description(
        users=len(per_user),
        items=len(per_item),
        rows=len(rows),
        density=len(rows) / (len(per_user) * len(per_item)),
        per_user=per_user,
        per_item=per_item,
        histogram=histogram,
        mean=mean,
        std=std,
        heads=heads,
        gini=gini,
        first=float(times.min()),
        last=float(times.max()),
    )


def write_page(found: Description, name: str, path: Path) -> None:
    """The same as plots: one HTML file that needs no network."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    def mark(rank: np.ndarray, count: np.ndarray) -> go.Scatter:
        return go.Scatter(x=rank, y=count, mode="lines", line={"color": "#2a6f97", "width": 2})

    figure = make_subplots(
        rows=2,
        cols=2,
        subplot_titles=(
            f"Ratings (mean {found.mean:.2f})" if found.histogram else "No ratings",
            "How popular each item is",
            "How active each user is",
            "The long tail",
        ),
        vertical_spacing=0.16,
    )
    if found.histogram:
        bars = go.Bar(
            x=[f"{value:g}" for value in found.histogram],
            y=list(found.histogram.values()),
            marker_color="#2a6f97",
        )
        figure.add_trace(bars, 1, 1)
        figure.update_xaxes(title_text="rating", type="category", row=1, col=1)
        figure.update_yaxes(title_text="ratings", row=1, col=1)
    for place, counts, what in (((1, 2), found.per_item, "item"), ((2, 1), found.per_user, "user")):
        # a rank out of thousands is not seen: those at even steps of its logarithm are
        rank = np.unique(np.geomspace(1, len(counts), 500).round().astype(int))
        figure.add_trace(mark(rank, counts[rank - 1]), *place)
        figure.update_xaxes(
            title_text=f"{what}, most first", type="log", row=place[0], col=place[1]
        )
        figure.update_yaxes(title_text="interactions", type="log", row=place[0], col=place[1])
    shares = np.linspace(0, 1, 201)
    covered = np.interp(
        shares,
        np.arange(len(found.per_item) + 1) / len(found.per_item),
        np.concatenate([[0], np.cumsum(found.per_item)]) / found.rows,
    )
    figure.add_trace(mark(shares, covered), 2, 2)
    figure.update_xaxes(
        title_text="share of items, most popular first", tickformat=".0%", row=2, col=2
    )
    figure.update_yaxes(title_text="share of interactions", tickformat=".0%", row=2, col=2)
    figure.update_layout(
        title=(
            f"<b>{name}</b>: {found.users:,} users, {found.items:,} items, "
            f"{found.rows:,} interactions, density {found.density:.2%}"
        ),
        template="plotly_white",
        showlegend=False,
        height=760,
        margin={"l": 70, "r": 30, "t": 100, "b": 60},
    )
    part = path.with_name(f"{path.name}.part")
    figure.write_html(part, include_plotlyjs=True, full_html=True)
    part.replace(path)

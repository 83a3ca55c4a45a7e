"""The figures of a data set: counts, the histogram of ratings, the long tail; also as plots."""

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.data.atomic_write import write_text
from recbole_ext.data.interaction_file import InteractionFile

# Shares of the items, most popular first, whose share of the interactions is reported.
HEADS = (0.01, 0.1, 0.2, 0.5)
N_POPULAR = 5  # items that are named


@dataclass(frozen=True)
class Description:
    """Figures of a data set.

    Attributes:
        users, items, rows: counts; items are those with an interaction.
        density: rows / (users * items).
        per_user, per_item: [users] and [items], interactions of each, most first.
        histogram: rating -> rows; empty where there are no ratings.
        mean, std: of the ratings; NaN where there are none.
        popular: id -> interactions of the items that have most, most first.
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
    popular: dict[str, int]
    heads: dict[float, float]
    gini: float
    first: float
    last: float


def describe(rows: InteractionFile) -> Description:
    """The figures of one ``.inter`` file."""
    per_user = np.sort(np.bincount(rows.users))[::-1]
    of_items = np.bincount(rows.items)
    per_item = np.sort(of_items)[::-1]
    most = np.argsort(-of_items, kind="stable")[:N_POPULAR]
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
        popular=dict(zip(rows.item_tokens[most], of_items[most].tolist(), strict=True)),
        heads=heads,
        gini=gini,
        first=float(times.min()),
        last=float(times.max()),
    )


def write_page(figures: Description, name: str, path: Path) -> None:
    """Write plots of the figures: one HTML file that needs no network, for any width of screen.

    Args:
        figures: of the data set.
        name: of the data set.
        path: the file; an existing one is replaced.
    """
    import plotly.graph_objects as go

    def line(x: np.ndarray, y: np.ndarray) -> go.Scatter:
        return go.Scatter(x=x, y=y, mode="lines", line={"color": _COLOUR, "width": 2})

    def ranked(counts: np.ndarray) -> go.Scatter:
        # one rank out of thousands is not seen: those at even steps of its logarithm are
        rank = np.unique(np.geomspace(1, len(counts), 500).round().astype(int))
        return line(rank, counts[rank - 1])

    logarithm = {"type": "log", "dtick": 1}
    plots: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = []
    if figures.histogram:
        values = [f"{value:g}" for value in figures.histogram]
        bars = go.Bar(x=values, y=list(figures.histogram.values()), marker_color=_COLOUR)
        title = f"Ratings, {figures.mean:.2f} on average"
        plots.append((title, bars, {"title": "rating", "type": "category"}, {"title": "ratings"}))
    for who, counts, title in (
        ("item", figures.per_item, "How popular each item is"),
        ("user", figures.per_user, "How active each user is"),
    ):
        x: dict[str, Any] = {"title": f"{who}s, most first"}
        y: dict[str, Any] = {"title": "interactions"}
        decades = {"range": [0, np.ceil(np.log10(counts[0] + 1))]}
        plots.append((title, ranked(counts), x | logarithm, y | logarithm | decades))
    shares = np.linspace(0, 1, 201)
    covered = np.interp(
        shares,
        np.arange(len(figures.per_item) + 1) / len(figures.per_item),
        np.concatenate([[0], np.cumsum(figures.per_item)]) / figures.rows,
    )
    x = {"title": "share of the items, most popular first", "tickformat": ".0%"}
    y = {"title": "share of the interactions", "tickformat": ".0%"}
    plots.append(("The long tail", line(shares, covered), x, y))

    boxes: list[str] = []
    for title, mark, x, y in plots:
        figure = go.Figure(mark)
        figure.update_layout(
            title=title,
            xaxis=x,
            yaxis=y,
            template="plotly_white",
            height=360,
            margin={"l": 60, "r": 20, "t": 60, "b": 50},
        )
        library = not boxes  # once a page
        boxes.append(
            figure.to_html(
                full_html=False,
                include_plotlyjs=library,
                config={"responsive": True, "displayModeBar": False},
            )
        )
    head = (
        f"{figures.users:,} users, {figures.items:,} items, {figures.rows:,} interactions, "
        f"density {figures.density:.2%}"
    )
    page = _PAGE.format(
        name=html.escape(name),
        head=head,
        boxes="\n".join(f"<section>{box}</section>" for box in boxes),
    )
    write_text(path, page)


_COLOUR = "#2a6f97"

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
body {{ font-family: "Open Sans", verdana, arial, sans-serif; margin: 1.5rem; color: #2a3f5f; }}
main {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }}
section {{ min-width: 0; }}
</style>
</head>
<body>
<h1>{name}</h1>
<p>{head}</p>
<main>
{boxes}
</main>
<script>
// each plot was drawn before the ones beside it had taken their room
addEventListener("load", () => dispatchEvent(new Event("resize")));
</script>
</body>
</html>
"""

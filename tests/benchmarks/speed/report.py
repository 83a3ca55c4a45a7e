"""What the cases have found: a csv, a table, a plot."""

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.speed.sides import Measured


@dataclass(frozen=True)
class Point:
    """One process.

    Attributes:
        case: its name; two of one name are compared.
        unit: of the value.
        side: who has run it.
        round: the how-many-eth time.
        measured: what was found.
    """

    case: str
    unit: str
    side: str
    round: int
    measured: Measured


@dataclass(frozen=True)
class Line:
    """A case: medians, and how many times faster recbole_ext is; None without a rival."""

    case: str
    unit: str
    ours: float
    theirs: float | None
    ratio: float | None
    memory: float
    their_memory: float | None


def lines(points: Sequence[Point]) -> list[Line]:
    """A line for each case, in the order of the points.

    Raises:
        AssertionError: the sides disagree on what must be equal.
    """
    made = []
    for case in dict.fromkeys(point.case for point in points):
        own = [point for point in points if point.case == case]
        sides = {
            side: [p.measured for p in own if p.side == side] for side in ("recbole_ext", "RecBole")
        }
        first = own[0].measured.same
        assert all(point.measured.same == first for point in own), (case, own)
        value, memory = (
            {
                side: statistics.median(getattr(m, name) for m in found)
                for side, found in sides.items()
                if found
            }
            for name in ("value", "mebibytes")
        )
        ours, theirs = value["recbole_ext"], value.get("RecBole")
        ratio = None
        if theirs is not None:
            ratio = theirs / ours if own[0].unit.startswith("s") else ours / theirs
        made.append(
            Line(
                case,
                own[0].unit,
                ours,
                theirs,
                ratio,
                memory["recbole_ext"],
                memory.get("RecBole"),
            )
        )
    return made


def table(found: Sequence[Line]) -> str:
    """As text."""
    from tabulate import tabulate

    rows = [[x.case, x.unit, x.theirs, x.ours, x.ratio, x.their_memory, x.memory] for x in found]
    head = ["", "unit", "RecBole", "recbole_ext", "times faster", "MiB, RecBole", "MiB"]
    numbers = ("", "", ".4g", ".4g", ".2f", ".0f", ".0f")
    return tabulate(rows, headers=head, floatfmt=numbers, tablefmt="github", missingval="-")


def growth(found: Sequence[Line]) -> dict[str, list[tuple[int, float, float]]]:
    """What grows -> (ratings, seconds of an epoch or a command, MiB), by ratings.

    Examples a second are turned into the seconds of an epoch of two examples a rating.
    """
    grows: dict[str, list[tuple[int, float, float]]] = {}
    for line in found:
        ratings, _, name = line.case.partition(" ratings: ")
        if line.unit not in ("s", "examples/s") or not name:
            continue
        n = int(ratings.replace(",", ""))
        seconds = line.ours if line.unit == "s" else 2 * n / line.ours
        grows.setdefault(name, []).append((n, seconds, line.memory))
    return {name: sorted(points) for name, points in grows.items() if len(points) > 2}


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """b of the least-squares fit log value = a + b log size."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def growth_table(found: Sequence[Line]) -> str:
    """The exponents by which seconds and memory grow with the number of ratings."""
    from tabulate import tabulate

    rows = []
    for name, points in growth(found).items():
        sizes, seconds, memory = zip(*points, strict=True)
        rows.append([name, exponent(sizes, seconds), exponent(sizes, memory)])
    head = ["grows with the ratings", "seconds", "MiB"]
    return tabulate(rows, headers=head, floatfmt=".2f", tablefmt="github")


def write_growth_plot(file: Path, found: Sequence[Line]) -> None:
    """Seconds and memory against the number of ratings, on log-log axes."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, subplot_titles=("seconds", "memory of the process"))
    colours = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#9c6b4e", "#a463f2")
    for (name, points), colour in zip(growth(found).items(), colours * 2, strict=False):
        sizes, seconds, memory = zip(*points, strict=True)
        for column, values in ((1, seconds), (2, memory)):
            told = f"{name}, exponent {exponent(sizes, values):.2f}"
            figure.add_scatter(
                x=sizes,
                y=values,
                name=told,
                mode="lines+markers",
                line_color=colour,
                legend="legend" if column == 1 else "legend2",
                row=1,
                col=column,
            )
    figure.update_xaxes(type="log", title="ratings")
    figure.update_yaxes(type="log")
    figure.update_layout(
        template="plotly_white",
        height=820,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": -0.12, "entrywidth": 420},
        legend2={"orientation": "h", "x": 0.55, "xanchor": "left", "y": -0.12, "entrywidth": 420},
        margin={"b": 320},
    )
    figure.write_html(file, include_plotlyjs=True)


def write_csv(file: Path, points: Sequence[Point]) -> None:
    """A line for each process."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(["case", "unit", "side", "round", "value", "mebibytes"])
        for p in points:
            value, memory = f"{p.measured.value:.6g}", f"{p.measured.mebibytes:.0f}"
            out.writerow([p.case, p.unit, p.side, p.round, value, memory])


def read_csv(file: Path) -> list[Point]:
    """The points that ``write_csv`` has written; without what must be equal."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [
            Point(
                line["case"],
                line["unit"],
                line["side"],
                int(line["round"]),
                Measured(float(line["value"]), mebibytes=float(line["mebibytes"])),
            )
            for line in csv.DictReader(stream)
        ]


def write_plot(file: Path, found: Sequence[Line]) -> None:
    """Bars: how many times faster than RecBole."""
    import plotly.graph_objects as go

    compared = [line for line in found if line.ratio is not None]
    figure = go.Figure(
        go.Bar(
            x=[line.ratio for line in compared],
            y=[line.case for line in compared],
            text=[f"{line.ratio:.1f}" for line in compared],
            orientation="h",
        )
    )
    figure.add_vline(x=1, line_dash="dash")
    figure.update_layout(
        title="Times faster than RecBole, side by side",
        xaxis={"type": "log", "title": "ratio (log)"},
        yaxis={"autorange": "reversed", "automargin": True},
        template="plotly_white",
        height=120 + 40 * len(compared),
    )
    figure.write_html(file, include_plotlyjs=True)

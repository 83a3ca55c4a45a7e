"""The pictures of a benchmark's report, as HTML that plotly's script draws."""

import statistics as means
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

import numpy as np

from recbole_ext.evaluator import significance
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.evaluator.protocols import PROTOCOLS
from recbole_ext.experiments import summary
from recbole_ext.experiments.plan import Plan
from recbole_ext.experiments.results import Result

# Colours that are distinct without colour vision; beyond eight models the strokes differ.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#4d4d4d", "#8c6d31")
_STROKES = (("solid", "circle"), ("dash", "square"), ("dot", "diamond"), ("dashdot", "x"))

_NEAR = "; models twice as bad as the best one are left out"

# 1, 2, 5, 10, ... in full
_LOG: dict[str, Any] = {
    "type": "log",
    "tickvals": [digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5)],
}


class _Style(NamedTuple):
    """How a model is drawn in all pictures."""

    colour: str
    dash: str
    symbol: str


def _style(number: int) -> _Style:
    strokes = _STROKES[number // len(_COLOURS) % len(_STROKES)]
    return _Style(_COLOURS[number % len(_COLOURS)], *strokes)


class Picture(NamedTuple):
    """A picture of the report: its title, a sentence that says what it shows, and its HTML."""

    title: str
    sentence: str
    html: str


Styles = dict[str, _Style]
Runs = dict[str, list[Result]]  # of each model, at least one; the best model first


def pictures(plan: Plan, metric: str, runs: Runs, timing: str) -> Iterator[Picture]:
    """The pictures of a table.

    Args:
        plan: of the benchmark.
        metric: what models are compared by, as results name it.
        runs: the tested ones of each model.
        timing: what the seconds of training include beside training, or "".
    """
    # plotly reads tags in names
    styles = {escape(label, quote=False): _style(n) for n, label in enumerate(plan.models)}
    runs = {escape(label, quote=False): own for label, own in runs.items()}
    training = f"{metric} against seconds of training{_NEAR}{timing and '; '}{timing}"
    makers = (
        ("Means and intervals", f"The mean {metric} with a 95% interval over users", _intervals),
        ("Learning curves", "The validation score after each evaluation, mean over seeds", _curves),
        ("Accuracy and training time", training, _training),
        ("Accuracy and scoring time", f"{metric} against seconds of scoring{_NEAR}", _scoring),
        ("Users", f"How {metric} is spread over users", _users),
        ("Coverage", f"{metric} against the share of items in some user's list{_NEAR}", _coverage),
    )
    for title, sentence, make in makers:
        figure = make(metric, runs, styles)
        if figure is None:
            continue
        figure.update_layout(
            template="plotly_white",
            margin={"l": 10, "r": 10, "t": 20, "b": 10},
            font={"family": "system-ui, sans-serif", "size": 13},
            legend={"orientation": "h", "y": -0.2},
            height=figure.layout.height or 420,
        )
        figure.update_xaxes(automargin=True)
        figure.update_yaxes(automargin=True)
        options = {"responsive": True, "displayModeBar": False}
        html = figure.to_html(full_html=False, include_plotlyjs=False, config=options)
        yield Picture(title, sentence, html)


def _intervals(metric: str, runs: Runs, styles: Styles) -> Any:
    import plotly.graph_objects as go

    users = {label: summary.values_of_users(metric, own) for label, own in runs.items()}
    known = {label: values for label, values in users.items() if values is not None}
    if not known:
        return None
    means_of = {label: float(values.mean()) for label, values in known.items()}
    ends = {label: significance.interval(values) for label, values in known.items()}
    figure = go.Figure(
        go.Scatter(
            x=list(means_of.values()),
            y=list(means_of),
            mode="markers",
            marker={
                "size": 11,
                "color": [styles[label].colour for label in means_of],
                "symbol": [styles[label].symbol for label in means_of],
            },
            error_x={
                "symmetric": False,
                "array": [ends[label][1] - mean for label, mean in means_of.items()],
                "arrayminus": [mean - ends[label][0] for label, mean in means_of.items()],
                "color": "#666",
            },
        )
    )
    figure.update_xaxes(title=metric)
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(height=110 + 36 * len(known))
    return figure


def _curves(metric: str, runs: Runs, styles: Styles) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    for label, own in runs.items():
        curves = [run.curve for run in own if len(run.curve) > 1]
        if not curves:
            continue
        # a run that has stopped early keeps its best score from there on
        longest = max(curves, key=len)
        protocol = PROTOCOLS.get(own[0].protocol)  # epochs are chosen by its own metric
        stopped_by = metric if protocol is None else protocol.settings["valid_metric"]
        best = max if bigger_is_better(stopped_by) else min
        scores = [
            [score for _, score in curve]
            + [best(s for _, s in curve)] * (len(longest) - len(curve))
            for curve in curves
        ]
        figure.add_scatter(
            x=[epoch for epoch, _ in longest],
            y=np.mean(scores, axis=0),
            name=label,
            mode="lines",
            line={"color": styles[label].colour, "dash": styles[label].dash},
        )
    if not figure.data:
        return None
    figure.update_xaxes(title="epochs (log)", **_LOG)
    figure.update_yaxes(title="validation score")
    return figure


def _against(
    title: str,
    metric: str,
    points: dict[str, tuple[float, float]],
    styles: Styles,
    log: bool = True,
) -> Any:
    import plotly.graph_objects as go

    best = max if bigger_is_better(metric) else min
    top = best((y for _, y in points.values()), default=0.0)
    points = {label: (x, y) for label, (x, y) in points.items() if top / 2 <= y <= 2 * top}
    if len(points) < 2:
        return None
    crowded = len(points) > len(_COLOURS)  # names beside the points would cover each other
    figure = go.Figure()
    for label, (x, y) in points.items():
        figure.add_scatter(
            x=[x],
            y=[y],
            name=label,
            text=[label],
            textposition="top center",
            mode="markers" if crowded else "markers+text",
            marker={
                "size": 11,
                "color": styles[label].colour,
                "symbol": styles[label].symbol,
            },
            showlegend=crowded,
            cliponaxis=False,
        )
    heights = [y for _, y in points.values()]
    room = 0.12 * (max(heights) - min(heights)) or 0.1  # for the names
    figure.update_xaxes(title=f"{title} (log)" if log else title, **(_LOG if log else {}))
    figure.update_yaxes(title=metric, range=[min(heights) - room, max(heights) + 2 * room])
    return figure


def _mean_of(runs: list[Result], metric: str) -> float:
    return means.mean(run.test[metric] for run in runs)


def _training(metric: str, runs: Runs, styles: Styles) -> Any:
    points = {
        label: (means.mean(run.seconds for run in own), _mean_of(own, metric))
        for label, own in runs.items()
    }
    return _against("seconds of training", metric, points, styles)


def _scoring(metric: str, runs: Runs, styles: Styles) -> Any:
    points = {
        label: (means.mean(run.test_seconds for run in own), _mean_of(own, metric))
        for label, own in runs.items()
        if all(run.test_seconds for run in own)
    }
    return _against("seconds of the test evaluation", metric, points, styles)


def _users(metric: str, runs: Runs, styles: Styles) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    for label, own in runs.items():
        values = summary.values_of_users(metric, own)
        if values is not None:
            figure.add_box(
                x=values.round(4),
                name=label,
                marker_color=styles[label].colour,
                boxpoints=False,
                showlegend=False,
            )
    if not figure.data:
        return None
    figure.update_xaxes(title=metric)
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(height=110 + 36 * len(figure.data))
    return figure


def _coverage(metric: str, runs: Runs, styles: Styles) -> Any:
    names = {name for own in runs.values() for run in own for name in run.test}
    coverage = sorted(name for name in names if name.startswith("itemcoverage@"))
    if not coverage:
        return None
    points = {
        label: (_mean_of(own, coverage[0]), _mean_of(own, metric)) for label, own in runs.items()
    }
    return _against(coverage[0], metric, points, styles, log=False)

"""The report of a benchmark: a page that needs no network, one in Markdown, csv and LaTeX."""

import csv
import json
import statistics as means
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from recbole_ext.evaluator import protocols, significance
from recbole_ext.experiments import summary
from recbole_ext.experiments.plan import TUNING_SEED, Plan
from recbole_ext.experiments.runs import Result, bigger_is_better, chosen

# Differences with a larger corrected p-value are shown as ties.
LEVEL = 0.05

# Chosen to be told apart without colour vision; beyond eight models the strokes differ.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#4d4d4d", "#8c6d31")
_STROKES = (("solid", "circle"), ("dash", "square"), ("dot", "diamond"), ("dashdot", "x"))


@dataclass(frozen=True)
class _Section:
    """A table in the page, and its pictures."""

    name: str
    told: str  # how its models are evaluated
    metric: str
    head: list[str]
    rows: list[list[str]]
    marks: list[str]  # of each row: best, tie or nothing
    pictures: list[tuple[str, str, str]]  # a title, what it shows in a sentence, the picture
    failed: list[str]  # a sentence for each model
    table: str  # in Markdown


def write(folder: Path, plan: Plan, results: Sequence[Result], command: str) -> list[Path]:
    """Write ``report.html``, ``report.md``, and each table as csv and LaTeX.

    Args:
        folder: where; made if it is not there.
        plan: of the benchmark.
        results: its runs.
        command: what makes them again.

    Returns:
        the files.
    """
    import jinja2
    from plotly.offline import get_plotlyjs

    folder.mkdir(parents=True, exist_ok=True)
    sections, files = [], []
    for place in plan.places:
        metric, found = plan.protocols[place.protocol], summary.lines(plan, results, place)
        head, rows = summary.table(metric, found)
        files += _write_tables(folder / "-".join(place), head, rows)
        sections.append(
            _Section(
                str(place),
                protocols.PROTOCOLS[place.protocol].description,
                metric,
                head,
                rows,
                [_mark(number, line) for number, line in enumerate(found)],
                list(_pictures(plan, metric, {x.label: x.runs for x in found if x.runs})),
                [_failure(line) for line in found if line.failed],
                summary.markdown(head, rows),
            )
        )
    told = dict(
        plan=plan,
        sections=sections,
        command=command,
        script=get_plotlyjs(),
        level=LEVEL,
        environments=_environments(results),
        splits=_splits(results),
        settings={label: _settings(plan, results, label) for label in plan.models},
        tuning_seed=TUNING_SEED,
        tuned=[label for label, model in plan.models.items() if model.trials],
        reads=len([r for r in results if r.trial is None and not r.error]),
    )
    for page in ("report.html", "report.md"):
        template = Path(__file__).with_name(f"{page}.j2").read_text(encoding="utf-8")
        escaped = jinja2.Template(template, autoescape=page.endswith("html"))
        (folder / page).write_text(escaped.render(told) + "\n", encoding="utf-8")
    return [folder / "report.html", folder / "report.md", *files]


def _mark(number: int, line: summary.Line) -> str:
    if not line.runs:
        return ""
    if number == 0:
        return "best"
    return "tie" if line.p_value is not None and line.p_value > LEVEL else ""


def _failure(line: summary.Line) -> str:
    """Which runs of a model failed, and why."""
    told = [f"{reason} (runs: {n})" for reason, n in Counter(line.failed).items()]
    return f"{line.label} failed: {'; '.join(told)}"


def _settings(plan: Plan, results: Sequence[Result], label: str) -> str:
    """What a model has run with: the plan's settings, and what its trials have chosen."""
    told = dict(plan.models[label].settings)
    if plan.models[label].trials:
        told["chosen by validation"] = {
            str(place): dict(chosen(plan, results, place, label))
            for place in plan.places
            if label in plan.labels(place)
        }
    return yaml.safe_dump(told, sort_keys=True, allow_unicode=True) if told else "defaults"


def _environments(results: Sequence[Result]) -> list[dict[str, str]]:
    """What the runs have run on; more than one if they were made at several places."""
    told = {json.dumps(result.environment, sort_keys=True) for result in results}
    return [json.loads(text) for text in sorted(told) if text != "{}"]


def _splits(results: Sequence[Result]) -> str:
    """The hash of each test split; more than one where runs of a seed had other interactions."""
    found: dict[str, set[str]] = {}
    for result in results:
        if result.split:
            found.setdefault(f"{result.key.place}, seed {result.seed}", set()).add(result.split)
    told = [f"{name}: {' and '.join(sorted(of))}" for name, of in found.items()]
    return "; ".join(told) or "not recorded"


# --- tables ---------------------------------------------------------------------------------


def _write_tables(place: Path, head: list[str], rows: list[list[str]]) -> list[Path]:
    import pandas as pd

    table, latex = (place.with_name(f"{place.name}.{x}") for x in ("csv", "tex"))
    with table.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([head, *rows])
    styled = pd.DataFrame(rows, columns=head).style.hide(axis="index").format(escape="latex")
    styled = styled.format_index(escape="latex", axis="columns")
    text = styled.to_latex(hrules=True, column_format="l" + "r" * (len(head) - 1))
    latex.write_text(text.replace("±", "$\\pm$"), encoding="utf-8")
    return [table, latex]


# --- pictures -------------------------------------------------------------------------------


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


Styles = dict[str, _Style]
Runs = dict[str, list[Result]]  # of each model, at least one; the best one first


def _pictures(plan: Plan, metric: str, runs: Runs) -> Any:
    styles = {label: _style(number) for number, label in enumerate(plan.models)}
    makers = (
        ("Means and intervals", f"The mean {metric} with a 95% interval over users", _intervals),
        ("Learning curves", "The validation score after each evaluation, mean over seeds", _curves),
        ("Accuracy and training time", f"{metric} against seconds of training{_NEAR}", _training),
        ("Accuracy and scoring time", f"{metric} against seconds of scoring{_NEAR}", _scoring),
        ("Users", f"How {metric} is spread over users", _users),
        ("Coverage", f"{metric} against the share of items in some user's list{_NEAR}", _coverage),
    )
    for title, told, make in makers:
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
        picture = figure.to_html(full_html=False, include_plotlyjs=False, config=options)
        yield title, told, picture


def _intervals(metric: str, runs: Runs, styles: Styles) -> Any:
    import plotly.graph_objects as go

    users = {label: summary.values_of_users(metric, own) for label, own in runs.items()}
    found = {label: values for label, values in users.items() if values is not None}
    if not found:
        return None
    means_of = {label: float(values.mean()) for label, values in found.items()}
    ends = {label: significance.interval(values) for label, values in found.items()}
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
    figure.update_layout(height=110 + 36 * len(found))
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
        best = max if bigger_is_better(metric) else min
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
    return _against("seconds until training stopped", metric, points, styles)


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

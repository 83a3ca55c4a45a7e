"""How well AutoRec reconstructs corrupted rows, trained on clean and on corrupted ratings.

Two errors are measured when a share of a row's training ratings is corrupted:

    recovered   RMSE of the corrupted ratings themselves: does the model restore them?
    held out    RMSE of the test ratings, predicted from the corrupted rows
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbole_ext.data.atomic_write import write_text
from recbole_ext.models.autorec.choices import Corruption
from recbole_ext.trainer import single_run

PLAIN, DENOISING = "plain", "denoising"
KINDS = {"recovered": "the corrupted ratings, rebuilt", "held_out": "held-out ratings"}


@dataclass(frozen=True)
class Point:
    """The errors of one trained model at one rate of corruption, in stars."""

    model: str
    seed: int
    rate: float
    recovered: float
    held_out: float


def measure(
    dataset: str,
    settings: Mapping[str, Any],
    corruption: Corruption,
    train_rate: float,
    rates: Iterable[float],
    seeds: Iterable[int],
) -> Iterator[Point]:
    """Train both models for each seed, and reconstruct corrupted rows with each.

    Args:
        dataset: its name.
        settings: of AutoRec, the same for both.
        corruption: of the rows in training (of one model) and when they are rebuilt.
        train_rate: of the denoising model.
        rates: when they are rebuilt; both models see the same corrupted rows.
        seeds: of the training and of what is corrupted.
    """
    rates = list(rates)
    for seed in seeds:
        for name, kind, rate in ((PLAIN, "none", 0.0), (DENOISING, corruption, train_rate)):
            with tempfile.TemporaryDirectory() as folder:
                own = {"corruption": kind, "corruption_rate": rate, "seed": seed}
                own["checkpoint_dir"] = folder
                run = single_run.prepare("AutoRec", dataset, {**settings, **own})
                run.fit()
                run.trainer.evaluate(run.valid, show_progress=False)  # loads the best epoch
            for rate in rates:
                yield Point(name, seed, rate, *errors(run.model, run.test, corruption, rate, seed))


@torch.no_grad()
def errors(
    model: Any, test: Any, corruption: Corruption, rate: float, seed: int
) -> tuple[float, float]:
    """The two errors of a trained AutoRec.

    Args:
        model: in any mode; it is left in evaluation.
        test: RecBole's loader of the held-out ratings.
        corruption, rate: of the rows.
        seed: of what is corrupted.

    Returns:
        the RMSE of the corrupted ratings (nan where none is), and of the held-out ones.
    """
    model.eval()
    torch.manual_seed(seed)
    pairs = test.dataset.inter_feat
    users, items = pairs[model.USER_ID], pairs[model.ITEM_ID]
    rows, columns = (users, items) if model.by_user else (items, users)
    ratings = pairs[model.rating_field]
    hit_errors, held_errors = [], []
    for ids in torch.arange(model.ratings.n_rows, device=model.ratings.device).split(1024):
        rebuilt, hit = model.rebuild(ids, corruption, rate)
        hit_errors.append((rebuilt - model.ratings.dense(ids)[0])[hit])
        here = (rows >= ids[0]) & (rows <= ids[-1])
        held_errors.append(rebuilt[rows[here] - ids[0], columns[here]] - ratings[here])
    return _rms(torch.cat(hit_errors)), _rms(torch.cat(held_errors))


def _rms(values: torch.Tensor) -> float:
    return float(values.double().square().mean().sqrt())


def crossing(rates: Iterable[float], plain: Iterable[float], denoising: Iterable[float]) -> float:
    """The rate above which the denoising model has the smaller error, by linear interpolation.

    Args:
        rates: the tested corruption rates, ascending.
        plain, denoising: the error of each model at each rate; nan where it was not measured.

    Returns:
        a rate; nan if the denoising model is not better at the highest rate.
    """
    rate = np.array(list(rates))
    lead = np.array(list(plain)) - np.array(list(denoising))  # positive: denoising is better
    rate, lead = rate[~np.isnan(lead)], lead[~np.isnan(lead)]
    if not len(lead) or lead[-1] <= 0:
        return float("nan")
    behind = np.flatnonzero(lead <= 0)
    if not len(behind):
        return float(rate[0])
    last = behind[-1]
    share = -lead[last] / (lead[last + 1] - lead[last])
    return float(rate[last] + share * (rate[last + 1] - rate[last]))


Spread = tuple[float, float]  # mean and standard deviation over the seeds


def summarise(points: Iterable[Point]) -> dict[str, dict[str, dict[float, Spread]]]:
    """By kind of error (``recovered``, ``held_out``), model and rate."""
    values: dict[str, dict[str, dict[float, list[float]]]] = {}
    for point in points:
        for kind in KINDS:
            at = values.setdefault(kind, {}).setdefault(point.model, {})
            at.setdefault(point.rate, []).append(getattr(point, kind))
    return {
        kind: {
            model: {rate: (float(np.mean(x)), float(np.std(x))) for rate, x in by_rate.items()}
            for model, by_rate in by_model.items()
        }
        for kind, by_model in values.items()
    }


def write_csv(points: Iterable[Point], file: Path) -> None:
    """Write a csv with a line for each model, seed and rate; whole, or the old file stays."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(field.name for field in fields(Point))
    for point in points:
        numbers = (f"{point.recovered:.6f}", f"{point.held_out:.6f}")
        writer.writerow([point.model, point.seed, point.rate, *numbers])
    write_text(file, stream.getvalue())


def write_figure(
    points: Iterable[Point], corruption: str, train_rate: float, dataset: str, file: Path
) -> None:
    """Write a page with both errors against the rate; it needs no network.

    Args:
        points: see ``measure``.
        corruption, train_rate, dataset: for the title and the axes.
        file: the page; it is written whole, or the old file stays.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    summary = summarise(points)
    plot = make_subplots(rows=1, cols=2, subplot_titles=list(KINDS.values()))
    colours = {PLAIN: "#b2552b", DENOISING: "#21618c"}
    for column, kind in enumerate(KINDS, start=1):
        for name, colour in colours.items():
            line = summary[kind][name]
            means, spreads = zip(*line.values(), strict=True)
            plot.add_trace(
                go.Scatter(
                    x=list(line),
                    y=means,
                    error_y={"array": spreads, "thickness": 1},
                    name=name,
                    legendgroup=name,
                    showlegend=column == 1,
                    line={"color": colour, "dash": "dot" if name == PLAIN else "solid"},
                    mode="lines+markers",
                ),
                row=1,
                col=column,
            )
    axis = "standard deviation, stars" if corruption == "gaussian" else "share of ratings corrupted"
    plot.update_xaxes(title=axis, tickformat=None if corruption == "gaussian" else ".0%")
    plot.update_yaxes(title="RMSE, stars", col=1)
    plot.update_layout(
        title=f"AutoRec on {dataset}: {corruption}, denoising trained at {train_rate:g}",
        template="simple_white",
        legend={"orientation": "h", "y": -0.2},
    )
    write_text(file, plot.to_html(include_plotlyjs=True, config={"responsive": True}))

"""The words of a benchmark's report: a paragraph about a table, costs, text for Markdown."""

import re
import statistics as means
from collections.abc import Mapping, Sequence

import numpy as np

from recbole_ext.experiments.summary import Line

COST_HEAD = (
    "model",
    "training, s",
    "preparation, s",
    "scoring, s",
    "best epoch",
    "equal users",
)


def paragraph(metric: str, lines: Sequence[Line], level: float) -> str:
    """What a table says: which models are the best, and how long these train.

    Args:
        metric: what models are compared by.
        lines: of the table, best first.
        level: models with a larger p-value do not differ significantly from the best one.

    Returns:
        one to four sentences.
    """
    tested = [line for line in lines if line.runs]
    if not tested:
        return "No run has ended well, so there is nothing to compare."
    first = tested[0]
    sentences = [f"{first.label} has the best mean {metric}, {first.metrics[metric][0]:.4f}."]
    if len(tested) == 1:
        return f"{sentences[0]} No other model has results. {_times(tested)}"
    if all(line.p_value is None for line in tested):
        return f"{sentences[0]} The differences were not tested: values of users are missing."
    reference = next(line for line in tested if line.p_value is None and metric in _of(line))
    if reference is not first:
        sentences.append(
            f"The tests compare values of users, whose mean is the best for {reference.label}."
        )
    near = [line for line in tested if line.p_value is not None and line.p_value > level]
    far = [line for line in tested if line.p_value is not None and line.p_value <= level]
    if near:
        verb = "is" if len(near) == 1 else "are"
        sentences.append(
            f"{_join([line.label for line in near])} {verb} not significantly different from "
            f"{reference.label} (p > {level}, paired over users, Holm-corrected)."
        )
    sentences.append(_times([reference, *near]))
    if far:
        many = len(far) > 1
        subject = f"The other {len(far)} models differ" if many else f"{far[0].label} differs"
        sentences.append(f"{subject} significantly from {reference.label}.")
    return " ".join(sentences)


def _of(line: Line) -> set[str]:
    """The metrics of which a line has values of users."""
    return {metric for run in line.runs for metric in run.users}


def _times(near: Sequence[Line]) -> str:
    """The times of training of the best models."""
    seconds = {line.label: means.mean(run.seconds for run in line.runs) for line in near}
    if len(seconds) == 1:
        ((label, value),) = seconds.items()
        return f"{label} needs {_seconds(value)} s of training."
    fast, slow = min(seconds, key=seconds.__getitem__), max(seconds, key=seconds.__getitem__)
    return (
        f"Of these {len(seconds)} models, {fast} needs the least training, "
        f"{_seconds(seconds[fast])} s, and {slow} the most, {_seconds(seconds[slow])} s."
    )


def _seconds(value: float, of: float | None = None) -> str:
    """With as many digits as its size, or that of another value, suggests: 0.21, 2.9, 119."""
    size = value if of is None else of
    return f"{value:,.{2 if size < 0.995 else 1 if size < 99.5 else 0}f}"


def _join(labels: Sequence[str]) -> str:
    """A list in words: "A", "A and B", "A, B and C"; names with a comma have quotation marks."""
    names = [f'"{label}"' if "," in label else label for label in labels]
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def costs(lines: Sequence[Line], users: Mapping[str, np.ndarray]) -> list[list[str]]:
    """The rows of the table of costs, below ``COST_HEAD``.

    Args:
        lines: of the table, best first.
        users: model -> [users], the values that the tests pair; {} if they cannot be paired.

    Returns:
        for each model the mean and standard deviation over its runs, and for how many users it has
        the same value as the first model; "-" for what was not recorded.
    """
    rows = []
    best = next((users[line.label] for line in lines if line.label in users), None)
    for number, line in enumerate(line for line in lines if line.runs):
        equal = "-"
        if best is not None and line.label in users:
            own = users[line.label]
            equal = "" if number == 0 else f"{(own == best).sum()} of {len(own)}"
        rows.append(
            [
                line.label,
                _spread([run.seconds for run in line.runs]),
                _spread([run.setup_seconds for run in line.runs]),
                _spread([run.test_seconds or None for run in line.runs]),
                f"{means.mean(run.epochs for run in line.runs):.0f}",
                equal,
            ]
        )
    return rows


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "-"
    mean = means.mean(known)
    spread = f" ± {_seconds(means.stdev(known), of=mean)}" if len(known) > 1 else ""
    return f"{_seconds(mean)}{spread}"


def for_markdown(text: str) -> str:
    """Text that shows in Markdown as it is: no table cell, tag or entity begins in it."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([|*`\[\]\\])", r"\\\1", safe)

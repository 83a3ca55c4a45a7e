"""Mean ranks of models over users, and the critical-difference diagram of them.

Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", 2006, draws the mean ranks
over data sets and joins the models that a test does not distinguish. Here the ranks are over the
test users of one data set. The tests are those of the table: paired Wilcoxon tests of all pairs of
models, Holm-corrected. Benavoli et al., "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?",
2016, recommend them in the place of Nemenyi's test.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

import numpy as np

from recbole_ext.evaluator import significance

_AXIS = 460  # the width of the axis, in the units of the picture; a unit is a pixel or less
_LETTER = 7.4  # the width of a letter of a label
_ROW = 21  # the height of a label
_BAR = 9  # from one bar of a group to the next


@dataclass(frozen=True)
class MeanRanks:
    """The mean rank of each model.

    Attributes:
        ranks: model -> mean rank over users, 1 is the best; in ascending order.
        groups: sets of two or more models without a significant difference between any two of
            them; a set that another one contains is left out.
        n_users: how many users were ranked.
    """

    ranks: dict[str, float]
    groups: list[list[str]]
    n_users: int


def mean_ranks(values: Mapping[str, np.ndarray], bigger: bool, level: float) -> MeanRanks:
    """Rank the models for each user, and average the ranks.

    Args:
        values: model -> [users], all in the same order of users; at least two models.
        bigger: whether a bigger value is better.
        level: pairs with a larger Holm-corrected p-value do not differ significantly.

    Returns:
        the mean ranks; models with equal values for a user share the mean of their places.
    """
    from scipy import stats

    table = np.stack(list(values.values()))
    ranks = stats.rankdata(-table if bigger else table, axis=0).mean(axis=1)
    by_rank = dict(sorted(zip(values, ranks.tolist(), strict=True), key=lambda pair: pair[1]))
    p_values = significance.all_pairs(values)
    near: dict[str, set[str]] = {label: set() for label in by_rank}
    for pair, (_, corrected) in p_values.items():
        if corrected > level:
            one, two = pair
            near[one].add(two)
            near[two].add(one)
    order = list(by_rank)
    groups = [sorted(group, key=order.index) for group in _cliques([], order, [], near)]
    groups.sort(key=lambda group: [order.index(label) for label in group])
    return MeanRanks(by_rank, groups, table.shape[1])


def _cliques(
    group: list[str], candidates: list[str], done: list[str], near: Mapping[str, set[str]]
) -> Iterator[list[str]]:
    """The largest sets of two or more models that are all near each other (Bron and Kerbosch 1973).

    Args:
        group: models that are all near each other.
        candidates: models near all of these, to be added.
        done: models near all of these, whose sets have been listed.
        near: model -> the models from which it does not differ.
    """
    if not candidates and not done and len(group) > 1:
        yield group
    candidates, done = list(candidates), list(done)
    while candidates:
        label = candidates.pop(0)
        own = near[label]
        yield from _cliques(
            [*group, label],
            [other for other in candidates if other in own],
            [other for other in done if other in own],
            near,
        )
        done.append(label)


def sentence(ranks: MeanRanks) -> str:
    """The mean ranks and the groups as text."""
    means = "; ".join(f"{label} {rank:.2f}" for label, rank in ranks.ranks.items())
    start = f"Mean ranks over {ranks.n_users} users: {means}."
    if not ranks.groups:
        return f"{start} All pairs of models differ significantly."
    groups = "; ".join(f"({' = '.join(group)})" for group in ranks.groups)
    return f"{start} Groups without a significant difference: {groups}."


def svg(ranks: MeanRanks) -> str:
    """The critical-difference diagram as SVG: the best model on the left, a bar for each group.

    A dot on a bar marks a member of the group: models between two members need not be in it. Text
    and lines have the colour of the text around the picture.
    """
    means = list(ranks.ranks.values())
    low, high = math.floor(means[0]), max(math.ceil(means[-1]), math.floor(means[0]) + 1)
    labels = [f"{label}  {rank:.2f}" for label, rank in ranks.ranks.items()]
    margin = 14 + _LETTER * max(map(len, labels))
    top = 34.0
    first_row = top + 22 + _BAR * len(ranks.groups)
    n_left = (len(labels) + 1) // 2
    width, height = 2 * margin + _AXIS, first_row + _ROW * n_left

    def place(rank: float) -> float:
        return margin + _AXIS * (rank - low) / (high - low)

    parts = [_line(margin, top, margin + _AXIS, top)]
    step = math.ceil((high - low) / 12)
    for tick in range(low, high + 1, step):
        parts.append(_line(place(tick), top - 6, place(tick), top))
        parts.append(_text(place(tick), top - 11, "middle", str(tick)))
    for number, (label, mean) in enumerate(zip(labels, means, strict=True)):
        is_left = number < n_left
        row = number if is_left else len(labels) - 1 - number
        x, y = place(mean), first_row + _ROW * row
        end = margin - 6 if is_left else margin + _AXIS + 6
        points = f"{x:.1f},{top:.1f} {x:.1f},{y:.1f} {end:.1f},{y:.1f}"
        parts.append(f'<polyline points="{points}" fill="none" stroke="currentColor"/>')
        anchor, start = ("end", end - 4) if is_left else ("start", end + 4)
        parts.append(_text(start, y + 4.5, anchor, label))
    for number, group in enumerate(ranks.groups):
        y = top + 12 + _BAR * number
        ends = [place(ranks.ranks[label]) for label in (group[0], group[-1])]
        bar = 'stroke="#0072b2" stroke-width="4"'
        parts.append(_line(ends[0] - 3, y, ends[1] + 3, y, bar))
        dots = (place(ranks.ranks[label]) for label in group)
        parts += (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#0072b2"/>' for x in dots)
    about = escape(f"Critical-difference diagram. {sentence(ranks)}")
    return (
        f'<svg role="img" aria-label="{about}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-size="13">{"".join(parts)}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = 'stroke="currentColor"') -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f"<line {ends} {stroke}/>"


def _text(x: float, y: float, anchor: str, text: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor">{escape(text)}</text>'

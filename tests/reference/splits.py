"""How interactions are split and what is ranked, by definition: plain Python, for tests only."""

from collections.abc import Iterable
from fractions import Fraction

from tests.reference.reading import Refused, Row, by_time

Parts = tuple[list[Row], list[Row], list[Row]]  # training, validation, test
HELD_OUT = {"valid_and_test": [2, 1], "valid_only": [1], "test_only": [2]}


def of_each_user(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """User -> rows, in their order."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.user, []).append(row)
    return groups


def sizes(n: int, ratios: list[float]) -> list[int]:
    """RecBole's rule for ``RS``: the parts after the first are rounded down.

    A part that would be less than one row takes one from the first part, test before validation,
    as long as the first part keeps one.
    """
    total = sum(Fraction(str(ratio)) for ratio in ratios)
    exact = [Fraction(str(ratio)) / total * n for ratio in ratios]
    counts = [int(share) for share in exact]
    counts[0] = n - sum(counts[1:])
    for part in reversed(range(1, len(ratios))):
        if counts[0] > 1 and 0 < exact[part] < 1:
            counts[part] += 1
            counts[0] -= 1
    return counts


def by_ratio(rows: list[Row], ratios: list[float], group_by: str) -> Parts:
    """``RS``: each group's rows (or all rows) are cut at the sizes, in the order given."""
    groups = of_each_user(rows).values() if group_by == "user" else [rows]
    parts: Parts = ([], [], [])
    for group in groups:
        first, second, _ = sizes(len(group), ratios)
        parts[0].extend(group[:first])
        parts[1].extend(group[first : first + second])
        parts[2].extend(group[first + second :])
    return parts


def leave_one_out(rows: list[Row], mode: str) -> Parts:
    """``LS``: each user's last row is for test, the one before for validation; one stays."""
    parts: Parts = ([], [], [])
    for group in of_each_user(rows).values():
        for part in HELD_OUT[mode]:
            if len(group) > 1:
                parts[part].append(group[-1])
                group = group[:-1]
        parts[0].extend(group)
    return parts


def by_moment(rows: list[Row], ratios: list[float]) -> Parts:
    """``TS``: what is later than the moment that divides all rows by the ratio is for test.

    The moment is a percentile with linear interpolation. Each user's earlier rows are cut, by
    time, at training / (training + validation), rounded down.
    """
    first, second, third = (
        Fraction(str(r)) / sum(Fraction(str(r)) for r in ratios) for r in ratios
    )
    times = sorted(Fraction(row.values["timestamp"]) for row in rows)
    place = (1 - third) * (len(times) - 1)
    below, above = times[int(place)], times[min(int(place) + 1, len(times) - 1)]
    moment = below + (above - below) * (place - int(place))
    parts: Parts = ([], [], [])
    for group in of_each_user(by_time(rows)).values():
        earlier = [row for row in group if row.values["timestamp"] <= moment]
        cut = int(len(earlier) * first / (first + second))
        parts[0].extend(earlier[:cut])
        parts[1].extend(earlier[cut:])
        parts[2].extend(group[len(earlier) :])
    return parts


def split(rows: list[Row], eval_args: dict) -> Parts:
    """The parts of an order that is known: ``TO``, or the file's."""
    ((kind, how),) = eval_args["split"].items()
    legal = how in HELD_OUT if kind == "LS" else len(how) == 3 and min(how) >= 0 and sum(how) > 0
    if not legal or eval_args["order"] not in ("RO", "TO"):
        raise Refused(f"{eval_args}")
    rows = by_time(rows) if eval_args["order"] == "TO" else rows
    if kind == "LS":
        return leave_one_out(rows, how)
    return by_moment(rows, how) if kind == "TS" else by_ratio(rows, how, eval_args["group_by"])


def history(parts: Parts, phase: int) -> dict[str, set[str]]:
    """User -> the items of the parts before ``phase`` (1 validation, 2 test)."""
    earlier = [row for part in parts[:phase] for row in part]
    return {user: {row.item for row in rows} for user, rows in of_each_user(earlier).items()}


def all_candidates(
    catalogue: set[str], parts: Parts, phase: int, user: str, held_out: set[str]
) -> set[str]:
    """``full``: all items but those the user has in earlier parts; a held-out item always."""
    return (catalogue - history(parts, phase).get(user, set())) | held_out


def not_interacted(catalogue: set[str], parts: Parts, phase: int, user: str) -> set[str]:
    """``uniN``, ``popN``: what negatives are drawn from, without replacement."""
    return catalogue - history(parts, phase + 1).get(user, set())

"""What rankings there are where scores tie: the order of tied items is luck."""

import math
from itertools import combinations, product

Scores = dict[str, float]  # item -> score


def rankings(scores: Scores, relevant: set[str], tie: float) -> tuple[list[str], list[str]]:
    """The worst and the best order; scores that differ by at most ``tie`` are tied."""
    groups = tied_groups(scores, tie)
    worst = [item for group in groups for item in sorted(group, key=relevant.__contains__)]
    best = [item for group in groups for item in sorted(group, key=lambda i: i not in relevant)]
    return worst, best


def tied_groups(scores: Scores, tie: float) -> list[list[str]]:
    groups: list[list[str]] = []
    for item in sorted(scores, key=scores.__getitem__, reverse=True):
        if groups and scores[groups[-1][-1]] - scores[item] <= tie:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def top_lists(scores: Scores, k: int, tie: float) -> list[list[str]]:
    """Every list of the k best items, as a set in any order."""
    top: list[str] = []
    for group in tied_groups(scores, tie):
        if len(top) + len(group) > k:
            return [[*top, *some] for some in combinations(group, k - len(top))]
        top.extend(group)
    return [top]


def choices(of_users: list[list[list[str]]], limit: int) -> list[tuple[list[str], ...]] | None:
    """Every combination of the users' lists, or None if there are more than ``limit``."""
    return list(product(*of_users)) if math.prod(map(len, of_users)) <= limit else None

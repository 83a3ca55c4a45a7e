"""The metrics of rankings, lists and scores, by their formulas: plain Python, for tests only."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations, product


def hit(ranking: list[str], relevant: set[str], k: int) -> float:
    return float(any(item in relevant for item in ranking[:k]))


def recall(ranking: list[str], relevant: set[str], k: int) -> float:
    return len(relevant & set(ranking[:k])) / len(relevant)


def precision(ranking: list[str], relevant: set[str], k: int) -> float:
    return len(relevant & set(ranking[:k])) / k


def mrr(ranking: list[str], relevant: set[str], k: int) -> float:
    ranks = [rank for rank, item in enumerate(ranking[:k], 1) if item in relevant]
    return 1 / ranks[0] if ranks else 0.0


def map_(ranking: list[str], relevant: set[str], k: int) -> float:
    ranks = [rank for rank, item in enumerate(ranking[:k], 1) if item in relevant]
    return sum(precision(ranking, relevant, rank) for rank in ranks) / min(len(relevant), k)


def ndcg(ranking: list[str], relevant: set[str], k: int) -> float:
    gain = sum(1 / math.log2(r + 1) for r, item in enumerate(ranking[:k], 1) if item in relevant)
    return gain / sum(1 / math.log2(r + 1) for r in range(1, min(len(relevant), k) + 1))


RANKING = {f.__name__.strip("_"): f for f in (hit, recall, precision, mrr, map_, ndcg)}


def coverage(lists: list[list[str]], catalogue: set[str]) -> float:
    return len({item for top in lists for item in top}) / len(catalogue)


def entropy(lists: list[list[str]], _: set[str]) -> float:
    counts = Counter(item for top in lists for item in top)
    return -sum(n / counts.total() * math.log(n / counts.total()) for n in counts.values())


def gini(lists: list[list[str]], catalogue: set[str]) -> float:
    counts = Counter(item for top in lists for item in top)
    ascending = sorted(counts[item] for item in catalogue)
    n = len(ascending)
    return sum((2 * i - n - 1) * c for i, c in enumerate(ascending, 1)) / (n * sum(ascending))


LISTS = {"itemcoverage": coverage, "shannonentropy": entropy, "giniindex": gini}


def average(lists: list[list[str]], value: Callable[[str], float]) -> float:
    """AveragePopularity (value: rows in training), TailPercentage (value: 1 if in the tail)."""
    return sum(sum(map(value, top)) / len(top) for top in lists) / len(lists)


def tails(popularity: Counter[str], ratio: float) -> Iterator[set[str]]:
    """The least popular items of training, this part of them: every choice where some tie."""
    n_tail = max(int(len(popularity) * ratio), 1)
    if ratio > 1:  # a count of rows
        n_tail = sum(n <= ratio for n in popularity.values())
    limit = sorted(popularity.values())[n_tail - 1] if n_tail else 0
    below = {item for item, n in popularity.items() if n < limit}
    at_limit = sorted(item for item, n in popularity.items() if n == limit)
    yield from (below | set(some) for some in combinations(at_limit, n_tail - len(below)))


def auc(positive: list[float], negative: list[float], tie: float) -> tuple[float, float]:
    """P(a positive scores above a negative), half for equal; nearly equal is luck."""
    low = high = 0.0
    for p, n in product(positive, negative):
        near = abs(p - n) <= tie and tie > 0
        low += 0.0 if near else (p > n) + (p == n) / 2
        high += 1.0 if near else (p > n) + (p == n) / 2
    pairs = len(positive) * len(negative)
    return low / pairs, high / pairs


def rmse(scores: list[float], labels: list[float]) -> float:
    return math.sqrt(sum((s - y) ** 2 for s, y in zip(scores, labels, strict=True)) / len(labels))


def mae(scores: list[float], labels: list[float]) -> float:
    return sum(abs(s - y) for s, y in zip(scores, labels, strict=True)) / len(labels)


def logloss(scores: list[float], labels: list[float]) -> float:
    """Minus the mean log-likelihood; probabilities are kept 1e-15 from 0 and 1."""
    kept = [min(max(p, 1e-15), 1 - 1e-15) for p in scores]
    terms = (y * math.log(p) + (1 - y) * math.log(1 - p) for p, y in zip(kept, labels, strict=True))
    return -sum(terms) / len(labels)


VALUES = {"rmse": rmse, "mae": mae, "logloss": logloss}

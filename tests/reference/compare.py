"""A run against the definitions: every disagreement in a line."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from tests.reference import metrics, splits, ties
from tests.reference.case import Case, Outcome
from tests.reference.reading import Refused, Row, known, labelled, read, unquoted, without_repeats

EXACT = ("Pop", "ItemKNN")  # whose scores are the same numbers however they are batched
CHOICES = 500  # combinations of tied lists that are tried


def expected_parts(case: Case) -> tuple[splits.Parts, set[str]]:
    """The parts, those of a random order as if it was the file's; and the catalogue."""
    settings = case.settings
    texts = {suffix: text for suffix, text in case.files.items() if suffix.endswith("inter")}
    of_files = {suffix: read(text) for suffix, text in texts.items()}
    names = {
        suffix: {unquoted(line) for line in case.files[suffix].split("\n")[1:] if line}
        for suffix in ("user", "item")
        if suffix in case.files
    }
    if (benchmark := settings.get("benchmark_filename")) is None:
        rows = without_repeats(of_files["inter"], settings.get("rm_dup_inter"))
        rows = known(rows, names.get("user"), names.get("item"))
        rows = labelled(rows, case.label, settings.get("threshold"))
        parts = splits.split(rows, dict(case.eval_args))
    else:
        of_each = [of_files[f"{name}.inter"] for name in benchmark]
        parts = tuple(labelled(rows, case.label, settings.get("threshold")) for rows in of_each)
    catalogue = {row.item for part in parts for row in part} | names.get("item", set())
    if not parts[0] or (not parts[2] and case.eval_args["split"] != {"LS": "valid_only"}):
        raise Refused("nothing to train on, or to test")
    if case.ranks and max(case.topk) > len(catalogue):
        raise Refused("topk beyond the catalogue")
    for mode in (case.mode(1), case.mode(2)):
        if mode[:3] in ("uni", "pop") and (not case.ranks or int(mode[3:]) < 1):
            raise Refused(f"mode {mode}")
        if case.ranks and mode == "labeled":
            raise Refused("a ranking of labelled rows")
    labels = {row.values.get(case.label, 1.0) for part in parts for row in part}
    if {"AUC", "LogLoss"} & set(case.metrics) and not labels <= {0.0, 1.0}:
        raise Refused(f"AUC and LogLoss of labels {labels}")
    valid_metric = settings.get("valid_metric", case.valid_metric)
    if valid_metric not in case.metrics and valid_metric != case.valid_metric:
        raise Refused(f"valid_metric {valid_metric} is not computed")
    return parts, catalogue


def compare(case: Case, outcome: Outcome, skip: Collection[str] = ()) -> Iterator[str]:
    """Every way in which a run that was not refused differs from the definitions.

    Args:
        skip: faults that are known (see test_differential.py), where they are not avoided by
            the input.
    """
    try:
        parts, catalogue = expected_parts(case)
    except Refused as why:
        found = outcome.crashed or f"{outcome.results.get(2)}"
        yield f"should be refused ({why}), found {found}"
        return
    if outcome.crashed:
        yield f"crashed: {outcome.crashed}"
        return
    if catalogue != outcome.catalogue:
        yield f"items: expected {sorted(catalogue)}, found {sorted(outcome.catalogue)}"
        return
    differences = list(_compare_parts(case, parts, outcome))
    if differences:
        yield from differences
        return
    parts = tuple(outcome.parts)  # the same, or another random order
    if case.model == "Pop":
        yield from _compare_popularity(parts[0], outcome)
    for phase, result in outcome.results.items():
        drawn = case.mode(phase)[:3] in ("uni", "pop")
        if result is None or (phase == 1 and drawn):  # drawn again in each epoch
            continue
        if drawn:
            yield from _compare_drawn(case, parts, catalogue, outcome, skip)
        bounds = _bounds(case, parts, catalogue, outcome, phase, skip)
        for name, (low, high) in bounds.items():
            value = result[name]
            if math.isnan(low):
                continue  # not defined: no user, or no pair, to take it of
            slack = 1e-5 * max(1.0, abs(low), abs(high))
            if not low - slack <= value <= high + slack:
                which = ("valid", "test")[phase - 1]
                yield f"{which} {name}: expected {low} to {high}, found {value}"


def _compare_parts(case: Case, parts: splits.Parts, outcome: Outcome) -> Iterator[str]:
    def keys(rows: list[Row], whole: bool) -> Counter:
        if not whole:
            return Counter(row.user for row in rows)
        return Counter((row.user, row.item, row.values.get(case.label)) for row in rows)

    everything = keys([row for part in parts for row in part], True)
    if everything != (found := keys([row for part in outcome.parts for row in part], True)):
        yield f"rows: {everything - found} missing, {found - everything} too many"
        return
    kind = next(iter(case.eval_args["split"]))
    exact = case.eval_args["order"] == "TO" or "benchmark_filename" in case.settings
    by_user = kind != "RS" or case.eval_args["group_by"] == "user"
    for number, name in enumerate(("training", "validation", "test")):
        expected, found_rows = parts[number], outcome.parts[number]
        if exact or by_user or (kind == "TS" and number == 2):
            whole = exact or (kind == "TS" and number == 2)
            if (e := keys(expected, whole)) != (f := keys(found_rows, whole)):
                yield f"{name} rows: {dict(e - f)} missing, {dict(f - e)} too many"
        elif len(expected) != len(found_rows):
            yield f"{name}: expected {len(expected)} rows, found {len(found_rows)}"


def _compare_popularity(training: list[Row], outcome: Outcome) -> Iterator[str]:
    counts = Counter(row.item for row in training)
    for item, score in next(iter(outcome.scores.values())).items():
        if abs(score - counts[item] / max(counts.values())) > 1e-6:
            yield f"Pop: {item} has {counts[item]} of {counts} rows, found a score of {score}"
            return


def _compare_drawn(
    case: Case,
    parts: splits.Parts,
    catalogue: set[str],
    outcome: Outcome,
    skip: Collection[str],
) -> Iterator[str]:
    n = int(case.mode(2)[3:])
    for user, rows in splits.of_each_user(parts[2]).items():
        held_out, dealt = {row.item for row in rows}, Counter(outcome.dealt.get(user, []))
        if missing := held_out - set(dealt):
            yield f"{user}: {missing} held out, not among the candidates"
        drawn = Counter({item: count for item, count in dealt.items() if item not in held_out})
        free = splits.not_interacted(catalogue, parts, 2, user)
        if wrong := set(drawn) - free:
            yield f"{user}: {wrong} drawn, of the user's own items"
        if "drawn_twice" not in skip:
            if max(drawn.values(), default=0) > 1:
                yield f"{user}: drawn more than once: {drawn}"
            if len(drawn) != min(n * len(rows), len(free)):
                yield f"{user}: expected {n} for each of {len(rows)} rows, found {len(drawn)}"


def _bounds(
    case: Case,
    parts: splits.Parts,
    catalogue: set[str],
    outcome: Outcome,
    phase: int,
    skip: Collection[str],
) -> dict[str, tuple[float, float]]:
    """Metric -> its least and its largest value."""
    every = [abs(s) for row in outcome.scores.values() for s in row.values()]
    tie = 0.0 if case.model in EXACT else 2e-6 * max(1.0, *every)
    names = [name.lower() for name in case.metrics]
    if not case.ranks:
        return _value_bounds(case, parts[phase], outcome, tie, names)
    scores, relevant = {}, {}
    for user, rows in splits.of_each_user(parts[phase]).items():
        held_out = {row.item for row in rows}
        if case.mode(phase) == "full":
            of = splits.all_candidates(catalogue, parts, phase, user, held_out)
        else:
            of = set(outcome.dealt[user])
        if liked := {row.item for row in rows if row.values.get(case.label, 1.0) > 0}:
            scores[user] = {item: outcome.scores[user][item] for item in of}
            relevant[user] = liked
    bounds: dict[str, tuple[float, float]] = {}
    for name in names:
        if name == "gauc":
            bounds[name] = _gauc(scores, relevant, tie)
            continue
        for k in case.topk:
            if name in metrics.RANKING:
                metric = metrics.RANKING[name]
                sums = [0.0, 0.0]
                for user, row in scores.items():
                    for side, order in enumerate(ties.rankings(row, relevant[user], tie)):
                        sums[side] += metric(order, relevant[user], k) / len(scores)
                bounds[f"{name}@{k}"] = (sums[0], sums[1])
            elif "short_lists" not in skip or all(len(row) >= k for row in scores.values()):
                found = _list_bounds(case, name, parts, catalogue, scores, k, tie)
                if found is not None:
                    bounds[f"{name}@{k}"] = found
    return bounds if scores else dict.fromkeys(bounds, (math.nan, math.nan))


def _list_bounds(
    case: Case,
    name: str,
    parts: splits.Parts,
    catalogue: set[str],
    scores: dict[str, ties.Scores],
    k: int,
    tie: float,
) -> tuple[float, float] | None:
    of_users = [ties.top_lists(row, k, tie) for row in scores.values()]
    lists = ties.choices(of_users, CHOICES)
    popularity = Counter(row.item for row in parts[0])
    if name in metrics.LISTS and lists is not None:
        values = [metrics.LISTS[name](list(some), catalogue) for some in lists]
    elif name == "averagepopularity" and lists is not None:
        values = [metrics.average(list(some), popularity.__getitem__) for some in lists]
    elif name == "tailpercentage" and lists is not None:
        sets = list(metrics.tails(popularity, case.settings.get("tail_ratio") or 0.1))
        if len(lists) * len(sets) > CHOICES:
            return None
        values = [metrics.average(list(a), t.__contains__) for a in lists for t in sets]
    else:
        return None
    return min(values), max(values)


def _gauc(
    scores: dict[str, ties.Scores], relevant: dict[str, set[str]], tie: float
) -> tuple[float, float]:
    sums = [0.0, 0.0, 0.0]
    for user, row in scores.items():
        positive = [score for item, score in row.items() if item in relevant[user]]
        negative = [score for item, score in row.items() if item not in relevant[user]]
        if positive and negative:
            low, high = metrics.auc(positive, negative, tie)
            for place, value in enumerate((low, high, 1.0)):
                sums[place] += len(positive) * value
    return (sums[0] / sums[2], sums[1] / sums[2]) if sums[2] else (math.nan, math.nan)


def _value_bounds(
    case: Case, rows: list[Row], outcome: Outcome, tie: float, names: list[str]
) -> dict[str, tuple[float, float]]:
    scores = [outcome.predictions[row.user, row.item] for row in rows]
    labels = [row.values[case.label] for row in rows]
    bounds: dict[str, tuple[float, float]] = defaultdict(lambda: (math.nan, math.nan))
    for name in names:
        if name != "auc":
            value = metrics.VALUES[name](scores, labels)
            bounds[name] = (value, value)
            continue
        positive = [s for s, label in zip(scores, labels, strict=True) if label > 0]
        negative = [s for s, label in zip(scores, labels, strict=True) if label <= 0]
        if positive and negative:
            bounds[name] = metrics.auc(positive, negative, tie)
    return bounds

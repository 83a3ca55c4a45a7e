"""Random small data sets and protocols, by hypothesis; what is known to be wrong is left out."""

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from tests.reference.case import SMALL, Case

PLAIN = ["u", "i", "1", "01", "1.0", "b b", " c", "é", "x'", 'q"q', "0", "-1", "#", "[PAD]", "inf"]
MISSING = ["NA", "null", "None", "nan", "N/A", "NaN"]
QUOTED = ['"', '"a', '"b"', 'c"']
BAD_NUMBERS = ["", "inf", "-inf", "1e39", "nan", "x"]

RATIOS = [
    [0.8, 0.1, 0.1],
    [0.6, 0.2, 0.2],
    [0.5, 0.25, 0.25],
    [6, 3, 1],
    [0.7, 0.1, 0.2],
    [0.4, 0.3, 0.3],
    [0.5, 0, 0.5],
    [0.9, 0.1, 0],
]
RANKINGS = ["NDCG", "Recall", "MRR", "MAP", "Hit", "Precision", "GAUC"]
LISTS = ["ItemCoverage", "GiniIndex", "ShannonEntropy", "AveragePopularity", "TailPercentage"]
# Fault -> the metrics that have it.
WRONG_METRICS = {
    "padding_counted": ["ItemCoverage", "GiniIndex"],
    "entropy_divided": ["ShannonEntropy"],
}


@st.composite
def cases(draw: st.DrawFn, avoid: Collection[str] = ()) -> Case:
    """A run, with each kind of input but those in ``avoid`` (see test_differential.py)."""

    def allowed(fault: str, odds: int = 8) -> bool:
        return fault not in avoid and draw(st.integers(1, odds)) == odds

    model = draw(st.sampled_from(sorted(SMALL)))
    files: dict[str, str] = {}
    settings: dict[str, Any] = {"eval_batch_size": draw(st.sampled_from([4096, 1, 5, 30]))}
    header, lines = _lines(draw, allowed, with_label=draw(st.booleans()))
    benchmark = draw(st.integers(1, 6)) == 6
    if benchmark:
        settings["benchmark_filename"] = ["a", "b", "c"]
        places = draw(st.lists(st.sampled_from("aabc"), min_size=len(lines), max_size=len(lines)))
        for name in "abc":
            of_part = [line for line, at in zip(lines, places, strict=True) if at == name]
            files[f"{name}.inter"] = "\n".join([header, *of_part]) + "\n"
    else:
        end = draw(st.sampled_from(["\n", "\r\n"]))
        files["inter"] = end.join([header, *lines]) + draw(st.sampled_from([end, ""]))
        distinct = len({"".join(line.split("\t")[3:4]) for line in lines}) == len(lines)
        if distinct or "rm_dup_ties" not in avoid:
            settings["rm_dup_inter"] = draw(st.sampled_from([None, "first", "last"]))
    names = [line.split("\t") for line in lines if "\t" in line]
    for suffix, column in (("user", 0), ("item", 1)):
        if allowed(f"{suffix}_file", 5):
            known = sorted({cells[column] for cells in names if cells[column]})
            gone = draw(st.lists(st.sampled_from(known), unique=True, max_size=2))
            left = [name for name in known if name not in gone]
            extra = draw(st.sampled_from([[], ["only here"]]))
            files[suffix] = "\n".join([f"{suffix}_id:token", *left, *extra]) + "\n"
    labels = "label:float" in header.split("\t")
    value_metrics = draw(st.integers(1, 3)) == 3
    if model != "AutoRec":
        if value_metrics and not labels:
            settings["LABEL_FIELD"] = "rating"
        elif not labels and allowed("label_0", 4):
            settings["threshold"] = {"rating": draw(st.sampled_from([2, 3.0, 4]))}
    elif allowed("label_0"):
        settings["threshold"] = {"rating": 3}
    eval_args, metrics = _protocol(draw, allowed, avoid, model, settings, value_metrics)
    n_items = len({cells[1] for cells in names})
    most = n_items + 1 if allowed("topk_beyond") else n_items // 2
    topk = draw(st.lists(st.integers(1, most), min_size=1, max_size=3, unique=True))
    if "TailPercentage" in metrics and (ratio := draw(st.sampled_from([None, 0.3, 0.5, 2]))):
        settings["tail_ratio"] = ratio
    return Case(model, files, eval_args, tuple(metrics), tuple(topk), settings)


def _lines(draw: st.DrawFn, allowed: Any, with_label: bool) -> tuple[str, list[str]]:
    pool = list(PLAIN)
    if allowed("missing_names", 3):
        pool += MISSING
    if allowed("quotes", 3):
        pool += QUOTED
    users = draw(st.lists(st.sampled_from(pool), min_size=3, max_size=8, unique=True))
    items = draw(st.lists(st.sampled_from(pool), min_size=6, max_size=12, unique=True))
    start, step = (1_600_000_000, 1) if allowed("float32_time", 3) else (0, 1)
    ratings = ["1", "2", "3.0", "4.5", "5"]
    if allowed("label_0", 4):
        ratings += ["0"]
    labels = st.sampled_from(["0", "1"] if allowed("label_0", 2) else ["1"])
    cells = st.tuples(
        st.sampled_from(users),
        st.sampled_from(items),
        st.sampled_from(ratings),
        st.integers(0, 30).map(lambda n: str(start + n * step)),
        labels,
    )
    pairs = {"unique_by": lambda row: row[:2]} if draw(st.booleans()) else {}
    rows = draw(st.lists(cells, min_size=12, max_size=len(users) * len(items) * 2 // 3, **pairs))
    if not allowed("all_items"):  # two users with an item of their own: nobody has all items
        own = ("1", "3.0", "4.5")
        rows += [(f"owner {n}", f"item {n}", own[n], str(start + n), "1") for n in range(2)]
    if draw(st.booleans()):  # no two rows at a time
        times = draw(st.permutations(range(len(rows))))
        rows = [(*r[:3], str(start + t * step), r[4]) for r, t in zip(rows, times, strict=True)]
    lines = ["\t".join(row if with_label else row[:4]) for row in rows]
    if allowed("bad_lines"):
        place = draw(st.integers(0, len(lines) - 1))
        row = lines[place].split("\t")
        row[draw(st.integers(0, 3))] = draw(st.sampled_from(BAD_NUMBERS))
        lines[place] = draw(st.sampled_from(["\t".join(row), "\t".join(row[:-1]), ""]))
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    return header + ("\tlabel:float" if with_label else ""), lines


def _protocol(
    draw: st.DrawFn,
    allowed: Any,
    avoid: Collection[str],
    model: str,
    settings: dict[str, Any],
    value_metrics: bool,
) -> tuple[dict[str, Any], list[str]]:
    order = draw(st.sampled_from(["RO", "TO"]))
    kinds = ["RS", "LS"]
    if not (order == "RO" and "ts_random_order" in avoid) and "ts_rounding" not in avoid:
        kinds.append("TS")
    kind = draw(st.sampled_from(kinds))
    how = draw(st.sampled_from(RATIOS))
    if kind == "LS":
        how = draw(st.sampled_from(["valid_and_test", "test_only"] * 3 + ["valid_only"]))
    ranks = [name for name in RANKINGS + LISTS if name not in _wrong(avoid)]
    metrics = draw(st.lists(st.sampled_from(ranks), min_size=1, max_size=4, unique=True))
    n = draw(st.sampled_from(["1", "2", "4"] + ["0", "-5"] * allowed("no_negatives")))
    drawn = [f"uni{n}", f"pop{n}"] * (model != "AutoRec" or "clipped_ranking" not in avoid)
    mode: Any = draw(st.sampled_from(["full", *drawn]))
    if drawn and draw(st.integers(1, 4)) == 4:
        mode = {"valid": "full", "test": draw(st.sampled_from(drawn))}
    if value_metrics:
        binary = model != "AutoRec" and settings.get("LABEL_FIELD") != "rating"
        names = ["RMSE", "MAE"]
        if binary or allowed("auc_of_ratings"):
            names += ["AUC", "LogLoss"]
        metrics = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        mode = "labeled" if not allowed("values_of_drawn") else f"uni{n}"
    group_by = draw(st.sampled_from(["user", "user", "none"]))
    args = {"split": {kind: how}, "order": order, "group_by": group_by, "mode": mode}
    return args, metrics


def _wrong(avoid: Collection[str]) -> set[str]:
    return {name for fault in avoid for name in WRONG_METRICS.get(fault, [])}

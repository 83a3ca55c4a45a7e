"""Every model's run, RecBole's loops beside ours: first batch, epoch, full ranking, memory.

    python -m tests.benchmarks --suite models                # ml-100k: an hour and a half
    python -m tests.benchmarks --suite models --only BPR
    python -m tests.benchmarks --suite models --shape 1m     # a made data set of 1 million ratings

RecBole's side is this package with its groups of patches ``speed``, ``cache`` and ``imports``
switched off. The two sides take turns, each measurement in a process of its own with a time limit.
Each appends a line to ``--output/speed_models.jsonl``; a run that is started again measures what is
missing.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.speed.sides import ROOT, Side, peak_mebibytes, prepare

GENERAL = (
    *("ADMMSLIM", "AsymKNN", "BPR", "CDAE", "ConvNCF", "DGCF", "DMF", "DiffRec", "EASE", "ENMF"),
    *("FISM", "GCMC", "ItemKNN", "LDiffRec", "LINE", "LightGCN", "MacridVAE", "MultiDAE"),
    *("MultiVAE", "NAIS", "NCEPLRec", "NCL", "NGCF", "NNCF", "NeuMF", "Pop", "RaCT", "Random"),
    *("RecVAE", "SGL", "SLIMElastic", "SimpleX", "SpectralCF"),
)
CONTEXT = ("DeepFM", "FM")
MODELS = (*GENERAL, "SASRec", "GRU4Rec", *CONTEXT)
SIDES: tuple[Side, ...] = ("RecBole", "recbole_ext")

SECONDS = ("first batch", "epoch", "full ranking")
NO_DRAWN_ITEMS = ("SASRec", "GRU4Rec")  # their loss compares with all items
# RecBole's context models predict labels by default; here they rank all items, as the others do.
RANKS: dict[str, Any] = {
    "eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user"}
    | {"mode": "full"},
    "metrics": ["Recall", "MRR", "NDCG", "Hit", "Precision"],
    "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
    "threshold": None,
}
EPOCHS = 5
REPEATED_FOR = 10.0  # seconds: no further epoch after so many

Line = dict[str, Any]


def measure_here(side: Side, model: str, dataset: str, data_path: str) -> Line:
    """One model on one side, in this process.

    Returns:
        of each of ``SECONDS`` [by the wall, of the process], medians over the epochs; the loss and
        the metrics of the first epoch, which must be equal on both sides; MiB.
    """
    own: Line = {"data_path": data_path} if data_path else {}
    if model in NO_DRAWN_ITEMS:
        own["train_neg_sample_args"] = None
    if model in CONTEXT:
        own |= RANKS
    import recbole.quick_start  # noqa: F401  not a part of the first batch
    import torch._dynamo  # noqa: F401  which torch's optimizers import

    watch = _Watch()
    run = prepare(side, model, dataset, valid_metric="NDCG@10", epochs=EPOCHS, **own)
    next(iter(run.train))
    found: Line = {"first batch": watch.lap()}
    evaluate, rankings, epochs, metrics = run.trainer.evaluate, [], [], []

    def timed(*args: Any, **options: Any) -> Any:
        epochs.append(watch.lap())
        metrics.append(evaluate(*args, **options))
        rankings.append(watch.lap())
        return metrics[-1]

    def enough(*_: Any) -> None:
        if sum(seconds for seconds, _ in (*epochs, *rankings)) > REPEATED_FOR:
            raise _EnoughError

    run.trainer.evaluate = timed
    with suppress(_EnoughError):
        run.fit(saved=False, watch=enough)
    for name, laps in (("epoch", epochs), ("full ranking", rankings)):
        found[name] = [statistics.median(clock) for clock in zip(*laps, strict=True)]
    found["loss"] = run.trainer.train_loss_dict[0]
    found["metrics"] = {key: float(value) for key, value in metrics[0].items()}
    return {**found, "MiB": round(peak_mebibytes())}


class _EnoughError(Exception):
    """Raised after an epoch to end a training."""


class _Watch:
    """Seconds since the last lap: by the wall, and of this process."""

    def __init__(self) -> None:
        self.last = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        last, self.last = self.last, (time.perf_counter(), time.process_time())
        return self.last[0] - last[0], self.last[1] - last[1]


def measure(side: Side, model: str, dataset: str, data_path: str, limit: float) -> Line:
    """``measure_here`` in a process of its own, or ``{"error": ...}``.

    Args:
        limit: seconds; the process is stopped then.
    """
    off = "speed,cache,imports" if side == "RecBole" else ""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RECBOLE_EXT_DISABLE": off}
    words = [sys.executable, "-m", __spec__.name, side, model, dataset, data_path]
    with tempfile.TemporaryDirectory() as scratch:
        try:
            ended = subprocess.run(
                words, cwd=scratch, env=environment, capture_output=True, text=True, timeout=limit
            )
        except subprocess.TimeoutExpired:
            return {"error": f"more than {limit:.0f} s"}
    if ended.returncode:
        return {"error": (ended.stderr.strip().splitlines() or [f"{ended.returncode}"])[-1]}
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def read(file: Path) -> list[Line]:
    """The lines of a results file; none, if there is no such file."""
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def run(
    file: Path, models: Sequence[str], dataset: str, data_path: str, rounds: int, limit: float
) -> Iterator[Line]:
    """Measure what ``file`` does not have yet, A B A B; each line as soon as it is there."""
    keys = ("model", "dataset", "round", "side")
    there = {tuple(line[key] for key in keys) for line in read(file)}
    for model in models:
        for number in range(1, rounds + 1):
            for side in SIDES:
                if (model, dataset, number, side) in there:
                    continue
                line = {"model": model, "dataset": dataset, "round": number, "side": side}
                line |= measure(side, model, dataset, data_path, limit)
                with file.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(line) + "\n")
                yield line


def ratios(lines: Sequence[Line], clock: int = 0) -> list[Line]:
    """Of each model RecBole's medians, ours, and their ratio.

    Args:
        clock: 0, by the wall; 1, of the process, which other processes disturb less.

    Raises:
        AssertionError: the losses or metrics differ in the first six decimals.
    """
    table = []
    for model in dict.fromkeys(line["model"] for line in lines):
        own = [line for line in lines if line["model"] == model]
        sides = [[x for x in own if x["side"] == side and "error" not in x] for side in SIDES]
        problems = {x["side"]: x["error"] for x in own if "error" in x}
        row: Line = {"model": model, "problems": problems}
        if all(sides):
            for line in own:
                if "error" not in line:
                    assert _equal(line, sides[0][0]), (line, sides[0][0])
            for name in SECONDS:
                theirs, ours = (statistics.median(x[name][clock] for x in side) for side in sides)
                row[name] = (theirs, ours, theirs / ours)
            row["MiB"] = [statistics.median(x["MiB"] for x in side) for side in sides]
        table.append(row)
    return table


def _equal(one: Line, other: Line) -> bool:
    flat = [{"loss": x["loss"], **x["metrics"]} for x in (one, other)]
    return flat[0].keys() == flat[1].keys() and all(
        math.isclose(value, flat[1][key], rel_tol=1e-6, abs_tol=5e-7)
        for key, value in flat[0].items()
    )


def geometric_means(table: Sequence[Line]) -> Line:
    """Of the ratios of the models that both sides have run."""
    whole = [row for row in table if "epoch" in row]
    return {name: statistics.geometric_mean(row[name][2] for row in whole) for name in SECONDS}


def table(lines: Sequence[Line], clock: int = 0) -> str:
    """As text, and the geometric means of the ratios below it."""
    from tabulate import tabulate

    found = ratios(lines, clock)
    rows: list[list[Any]] = []
    for row in found:
        if "epoch" not in row:
            both = "; ".join(f"{side}: {error}" for side, error in row["problems"].items())
            rows.append([row["model"], both or "not measured on both sides"])
            continue
        cells = [f"{a:.3g} / {b:.3g}, {ratio:.2f}" for a, b, ratio in map(row.get, SECONDS)]
        rows.append([row["model"], *cells, "{:,.0f} / {:,.0f}".format(*row["MiB"])])
    whole = [row for row in found if "epoch" in row]
    if whole:
        means = [f"{mean:.2f}" for mean in geometric_means(found).values()]
        rows.append([f"geometric mean of {len(whole)}", *means])
    headers = ["", *(f"{name}, s" for name in SECONDS), "MiB"]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def main() -> None:
    side, model, dataset, data_path = sys.argv[1:]
    sys.argv = sys.argv[:1]  # RecBole's Config would read them
    warnings.simplefilter("ignore")
    assert side in SIDES
    print(json.dumps(measure_here(side, model, dataset, data_path)))


if __name__ == "__main__":
    main()

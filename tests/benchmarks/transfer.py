"""What `recbole-ext tune` finds on data sets of several shapes, and what each of its choices gives.

    python -m tests.benchmarks.transfer --data FOLDER                     # all that FOLDER has
    python -m tests.benchmarks.transfer --only AutoRec:ml-100k --minutes 10
    python -m tests.benchmarks.transfer --table                           # prints what the csv has

FOLDER has `monti/` (Flixster and Yahoo Music, 3,000 x 3,000, with the split of Monti et al., NIPS
2017, as NAME.train.tsv and NAME.test.tsv: user, item, rating) and `ml-1m-lightgcn/` (MovieLens 1M
in LightGCN's layout). A tenth of Monti's training ratings, drawn with seed 0, is for validation.
The others are ml-100k and made data (shapes.py), with RecBole's default split. The tuning sees the
validation part alone; then one run with the file that it wrote is tested.
"""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pandas as pd

from tests.benchmarks import shapes

RESULTS = Path(__file__).parent / "results" / "transfer.csv"
COLUMNS = (
    *("model", "dataset", "candidate", "metric", "valid", "epoch", "stopped", "best", "test"),
    *("tuning", "training"),  # seconds
)


class Job(NamedTuple):
    model: str
    dataset: str


def monti(data: Path, folder: Path, name: str) -> None:
    from recbole_ext.data import from_frame

    train, test = (
        pd.read_csv(data / "monti" / f"{name}.{part}.tsv", sep="\t") for part in ("train", "test")
    )
    order = np.random.RandomState(0).permutation(len(train))
    n = len(train) // 10
    valid, rest = (train.iloc[own].reset_index(drop=True) for own in (order[:n], order[n:]))
    from_frame(rest, name, valid=valid, test=test, data_path=folder)


def lightgcn(data: Path, folder: Path, name: str) -> None:
    words = ["data", "import", str(data / name), "--name", name, "--data_path", str(folder)]
    subprocess.run([sys.executable, "-m", "recbole_ext.cli.main", *words], check=True)


def made(data: Path, folder: Path, name: str) -> None:
    shapes.make(folder, name)


def carried(data: Path, folder: Path, name: str) -> None:
    """RecBole has it."""


DATASETS: dict[str, Callable[[Path, Path, str], None]] = {
    "flixster": monti,
    "yahoo_music": monti,
    "ml-100k": carried,
    "few": made,
    "many": made,
    "ml-1m-lightgcn": lightgcn,
}
RATED = [name for name in DATASETS if name != "ml-1m-lightgcn"]
JOBS = [
    *(Job("AutoRec", name) for name in RATED),
    *(Job("NCFMLP", name) for name in DATASETS),
]


def measure(job: Job, data: Path, folder: Path, minutes: float) -> list[dict[str, Any]]:
    """Tune, train with the best settings, test once: a line for each candidate."""
    datasets = (folder / "dataset").absolute()
    if not (datasets / job.dataset).is_dir():
        DATASETS[job.dataset](data, datasets, job.dataset)
    output = (folder / f"{job.model}-{job.dataset}.yaml").absolute()
    words = ["tune", *job, "--minutes", f"{minutes:g}", "--output", str(output)]
    start = time.perf_counter()
    command = [sys.executable, "-m", "recbole_ext.cli.main", *words, f"--data_path={datasets}"]
    subprocess.run(command, check=True, cwd=folder)
    tuning, start = time.perf_counter() - start, time.perf_counter()
    command = [sys.executable, "-m", "recbole_ext.cli.run", "--json", f"--data_path={datasets}"]
    command += [f"--model={job.model}", f"--dataset={job.dataset}", f"--config_files={output}"]
    answer = subprocess.run(command, check=True, cwd=folder, stdout=subprocess.PIPE).stdout
    training = time.perf_counter() - start
    test = json.loads(answer)["test"]
    lines = list(_candidates(job, output))
    for line in lines:
        if line["best"]:
            line |= {"test": test[line["metric"]], "tuning": tuning, "training": training}
    return lines


def _candidates(job: Job, output: Path) -> Iterator[dict[str, Any]]:
    """The best score of each candidate, by the runs of a tuning."""
    from recbole_ext.evaluator.metrics import bigger_is_better
    from recbole_ext.experiments import portfolio

    runs = [json.loads(line) for line in output.with_suffix(".jsonl").read_text().splitlines()]
    (metric,) = {name for run in runs for name in run["valid"] if run["pruned"]} or {
        portfolio.read(job.model, None).metric.lower()
    }
    names = list(portfolio.read(job.model, None).candidates)
    sign = -1 if bigger_is_better(metric) else 1
    best_of: dict[int, dict[str, Any]] = {}
    for run in runs:
        number = run["trial"] % len(names)
        if run["error"] or (
            number in best_of
            and sign * best_of[number]["valid"][metric] <= sign * run["valid"][metric]
        ):
            continue
        best_of[number] = run
    chosen = min(best_of, key=lambda n: (sign * best_of[n]["valid"][metric], n))
    for number, name in enumerate(names):
        line = {**job._asdict(), "candidate": name, "metric": metric, "best": number == chosen}
        if number in best_of:
            run = best_of[number]
            line |= {"valid": run["valid"][metric], "epoch": run["epochs"]}
            line["stopped"] = run["pruned"]
        yield line


def read_results(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def table(results: list[dict[str, str]], model: str) -> Iterator[str]:
    """Validation of every candidate on every data set; test of the best one in the last line."""
    own = [line for line in results if line["model"] == model]
    datasets = list(dict.fromkeys(line["dataset"] for line in own))
    cells = {(line["candidate"], line["dataset"]): line for line in own}
    best = {line["dataset"]: line for line in own if line["best"] == "True"}
    yield f"| {model}, {own[0]['metric']} | " + " | ".join(datasets) + " |"
    yield "| --- |" + " --- |" * len(datasets)
    for name in dict.fromkeys(line["candidate"] for line in own):
        row = [_cell(cells[name, dataset]) for dataset in datasets]
        yield f"| {name} | " + " | ".join(row) + " |"
    tests = [f"{float(best[dataset]['test']):.4f}" for dataset in datasets]
    yield "| test of the best | " + " | ".join(tests) + " |"


def _cell(line: dict[str, str]) -> str:
    if not line["valid"]:
        return "-"
    text = f"{float(line['valid']):.4f}" + "†" * (line["stopped"] == "True")
    return f"**{text}**" if line["best"] == "True" else text


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder of published data.")
@click.option("--only", multiple=True, metavar="MODEL:DATASET")
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--folder", default=Path("transfer"), type=click.Path(path_type=Path))
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
@click.option("--table", "table_alone", is_flag=True, help="Measure nothing.")
def main(
    data: Path | None,
    only: tuple[str, ...],
    minutes: float,
    folder: Path,
    output: Path,
    table_alone: bool,
) -> None:
    """Measure what the csv does not have yet, and print the tables."""
    results = read_results(output)
    done = {Job(line["model"], line["dataset"]) for line in results}
    needs_data = {monti, lightgcn}
    jobs = [job for job in JOBS if not only or ":".join(job) in only]
    jobs = [job for job in jobs if data or DATASETS[job.dataset] not in needs_data]
    folder.mkdir(parents=True, exist_ok=True)
    for job in jobs if not table_alone else ():
        if job in done:
            continue
        lines = measure(job, (data or Path()).absolute(), folder, minutes)
        new = not output.is_file()
        with output.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            for line in lines:
                rounded = {k: f"{v:.6g}" if type(v) is float else v for k, v in line.items()}
                writer.writerow(rounded)
    results = read_results(output)
    for model in dict.fromkeys(line["model"] for line in results):
        print("\n" + "\n".join(table(results, model)))


if __name__ == "__main__":
    main()

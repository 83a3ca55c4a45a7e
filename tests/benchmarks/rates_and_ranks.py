"""One AutoRec for ratings and for rankings on ml-100k, RecBole's default split (random 80/10/10).

    python -m tests.benchmarks.rates_and_ranks                         # seeds 2020 to 2024
    python -m tests.benchmarks.rates_and_ranks --grid --workers 14     # chooses the settings first
    python -m tests.benchmarks.rates_and_ranks --settings exposure_weight=0.2 --tables items

Three models: by items and by users, each for both tables, and by users for rankings alone. With
``--grid`` each tries its settings of ``GRID`` on the split of one seed, by the validation part: no
test part is evaluated there. The best by NDCG@10 less three times RMSE, whose differences are
about a third of its, or by NDCG@10 where rankings are all, then runs with every seed. A run is a
line of the csv as soon as it has ended; lines that are there are not made again. The GPU is
RecBole's choice, ``--gpu-id ''`` is for the CPU.
"""

import csv
import json
import platform
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import click
import yaml

from recbole_ext.evaluator.protocols import OF_TRAINED_MODELS
from recbole_ext.experiments import processes
from recbole_ext.trainer import single_run

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "rates_and_ranks.csv"
SEED = 2020  # of the split that settings are chosen on
RMSE_WEIGHT = 3.0  # in the choice
METRICS = ("rmse", "mae", "ndcg@10", "hit@10")
PARTS = ("valid", "test")


def _read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "configs" / name).read_text(encoding="utf-8")))


_BOTH = _read("autorec_rates_and_ranks.yaml")
_BY_USERS = {
    **_BOTH,
    **{"orientation": "user", "centring": "bias", "svdpp_scale": 0.0, "mask_input_scale": 4.0},
    **{"reg_weight": 0.1, "learning_rate": 0.003},
}

# name -> the settings that the grid starts from
TABLES: dict[str, dict[str, Any]] = {
    "items": _BOTH,
    "users": _BY_USERS,
    "users, ranking": _read("autorec_ranking.yaml"),
}

# name -> what is tried over them
GRID: dict[str, list[dict[str, Any]]] = {
    "items": [
        {},
        {"exposure_reg_weight": 0.02},
        {"exposure_reg_weight": 0.05},
        {"exposure_reg_weight": 0.08},
        {"exposure_weight": 0.05},
        {"exposure_weight": 0.2},
        {"exposure_weight": 0.5},
        {"mlp_hidden_size": [256]},
        {"mlp_hidden_size": [1024]},
        {"mlp_hidden_size": [1024], "exposure_hidden_size": 600, "learning_rate": 0.003},
        {"exposure_hidden_size": 600},
        {"exposure_hidden_size": 600, "exposure_reg_weight": 0.05},
        {"learning_rate": 0.006},
        {"learning_rate": 0.0025},
        {"reg_weight": 0.15},
        {"reg_weight": 0.3},
        {"input_dropout_prob": 0.7},
        {"input_dropout_prob": 0.3},
        {"dropout_prob": 0.5},
        {"dropout_prob": 0.5, "input_dropout_prob": 0.7, "exposure_reg_weight": 0.01},
        {"ranking_rating_weight": 0.0},
        {"valid_rmse_weight": 1.0},
        {"exposure_weight": 0.05, "exposure_reg_weight": 0.04},
        {"exposure_hidden_size": 0},
        {"exposure_hidden_size": 0, "exposure_loss": "logistic"},
    ],
    "users": [
        {},
        {"exposure_hidden_size": 0},
        {"exposure_hidden_size": 0, "exposure_reg_weight": 0.05},
        {"exposure_weight": 0.3},
        {"exposure_weight": 1.0},
        {"mlp_hidden_size": [256]},
        {"mlp_hidden_size": [1024]},
        {"input_dropout_prob": 0.7},
        {"dropout_prob": 0.5},
        {"mask_input_scale": 1.0},
        {"mask_input_scale": 16.0},
        {"centring": "none"},
        {"learning_rate": 0.006},
        {"learning_rate": 0.0015},
        {"reg_weight": 0.2},
        {"reg_weight": 0.05},
        {"exposure_reg_weight": 0.05},
    ],
    "users, ranking": [
        {},
        {"exposure_hidden_size": 0},
        {"exposure_hidden_size": 0, "exposure_reg_weight": 0.005},
        {"exposure_hidden_size": 600},
        {"exposure_reg_weight": 0.05},
        {"exposure_reg_weight": 0.005},
        {"input_dropout_prob": 0.7},
        {"input_dropout_prob": 0.3},
        {"dropout_prob": 0.5},
        {"dropout_prob": 0.5, "input_dropout_prob": 0.7, "exposure_reg_weight": 0.005},
        {"mlp_hidden_size": [1024], "exposure_hidden_size": 1000},
        {"hid_activation": "identity", "input_dropout_prob": 0.7},
        {"hid_activation": "tanh"},
        {"train_batch_size": 256, "learning_rate": 0.001},
        {"learning_rate": 0.006},
        {"ranking_rating_weight": 0.0},
        {"reg_weight": 0.02},
        {"exposure_weight": 10.0},
        {"ease_weight": 0.0},
        {"ease_weight": 6.0},
    ],
}


class Job(NamedTuple):
    """A run.

    Attributes:
        table: one of ``TABLES``.
        seed: of the split and of the run.
        settings: over those of the table, as JSON.
        tested: whether the test part is evaluated, too.
    """

    table: str
    seed: int
    settings: str
    tested: bool


def measure(job: Job, gpu_id: str) -> dict[str, Any]:
    """Train, and evaluate the best epoch by both protocols."""
    from recbole_ext.registry import keys, models

    start = time.perf_counter()
    values = {
        **TABLES[job.table],
        **json.loads(job.settings),
        **single_run.QUIET,
        "seed": job.seed,
        "metric_decimal_place": 6,
        "eval_batch_size": 2**20,
        "gpu_id": gpu_id,
    }
    name = "AutoRec"
    if not models.is_known(name):  # a checkout that is not installed
        name = keys.check_model("recbole_ext.models.autorec.adapter:AutoRec")
    run = single_run.prepare(name, "ml-100k", values)
    run.fit()
    training = time.perf_counter() - start
    run.trainer.evaluate(run.valid, show_progress=False)  # by the best epoch, which it loads
    found: dict[str, Any] = {}
    for protocol in ("rating", "ranking"):
        config = OF_TRAINED_MODELS[protocol].applied_to(run.config)
        trainer, (_, *loaders) = single_run.evaluator(config, run.model)
        for part, loader in zip(PARTS, loaders, strict=True):
            if part == "test" and not job.tested:
                continue
            result = trainer.evaluate(loader, load_best_model=False, show_progress=False)
            found |= {f"{part} {key}": result[key] for key in METRICS if key in result}
    seconds = {"training": training, "all": time.perf_counter() - start}
    return {**found, "epochs": run.best_epoch, **seconds, "device": str(run.config["device"])}


COLUMNS = (
    *("table", "seed", "tested", *(f"{part} {name}" for part in PARTS for name in METRICS)),
    *("epochs", "training", "all", "device", "settings", "error"),
)


def read_results(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def key_of(line: dict[str, Any]) -> Job:
    return Job(line["table"], int(line["seed"]), line["settings"], line["tested"] == "True")


def score(line: dict[str, Any]) -> float:
    """What settings are chosen by, of the validation part."""
    ranked = float(line["valid ndcg@10"])
    return (
        ranked
        if line["table"].endswith("ranking")
        else ranked - RMSE_WEIGHT * float(line["valid rmse"])
    )


def carry_out(jobs: list[Job], workers: int, gpu_id: str, output: Path, until: float) -> None:
    """Make the runs that the csv does not have; at a moment the rest is left out."""
    done = {key_of(line) for line in read_results(output) if not line["error"]}
    missing = {job: (job, gpu_id) for job in jobs if job not in done}
    start = time.perf_counter()
    with closing(processes.run_all(missing, measure, workers)) as outcomes:
        for number, (job, outcome) in enumerate(outcomes, 1):
            line: dict[str, Any] = {**job._asdict()}
            if isinstance(outcome, processes.JobFailure):
                line["error"] = f"{outcome} {outcome.traceback[-600:]}"
            else:
                line |= {k: f"{v:.6f}" if isinstance(v, float) else v for k, v in outcome.items()}
            is_new = not output.is_file()
            with output.open("a", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
                if is_new:
                    writer.writeheader()
                writer.writerow(line)
            numbers = " ".join(f"{n} {line[n]}" for n in COLUMNS[3:-2] if n in line)
            seconds = time.perf_counter() - start
            says = line.get("error") or numbers
            name = f"{job.table} {job.seed} {job.settings}"
            print(f"{seconds:.0f} s, {number}/{len(missing)} {name}: {says}", flush=True)
            if time.perf_counter() > until:
                print(f"{len(missing) - number} runs left out: the time is over", flush=True)
                return


def best_of(output: Path, table: str, common: dict[str, Any]) -> str:
    """The settings of the grid that are best in validation; the first where there are none."""
    tried = {json.dumps({**over, **common}) for over in GRID[table]}
    lines = [
        line
        for line in read_results(output)
        if not line["error"] and line["tested"] == "False" and line["table"] == table
        if line["settings"] in tried and int(line["seed"]) == SEED
    ]
    if not lines:
        return json.dumps(common)
    lines.sort(key=score, reverse=True)
    for line in lines[:5]:
        print(f"{table}: {score(line):.4f} {line['settings']}", flush=True)
    return str(lines[0]["settings"])


def report(output: Path, jobs: list[Job]) -> Iterator[str]:
    """A line for each part of a table, mean and standard deviation over seeds."""
    results = {key_of(line): line for line in read_results(output) if not line["error"]}
    yield "| | part | runs | " + " | ".join(METRICS) + " | epochs | s | settings |"
    yield "| --- |" + " --- |" * (len(METRICS) + 5)
    for table in dict.fromkeys(job.table for job in jobs):
        own = [results[job] for job in jobs if job.table == table and job in results]
        for part in PARTS:
            cells = [_spread([float(line[f"{part} {name}"]) for line in own]) for name in METRICS]
            others = [
                f"{statistics.mean(float(line[name]) for line in own):.0f}" if own else ""
                for name in ("epochs", "training")
            ]
            settings = own[0]["settings"] if own else ""
            yield f"| {table} | {part} | {len(own)} | {' | '.join([*cells, *others, settings])} |"


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.4f} ± {spread:.4f}"


def print_versions() -> None:
    import torch

    found = [f"Python {platform.python_version()}"]
    for name in ("recbole", "recbole_ext", "torch", "numpy", "pandas", "scipy"):
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    found.append(torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")
    print(", ".join(found), flush=True)


@click.command()
@click.option("--grid", is_flag=True, help="Choose the settings by validation first.")
@click.option("--tables", multiple=True, type=click.Choice([*TABLES]), default=[*TABLES])
@click.option("--settings", multiple=True, metavar="KEY=VALUE", help="Over those of each run.")
@click.option("--seeds", default="2020,2021,2022,2023,2024", show_default=True)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1))
@click.option("--minutes", default=600.0, show_default=True, help="For the grid.")
@click.option("--gpu-id", default="0", show_default=True, help="RecBole's gpu_id.")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    grid: bool,
    tables: tuple[str, ...],
    settings: tuple[str, ...],
    seeds: str,
    workers: int,
    minutes: float,
    gpu_id: str,
    output: Path,
) -> None:
    """Measure what the csv does not have yet, and print the table."""
    print_versions()
    start = time.perf_counter()
    output.parent.mkdir(parents=True, exist_ok=True)
    output = output.absolute()
    pairs = [pair.partition("=") for pair in settings]
    common = {key: yaml.safe_load(value) for key, _, value in pairs}
    chosen = {table: json.dumps(common) for table in tables}
    if grid:
        tried = [
            Job(table, SEED, json.dumps({**GRID[table][n], **common}), tested=False)
            for n in range(max(map(len, GRID.values())))
            for table in tables
            if n < len(GRID[table])
        ]
        carry_out(tried, workers, gpu_id, output, start + 60 * minutes)
        chosen = {table: best_of(output, table, common) for table in tables}
    jobs = [
        Job(table, int(seed), chosen[table], tested=True)
        for seed in seeds.split(",")
        for table in tables
    ]
    carry_out(jobs, workers, gpu_id, output, float("inf"))
    print(f"\n{time.perf_counter() - start:.0f} s in all\n")
    print("\n".join(report(output, jobs)), flush=True)


if __name__ == "__main__":
    main()

"""TPE beside random search at the same budget: NCFMLP on ml-100k, by validation NDCG@10.

    python -m tests.benchmarks.samplers             # 5 seeds, 12 trials each: an hour on one core
    python -m tests.benchmarks.samplers --cheap     # 2 seeds, 8 short trials: minutes

The space is wider than those of configs/search, the tower smaller and training shorter, so that a
trial takes a quarter of a minute. A seed is that of the split, of the training and of the sampler.
Both searches of a seed begin with the same trials, and a combination has the same score in both, so
the searches are compared seed by seed. Prints a Markdown table: the best validation score of each
search, and how many trials it took to that of random search. The results files stay in --output:
started again, it goes on where it was stopped.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import yaml
from tabulate import tabulate

SEARCH: dict[str, Any] = {
    "model": "NCFMLP",
    "datasets": ["ml-100k"],  # RecBole's default: 80/10/10 of each user's interactions
    "base": {
        "valid_metric": "NDCG@10",
        "metrics": ["NDCG"],
        "topk": [10],
        "epochs": 15,
        "eval_step": 5,
        "stopping_step": 3,
        "eval_batch_size": 1_000_000,
        "loss_type": "BCE",
        "negatives": "all",
        "initialisation": "xavier",
        "dropout_prob": 0.0,
        "history": "both",
        "ema_decay": 0.9,
        "embedding_size": 32,
        "mlp_hidden_size": [32, 16],
        "embedding_dropout_prob": 0.0,
        "history_dropout_prob": 0.0,
        "learning_rate": 0.001,
        "weight_decay": 0.0,
        "train_batch_size": 64,  # users
    },
    "space": {
        "embedding_size": [8, 16, 24, 32],
        "mlp_hidden_size": [[16], [32, 16], [48, 24]],
        "embedding_dropout_prob": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
        "history_dropout_prob": [0.0, 0.2, 0.4, 0.5, 0.6, 0.8],
        "learning_rate": [0.0003, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02],
        "weight_decay": [0.0, 0.000001, 0.00001, 0.0001, 0.001],
        "train_batch_size": [48, 64, 96, 128],
    },
}
SAMPLERS: dict[str, dict[str, Any]] = {
    "random": {},
    "TPE": {"sampler": "tpe"},
}
TRIALS, SEEDS = 12, 5
CHEAP = {"epochs": 5}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", type=click.IntRange(min=1), default=SEEDS, show_default=True)
@click.option("--trials", type=click.IntRange(min=2), default=TRIALS, show_default=True)
@click.option("--cheap", is_flag=True, help="Two seeds, eight trials of five epochs.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("samplers"),
    show_default=True,
    help="A folder for the searches and their results.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
def main(seeds: int, trials: int, cheap: bool, output: Path, workers: int) -> None:
    """Search by each sampler with each seed, and print the table."""
    if cheap:
        seeds, trials = 2, 8
    output.mkdir(parents=True, exist_ok=True)
    runs: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in SAMPLERS}
    for seed in range(1, seeds + 1):
        for name, own in runs.items():
            own.append(search(name, seed, trials, cheap, output, workers))
    print(table(runs))


def search(
    name: str, seed: int, trials: int, cheap: bool, output: Path, workers: int
) -> list[dict[str, Any]]:
    """The trials of a search, in the order of their numbers."""
    content = {**SEARCH, "trials": trials, "seed": seed, **SAMPLERS[name]}
    content["base"] = SEARCH["base"] | (CHEAP if cheap else {})
    file = output / f"{name.lower()}-{seed}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "recbole_ext.cli.main", "search", str(file)]
    subprocess.run([*command, "--workers", str(workers)], check=True, stdout=subprocess.DEVNULL)
    lines = file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    results = {line["trial"]: line for line in map(json.loads, lines)}  # the newest line counts
    return [results[number] for number in sorted(results) if number < trials]


def table(runs: dict[str, list[list[dict[str, Any]]]]) -> str:
    """A Markdown table, a row for each sampler.

    Args:
        runs: sampler -> of each seed its trials.
    """
    rows = []
    best = {name: [max(_scores(trials)) for trials in own] for name, own in runs.items()}
    for name, own in runs.items():
        spread = f" ± {statistics.stdev(best[name]):.4f}" if len(own) > 1 else ""
        ahead = sum(a > b for a, b in zip(best[name], best["random"], strict=True))
        equal = sum(a == b for a, b in zip(best[name], best["random"], strict=True))
        reached = [
            _until(trials, target) for trials, target in zip(own, best["random"], strict=True)
        ]
        seconds = statistics.mean(
            sum(trial["seconds"] + (trial["setup_seconds"] or 0) for trial in trials)
            for trials in own
        )
        rows.append(
            [
                name,
                f"{statistics.mean(best[name]):.4f}{spread}",
                ", ".join(f"{score:.4f}" for score in best[name]),
                "" if name == "random" else f"{ahead} better, {equal} equal of {len(own)}",
                ", ".join("never" if number is None else str(number) for number in reached),
                f"{seconds / 60:.1f}",
            ]
        )
    head = ["sampler", "best validation NDCG@10", "of each seed", "beside random"]
    head += ["trials to random's best", "minutes"]
    return tabulate(rows, headers=head, tablefmt="github", disable_numparse=True)


def _scores(trials: list[dict[str, Any]]) -> list[float]:
    """Of failed trials none counts."""
    return [trial["valid"]["ndcg@10"] for trial in trials if not trial["error"]]


def _until(trials: list[dict[str, Any]], target: float) -> int | None:
    """After how many trials a score was reached; None if never."""
    for number, trial in enumerate(trials, start=1):
        if _scores([trial]) and _scores([trial])[0] >= target:
            return number
    return None


if __name__ == "__main__":
    main()

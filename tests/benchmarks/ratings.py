"""Rating prediction on ml-100k: AutoRec beside what it has to beat, on the same splits.

    pip install '.[benchmark]'
    python -m tests.benchmarks.ratings            # seeds 1 to 5, 90/10 and 80/20

Every model gets the same 85% (75%) of the ratings to train on; AutoRec stops by the 5% for
validation, which the others do not need and do not get. Predictions are kept in [1, 5]. The test
ratings are looked at once for each line of the csv, which has all numbers; lines that it has are
not made again. AutoRec is also evaluated as a ranker, by full ranking, without being trained
again; RecBole's evaluator computes the metrics of all models but Surprise's and the means.
"""

import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml
from scipy.sparse import csr_matrix

from recbole_ext.data import interaction_file, splits
from recbole_ext.evaluator import per_user
from recbole_ext.experiments import processes
from recbole_ext.trainer import single_run

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "ratings.csv"
RANGE = (1.0, 5.0)
SHARES = {"90/10": 0.1, "80/20": 0.2}
RANKING = ("ndcg@10", "recall@10", "hit@10", "mrr@10")

# name -> file in configs/, settings over it
AUTOREC: dict[str, tuple[str, dict[str, Any]]] = {
    "I-AutoRec, plain": ("autorec_item_plain", {}),
    "I-AutoRec, best": ("autorec_item", {}),
    "U-AutoRec": ("autorec_user", {}),
}

Ratings = tuple[np.ndarray, np.ndarray, np.ndarray]  # users, items, stars
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]


def group_means(train: Ratings, by: int) -> Predict:
    """The mean of the user's (0) or the item's (1) ratings; the global one where there are none."""
    which, stars = train[by], train[2]
    counts = np.bincount(which, minlength=2000)
    sums = np.bincount(which, stars, minlength=2000)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), stars.mean())
    return lambda users, items: means[(users, items)[by]]


def global_mean(train: Ratings) -> Predict:
    mean = train[2].mean()
    return lambda users, items: np.full(len(users), mean)


def damped_biases(train: Ratings, damping: float = 5.0) -> Predict:
    """mu + b_u + b_i by ridge regression, by the normal equations of all biases."""
    users, items, stars = train
    n_users, n = users.max() + 1, users.max() + 1 + 2000
    ones = np.ones(len(stars))
    line = np.arange(len(stars))
    design = csr_matrix(
        (
            np.concatenate([ones, ones]),
            (np.tile(line, 2), np.concatenate([users, n_users + items])),
        ),
        shape=(len(stars), n),
    )
    normal = (design.T @ design).toarray() + damping * np.eye(n)
    biases = np.linalg.solve(normal, design.T @ (stars - stars.mean()))
    return lambda users, items: stars.mean() + biases[users] + biases[n_users + items]


def surprise_model(name: str, train: Ratings, seed: int) -> Predict:
    """Surprise's SVD or SVD++ with its own defaults."""
    import surprise

    np.random.seed(seed)
    raw = [(str(u), str(i), float(r), None) for u, i, r in zip(*train, strict=True)]
    data = surprise.Dataset(surprise.Reader(rating_scale=RANGE))
    data.raw_ratings = raw
    kind = {"SVD": surprise.SVD, "SVD++": surprise.SVDpp}[name]
    fitted = kind(random_state=seed).fit(data.construct_trainset(raw))
    return lambda users, items: np.array(
        [fitted.predict(str(u), str(i)).est for u, i in zip(users, items, strict=True)]
    )


BASELINES: dict[str, Callable[[Ratings, int], Predict]] = {
    "global mean": lambda train, seed: global_mean(train),
    "user mean": lambda train, seed: group_means(train, 0),
    "item mean": lambda train, seed: group_means(train, 1),
    "damped biases": lambda train, seed: damped_biases(train),
    "Surprise SVD": lambda train, seed: surprise_model("SVD", train, seed),
    "Surprise SVD++": lambda train, seed: surprise_model("SVD++", train, seed),
}


def dealt(split: str, seed: int) -> tuple[interaction_file.InteractionFile, splits.Split]:
    """What `recbole-ext data split ml-100k random` makes."""
    source = interaction_file.read(interaction_file.locate("ml-100k", Path("dataset")))
    return source, splits.random_split(len(source), SHARES[split], 0.05, seed)


def baseline(name: str, split: str, seed: int) -> dict[str, float]:
    source, parts = dealt(split, seed)
    columns = (source.users, source.items, source.ratings)
    train, test = (tuple(column[parts[p]] for column in columns) for p in ("train", "test"))
    found = BASELINES[name](train, seed)(test[0], test[1])
    error = np.clip(found, *RANGE) - test[2]
    return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}


def autorec(name: str, split: str, seed: int) -> dict[str, float]:
    file, over = AUTOREC[name]
    given = yaml.safe_load((ROOT / "configs" / f"{file}.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(dir=".") as scratch:
        folder = Path(scratch).absolute()
        source, parts = dealt(split, seed)
        splits.write_split(source, parts, "split", folder / "dataset", "", {})
        told = {"metric_decimal_place": 6, "data_path": str(folder / "dataset"), "seed": seed}
        told["checkpoint_dir"] = str(folder / "saved")
        given = {**given, **over, **single_run.QUIET, **told}
        run = single_run.prepare("AutoRec", "split", given)
        run.fit()
        rating = run.trainer.evaluate(run.test, show_progress=False)
        ranking = ranked(run)
    return {**rating, **ranking}


def ranked(run: single_run.Run) -> dict[str, float]:
    """The same trained model among all items that the user has not seen."""
    from recbole.trainer import Trainer

    config = per_user.by_protocol(run.config, "ranking")
    _, (train, _, test) = single_run.load(config)
    trainer = Trainer(config, run.model)
    trainer.eval_collector.data_collect(train)
    return trainer.evaluate(test, load_best_model=False, show_progress=False)


def measure(name: str, split: str, seed: int) -> dict[str, float]:
    import torch

    import recbole_ext  # noqa: F401  this process has not been asked for it yet

    torch.set_num_threads(1)
    start = time.perf_counter()
    found = (autorec if name in AUTOREC else baseline)(name, split, seed)
    return {**found, "seconds": time.perf_counter() - start}


COLUMNS = ("split", "model", "seed", "rmse", "mae", *RANKING, "seconds")


def read_results(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def table(results: list[dict[str, str]], split: str, metrics: tuple[str, ...]) -> Iterator[str]:
    yield f"| {split} of ml-100k, test | " + " | ".join(metrics) + " |"
    yield "| --- |" + " --- |" * len(metrics)
    for name in (*BASELINES, *AUTOREC):
        own = [line for line in results if (line["split"], line["model"]) == (split, name)]
        if not own or not own[0][metrics[0]]:
            continue
        cells = []
        for metric in metrics:
            values = [float(line[metric]) for line in own]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{statistics.mean(values):.4f} ± {spread:.4f}")
        yield f"| {name} | " + " | ".join(cells) + " |"


@click.command()
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1))
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(seeds: int, workers: int, output: Path) -> None:
    """Measure what the csv does not have yet, and print the tables."""
    done = {(x["split"], x["model"], int(x["seed"])) for x in read_results(output)}
    wanted = [
        (name, split, seed)
        for split in SHARES
        for seed in range(1, seeds + 1)
        for name in (*BASELINES, *AUTOREC)
        if (split, name, seed) not in done
    ]
    output.parent.mkdir(parents=True, exist_ok=True)
    jobs = {job: job for job in wanted}
    found = processes.run_all(jobs, measure, workers)
    for number, ((name, split, seed), measured) in enumerate(found, start=1):
        if isinstance(measured, processes.JobFailure):
            raise click.ClickException(f"{split} {name}, seed {seed}: {measured}")
        line: dict[str, Any] = {"split": split, "model": name, "seed": seed, **measured}
        new = not output.is_file()
        with output.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore", lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow({k: f"{v:.6f}" if isinstance(v, float) else v for k, v in line.items()})
        print(f"{number}/{len(jobs)} {split} {name}, seed {seed}: {line['rmse']:.4f}", flush=True)
    results = read_results(output)
    for split in SHARES:
        print(f"\nmean and standard deviation over {seeds} seeds\n")
        print("\n".join(table(results, split, ("rmse", "mae"))))
        print()
        print("\n".join(table(results, split, RANKING)))


if __name__ == "__main__":
    main()

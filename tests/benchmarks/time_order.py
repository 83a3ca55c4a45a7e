"""What time order by the times in the file changes on ml-100k, beside RecBole's float32 times.

    python -m tests.benchmarks.time_order       # eight minutes on one core

Each model is trained and tested with and without the patch exact-time-order, from the same seeds;
prints a Markdown table. Models that learn by gradients are trained for a few epochs: the table
compares the two orders, and is no benchmark of the models.
"""

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from typing import Any

import click

PATCH = "exact-time-order"
METRICS = ("recall@10", "ndcg@10", "mrr@10")
PACKAGES = ("recbole", "recbole-ext", "torch", "numpy", "pandas")

COMMON: dict[str, Any] = {
    "eval_args": {
        "split": {"LS": "valid_and_test"},
        "order": "TO",
        "group_by": "user",
        "mode": "full",
    },
    "metrics": ["Recall", "NDCG", "MRR"],
    "topk": [10],
    "valid_metric": "NDCG@10",
    "metric_decimal_place": 10,
    "show_progress": False,
    "state": "CRITICAL",
}
MODELS: dict[str, dict[str, Any]] = {
    "ItemKNN": {},
    "BPR": {"epochs": 15},
    "NCFMLP": {"epochs": 8},
    "SASRec": {
        "epochs": 4,
        "train_neg_sample_args": None,
        "n_layers": 1,
        "MAX_ITEM_LIST_LENGTH": 20,
        "eval_batch_size": 2**21,
    },
}

# model -> seed -> metric -> value
Results = dict[str, dict[str, dict[str, float]]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--only", default="", help="Only models whose name has this in it.")
@click.option("--side", is_flag=True, hidden=True)
def main(seeds: int, only: str, side: bool) -> None:
    """Compare results on ml-100k with and without the patch exact-time-order."""
    if side:
        print(json.dumps(measure(seeds, only)))
        return
    arguments = [sys.executable, "-m", "tests.benchmarks.time_order", "--side"]
    arguments += ["--seeds", str(seeds), "--only", only]
    sides = []
    for off in (PATCH, ""):
        environment = {**os.environ, "RECBOLE_EXT_DISABLE": off}
        child = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, check=True)
        sides.append(json.loads(child.stdout.splitlines()[-1]))
    without, with_patch = (side["results"] for side in sides)
    users = sides[0]["left_out"].keys()
    differ = sum(sides[0]["left_out"][user] != sides[1]["left_out"][user] for user in users)
    print(f"The test item differs for {differ} of {len(users)} users.\n")
    print(table(without, with_patch))
    print("\n" + ", ".join(f"{name} {version(name)}" for name in PACKAGES))


def measure(seeds: int, only: str) -> dict[str, Any]:
    """The results of each model, and the test item of each user."""
    import recbole_ext  # noqa: F401
    from recbole_ext.trainer import single_run

    logging.disable(logging.WARNING)
    results: Results = {}
    left_out: dict[str, str] = {}
    for model, settings in MODELS.items():
        if only not in model:
            continue
        for seed in range(2020, 2020 + seeds):
            with tempfile.TemporaryDirectory() as folder:
                given = {**COMMON, **settings, "seed": seed, "checkpoint_dir": folder}
                run = single_run.prepare(model, "ml-100k", given)
                run.fit()
                metrics = run.trainer.evaluate(run.test)
            values = {name: float(metrics[name]) for name in METRICS}
            results.setdefault(model, {})[str(seed)] = values
            print(model, seed, values, file=sys.stderr)
        if not left_out:
            rows, tokens = run.test._dataset.inter_feat, run.dataset.field2id_token
            users, items = tokens["user_id"][rows["user_id"]], tokens["item_id"][rows["item_id"]]
            left_out = dict(zip(map(str, users), map(str, items), strict=True))
    return {"results": results, "left_out": left_out}


def table(without: Results, with_patch: Results) -> str:
    """A Markdown table of the means over seeds, ± their standard deviation."""
    lines = ["| model | metric | RecBole's float32 times | times in the file | change |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for model in without:
        for metric in METRICS:
            of_sides = [
                [run[metric] for run in side[model].values()] for side in (without, with_patch)
            ]
            means = [statistics.mean(values) for values in of_sides]
            cells = [f"{m:.4f} ± {statistics.pstdev(v):.4f}" for m, v in zip(means, of_sides)]
            change = f"{100 * (means[1] / means[0] - 1):+.1f}%"
            lines.append(f"| {model} | {metric} | {' | '.join(cells)} | {change} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""What time order by the times in the file changes on ml-100k, beside RecBole's float32 times.

    python -m tests.benchmarks.time_order       # ten minutes on one core

Each model is trained and tested from the same seeds: with float32 times as they are in the file;
with float32 times from 0 to 1, which is what RecBole's own settings of ml-100k make of them; and
with the patch exact-time-order. Prints a Markdown table. The models are small and trained for a
few epochs: the table compares orders, and is no benchmark of the models.
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
    "BPR": {"epochs": 15, "eval_step": 5},
    "NCFMLP": {"epochs": 12, "eval_step": 4, "embedding_size": 16, "mlp_hidden_size": [32, 16, 8]},
    "SASRec": {
        "epochs": 2,
        "eval_step": 2,
        "train_neg_sample_args": None,
        "n_layers": 1,
        "hidden_size": 32,
        "inner_size": 32,
        "MAX_ITEM_LIST_LENGTH": 10,
        "eval_batch_size": 2**19,
    },
}
ONE_SEED = ("ItemKNN", "SASRec")  # the first has no use for seeds, the other takes minutes
# Column -> the patches that are switched off, and whether all numbers are made 0 to 1 when read.
SIDES = {
    "float32 times": (PATCH, False),
    "float32 times from 0 to 1": (PATCH, True),
    "times in the file": ("", True),
}

# model -> seed -> metric -> value
Results = dict[str, dict[str, dict[str, float]]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--only", default="", help="Only models whose name has this in it.")
@click.option("--side", type=click.Choice(list(SIDES)), hidden=True)
def main(seeds: int, only: str, side: str | None) -> None:
    """Compare results on ml-100k with and without the patch exact-time-order."""
    if side:
        print(json.dumps(measure(seeds, only, SIDES[side][1])))
        return
    arguments = [sys.executable, "-m", "tests.benchmarks.time_order"]
    arguments += ["--seeds", str(seeds), "--only", only, "--side"]
    results, left_out = {}, {}
    for name, (off, _) in SIDES.items():
        environment = {**os.environ, "RECBOLE_EXT_DISABLE": off}
        child = subprocess.run(
            [*arguments, name], env=environment, stdout=subprocess.PIPE, check=True
        )
        found = json.loads(child.stdout.splitlines()[-1])
        results[name], left_out[name] = found["results"], found["left_out"]
    print(table(results, left_out))
    print("\n" + ", ".join(f"{name} {version(name)}" for name in PACKAGES))


def measure(seeds: int, only: str, normalized: bool) -> dict[str, Any]:
    """The results of each model, and the test item of each user."""
    import recbole_ext  # noqa: F401
    from recbole_ext.trainer import single_run

    logging.disable(logging.WARNING)
    results: Results = {}
    left_out: dict[str, str] = {}
    for model, settings in MODELS.items():
        if only not in model:
            continue
        for seed in range(2020, 2020 + (1 if model in ONE_SEED else seeds)):
            with tempfile.TemporaryDirectory() as folder:
                given = {**COMMON, **settings, "normalize_all": normalized}
                given |= {"seed": seed, "checkpoint_dir": folder}
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


def table(results: dict[str, Results], left_out: dict[str, dict[str, str]]) -> str:
    """A Markdown table of the means over seeds ± their standard deviation.

    Args:
        results: of each side.
        left_out: side -> user -> the test item; the last side has the right one.
    """
    *others, last = results
    lines = [f"| | {' | '.join(results)} |", "| --- |" + " --- |" * len(results)]
    wrong = [
        sum(left_out[side][user] != item for user, item in left_out[last].items())
        for side in results
    ]
    lines.append(f"| users with another test item | {' | '.join(map(str, wrong))} |")
    for model in results[last]:
        for metric in METRICS:
            values = [[run[metric] for run in results[side][model].values()] for side in results]
            right = statistics.mean(values[-1])
            cells = [mean_and_deviation(of_side) for of_side in values]
            for place in range(len(others)):
                cells[place] += f" ({100 * (statistics.mean(values[place]) / right - 1):+.1f}%)"
            lines.append(f"| {model}, {metric} | {' | '.join(cells)} |")
    return "\n".join(lines)


def mean_and_deviation(values: list[float]) -> str:
    """Of one value: the value."""
    mean = f"{statistics.mean(values):.4f}"
    return f"{mean} ± {statistics.stdev(values):.4f}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()

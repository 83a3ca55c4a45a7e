"""The numbers of RecBole's models and ours on two stacks: are they the same?

A stack is a Python, a release of RecBole, and a set of libraries.

    OLD/bin/python -m tests.stacks old.json        # numpy 1.26, pandas 2.2, scipy 1.12
    NEW/bin/python -m tests.stacks new.json        # what pip picks today
    python -m tests.stacks --compare old.json new.json
    python -m tests.stacks --page old.json new.json     # a part of docs/recbole_1.2.0.md, too

The first two train nine of RecBole's models and three of ours on its ml-100k, for three epochs each
in one thread, and read a toy data set with missing values in ten ways; each writes losses, test
metrics and tensors. The others print the largest differences and exit with 1 if one is above 1e-6.
"""

import json
import logging
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import recbole_ext  # noqa: F401
from tests.patches.switch import switched_off
from tests.stacks import page, toy

MODELS = ["BPR", "NeuMF", "LightGCN", "NGCF", "EASE", "MultiVAE", "DeepFM", "SASRecF", "CFKG"]
MODELS += ["NCFMLP", "NCFNeuMF", "AutoRec"]
TOLERANCE = 1e-6


def train(name: str) -> dict:
    """Losses of three epochs and the test metrics, with ten decimals."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    settings = {
        "epochs": 3,
        "metric_decimal_place": 10,
        "show_progress": False,
        "state": "ERROR",
        "eval_batch_size": 409600,
    }
    if name in ("MultiVAE", "SASRecF"):
        settings["train_neg_sample_args"] = None
    if name == "CFKG":
        settings["load_col"] = {
            "inter": ["user_id", "item_id", "rating", "timestamp"],
            "kg": ["head_id", "relation_id", "tail_id"],
            "link": ["item_id", "entity_id"],
        }
    config = Config(name, "ml-100k", config_dict=settings)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train_data, valid_data, test_data = data_preparation(config, dataset)
    init_seed(config["seed"], config["reproducibility"])
    model = get_model(name)(config, train_data._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
    trainer.fit(train_data, valid_data, verbose=False)
    test = trainer.evaluate(test_data)
    return {
        "loss": [float(loss) for loss in trainer.train_loss_dict.values()],
        "test": {metric: float(value) for metric, value in test.items()},
    }


def read_toy(folder: Path) -> dict:
    """Every column of the toy data set after RecBole has prepared it, for each reading."""
    import numpy as np
    from recbole.config import Config
    from recbole.data import create_dataset

    toy.write(folder)
    found = {}
    for name, reading in toy.READINGS.items():
        config = Config(
            "BPR", "toy", config_dict={"data_path": str(folder), "load_col": None, **reading}
        )
        dataset = create_dataset(config)
        dataset._change_feat_format()
        for feat in dataset.feat_name_list:
            for field, tensor in getattr(dataset, feat).interaction.items():
                values = np.asarray(tensor, dtype=np.float64)
                found[f"{name}: {feat}.{field} {list(values.shape)}"] = values.ravel().tolist()
    return found


def measure(file: Path) -> None:
    """All of it, in a scratch folder: RecBole writes where it runs. Written model by model."""
    import os

    import recbole.data.dataset  # noqa: F401  which applies the patch that is switched off below
    import torch

    torch.set_num_threads(1)
    packages = ("recbole", "numpy", "pandas", "scipy", "torch")
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        logging.disable(logging.CRITICAL)
        result = {
            "versions": {
                "Python": platform.python_version(),
                **{name: version(name) for name in packages},
            },
            "models": {},
        }
        with switched_off("exact-reading"):  # which refuses a missing rating
            result["toy"] = read_toy(Path(scratch))
        for name in MODELS:
            result["models"][name] = train(name)
            print(name, result["models"][name]["loss"], flush=True)
            file.write_text(json.dumps(result))
        os.chdir("/")


def largest(a: list[float], b: list[float]) -> float:
    """The largest difference of two lists; infinite where their lengths differ."""
    if len(a) != len(b):
        return float("inf")
    return max((0.0 if x == y else abs(x - y) for x, y in zip(a, b, strict=True)), default=0.0)


def of_models(one: dict, other: dict) -> dict[str, tuple[float, float]]:
    """Name of a model -> largest difference of a loss, and of a test metric."""
    differences = {}
    for name in MODELS:
        a, b = one["models"][name], other["models"][name]
        metrics = [[of["test"].get(metric, float("inf")) for metric in a["test"]] for of in (a, b)]
        differences[name] = largest(a["loss"], b["loss"]), largest(*metrics)
    return differences


def compare(one: dict, other: dict) -> bool:
    """Print the largest difference of each model and of the toy data; True where all are small."""
    print(" ".join(f"{k} {one['versions'][k]} | {other['versions'][k]}  " for k in one["versions"]))
    differences = {name: max(both) for name, both in of_models(one, other).items()}
    toys = one["toy"].keys() | other["toy"].keys()
    differences["toy"] = max(largest(one["toy"].get(k, []), other["toy"].get(k, [0])) for k in toys)
    for name, difference in differences.items():
        print(f"{name:10} {difference:.3g}")
    print(f"{len(toys)} columns of the toy data set, {len(MODELS)} models")
    return all(difference <= TOLERANCE for difference in differences.values())


def main() -> None:
    arguments = sys.argv[1:]
    sys.argv = sys.argv[:1]  # RecBole's Config reads them
    if arguments[0] in ("--compare", "--page"):
        one, other = (json.loads(Path(file).read_text()) for file in arguments[1:])
        if arguments[0] == "--page":
            page.write(one, other, of_models(one, other))
        sys.exit(0 if compare(one, other) else 1)
    measure(Path(arguments[0]).absolute())


if __name__ == "__main__":
    main()

"""People who were not in training, beside the same people trained in: NDCG@10 on ml-100k.

    python -m tests.benchmarks.fold_in            # or with names of models

A fifth of the users is held out altogether; of each of them 80% of the interactions are known and
20% are tested, among all items that are not known. "Folded in" is a model of the other users that
is asked by ``recommend_for``; "trained in" is the same model with the known interactions among its
training data, asked by ``recommend``. Validation on a tenth of the other users' interactions chose
the epochs, then both are trained on all that they may know for as many.
"""

import math
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml

import recbole_ext
from recbole_ext.data import interaction_file
from recbole_ext.inference.recommender import Recommender
from recbole_ext.trainer import single_run

ROOT = Path(__file__).parents[2]
LENGTH = 10

# name -> model, settings
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "NCFMLP": ("NCFMLP", yaml.safe_load((ROOT / "configs" / "ncf_mlp.yaml").read_text())),
    "EASE": ("EASE", {"reg_weight": 500.0}),
    "ItemKNN": ("ItemKNN", {}),
    "SLIMElastic": ("SLIMElastic", {}),
    "MultiVAE": ("MultiVAE", {"train_batch_size": 128}),
    "MultiDAE": ("MultiDAE", {"train_batch_size": 128}),
    "RecVAE": ("RecVAE", {"train_batch_size": 128}),
    "CDAE": ("CDAE", {"train_batch_size": 128}),
    "AutoRec by users": ("AutoRec", {"orientation": "user"}),
    "AutoRec by items": ("AutoRec", {"orientation": "item"}),
}

RANKING = {"metrics": ["NDCG"], "topk": [LENGTH], "valid_metric": f"NDCG@{LENGTH}"}


def train(model: str, data: str, folder: Path, settings: dict[str, Any]) -> tuple[Path, int]:
    """A checkpoint, and the number of epochs until the best one."""
    given = {**settings, **single_run.QUIET, "data_path": str(folder)}
    given["checkpoint_dir"] = str(folder / "saved")
    run = single_run.prepare(model, data, given)
    run.fit()
    epochs = run.best_epoch if run.valid else run.trainer.epochs
    return Path(run.trainer.saved_model_file), max(epochs, 1)


def eval_args(valid: float) -> dict[str, Any]:
    split = {"RS": [1 - valid, valid, 0.0]}
    return {"split": split, "order": "RO", "group_by": "user", "mode": "full"}


def ndcg(items: list[str], relevant: set[str]) -> float:
    gains = [1 / math.log2(n + 2) for n, item in enumerate(items[:LENGTH]) if item in relevant]
    return sum(gains) / sum(1 / math.log2(n + 2) for n in range(min(len(relevant), LENGTH)))


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Print a line for each model."""
    rows = interaction_file.read(interaction_file.locate("ml-100k", Path("dataset")))
    random = np.random.default_rng(0)
    new = random.permutation(len(rows.user_tokens))[: len(rows.user_tokens) // 5]
    is_new = np.isin(rows.users, new)
    tested = np.zeros(len(rows), dtype=bool)
    for user in new:
        own = random.permutation(np.flatnonzero(rows.users == user))
        tested[own[: len(own) // 5]] = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, kept in (("others", ~is_new), ("known", ~tested)):
            (folder / name).mkdir()
            text = rows.header + rows.lines(np.flatnonzero(kept))
            (folder / name / f"{name}.inter").write_bytes(text)
        print(f"{len(new)} new people, {tested.sum():,} interactions tested")
        print("model | folded in | trained in | epochs")
        for name in names or MODELS:
            model, settings = MODELS[name]
            settings = {**settings, **RANKING}
            _, epochs = train(model, "others", folder, {**settings, "eval_args": eval_args(0.1)})
            settings |= {"epochs": epochs, "eval_args": eval_args(0.0)}
            asked = [
                recbole_ext.load(train(model, data, folder, settings)[0])
                for data in ("others", "known")
            ]
            means = [mean_ndcg(rows, new, tested, one, kind) for kind, one in enumerate(asked)]
            print(f"{name} | {means[0]:.4f} | {means[1]:.4f} | {epochs}", flush=True)


def mean_ndcg(
    rows: interaction_file.InteractionFile,
    new: np.ndarray,
    tested: np.ndarray,
    recommender: Recommender,
    trained_in: int,
) -> float:
    """The mean over the new people."""
    known_items = set(recommender.items)
    assert rows.ratings is not None
    values = []
    for user in new:
        own = rows.users == user
        relevant = set(rows.item_tokens[rows.items[own & tested]])
        if trained_in:
            frame = recommender.recommend(str(rows.user_tokens[user]), k=LENGTH)
        else:
            known = own & ~tested
            tokens = rows.item_tokens[rows.items[known]]
            pairs = zip(tokens, rows.ratings[known].tolist(), strict=True)
            history = {item: rating for item, rating in pairs if item in known_items}
            frame = recommender.recommend_for(history, k=LENGTH)
        values.append(ndcg(frame["item_id"].tolist(), relevant))
    return float(np.mean(values))


if __name__ == "__main__":
    main()

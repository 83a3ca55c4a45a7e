"""Small trained models for the tests of inference, and the metrics of a list in plain Python."""

import csv
import math
import shutil
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests import runs

SETTINGS = {
    "AutoRec": runs.SMALL["AutoRec"],
    # enough for scores that are not tied
    **{
        model: {**runs.SMALL[model], **runs.RANKING, "learning_rate": 0.05, "epochs": 20}
        for model in ("NCFMLP", "NCFGMF", "NCFNeuMF")
    },
    "BPR": runs.RANKING,
    "EASE": runs.RANKING,
    "Pop": runs.RANKING,
}


def train(model: str, folder: Path, name: str = "", **settings: object) -> Path:
    """Train a model on the data set `made` in ``folder / dataset``; its checkpoint."""
    run = runs.prepare(
        model,
        folder=folder / "dataset",
        checkpoint_dir=str(folder / "saved"),
        **{**SETTINGS.get(model, runs.RANKING), **settings},
    )
    run.fit()
    file = folder / f"{name or model}.pth"
    shutil.copy(run.trainer.saved_model_file, file)
    return file


def ndcg(lists: dict[str, list[str]], relevant: dict[str, set[str]], k: int = 10) -> float:
    """The mean of NDCG@k over the users who have relevant items."""
    total = 0.0
    for user, items in relevant.items():
        gains = [1 / math.log2(n + 2) for n, i in enumerate(lists[user][:k]) if i in items]
        total += sum(gains) / sum(1 / math.log2(n + 2) for n in range(min(len(items), k)))
    return total / len(relevant)


def lists_of_csv(file: Path) -> dict[str, list[str]]:
    """User -> items, by the column rank of a file that the command has written."""
    ranked: dict[str, dict[int, str]] = defaultdict(dict)
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            ranked[row["user_id"]][int(row["rank"])] = row["item_id"]
    return {user: [items[n] for n in sorted(items)] for user, items in ranked.items()}


def pairs_of(part: object) -> Iterable[tuple[str, str]]:
    """(user id, item id) of each row of one part of a split."""
    feat, uid, iid = part.inter_feat, part.uid_field, part.iid_field  # type: ignore[attr-defined]
    for user, item in zip(feat[uid].tolist(), feat[iid].tolist(), strict=True):
        yield str(part.id2token(uid, user)), str(part.id2token(iid, item))  # type: ignore[attr-defined]


def by_user(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    items: dict[str, set[str]] = defaultdict(set)
    for user, item in pairs:
        items[user].add(item)
    return items

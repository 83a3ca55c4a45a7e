"""Small runs of RecBole for the tests."""

from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.trainer import single_run

HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float"


def write_inter(folder: Path, name: str, rows: list[tuple]) -> Path:
    """Write `<folder>/<name>/<name>.inter` and return `folder`."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    lines = [HEADER, *("\t".join(map(str, row)) for row in rows)]
    (place / f"{name}.inter").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_ratings(folder: Path, name: str, n_users: int = 30, n_items: int = 20) -> Path:
    """Ratings of a rank-one taste, each user's for about half of the items."""
    random = np.random.default_rng(0)
    taste = np.outer(random.normal(size=n_users), random.normal(size=n_items))
    stars = np.clip(np.rint(3 + 1.5 * taste), 1, 5).astype(int)
    rated = random.random(stars.shape) < 0.5
    rated[:, 0], rated[0, :-1], rated[0, -1] = True, True, False
    rows = [
        (f"u{u}", f"i{i}", stars[u, i], 1000 + n) for n, (u, i) in enumerate(np.argwhere(rated))
    ]
    return write_inter(folder, name, rows)


def prepare(
    model: str, dataset: str = "made", folder: Path | str = "dataset", **settings: Any
) -> single_run.Run:
    """Build everything for a run of two epochs, without RecBole's output."""
    given = {
        "data_path": str(folder),
        "epochs": 2,
        "show_progress": False,
        "state": "ERROR",
        "metric_decimal_place": 10,
        **settings,
    }
    return single_run.prepare(model, dataset, given)


# Small settings of our models, so that a test takes milliseconds.
SMALL: dict[str, dict[str, Any]] = {
    "NCFMLP": {"embedding_size": 8, "mlp_hidden_size": [6, 4], "train_batch_size": 64},
    "NCFGMF": {"embedding_size": 8, "train_batch_size": 64},
    "NCFNeuMF": {
        "embedding_size": 8,
        "gmf_embedding_size": 6,
        "mlp_hidden_size": [6, 4],
        "train_batch_size": 64,
    },
    # not clipped: ratings and ranking scores are the same numbers then
    "AutoRec": {"mlp_hidden_size": [7], "train_batch_size": 8, "clip_ratings": False},
}

RANKING = {
    "metrics": ["NDCG", "Recall"],
    "valid_metric": "NDCG@10",
    "eval_args": {
        "split": {"RS": [0.8, 0.1, 0.1]},
        "order": "RO",
        "group_by": "user",
        "mode": "full",
    },
}

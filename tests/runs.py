"""Small runs of RecBole for the tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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


@dataclass
class Run:
    """What RecBole's quick start makes of a configuration, before training."""

    config: Any
    dataset: Any
    train: Any
    valid: Any
    test: Any
    model: Any
    trainer: Any

    def fit(self) -> Any:
        return self.trainer.fit(self.train, self.valid, verbose=False)


def prepare(
    model: str, dataset: str = "made", folder: Path | str = "dataset", **settings: Any
) -> Run:
    """Build everything for a run, the way RecBole's quick start does."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    given = {
        "data_path": str(folder),
        "epochs": 2,
        "show_progress": False,
        "state": "ERROR",
        "metric_decimal_place": 10,
        **settings,
    }
    config = Config(model, dataset, config_dict=given)
    init_seed(config["seed"], config["reproducibility"])
    data = create_dataset(config)
    train, valid, test = data_preparation(config, data)
    init_seed(config["seed"], config["reproducibility"])
    net = get_model(model)(config, train._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, net)
    return Run(config, data, train, valid, test, net, trainer)


# Small settings of our models, so that a test takes milliseconds.
SMALL: dict[str, dict[str, Any]] = {
    "NCFMLP": {"embedding_size": 8, "mlp_hidden_size": [6, 4], "train_batch_size": 64},
    # not clipped: ratings and ranking scores are the same numbers then
    "AutoRec": {"hidden_sizes": [7], "train_batch_size": 8, "clip_ratings": False},
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

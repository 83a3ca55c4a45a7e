"""Models as people publish them: a file with one class over RecBole's bases, and its yaml.

Nothing here knows of recbole_ext. (This file is not copied with them.)
"""

from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent


class Shape(NamedTuple):
    """A model of the tests: its file, its class, other files, and settings that its kind needs."""

    file: str
    name: str
    others: tuple[str, ...] = ()
    settings: dict[str, Any] = {}  # noqa: RUF012  read only

    def copy_to(self, folder: Path) -> str:
        """Put the files into a folder; how the model is named from there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in (self.file, f"{self.name}.yaml", *self.others):
            (folder / name).write_text((FOLDER / name).read_text(encoding="utf-8"))
        return f"{folder / self.file}:{self.name}"


_IN_ORDER = {
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
}

SHAPES = {
    "pairwise": Shape("pair_mf.py", "PairMF"),
    "pointwise": Shape("point_mlp.py", "PointMLP"),
    "autoencoder": Shape("line_ae.py", "LineAE"),
    "sequential": Shape("last_items.py", "LastItems", settings=_IN_ORDER),
    "with a graph": Shape("hop_mf.py", "HopMF", ("graph_layers.py",)),
    "with item features": Shape(
        "feature_fm.py",
        "FeatureFM",
        settings={
            "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
            "load_col": {
                "inter": ["user_id", "item_id", "timestamp"],
                "user": ["user_id", "taste"],
                "item": ["item_id", "colour"],
            },
        },
    ),
    "with a knowledge graph": Shape(
        "graph_of_items.py",
        "GraphOfItems",
        settings={
            "load_col": {
                "inter": ["user_id", "item_id", "timestamp"],
                "kg": ["head_id", "relation_id", "tail_id"],
                "link": ["item_id", "entity_id"],
            }
        },
    ),
}

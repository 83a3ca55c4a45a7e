"""What it costs that the grid of ml-100k is written as files.

    python -m tests.benchmarks.grid

Prints the seconds that RecBole takes to build the data set from the files, and from the same
cells made in memory, side by side.
"""

import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import recbole_ext  # noqa: F401
from recbole_ext.data import grid, interaction_file
from recbole_ext.evaluator import protocols

ROUNDS = 5


def in_memory(source: interaction_file.InteractionFile) -> type:
    """RecBole's ``Dataset``, reading no file."""
    from recbole.data.dataset import Dataset
    from recbole.utils import FeatureSource, FeatureType

    class MadeInMemory(Dataset):
        def _load_inter_feat(self, token: str, dataset_path: str) -> None:
            cells = grid.labels(source)
            parts = grid.split(cells, 0.2, 0.05, 2020)
            order = np.concatenate([parts[phase] for phase in ("train", "valid", "test")])
            users, items = np.divmod(order, len(source.item_tokens))
            kinds = {"user_id": FeatureType.TOKEN, "item_id": FeatureType.TOKEN}
            floats = {"label": FeatureType.FLOAT, "rating": FeatureType.FLOAT}
            for name, kind in {**kinds, **floats}.items():
                self.field2type[name] = kind
                self.field2source[name] = FeatureSource.INTERACTION
                self.field2seqlen[name] = 1
            self.inter_feat = pd.DataFrame(
                {
                    "user_id": source.user_tokens[users],
                    "item_id": source.item_tokens[items],
                    "label": cells[order].astype(float),
                    "rating": grid.ratings(source)[order].astype(float),
                }
            )
            self.file_size_list = [len(parts[phase]) for phase in ("train", "valid", "test")]

    return MadeInMemory


def main() -> None:
    from recbole.config import Config
    from recbole.data.dataset import Dataset

    sys.argv = sys.argv[:1]
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        data_path = Path("dataset")
        source = interaction_file.read(interaction_file.locate("ml-100k", data_path))
        start = time.perf_counter()
        made = protocols.grid().write_dataset(source, data_path)
        writing = time.perf_counter() - start
        size = sum(path.stat().st_size for path in (data_path / made.name).iterdir())
        config = Config("NCFMLP", made.name)
        seconds: dict[str, list[float]] = {"from files": [], "in memory": []}
        classes: dict[str, Any] = {"from files": Dataset, "in memory": in_memory(source)}
        for _ in range(ROUNDS):  # in turn, so that a slow moment hits both
            for how, kind in classes.items():
                start = time.perf_counter()
                kind(config)
                seconds[how].append(time.perf_counter() - start)
        os.chdir("/")
    print(f"writing {sum(made.counts.values()):,} cells: {writing:.1f} s, {size / 1e6:.0f} MB")
    medians = {how: statistics.median(times) for how, times in seconds.items()}
    for how, median in medians.items():
        print(f"building the data set {how}: {median:.1f} s")
    print(f"ratio: {medians['from files'] / medians['in memory']:.1f}")


if __name__ == "__main__":
    main()

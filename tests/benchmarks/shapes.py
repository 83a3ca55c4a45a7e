"""Made-up ratings of any size, as atomic files: what stands for data that cannot be shipped.

    python -m tests.benchmarks.shapes 20m FOLDER

How active users are is log-normal, how popular items are is a power of their rank, and ratings
are those of latent factors, from 0.5 to 5. The same seed makes the same files.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

BLOCK = 1_000_000  # lines at a time


@dataclass(frozen=True)
class Shape:
    """How many there are of what."""

    users: int
    items: int
    ratings: int


SHAPES = {
    "100k": Shape(943, 1_682, 100_000),
    "1m": Shape(6_040, 3_706, 1_000_209),
    "5m": Shape(34_600, 10_000, 5_000_000),
    "20m": Shape(138_493, 26_744, 20_000_263),
    "few": Shape(4_000, 3_000, 20_000),  # 5 ratings of a user
    "many": Shape(600, 400, 40_000),  # 67
}


def pairs(shape: Shape, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The users and the items of the ratings, each pair once, in no order."""
    activity = random.lognormal(0.0, 1.0, shape.users)
    activity = activity.clip(max=10 * activity.mean())  # nobody has rated everything
    popularity = 1.0 / np.arange(5, 5 + shape.items) ** 0.9
    users_at, items_at = (weights.cumsum() / weights.sum() for weights in (activity, popularity))
    someone = random.integers(0, shape.users, shape.items)
    something = random.integers(0, shape.items, shape.users)
    keys = np.union1d(  # everyone and everything occurs
        someone * shape.items + np.arange(shape.items),
        np.arange(shape.users) * shape.items + something,
    )
    while len(keys) < shape.ratings:
        wanted = round(1.2 * (shape.ratings - len(keys))) + 1000
        users = np.searchsorted(users_at, random.random(wanted))
        items = np.searchsorted(items_at, random.random(wanted))
        keys = np.union1d(keys, users * shape.items + items)
    keys = random.permutation(keys)[: shape.ratings]
    return np.divmod(keys, shape.items)


def make(folder: Path, name: str, seed: int = 0) -> Path:
    """Write ``<folder>/<name>/<name>.inter``, and return the file."""
    shape, random = SHAPES[name], np.random.default_rng(seed)
    users, items = pairs(shape, random)
    p, q = (random.normal(0, 0.4, (n, 8)).astype(np.float32) for n in (shape.users, shape.items))
    a, b = (random.normal(0, 0.4, n).astype(np.float32) for n in (shape.users, shape.items))
    file = folder / name / f"{name}.inter"
    file.parent.mkdir(parents=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write("user_id:token\titem_id:token\trating:float\ttimestamp:float\n")
        for start in range(0, shape.ratings, BLOCK):
            u, i = users[start : start + BLOCK], items[start : start + BLOCK]
            taste = 3.5 + a[u] + b[i] + (p[u] * q[i]).sum(1) + random.normal(0, 0.7, len(u))
            lines = {"u": u + 1, "i": i + 1, "r": np.clip(np.rint(2 * taste) / 2, 0.5, 5)}
            lines["t"] = 1_000_000_000 + random.integers(0, 10**8, len(u))
            pd.DataFrame(lines).to_csv(stream, sep="\t", header=False, index=False)
    return file


if __name__ == "__main__":
    print(make(Path(sys.argv[2]), sys.argv[1]))

"""Makes dataset/sample: 60 users, 40 items, ratings 1 to 5 of a taste of two factors.

python -m tests.make_sample [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np


def sample() -> str:
    """The text of sample.inter, the same on every machine."""
    random = np.random.RandomState(2020)  # its streams are frozen, default_rng's are not
    users, items = random.normal(size=(60, 2)), random.normal(size=(40, 2))
    noise = random.normal(scale=0.3, size=(60, 40))
    stars = np.clip(np.rint(3 + users @ items.T + noise), 1, 5).astype(int)
    rated = random.uniform(size=stars.shape) < np.linspace(0.6, 0.15, 40)  # a long tail
    pairs = random.permutation(np.argwhere(rated))
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for time, (user, item) in enumerate(pairs):
        lines.append(f"{user + 1}\t{item + 1}\t{stars[user, item]}\t{880000000 + 60 * time}")
    return "\n".join(lines) + "\n"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "dataset/sample")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sample.inter").write_text(sample(), encoding="utf-8")


if __name__ == "__main__":
    main()

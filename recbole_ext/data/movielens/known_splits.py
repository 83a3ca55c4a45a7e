"""GroupLens's own splits of ml-100k, from the files in its release.

u1 ... u5     five folds: 80,000 training and 20,000 test ratings each
ua, ub        ten test ratings of each user
"""

from pathlib import Path

import numpy as np

from recbole_ext.data import dataset_folder, splits
from recbole_ext.data.movielens import convert, raw
from recbole_ext.data.movielens.catalogue import RELEASES


def write(
    source: raw.Source,
    split_name: str,
    name: str,
    data_path: Path,
    command: str,
    valid: float,
    seed: int,
) -> splits.SplitDataset:
    """Write one of the splits as a data set of its own.

    Args:
        source: the release ml-100k.
        split_name: one of ``ML_100K_SPLITS``, such as ``u1``.
        name: of the new data set.
        data_path: the folder of data sets.
        command: writes the data set again; for the manifest.
        valid: share of the training ratings that is for validation, in (0, 1).
        seed: of the drawing of these.

    Raises:
        DataError: the source does not have the two files, or they are damaged.
    """
    release = RELEASES["ml-100k"]
    texts: dict[str, bytes] = {}
    for side in ("base", "test"):
        blocks = convert.rating_blocks(
            source, f"{split_name}.{side}", b"\t", low=release.low, high=release.high
        )
        texts[side] = b"".join(block.text for block, _ in blocks)
    base = np.array(texts["base"].splitlines(keepends=True), dtype=object)
    train, held_out = splits.hold_out(len(base), valid, seed)
    split = {"train": train, "valid": held_out, "test": np.arange(texts["test"].count(b"\n"))}
    parts = {
        "train": b"".join(base[train]),
        "valid": b"".join(base[held_out]),
        "test": texts["test"],
    }
    with dataset_folder.new_folder(data_path, name) as folder:
        splits.refuse_empty(split, split_name)
        for part, text in parts.items():
            (folder / f"{name}.{part}.inter").write_bytes(convert.HEADER + text)
        convert.write_features(source, source.layout(), folder, name)
        settings = splits.parts_settings(convert.HEADER)
        dataset_folder.write_settings(folder, name, splits.SETTINGS_COMMENT, settings)
        options = {"split": split_name, "valid": valid, "seed": seed}
        return splits.finish(source.path, split, folder, name, command, options)

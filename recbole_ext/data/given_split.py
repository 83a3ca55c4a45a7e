"""A split that a data set brings with it: the files that ``benchmark_filename`` names."""

from pathlib import Path
from typing import Any

import numpy as np

from recbole_ext.config.yaml_file import read
from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.data.locate import dataset_folder
from recbole_ext.errors import DataError

_KEY = "benchmark_filename"


def check(name: str, data_path: Path) -> None:
    """Refuse a data set without a split of its own.

    Args:
        name: of the data set.
        data_path: the folder of data sets.

    Raises:
        DataError: its yaml names no files, or is not there.
    """
    file = dataset_folder(name, data_path) / f"{name}.yaml"
    settings = read(file) if file.is_file() else {}
    if not settings.get(_KEY):
        raise DataError(
            f"{file}: expected {_KEY}: [train, valid, test], the files of the data set's own "
            f"split ({name}.train.inter and so on), found "
            f"{'no such key' if file.is_file() else 'no such file'}; the protocol default splits "
            "a data set that has none"
        )


def check_parts(parts: dict[str, Any]) -> None:
    """Refuse a split whose test part repeats interactions that a model has seen before.

    Args:
        parts: train, valid and test -> RecBole's data set of the part.

    Raises:
        DataError: it names a user and an item, and says how many there are.
    """
    test = InteractionSet.of_dataset(parts["test"])
    for name in ("train", "valid"):
        seen = InteractionSet.of_dataset(parts[name])
        users, items = np.divmod(test.keys, test.n_items)
        repeated = seen.have(users, items)
        if repeated.any():
            user, item = users[repeated][0], items[repeated][0]
            dataset = parts["test"]
            raise DataError(
                f"{dataset.dataset_name}: expected test interactions that are not in {name}, found "
                f"{repeated.sum()} that are, such as user "
                f"{dataset.id2token(dataset.uid_field, user)} with item "
                f"{dataset.id2token(dataset.iid_field, item)}; remove them from one of the files"
            )

"""A data set that a run cannot use is refused in one line, where RecBole ends in a traceback."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recbole_ext.data import columns
from recbole_ext.errors import DataError
from recbole_ext.registry.keys import own_keys
from recbole_ext.registry.model_parts import needs_ratings


def load_inter_feat(
    wrapped: Callable[..., None], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``Dataset._load_inter_feat``, the first to read a file: refuses columns that are not there.

    Raises:
        DataError, SettingError: a file or a setting that names columns cannot be used.
    """
    config, model = dataset.config, dataset.config["model"]
    columns.check(config.final_config_dict, ratings=needs_ratings(model), read=own_keys(model))
    wrapped(*args, **kwargs)


def aug_presets(
    wrapped: Callable[..., None], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``SequentialDataset._aug_presets``, before sequences are made: refuses data without any.

    Raises:
        DataError: no user has two interactions.
    """
    users = dataset.inter_feat[dataset.uid_field].numpy()
    if len(np.unique(users)) == len(users):
        raise DataError(
            f"{dataset.dataset_name}: {dataset.config['model']} learns the next item of a user, "
            f"expected users with two interactions, found one of each of {len(users)} users; use "
            "more data"
        )
    wrapped(*args, **kwargs)

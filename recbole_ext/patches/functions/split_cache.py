"""The parts of a large data set as RecBole has split it, kept for the next run with the same seed.

They lie beside the data set as it was read (``dataset_cache.py``), in ``<key>.<split>.split``. The
first key is that one's; the second is a hash of the settings of the split and of the state of
torch's random numbers, which shuffle. The state after the split is kept, too: what a run draws next
is what it would have drawn.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from recbole_ext.patches.functions import dataset_cache

KEPT = 3  # splits of one data set; the oldest go

_SETTINGS = ("order", "split", "group_by")


def _place(dataset: Any) -> Path | None:
    """Where the split is kept; None for one that is not."""
    read = vars(dataset).get(dataset_cache.PLACE)
    if read is None or dataset.benchmark_filename_list is not None or dataset.config["unused_col"]:
        return None
    settings = {name: dataset.config["eval_args"].get(name) for name in _SETTINGS}
    settings["time-aware"] = dataset.config.final_config_dict.get("time-aware")
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=8)
    digest.update(torch.get_rng_state().numpy().tobytes())
    return Path(read).with_suffix(f".{digest.hexdigest()}.split")


def _plain(dataset: Any, parts: list[Any]) -> dict[str, Any]:
    """What ``_restore`` needs."""
    return {
        "whole": dict(dataset.inter_feat.interaction),
        "parts": [dict(part.inter_feat.interaction) for part in parts],
        "state": torch.get_rng_state(),
    }


def _restore(dataset: Any, plain: Mapping[str, Any]) -> list[Any]:
    """What ``Dataset.build`` leaves and returns, from what was kept of it."""
    from recbole.data.interaction import Interaction

    for name in dataset.feat_name_list:
        if name != "inter_feat":
            setattr(dataset, name, dataset._dataframe_to_interaction(getattr(dataset, name)))
    dataset.inter_feat = Interaction(plain["whole"])
    parts = [dataset.copy(Interaction(columns)) for columns in plain["parts"]]
    torch.set_rng_state(plain["state"].clone())
    return parts


def build(
    wrapped: Callable[[], list[Any]], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    """``Dataset.build``, which restores a split that has been kept, or keeps it."""
    place = _place(dataset)
    if place is None:
        return wrapped()
    plain = dataset_cache.load(dataset, place)
    if plain is not None:
        return _restore(dataset, plain)
    parts = wrapped()
    with suppress(OSError):  # a folder that is not ours to write, a full disk
        dataset_cache.keep(_plain(dataset, parts), place, KEPT)
        dataset.logger.info(f"{place}: the split, kept for the next run")
    return parts

"""The names of settings: shared ones, those of earlier releases, and misspelt ones."""

import warnings
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from recbole_ext.errors import SettingError

# What the commands and RecBole's `run` put among the settings of a run.
PROCESS_KEYS = frozenset(
    {
        "model",
        "dataset",
        "config_file",
        "config_files",
        "nproc",
        "world_size",
        "ip",
        "port",
        "offset",
        "group_offset",
        "local_rank",
        "resume_from",
        "trust_checkpoint",
    }
)

# What a data set's own yaml may say beside RecBole's keys (see evaluation.py).
DATA_KEYS = frozenset({"fixed_negatives"})

# Settings of earlier releases -> their names today.
RENAMED = {
    "averaging": "ema_decay",
    "observed_input": "mask_input_scale",
    "observed_output": "svdpp_scale",
    "hidden_sizes": "mlp_hidden_size",
}


def near(name: str, known: Collection[str]) -> str:
    """The known names that ``name`` may be a slip for, nearest first; "" where there is none."""
    folded = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), folded, n=3, cutoff=0.75)
    return " or ".join(folded[match] for match in matches)


def check_names(
    model: str, given: Mapping[str, Any], read: Collection[str], elsewhere: Collection[str]
) -> None:
    """Refuse the keys that are nearly a setting, and warn about those nobody reads.

    Args:
        model: its name, for the message.
        given: what the user wrote.
        read: the keys that this run reads.
        elsewhere: the keys that some other model of RecBole reads.

    Raises:
        SettingError: for the first key that is nearly one of ``read``.
    """
    for key in given:
        if key in read:
            continue
        if RENAMED.get(key) in read:
            raise SettingError(f"{key}: this setting is now called {RENAMED[key]}; write that name")
        nearest = near(key, read)
        if key in elsewhere:
            hint = f"; did you mean {nearest}?" if nearest else ""
            warnings.warn(f"{key}: {model} does not read this setting{hint}", stacklevel=2)
        elif nearest:
            raise SettingError(
                f"{key}: neither {model} nor RecBole has this setting; did you mean {nearest}?"
            )
        else:
            warnings.warn(f"{key}: nobody reads this setting", stacklevel=2)

"""The names of settings, and the one rule for a key that a run does not read.

Where the key is written decides:

* No model reads it: an error with the nearest name.
* Another model reads it, this one does not: an error where the key is written for this run alone
  (command line, ``config_dict``, a model's entry of a plan, a search). A warning where one text
  serves several models (a file of ``--config_files``, the data set's own yaml, ``settings`` of a
  plan).
* ``sys.argv`` of a Python program, which RecBole reads too, may hold options of the program: a
  warning, and an error only for a name near that of a setting.

``allow_unknown_keys: True`` turns these errors into warnings, for models and extensions of RecBole
that read keys of their own.
"""

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from recbole_ext.errors import SettingError

# What the commands and RecBole's `run` put among the settings of a run; no file may have them.
OPTION_KEYS = frozenset(
    {
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
ALLOW_UNKNOWN = "allow_unknown_keys"
PROCESS_KEYS = OPTION_KEYS | {"model", "dataset", ALLOW_UNKNOWN}

# What a data set's own yaml may say beside RecBole's keys (see data/fixed_negatives.py).
DATA_KEYS = frozenset({"fixed_negatives"})

# Settings of earlier releases, of RecBole too -> their names today.
RENAMED = {
    "averaging": "ema_decay",
    "observed_input": "mask_input_scale",
    "observed_output": "svdpp_scale",
    "hidden_sizes": "mlp_hidden_size",
    "hidden_size": "mlp_hidden_size",
    "neg_sampling": "train_neg_sample_args",
    "training_neg_sample_num": "train_neg_sample_args",
}

# What RecBole's Config works out itself, whatever a user writes -> what to write instead.
COMPUTED = {
    "device": "write gpu_id: the number of a GPU, or '' for the CPU",
    "MODEL_TYPE": "remove it",
    "MODEL_INPUT_TYPE": "remove it",
    "eval_type": "write metrics",
    "single_spec": "remove it",
    "valid_neg_sample_args": "write mode in eval_args",
    "test_neg_sample_args": "write mode in eval_args",
}


@dataclass(frozen=True)
class KeySource:
    """Keys that a user wrote at one place.

    Attributes:
        keys: their names.
        place: the file, with the part of it, that messages begin with; "" for a command line and
            a ``config_dict``.
        audience: ``run``, this run alone; ``models``, several models share the text; ``program``,
            the command line of a Python program with options of its own.
    """

    keys: Collection[str]
    place: str = ""
    audience: Literal["run", "models", "program"] = "run"


def near(name: str, known: Collection[str]) -> str:
    """The known names that ``name`` may be a slip for, nearest first; "" where there is none."""
    folded = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), folded, n=3, cutoff=0.75)
    return " or ".join(folded[match] for match in matches)


def check_names(
    model: str,
    source: KeySource,
    read: Collection[str],
    elsewhere: Collection[str],
    allow_unknown: bool = False,
) -> None:
    """Refuse the keys of one place that the run does not read, by the rule above.

    Args:
        model: its name, for the message.
        source: the keys and their place.
        read: the keys that this run reads.
        elsewhere: the keys that a run of some other model reads.
        allow_unknown: warn instead.

    Raises:
        SettingError: for the first key that is refused.
    """
    for key in source.keys:
        problem, is_error = _problem(model, key, source, read, elsewhere)
        if not problem:
            continue
        message = f"{source.place}: {key}: {problem}" if source.place else f"{key}: {problem}"
        if is_error and not allow_unknown:
            raise SettingError(message)
        warnings.warn(message, stacklevel=2)


def _problem(
    model: str, key: str, source: KeySource, read: Collection[str], elsewhere: Collection[str]
) -> tuple[str, bool]:
    """What is wrong with a key, "" where nothing is; and whether it is an error."""
    if key in OPTION_KEYS and source.place:
        return f"this is an option of a command, not a setting; write --{key} there", True
    if key in COMPUTED:
        return f"RecBole works this out itself and ignores the value; {COMPUTED[key]}", True
    if key in read:
        return "", False
    nearest = near(key, read)
    hint = f"; did you mean {nearest}?" if nearest else ""
    if RENAMED.get(key) in read:
        nearest = RENAMED[key]
        hint = f"; this setting is now called {nearest}: write that name"
    if key in elsewhere:
        is_error = source.audience == "run" or (source.audience == "program" and nearest != "")
        way_out = "" if hint or not is_error else "; remove it"
        return f"{model} does not read this setting{hint}{way_out}", is_error
    if not hint:
        is_error = source.audience != "program"
        hint = f"; remove it, or set {ALLOW_UNKNOWN} if code of yours reads it" * is_error
        return f"neither {model} nor RecBole reads this setting{hint}", is_error
    return f"neither {model} nor RecBole has this setting{hint}", True

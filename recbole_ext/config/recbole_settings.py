"""The settings of RecBole itself that are checked before a run."""

import importlib.util
import os
import re
from typing import Annotated, Any, Literal

import msgspec

from recbole_ext.config.types import (
    Count,
    NonNegative,
    NonNegativeInt,
    RecBoleLearner,
    Rule,
    Seed,
)
from recbole_ext.errors import SettingError

# What CUDA_VISIBLE_DEVICES takes: numbers, or names as ``nvidia-smi -L`` prints them.
_GPU = r"\s*(?:-?\d+|(?:GPU|MIG)-[\w/-]+)\s*"
_GPUS = rf"(?:{_GPU}(?:,{_GPU})*)?"


_LEVELS = ("debug", "info", "warning", "error", "critical")
_Level = Annotated[
    str | None,
    Rule(
        f"one of {', '.join(_LEVELS)}, or ~", lambda value: str(value).lower() in (*_LEVELS, "none")
    ),
]
_Folder = Annotated[
    Any,
    Rule(
        "the path of a folder",
        lambda value: isinstance(value, (str, os.PathLike)) and str(value) != "",
    ),
]
_Transform = Literal[
    "mask_itemseq", "inverse_itemseq", "crop_itemseq", "reorder_itemseq", "user_defined"
]

# What torch.nn.utils.clip_grad_norm_ takes beside the parameters.
_CLIP_GRAD_NORM = ("max_norm", "norm_type", "error_if_nonfinite", "foreach")


def _clips(value: dict[str, Any] | None) -> bool:
    if value is None:
        return True
    number: Any = value.get("max_norm")
    kind: Any = value.get("norm_type", 2)
    is_number = type(number) in (int, float) and (type(kind) in (int, float) or kind == "inf")
    return set(value) <= set(_CLIP_GRAD_NORM) and is_number and number > 0


# Optimisers that only one process can use -> why.
_ALONE = {
    "lbfgs": "tries several steps on all rows, and several processes have a share each",
    "sparse_adam": "needs sparse gradients, and several processes share dense ones",
}


class NegativeSampling(msgspec.Struct, frozen=True, kw_only=True):
    """The items that RecBole draws in training for each interaction."""

    distribution: Literal["uniform", "popularity", "None"] | None = "uniform"
    sample_num: Count = 1
    alpha: float = 1.0
    dynamic: bool = False
    candidate_num: NonNegativeInt = 0


NegativeSamplingSetting = Annotated[
    NegativeSampling | Literal["None"] | None,
    Rule(
        "a dict such as {distribution: uniform, sample_num: 1}, or ~ to draw no items",
        lambda value: value in (None, "None") or not value.dynamic or value.candidate_num > 0,
    ),
]


class FolderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The folders of data sets and of checkpoints."""

    data_path: _Folder
    checkpoint_dir: _Folder


class RunSettings(FolderSettings, frozen=True, kw_only=True):
    """The settings of RecBole that a slip of the finger ruins silently or late.

    Attributes:
        epochs: training epochs; 0 evaluates the untrained model.
        train_batch_size: rows or interactions a step.
        eval_batch_size: interactions, or users times items, a scoring batch.
        learning_rate: of the optimiser.
        weight_decay: of the optimiser.
        eval_step: epochs between two validations; 0 never validates.
        stopping_step: validations without a better one before training stops.
        seed: of every random number.
        use_gpu: whether a GPU is used where there is one.
        train_neg_sample_args: the items drawn for each interaction.
        clip_grad_norm: the norm at which gradients are cut.
        loss_decimal_place, metric_decimal_place: decimals that are printed, and of results.
        worker: processes that prepare batches.

    The others are as RecBole's overall.yaml explains them.
    """

    epochs: NonNegativeInt
    train_batch_size: Count
    eval_batch_size: Count
    learning_rate: NonNegative
    weight_decay: NonNegative
    eval_step: NonNegativeInt
    stopping_step: NonNegativeInt
    seed: Seed
    use_gpu: bool
    train_neg_sample_args: NegativeSamplingSetting
    clip_grad_norm: Annotated[
        dict[str, Any] | None, Rule("a dict such as {max_norm: 5, norm_type: 2}, or ~", _clips)
    ]
    loss_decimal_place: NonNegativeInt | None
    metric_decimal_place: NonNegativeInt
    worker: NonNegativeInt
    reproducibility: bool
    shuffle: bool
    repeatable: bool
    enable_amp: bool
    enable_scaler: bool
    transform: _Transform | None
    state: _Level
    show_progress: bool
    require_pow: bool
    save_dataset: bool
    save_dataloaders: bool
    log_wandb: Annotated[
        bool,
        Rule(
            "True or False; True needs `pip install wandb`",
            lambda value: not value or importlib.util.find_spec("wandb") is not None,
        ),
    ]


class LearnerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The optimiser, for models that name no others; RecBole takes Adam for any other name."""

    learner: RecBoleLearner


class DataSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a data set lies and how its files are written; RecBole's keys."""

    data_path: str
    dataset: str
    benchmark_filename: list[str] | None
    field_separator: str
    encoding: str | None
    USER_ID_FIELD: str
    ITEM_ID_FIELD: str
    RATING_FIELD: str
    load_col: dict[str, Any] | None


def check_shared_learner(learner: Any) -> None:
    """Refuse an optimiser that several processes cannot share.

    Raises:
        SettingError: it is lbfgs or sparse_adam.
    """
    if why := _ALONE.get(str(learner).lower()):
        raise SettingError(f"learner: {learner} {why}; set learner: adam, or --nproc=1")


def check_gpu(gpu_id: Any) -> None:
    """Refuse a ``gpu_id`` that names no GPU: RecBole would take the CPU in silence.

    Raises:
        SettingError: it is no number, no numbers as ``0,1``, not empty, and no name that CUDA uses.
    """
    numbers = isinstance(gpu_id, tuple) and all(type(number) is int for number in gpu_id)
    text = ",".join(map(str, gpu_id)) if numbers else str(gpu_id)
    if isinstance(gpu_id, bool) or not re.fullmatch(_GPUS, text):
        raise SettingError(
            "gpu_id: expected the number of a GPU, several as 0,1, or '' for the CPU, found "
            f"{gpu_id!r}"
        )

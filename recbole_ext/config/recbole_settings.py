"""The settings of RecBole itself that are checked before a run."""

import re
from typing import Any

import msgspec

from recbole_ext.config.types import Count, NonNegative, NonNegativeInt, RecBoleLearner
from recbole_ext.errors import SettingError

# What CUDA_VISIBLE_DEVICES takes: numbers, or names as ``nvidia-smi -L`` prints them.
_GPU = r"\s*(?:-?\d+|(?:GPU|MIG)-[\w/-]+)\s*"
_GPUS = rf"(?:{_GPU}(?:,{_GPU})*)?"


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
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
    """

    epochs: NonNegativeInt
    train_batch_size: Count
    eval_batch_size: Count
    learning_rate: NonNegative
    weight_decay: NonNegative
    eval_step: NonNegativeInt
    stopping_step: NonNegativeInt
    seed: NonNegativeInt
    use_gpu: bool


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

"""Settings: from RecBole's loosely typed ``Config`` to a frozen dataclass per model.

A model declares its settings as a dataclass whose annotations say type and range; its
defaults stand in <name>.yaml beside the model alone. Every message about a setting is
written here.
"""

import dataclasses
import math
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

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

RecBoleLearner = Literal["adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam"]

S = TypeVar("S")  # a dataclass


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``; an end that is ``open`` is not among them."""

    low: float = -math.inf
    high: float = math.inf
    open: Literal["", "low", "high", "both"] = ""

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open in ("low", "both") else value >= self.low
        below = value < self.high if self.open in ("high", "both") else value <= self.high
        return above and below

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"{'above' if self.open in ('low', 'both') else 'at least'} {self.low:g}"
        left = "(" if self.open in ("low", "both") else "["
        right = ")" if self.open in ("high", "both") else "]"
        return f"in {left}{self.low:g}, {self.high:g}{right}"


@dataclass(frozen=True)
class Filled:
    """A list with something in it."""

    def __contains__(self, value: list[Any]) -> bool:
        return len(value) > 0

    def __str__(self) -> str:
        return "(at least one)"


Count = Annotated[int, Range(low=1)]
NonNegativeInt = Annotated[int, Range(low=0)]
NonNegative = Annotated[float, Range(low=0)]
Probability = Annotated[float, Range(low=0, high=1, open="high")]


@dataclass(frozen=True)
class RunSettings:
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
    """

    epochs: NonNegativeInt
    train_batch_size: Count
    eval_batch_size: Count
    learning_rate: NonNegative
    weight_decay: NonNegative
    eval_step: NonNegativeInt
    stopping_step: NonNegativeInt
    seed: NonNegativeInt


@dataclass(frozen=True)
class LearnerSettings:
    """The optimiser, for models that name no others; RecBole takes Adam for any other name."""

    learner: RecBoleLearner


@dataclass(frozen=True)
class DataSettings:
    """Where a data set lies and how its files are written; RecBole's keys."""

    data_path: str
    dataset: str
    benchmark_filename: list[str] | None
    field_separator: str
    encoding: str | None
    USER_ID_FIELD: str
    ITEM_ID_FIELD: str
    RATING_FIELD: str
    load_col: dict | None


def names(cls: type) -> list[str]:
    """The keys of a model's settings."""
    return [field.name for field in dataclasses.fields(cls)]


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


def load(file: Path) -> dict[str, Any]:
    """The keys of a yaml file; 1e-3 is a number, as RecBole reads it.

    Raises:
        SettingError: it cannot be read, or has no keys.
    """
    from recbole.config import Config

    try:
        loader = Config._build_yaml_loader(None)
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingError(f"{file}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise SettingError(f"{file}: expected lines of `key: value`, found {content!r}")
    return content


def read_alone(
    cls: type[S], content: Mapping[str, Any], defaults: Mapping[str, Any], where: str
) -> S:
    """Build ``cls`` from keys of which it has to name every one.

    Args:
        cls: a dataclass.
        content: what a file, or a part of it, says.
        defaults: for what it does not say.
        where: what messages begin with.

    Raises:
        SettingError: a key is missing or unknown, has the wrong type or is out of range.
    """
    known = names(cls)
    for key in content:
        if key not in known:
            raise SettingError(f"{where}: {key}: expected one of {', '.join(known)}")
    try:
        return read(cls, {**defaults, **content})
    except SettingError as error:
        raise SettingError(f"{where}: {error}") from error


def read(cls: type[S], values: Mapping[str, Any]) -> S:
    """Build ``cls`` from the keys of ``values`` that it names.

    Raises:
        SettingError: a value is missing, has the wrong type or is out of range.
    """
    found = {}
    for key, annotation in get_type_hints(cls, include_extras=True).items():
        value = values.get(key)
        if not _fits(value, annotation):
            kind = "" if value is None else f" ({type(value).__name__})"
            raise SettingError(f"{key}: expected {_expected(annotation)}, found {value!r}{kind}")
        found[key] = _convert(value, annotation)
    return cls(**found)


def _fits(value: Any, annotation: Any) -> bool:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, *limits = arguments
        return _fits(value, inner) and all(value in limit for limit in limits)
    if origin is Literal:
        return value in arguments and isinstance(value, type(arguments[0]))
    if origin is list:
        return isinstance(value, (list, tuple)) and all(_fits(x, arguments[0]) for x in value)
    if origin in (Union, UnionType):
        return any(_fits(value, choice) for choice in arguments)
    if annotation is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, annotation)


def _expected(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return " ".join([_expected(arguments[0]), *map(str, arguments[1:])])
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is list:
        return f"a list, each {_expected(arguments[0])}"
    if origin in (Union, UnionType):
        return " or ".join(map(_expected, arguments))
    kinds = {float: "a number", int: "a whole number", bool: "True or False", NoneType: "~"}
    return kinds.get(annotation, f"a {getattr(annotation, '__name__', annotation)}")


def _convert(value: Any, annotation: Any) -> Any:
    inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if inner is float:
        return float(value)
    return list(value) if get_origin(inner) is list else value

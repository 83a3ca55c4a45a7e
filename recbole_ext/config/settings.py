"""Settings: from RecBole's loosely typed ``Config`` to a frozen class per model.

A model declares its settings as a ``msgspec.Struct`` whose annotations say type, range and
meaning (see types.py). ``msgspec`` reads the values strictly: True is no number, "3" is no 3.
"""

import dataclasses
import math
import reprlib
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import fields

from recbole_ext.config.annotations import choices, in_words, rule_of
from recbole_ext.config.recbole_settings import (
    DataSettings,
    FolderSettings,
    LearnerSettings,
    RunSettings,
    check_gpu,
    check_shared_learner,
)
from recbole_ext.config.setting_names import (
    ALLOW_UNKNOWN,
    DATA_KEYS,
    OPTION_KEYS,
    PROCESS_KEYS,
    RENAMED,
    KeySource,
    check_names,
    near,
)
from recbole_ext.config.types import (
    Count,
    Filled,
    NonNegative,
    NonNegativeInt,
    Probability,
    RecBoleLearner,
    Seed,
    Space,
    Values,
    Weight,
)
from recbole_ext.config.yaml_file import read as load
from recbole_ext.errors import SettingError

S = TypeVar("S")  # a Struct or a dataclass


def names(cls: type) -> list[str]:
    """The keys of a class of settings."""
    if issubclass(cls, msgspec.Struct):
        return list(cls.__struct_fields__)
    return [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]


def annotations(cls: type) -> dict[str, Any]:
    """The keys of a class of settings -> their types, ranges and descriptions."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: hints[name] for name in names(cls)}


def _defaults(cls: type) -> dict[str, Any]:
    """The keys of a class of settings that have a default -> the default; each call new ones."""
    if issubclass(cls, msgspec.Struct):
        own = {field.name: (field.default, field.default_factory) for field in fields(cls)}
        missing: Any = msgspec.NODEFAULT
    else:
        own = {f.name: (f.default, f.default_factory) for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        missing = dataclasses.MISSING
    return {
        name: factory() if factory is not missing else value
        for name, (value, factory) in own.items()
        if value is not missing or factory is not missing
    }


def read_alone(cls: type[S], content: Mapping[str, Any], where: str) -> S:
    """Build ``cls`` from keys of which it has to name every one.

    Args:
        cls: a Struct or a dataclass; its defaults hold for what is not said.
        content: what a file, or a part of it, says.
        where: what messages begin with.

    Raises:
        SettingError: a key is missing or unknown, has the wrong type or is out of range.
    """
    known = names(cls)
    for key in content:
        if key not in known:
            hint = _did_you_mean(key, known)
            raise SettingError(f"{where}: {key}: expected one of {', '.join(known)}{hint}")
    try:
        return read(cls, {**_defaults(cls), **content})
    except SettingError as error:
        raise SettingError(f"{where}: {error}") from error


def read(cls: type[S], values: Mapping[str, Any]) -> S:
    """Build ``cls`` from the keys of ``values`` that it names.

    The defaults of ``cls`` are not used: they reach ``values`` by RecBole's ``Config``, so that a
    key that is missing there is an error.

    Raises:
        SettingError: a value is missing, has the wrong type or is out of range.
    """
    items = annotations(cls).items()
    return cls(**{key: _convert(values.get(key), annotation, key) for key, annotation in items})


def read_some(cls: type, values: Mapping[str, Any], where: str) -> None:
    """Check those of some values that ``cls`` names.

    Args:
        cls: a Struct or a dataclass.
        values: settings; keys that ``cls`` does not name are ignored.
        where: what messages begin with.

    Raises:
        SettingError: a value has the wrong type or is out of range.
    """
    types = annotations(cls)
    try:
        for key in values:
            if key in types:
                _convert(values[key], types[key], key)
    except SettingError as error:
        raise SettingError(f"{where}: {error}") from error


def refuse_twice(values: Sequence[Any], where: str) -> None:
    """Refuse a list with two equal values.

    Raises:
        SettingError: it names the value.
    """
    for number, value in enumerate(values):
        if value in values[:number]:
            raise SettingError(f"{where}: {_shown(value)} is there twice; keep one")


def _convert(value: Any, annotation: Any, key: str) -> Any:
    """A value as its type has it: 1 as 1.0 where a number is expected, a tuple as a list.

    Raises:
        SettingError: it has another type, or is out of range.
    """
    written = value
    if isinstance(value, Mapping):
        part = _part(annotation)
        if get_origin(part) is None and part is not None:
            value = read_alone(part, value, key)
        elif part is not None:
            inner = get_args(part)[1]
            value = {name: _convert(item, inner, f"{key}: {name}") for name, item in value.items()}
    rule = rule_of(annotation)
    try:
        any_kind = get_args(annotation)[:1] == (Any,)
        converted = msgspec.convert(value if any_kind else _plain(value), annotation)
        if rule is not None and not rule.holds(converted):
            raise ValueError(rule.words)
        return converted
    except ValueError as error:  # msgspec's ValidationError is one
        kind = "" if value is None else f" ({type(written).__name__})"
        advice = rule.advice(value) if rule is not None else ""
        raise SettingError(
            f"{key}: expected {in_words(annotation)}, found {_shown(written)}{kind}"
            f"{advice or _did_you_mean(value, choices(annotation))}"
        ) from error


def _part(annotation: Any) -> Any:
    """What a mapping is read as: a class of settings, a ``dict[str, X]``, or None for any dict."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, UnionType):
        inner = arguments[:1] if origin is Annotated else arguments
        return next((part for part in map(_part, inner) if part is not None), None)
    # dict[str, int] is a type, too, for Python 3.10
    is_class = origin is None and isinstance(annotation, type)
    if is_class and (
        issubclass(annotation, msgspec.Struct) or dataclasses.is_dataclass(annotation)
    ):
        return annotation
    return annotation if origin is dict and arguments[1] is not Any else None


def _plain(value: Any) -> Any:
    """Numbers of numpy as numbers of Python.

    Raises:
        ValueError: a number is not finite, or a set stands for a list: it has no order.
    """
    if isinstance(value, (set, frozenset)):
        raise ValueError("a set has no order")
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("not finite")
        return float(value)
    return value


def _shown(value: Any) -> str:
    """A value in a message, cut where it is long."""
    shortened = reprlib.Repr()
    shortened.maxstring = shortened.maxother = shortened.maxlong = 80
    shortened.maxlist = shortened.maxtuple = shortened.maxdict = 8
    return shortened.repr(value)


def _did_you_mean(value: Any, known: Any) -> str:
    """The nearest of the known words, as the end of a message."""
    nearest = near(value, known) if isinstance(value, str) and value not in known else ""
    return f"; did you mean {nearest}?" if nearest else ""


__all__ = [
    "ALLOW_UNKNOWN",
    "DATA_KEYS",
    "OPTION_KEYS",
    "PROCESS_KEYS",
    "RENAMED",
    "Count",
    "DataSettings",
    "Filled",
    "FolderSettings",
    "KeySource",
    "LearnerSettings",
    "NonNegative",
    "NonNegativeInt",
    "Probability",
    "RecBoleLearner",
    "RunSettings",
    "Seed",
    "Space",
    "Values",
    "Weight",
    "annotations",
    "check_gpu",
    "check_names",
    "check_shared_learner",
    "load",
    "names",
    "near",
    "read",
    "read_alone",
    "read_some",
    "refuse_twice",
]

"""What a type says in words: for messages, and for the comments of our yaml files."""

import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import fields

from recbole_ext.config.types import Rule


class Words(NamedTuple):
    """How types are called.

    Attributes:
        names: type -> its name.
        items: a list, with ``{}`` for what each item is.
        choices: of a text that is one of several, with ``{}`` for these.
        filled: after what must not be empty.
    """

    names: Mapping[Any, str]
    items: str
    choices: str
    filled: str


IN_MESSAGES = Words(
    {float: "a number", int: "a whole number", bool: "True or False", str: "a str"}
    | {list: "a list of values", dict: "a dict", NoneType: "~"},
    items="a list, each {}",
    choices="one of {}",
    filled=" (at least one)",
)
IN_YAML = Words(
    {float: "float", int: "int", bool: "bool", str: "str", list: "list", dict: "dict"}
    | {NoneType: "~"},
    items="list of {}",
    choices="{}",
    filled=", not empty",
)


def in_words(annotation: Any, words: Words = IN_MESSAGES) -> str:
    """A type with its range, such as "a whole number at least 1".

    Args:
        annotation: of a setting.
        words: how types are called.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if rule := rule_of(annotation):
        return rule.words
    if origin is Annotated:
        limits = (_limits(meta, words) for meta in arguments[1:] if isinstance(meta, Meta))
        return "".join([in_words(arguments[0], words), *limits])
    if origin is Literal:
        return words.choices.format(", ".join(map(str, arguments)))
    if origin is list and arguments != (Any,):
        return words.items.format(in_words(arguments[0], words))
    if origin in (Union, UnionType):
        return " or ".join(in_words(choice, words) for choice in arguments)
    # list[Any] is a type, too, for Python 3.10
    if origin is None and isinstance(annotation, type) and issubclass(annotation, Struct):
        parts = (f"{part.name}: {in_words(part.type, words)}" for part in fields(annotation))
        return f"{{{', '.join(parts)}}}"
    kind = origin or annotation
    return words.names.get(kind) or f"a {getattr(kind, '__name__', kind)}"


def rule_of(annotation: Any) -> Rule | None:
    """The rule of a setting beside its type; None where there is none."""
    metas = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((meta for meta in metas if isinstance(meta, Rule)), None)


def choices(annotation: Any) -> tuple[Any, ...]:
    """The texts that a setting may be; none where any will do."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return arguments
    inner = arguments[:1] if get_origin(annotation) is Annotated else arguments
    return tuple(choice for argument in inner for choice in choices(argument))


def description(annotation: Any) -> str:
    """The sentence that explains a setting; "" where there is none."""
    metas = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((m.description for m in metas if isinstance(m, Meta) and m.description), "")


def _limits(meta: Meta, words: Words) -> str:
    """The range of a number, or that a list holds something."""
    low = next((end for end in (meta.ge, meta.gt) if end is not None), -math.inf)
    high = next((end for end in (meta.le, meta.lt) if end is not None), math.inf)
    if low > -math.inf and high < math.inf:
        brackets = "[" if meta.gt is None else "(", "]" if meta.lt is None else ")"
        return f" in {brackets[0]}{_number(low)}, {_number(high)}{brackets[1]}"
    if low > -math.inf:
        return f" {'at least' if meta.gt is None else 'above'} {_number(low)}"
    if high < math.inf:
        return f" {'at most' if meta.lt is None else 'below'} {_number(high)}"
    return words.filled if meta.min_length else ""


def _number(value: float) -> str:
    """A number, whole where six digits are not enough."""
    short = f"{value:g}"
    return short if float(short) == value else f"{value}"

"""The types of settings that several models share, each with its range.

A setting is declared once, in a class of settings: its type, its range, its default and, as the
``description`` of a ``Meta``, the sentence that explains it.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta


class Rule(NamedTuple):
    """What a value must be beside its type; stands in an ``Annotated``, outermost.

    Attributes:
        words: what is expected, for messages.
        holds: whether a value, read as its type, is so.
        advice: what to write instead of a value, as the end of a message.
    """

    words: str
    holds: Callable[[Any], bool] = lambda value: True
    advice: Callable[[Any], str] = lambda value: ""


Count = Annotated[int, Meta(ge=1)]
NonNegativeInt = Annotated[int, Meta(ge=0)]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]  # what numpy takes
NonNegative = Annotated[float, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(min_length=1), Rule("a text that is not empty")]
Positive = Annotated[float, Meta(gt=0)]

# For lists and mappings: something is in it.
Filled = partial(Meta, min_length=1)

# Of a setting of a plan or a search: values by setting, and the values that are tried.
Values = dict[str, Any]
Space = dict[str, Annotated[list[Any], Filled()]]

Orientation = Literal["user", "item"]  # what a row of the matrix of ratings is

# Settings of models that can add EASE's score to their own (models/item_weights.py).
EaseWeight = Annotated[
    NonNegative,
    Meta(
        description="Weight of EASE's score, which is added to the score that items are ranked by; "
        "0 switches it off (item_weights.py)."
    ),
]
EaseRegWeight = Annotated[
    Positive, Meta(description="lambda of EASE's item-item weights; only for ease_weight above 0.")
]

RecBoleLearner = Literal["adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam"]

"""The types of settings that several models share, each with its range.

A setting is declared once, in a class of settings: its type, its range, its default and, as the
``description`` of a ``Meta``, the sentence that explains it.
"""

from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]
NonNegativeInt = Annotated[int, Meta(ge=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0, le=1)]

# For lists and mappings: something is in it.
Filled = partial(Meta, min_length=1)

# Of a setting of a plan or a search: values by setting, and the values that are tried.
Values = dict[str, Any]
Space = dict[str, Annotated[list[Any], Filled()]]

Orientation = Literal["user", "item"]  # what a row of the matrix of ratings is

RecBoleLearner = Literal["adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam"]

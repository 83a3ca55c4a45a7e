"""The words that settings of an ensemble take; here, so that settings are read without torch."""

from typing import Literal

Combination = Literal["zscore", "rank"]

"""The tables of inputs, a module for each kind."""

import importlib
import pkgutil
from collections.abc import Sequence

from tests.inputs.case import Input
from tests.inputs.tables.still_open import OPEN


def table_names() -> list[str]:
    """The names of the tables."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [name for name in modules if name != "still_open"]


def all_inputs(tables: Sequence[str] | None = None) -> list[Input]:
    """The inputs of some tables, None for all, table by table."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in tables or table_names()]
    return [case for module in modules for case in module.INPUTS]


__all__ = ["OPEN", "all_inputs", "table_names"]

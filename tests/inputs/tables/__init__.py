"""The tables of inputs, a module for each kind."""

import importlib
import pkgutil

from tests.inputs.case import Input
from tests.inputs.tables.still_open import OPEN


def all_inputs() -> list[Input]:
    """Every input, table by table."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    tables = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return [case for table in tables for case in getattr(table, "INPUTS", [])]


__all__ = ["OPEN", "all_inputs"]

"""The tables of inputs, a module for each kind."""

import importlib
import pkgutil
from collections.abc import Sequence

from tests.inputs.case import Input


def table_names() -> list[str]:
    """The names of the tables."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def all_inputs(tables: Sequence[str] | None = None) -> list[Input]:
    """The inputs of some tables, None for all, table by table."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in tables or table_names()]
    return [case for module in modules for case in module.INPUTS]

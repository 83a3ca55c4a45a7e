"""Runs when one of Ray's own processes starts: it must fix ray before ray is imported.

``recbole_ext.patches`` puts this folder on the PYTHONPATH of the processes that ``ray.init``
starts, and of no other.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import recbole_ext  # noqa: F401

# This file hides the sitecustomize that the installation may have: run that too.
_here = Path(__file__).parent
_hidden = PathFinder.find_spec(
    "sitecustomize", [entry for entry in sys.path if Path(entry).resolve() != _here.resolve()]
)
if _hidden is not None and _hidden.loader is not None:
    _hidden.loader.exec_module(importlib.util.module_from_spec(_hidden))

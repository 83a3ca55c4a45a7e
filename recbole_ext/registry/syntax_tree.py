"""The syntax tree of a Python file, which is read without importing it."""

import ast
import warnings
from pathlib import Path

_trees: dict[tuple[Path, int, int], ast.Module] = {}


def parse(file: Path) -> ast.Module:
    """The syntax tree of a file as it is now, without Python's warnings: its import gives them.

    Raises:
        SyntaxError, ValueError, OSError: it is no Python, or cannot be read.
    """
    state = file.stat()
    key = (file, state.st_mtime_ns, state.st_size)
    if key not in _trees:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of "\p" in a docstring, on 3.12
            _trees[key] = ast.parse(file.read_bytes(), str(file))
    return _trees[key]

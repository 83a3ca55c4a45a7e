"""What the source of a model's class says, read without running it: torch takes seconds to import.

A class and those that it derives from are followed through files of the user, of packages and of
RecBole: what kind of model it is, which settings it reads, and what stands beside it. A name that
cannot be followed (a class that a function makes) ends the search there; once the class is
imported, Python itself knows.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from recbole_ext.registry import recbole_source
from recbole_ext.registry.model_source import module_file, root_of, statements
from recbole_ext.registry.syntax_tree import parse

_DEEPEST = 30  # classes above each other, and imports of an import

# Libraries whose classes say nothing about a model.
_FOREIGN = ("torch", "numpy", "abc", "typing", "builtins")


class Place(NamedTuple):
    """A class of a file."""

    file: Path
    name: str

    @property
    def node(self) -> ast.ClassDef:
        """Its statement."""
        body = [*statements(parse(self.file).body)]
        return next(n for n in body if isinstance(n, ast.ClassDef) and n.name == self.name)

    @property
    def is_recboles(self) -> bool:
        """Whether RecBole has it."""
        return self.file.is_relative_to(recbole_source.folder())


def ancestry(file: Path, name: str, root: Path) -> list[Place]:
    """A class and those that it derives from, in the order in which attributes are looked for.

    Args:
        file: that has the class, or imports it.
        name: of the class.
        root: the folder that its imports start from.
    """
    first = find(file, name, root)
    places = [] if first is None else [*_above(first, root, _DEEPEST)]
    # a class that several derive from comes after the last of them
    return [place for n, place in enumerate(places) if place not in places[n + 1 :]]


def _above(place: Place, root: Path, depth: int) -> Iterator[Place]:
    yield place
    for base in place.node.bases if depth else ():
        found = find(place.file, ast.unparse(base), root)
        if found is not None and found != place:
            yield from _above(found, root, depth - 1)


def find(file: Path, name: str, root: Path, depth: int = _DEEPEST) -> Place | None:
    """The class that a name stands for in a file; None where that cannot be told.

    Args:
        file: the module.
        name: of a class there, or of an imported one, with dots where it is of a module.
        root: the folder that imports start from.
    """
    first, _, rest = name.partition(".")
    try:
        body = [*statements(parse(file).body)]
    except (SyntaxError, ValueError, OSError):
        return None
    for node in reversed(body) if depth else ():
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Place(file, name)
        if isinstance(node, ast.Assign) and not rest and name in map(ast.unparse, node.targets):
            return find(file, ast.unparse(node.value), root, depth - 1)
        for dotted, folder in _imported(node, first, file, root):
            parts = [*dotted, *(rest.split(".") if rest else [])]
            if place := _locate(parts, folder, root, depth - 1):
                return place
    return None


def _imported(
    node: ast.stmt, name: str, file: Path, root: Path
) -> Iterator[tuple[list[str], Path]]:
    """What a name that a statement imports stands for: its path, and the folder to look into."""
    if isinstance(node, ast.ImportFrom):
        folder = file.parents[node.level - 1] if node.level else root
        for alias in node.names:
            if (alias.asname or alias.name) in (name, "*"):
                end = name if alias.name == "*" else alias.name
                yield [*(node.module.split(".") if node.module else []), end], folder
    elif isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname == name:
                yield alias.name.split("."), root
            elif not alias.asname and alias.name.partition(".")[0] == name:
                yield [name], root


def _locate(parts: list[str], folder: Path, root: Path, depth: int) -> Place | None:
    """The class at the end of a path of packages, modules and names."""
    if parts[0] in _FOREIGN:
        return None
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        file = module_file(module, folder)
        if file is not None:
            inner = root if file.is_relative_to(root) else root_of(file, module)
            return find(file, ".".join(parts[length:]), inner, depth)
    return None


# --- what it says ---------------------------------------------------------------------------


def attributes(places: list[Place]) -> dict[str, Any]:
    """The attributes of a class and those that it inherits: literals, or texts of expressions."""
    values: dict[str, Any] = {}
    for place in reversed(places):
        for node in place.node.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(node, ast.AnnAssign):
                target = node.target
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and value is not None:
                values[target.id] = _literal(value)
    return values


def _literal(value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        return ast.unparse(value)


def fields(places: list[Place]) -> list[str]:
    """The annotated names of a class and of those that it derives from: the keys of settings."""
    names = [
        node.target.id
        for place in reversed(places)
        for node in place.node.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    return list(dict.fromkeys(names))


def keys_read(tree: ast.AST) -> dict[str, int]:
    """The settings that code reads as ``config["key"]`` or asks for as ``"key" in config``.

    Returns:
        key -> the first line that does.
    """
    lines: dict[str, int] = {}
    for node in ast.walk(tree):
        keys: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and _is_config(node.value):
            keys = [node.slice]
        elif isinstance(node, ast.Compare) and any(map(_is_config, node.comparators)):
            keys = [node.left]
        for key in keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                line = getattr(node, "lineno", 0)
                lines[key.value] = min(line, lines.get(key.value, line))
    return lines


def _is_config(node: ast.expr) -> bool:
    """Whether an expression is ``config``, ``self.config`` or ``config.final_config_dict``."""
    return ast.unparse(node).rpartition(".")[2] in ("config", "final_config_dict")

"""What RecBole's source says, read without importing RecBole, which imports torch for seconds.

A mistake in a command is told before that import. What is read here is the same as RecBole has
once it is imported: tests compare the two.
"""

import ast
import importlib.util
import re
from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from recbole_ext.errors import RegistryError

# The folder of a model's file -> the type that its base class has.
_TYPES = {
    "general_recommender": "GENERAL",
    "sequential_recommender": "SEQUENTIAL",
    "context_aware_recommender": "CONTEXT",
    "knowledge_aware_recommender": "KNOWLEDGE",
    "exlib_recommender": "DECISIONTREE",
}
_OWN_TYPE = re.compile(r"^    type = ModelType\.(\w+)", re.MULTILINE)


class Metric(NamedTuple):
    """A metric of RecBole.

    Attributes:
        name: as RecBole writes it, such as NDCG.
        by_value: whether it compares predicted values with labels, instead of rankings.
        smaller: whether a smaller value is better.
        needs: what RecBole collects for it, such as ``rec.topk``.
    """

    name: str
    by_value: bool
    smaller: bool
    needs: tuple[str, ...]


@cache
def folder() -> Path:
    """The folder of the installed RecBole.

    Raises:
        RegistryError: there is none.
    """
    spec = importlib.util.find_spec("recbole")
    if spec is None or spec.origin is None:
        raise RegistryError("RecBole is not installed: pip install recbole==1.2.1")
    return Path(spec.origin).parent


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


@cache
def metrics() -> dict[str, Metric]:
    """Name in lower case -> metric, in RecBole's order."""
    attributes: dict[str, dict[str, Any]] = {}  # of each class, inherited ones included
    for file in ("base_metric.py", "metrics.py"):
        for node in _tree(folder() / "evaluator" / file).body:
            if isinstance(node, ast.ClassDef):
                own = dict(map(_assignment, filter(_is_assignment, node.body)))
                bases = [attributes.get(ast.unparse(base), {}) for base in node.bases]
                attributes[node.name] = {key: x for base in bases for key, x in base.items()} | own
        if file == "base_metric.py":
            bases_only = set(attributes)
    return {
        name.lower(): Metric(
            name,
            attributes[name]["metric_type"] == "EvaluatorType.VALUE",
            attributes[name]["smaller"],
            tuple(attributes[name]["metric_need"]),
        )
        for name in sorted(attributes.keys() - bases_only)
    }


def _is_assignment(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


def _assignment(node: Any) -> tuple[str, Any]:
    """A name, and its value where it is a literal, or its text."""
    try:
        value = ast.literal_eval(node.value)
    except ValueError:
        value = ast.unparse(node.value)
    return node.targets[0].id, value


@cache
def _enums() -> ModuleType:
    """RecBole's module of enums, which imports nothing."""
    file = folder() / "utils" / "enum_type.py"
    spec = importlib.util.spec_from_file_location("recbole_ext_enum_type", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model_type(name: str) -> Enum:
    """The ``ModelType`` of one of RecBole's models; GENERAL for any other name."""
    for file in (folder() / "model").glob(f"*_recommender/{name.lower()}.py"):
        own = _OWN_TYPE.search(file.read_text(encoding="utf-8"))
        kind: Enum = _enums().ModelType[own.group(1) if own else _TYPES[file.parent.name]]
        return kind
    general: Enum = _enums().ModelType.GENERAL
    return general


@cache
def config_class() -> type:
    """RecBole's class ``Config``, from its source without what that imports of RecBole.

    Its methods merge files, ``config_dict`` and defaults as ever. What looks up a model, a metric
    or a device is not there, so its ``__init__`` cannot be called.
    """
    file = folder() / "config" / "configurator.py"
    tree = ast.Module(
        [
            node
            for node in _tree(file).body
            if not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recbole"))
        ],
        type_ignores=[],
    )
    names = {name: value for name, value in vars(_enums()).items() if not name.startswith("__")}
    namespace = {**names, "__name__": "recbole_ext_configurator", "__file__": str(file)}
    exec(compile(tree, str(file), "exec"), namespace)
    cls: type = namespace["Config"]
    return cls

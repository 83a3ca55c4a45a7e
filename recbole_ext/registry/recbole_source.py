"""What RecBole's source says, read without importing RecBole, which imports torch for seconds.

An error in a command is reported before that import. What is read here is the same as RecBole has
once it is imported: tests compare the two.
"""

import ast
import importlib.util
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from recbole_ext.errors import RegistryError
from recbole_ext.registry import releases
from recbole_ext.registry.syntax_tree import parse

_CLASS = re.compile(r"^class\s+(\w+)", re.MULTILINE)


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
        release = releases.for_this_python()
        raise RegistryError(f"RecBole is not installed: pip install recbole=={release}")
    return Path(spec.origin).parent


@cache
def metrics() -> dict[str, Metric]:
    """Name in lower case -> metric, in RecBole's order."""
    bases, own = (folder() / "evaluator" / name for name in ("base_metric.py", "metrics.py"))
    attributes = _attributes([bases, own])
    names = [node.name for node in parse(own).body if isinstance(node, ast.ClassDef)]
    return {
        name.lower(): Metric(
            name,
            attributes[name]["metric_type"] == "EvaluatorType.VALUE",
            attributes[name]["smaller"],
            tuple(attributes[name]["metric_need"]),
        )
        for name in sorted(names)
    }


def _attributes(files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Class -> its attributes and those that it inherits, of files in which bases come first."""
    attributes: dict[str, dict[str, Any]] = {}
    for file in files:
        for node in parse(file).body:
            if isinstance(node, ast.ClassDef):
                bases = [attributes.get(ast.unparse(base), {}) for base in reversed(node.bases)]
                own = dict(map(_assignment, filter(_is_assignment, node.body)))
                attributes[node.name] = {key: x for of in (*bases, own) for key, x in of.items()}
    return attributes


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


@cache
def model_class(name: str) -> SimpleNamespace:
    """What the class of a model says of itself: its ``type``, and its ``input_type`` if it has one.

    Args:
        name: of one of RecBole's models.
    """
    says: dict[str, Any] = {}
    for file in (folder() / "model").glob(f"*_recommender/{name.lower()}.py"):
        files = [folder() / "model" / "abstract_recommender.py", *_bases(file), file]
        # xgboost.py has the class XGBoost, and Config takes the name xgboost
        of_classes = {key.lower(): value for key, value in _attributes(files).items()}
        says = of_classes[name.lower()]
    return kind_of(says)


def kind_of(says: Mapping[str, Any]) -> SimpleNamespace:
    """``type`` and ``input_type`` of a class as RecBole's enums.

    Args:
        says: attributes of the class as texts, such as ``ModelType.GENERAL``.
    """
    enums = {}
    for key in ("type", "input_type"):
        *_, kind, value = f".{says.get(key)}".split(".")
        if kind in ("ModelType", "InputType"):
            enums[key] = getattr(_enums(), kind)[value]
    return SimpleNamespace(**enums)


@cache
def model_modules() -> dict[str, tuple[str, str]]:
    """The models of RecBole: name in lower case -> name, and the module that has its class."""
    found = {}
    for path in (folder() / "model").glob("*_recommender/*.py"):
        for name in _class_names(path):
            if name.lower() == path.stem:
                module = f"recbole.model.{path.parent.name}.{path.stem}"
                found[path.stem] = (name, module)
    return found


@cache
def names_of_parts() -> frozenset[str]:
    """Names such that RecBole has a class <name>Trainer or <name>Dataset, which it would take."""
    names = set()
    for part, suffix in (("trainer", "Trainer"), ("data/dataset", "Dataset")):
        for path in (folder() / part).glob("*.py"):
            classes = _class_names(path)
            names |= {name.removesuffix(suffix) for name in classes if name.endswith(suffix)}
    return frozenset(names - {""})


def _class_names(file: Path) -> list[str]:
    """The classes at the top level of a file; the syntax trees of all files take a second."""
    return _CLASS.findall(file.read_text(encoding="utf-8"))


def _bases(file: Path) -> list[Path]:
    """The files of the models that those of a file derive from."""
    classes = [node for node in parse(file).body if isinstance(node, ast.ClassDef)]
    names = {ast.unparse(base).lower() for node in classes for base in node.bases}
    return [path for path in file.parent.glob("*.py") if path.stem in names and path != file]


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
            for node in parse(file).body
            if not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recbole"))
        ],
        type_ignores=[],
    )
    names = {name: value for name, value in vars(_enums()).items() if not name.startswith("__")}
    namespace = {**names, "__name__": "recbole_ext_configurator", "__file__": str(file)}
    exec(compile(tree, str(file), "exec"), namespace)
    cls: type = namespace["Config"]
    return cls

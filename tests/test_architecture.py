"""The rules of the layout, held by reading the source."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "recbole_ext"
MODULES = sorted(PACKAGE.rglob("*.py"))

# What may import what: a module imports only from layers below its own.
LAYERS = [
    {"errors"},
    {"config"},
    {"data"},
    {"registry"},
    {"models", "evaluator", "trainer"},
    {"patches", "experiments"},
    {"cli"},
    {"__init__"},
]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def layer_of(name: str) -> int:
    fits = [
        (len(prefix), number)
        for number, layer in enumerate(LAYERS)
        for prefix in layer
        if name == prefix or name.startswith(f"{prefix}.")
    ]
    assert fits, f"{name} is in no layer"
    return max(fits)[1]


def imports_of(tree: ast.AST) -> set[str]:
    """The modules of this package that a module imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recbole_ext"):
            inside = node.module.removeprefix("recbole_ext").lstrip(".")
            for alias in node.names:
                whole = f"{inside}.{alias.name}".lstrip(".")
                is_module = (PACKAGE / Path(*whole.split("."))).with_suffix(".py").is_file()
                found.add(whole if is_module else inside)
        if isinstance(node, ast.Import):
            found |= {
                alias.name.removeprefix("recbole_ext.")
                for alias in node.names
                if alias.name.startswith("recbole_ext.")
            }
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path):
    name = name_of(path)
    if name.startswith("patches.standins"):  # runs in Ray's processes, before all else
        return
    for imported in imports_of(ast.parse(path.read_text())) - {name}:
        assert imported, f"{name} imports the package's __init__"
        assert layer_of(imported) <= layer_of(name), f"{name} imports {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_one_job(path):
    assert len(path.read_text().splitlines()) <= 300, "split it"


def test_nothing_of_the_framework_in_nets_and_losses():
    """XNet and the losses take tensors and numbers; only the adapters see a config."""
    for path in (PACKAGE / "models").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            bases = [ast.unparse(base) for base in getattr(node, "bases", [])]
            if (
                isinstance(node, (ast.FunctionDef, ast.ClassDef))
                and "GeneralRecommender" not in bases
                and path.stem not in ("loader", "representations")
            ):
                assert "config" not in ast.unparse(node).replace("configuration", ""), path.name


def test_configs_are_read_by_name_in_the_adapters_alone():
    """The rest reads typed settings; the commands only print what a run had."""
    allowed = {"models.ncf.adapter", "models.autorec.adapter", "models.ncf.loader"}
    allowed |= {"models.representations", "data.dataloader", "data.fixed_negatives"}
    allowed |= {"evaluator.measures", "patches.functions.names"}
    allowed |= {"patches.functions.exact_reading"}
    allowed |= {"patches.functions.checkpoints", "patches.functions.bugs"}
    allowed |= {"patches.functions.libraries"}
    allowed |= {
        "patches.functions.dataset_cache",
        "patches.functions.sampling",
        "trainer.checkpoint",
        "trainer.single_run",
    }
    for path in MODULES:
        reads = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Subscript)
            and ast.unparse(node.value) in ("config", "self.config")
        ]
        if reads and not name_of(path).startswith("cli."):
            assert name_of(path) in allowed, name_of(path)


def test_no_module_of_odds_and_ends():
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "misc", "common"}

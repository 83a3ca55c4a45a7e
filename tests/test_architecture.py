"""The rules of the layout, held by reading the source."""

import ast
import re
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
    {"patches", "experiments", "inference", "testing"},
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


def test_the_top_of_the_package_is_its_rooms():
    """At most twelve entries, beside __init__.py and the marker that type checkers demand."""
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__", "__init__.py", "py.typed"}
    assert len(entries) <= 12, sorted(entries)
    assert {entry.removesuffix(".py") for entry in entries} == set().union(*LAYERS) - {"__init__"}


def rooms_and_arrows() -> set[tuple[str, str]]:
    """(room, room that it imports) of the whole package; what every room may import is left out."""
    arrows = set()
    for path in MODULES:
        room, *rest = name_of(path).split(".")
        if room == "__init__" or rest[:1] == ["standins"]:
            continue
        arrows |= {(room, name.split(".")[0]) for name in imports_of(ast.parse(path.read_text()))}
    return {(one, other) for one, other in arrows if one != other and other != "errors"}


def test_the_picture_of_the_rooms_is_that_of_the_imports():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = re.search(r"```mermaid\n(.*?)```", page, re.DOTALL).group(1)
    drawn = set(re.findall(r"^ *(\w+) --> (\w+)$", picture, re.MULTILINE))
    assert drawn == rooms_and_arrows()


def test_the_page_names_files_that_exist():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([\w*/<>]+\.py)`", page)) - {"net.py"}
    assert len(names) > 15
    for name in names:
        assert list(PACKAGE.glob(name.replace("<family>", "*"))), name


def test_no_data_room_knows_a_model_and_no_structure_lives_among_patches():
    """MovieLens is for MovieLens: the other modules of the data room import nothing of it."""
    for path in (PACKAGE / "data").glob("*.py"):
        imported = imports_of(ast.parse(path.read_text()))
        assert not {name for name in imported if name.startswith("data.movielens")}, path.name


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
    """The rest reads typed settings; commands print what a run had, patches are inside RecBole."""
    allowed = {"models.ncf.adapter", "models.autorec.adapter", "models.ncf.loader"}
    allowed |= {"models.ensemble.adapter", "trainer.ensemble", "trainer.set_up"}
    allowed |= {"models.representations", "data.dataloader", "data.fixed_negatives"}
    allowed |= {
        "evaluator.protocol",
        "evaluator.evaluated_parts",
        "trainer.checkpoint",
        "trainer.single_run",
        "trainer.trainer",
        "trainer.identity",
        "inference.trained_model",
        "testing.contract",
        "testing.measures",
        "testing.scored",
    }
    for path in MODULES:
        reads = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Subscript)
            and ast.unparse(node.value) in ("config", "self.config")
        ]
        if reads and not name_of(path).startswith(("cli.", "patches.functions.")):
            assert name_of(path) in allowed, name_of(path)


def test_no_module_of_odds_and_ends():
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "misc", "common"}

"""``python -m tests.api_page`` prints the page docs/api.md from the source, not importing it."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "recbole_ext"

HEAD = """# API

The public functions and classes, with their signatures. The docstrings in the source have the
arguments, the return values and the errors; `help(recbole_ext.load)` shows them.

This page is generated: `python -m tests.api_page > docs/api.md`.
"""


class Part(NamedTuple):
    """A part of the page.

    Attributes:
        title: what the names are imported from.
        text: what they are for; "" for nothing.
        places: (module, name) of each function or class.
    """

    title: str
    text: str
    places: tuple[tuple[str, str], ...]


_NCF = "models/ncf/adapter.py"
PARTS = (
    Part(
        "recbole_ext",
        "Importing it registers the models and patches RecBole. `__version__` is the version.",
        (
            ("__init__.py", "load"),
            ("registry/models.py", "register"),
            ("models/autorec/adapter.py", "AutoRec"),
            (_NCF, "NCFMLP"),
            (_NCF, "NCFGMF"),
            (_NCF, "NCFNeuMF"),
            ("models/ensemble/adapter.py", "Ensemble"),
        ),
    ),
    Part(
        "recbole_ext.inference.recommender",
        "`recbole_ext.load(FILE)` returns it. See [recommendations.md](recommendations.md).",
        (("inference/recommender.py", "Recommender"),),
    ),
    Part(
        "recbole_ext.data",
        "Data sets from a DataFrame, and back. See [your-data.md](your-data.md).",
        (("data/importing/frames.py", "from_frame"), ("data/importing/frames.py", "to_frame")),
    ),
    Part(
        "recbole_ext.testing",
        "The tests of a model. See [your-model.md](your-model.md).",
        (("testing/contract.py", "ModelContract"),),
    ),
    Part(
        "recbole_ext.errors",
        "A command prints such an error in one line and ends with exit status 2.",
        tuple(
            ("errors.py", name)
            for name in (
                *("UserError", "SettingError", "DataError"),
                *("CheckpointError", "RegistryError", "FileError"),
            )
        ),
    ),
)
# classes whose methods RecBole calls, not a reader; settings.md has what a reader sets
_WITHOUT_METHODS = ("models/", "errors.py")

Definition = ast.FunctionDef | ast.ClassDef


def page() -> str:
    """The page in Markdown."""
    return "\n".join([HEAD, *map(_section, PARTS)])


def _section(part: Part) -> str:
    lines = [f"## {part.title}", "", part.text, ""]
    for module, name in part.places:
        definition = _definition(module, name)
        lines += _entry(definition, "")
        if isinstance(definition, ast.ClassDef) and not module.startswith(_WITHOUT_METHODS):
            for node in definition.body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    lines += _entry(node, f"{name}.")
    return "\n".join(lines) + "\n"


def _definition(module: str, name: str) -> Definition:
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    return next(
        node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name
    )


def _entry(node: Definition, owner: str) -> list[str]:
    """The signature of a function or class in code, and the first sentence of its docstring."""
    return [f"- `{owner}{node.name}{_signature(node, bool(owner))}`: {_first_sentence(node)}"]


def _signature(node: Definition, is_method: bool) -> str:
    if isinstance(node, ast.ClassDef):
        return ""
    for argument in ast.walk(node.args):
        if isinstance(argument, ast.arg) and argument.annotation is not None:
            argument.annotation = _unquoted(argument.annotation)
    returned = "" if node.returns is None else ast.unparse(_unquoted(node.returns))
    if any(ast.unparse(decorator) == "property" for decorator in node.decorator_list):
        return f": {returned}"
    arguments = ast.unparse(node.args)
    if is_method:
        arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    return f"({arguments})" + (f" -> {returned}" if returned else "")


def _unquoted(annotation: ast.expr) -> ast.expr:
    """An annotation that is written as a text, as what the text says."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def _first_sentence(node: Definition) -> str:
    docstring = ast.get_docstring(node) or ""
    paragraph = " ".join(docstring.split("\n\n", 1)[0].split()).replace("``", "`")
    return re.split(r"(?<=\.) (?=[A-Z`])", paragraph)[0]


if __name__ == "__main__":
    print(page(), end="")

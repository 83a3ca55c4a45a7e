"""The files of a new model: its class, its defaults, a benchmark plan with it, and a test."""

import re
from pathlib import Path
from typing import Literal

from recbole_ext.data.atomic_write import write_text
from recbole_ext.errors import FileError, RegistryError
from recbole_ext.registry import models

Kind = Literal["general", "sequential"]

_TEMPLATES = Path(__file__).with_name("templates")

# How the models of a kind are compared with others.
_PROTOCOLS: dict[Kind, str] = {"general": "default", "sequential": "next-item"}


def write(name: str, kind: Kind, folder: Path) -> list[Path]:
    """Write the files of a model that trains.

    Args:
        name: of its class, as ``MyModel``.
        kind: general, by matrix factorisation, or sequential, by the last items.
        folder: where to; it exists.

    Returns:
        the files: the class, its yaml, the plan, the test.

    Raises:
        RegistryError: the name is no name of a class, or is taken.
        FileError: a file exists already.
    """
    if not re.fullmatch(r"[A-Z][A-Za-z0-9_]*", name):
        raise RegistryError(
            f"{name}: expected the name of a class, a capital, letters and digits, as MyModel"
        )
    models.refuse_taken(name, f"new {name}")
    stem = _snake(name)
    templates = {
        f"{stem}.py": f"{kind}.py.txt",
        f"{name}.yaml": f"{kind}.yaml.txt",
        f"{stem}_benchmark.yaml": "plan.yaml.txt",
        f"test_{stem}.py": "test.py.txt",
    }
    paths = [folder / file for file in templates]
    for path in paths:
        if path.exists():
            raise FileError(f"{path}: exists already; move it away, or choose another name")
    for path, template in zip(paths, templates.values(), strict=True):
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        text = text.replace("MyModel", name).replace("my_model", stem)
        write_text(path, text.replace("PROTOCOL", _PROTOCOLS[kind]))
    return paths


def _snake(name: str) -> str:
    """``MyModel`` -> ``my_model``, ``GCNRec2`` -> ``gcn_rec2``."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"_+", "_", apart).lower()

"""Writes the yaml file of each of our models, from the classes that declare its settings.

python -m recbole_ext.registry.defaults
"""

import importlib
from typing import Any

from recbole_ext.config import default_file
from recbole_ext.registry import model_parts, models

PACKAGE = "recbole-ext"


def names() -> list[str]:
    """Our models: those that this package declares."""
    return [name for name in models.names() if models.source(name).declared_by == PACKAGE]


def setting_classes(name: str) -> list[Any]:
    """The classes with a model's settings, and with RecBole's where it needs other defaults."""
    own = model_parts.settings_class(name)
    others = getattr(importlib.import_module(own.__module__), f"{name}RunDefaults", None)
    return [cls for cls in (own, others) if cls is not None]


def text(name: str) -> str:
    """The yaml file of a model, with its defaults and what each setting is."""
    heading = (
        f"The defaults of {name}, made from settings.py beside this file by\n"
        "    python -m recbole_ext.registry.defaults\n"
        "A change here is lost: write other values into a yaml file of your own."
    )
    return default_file.text(heading, setting_classes(name))


def main() -> None:
    """Write them all."""
    for name in names():
        path = model_parts.default_path(name)
        path.write_text(text(name), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

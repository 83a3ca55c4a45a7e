"""``python -m recbole_ext.registry.settings_page`` prints the page docs/settings.md."""

import json
from typing import Any

from recbole_ext.config import default_file
from recbole_ext.config.annotations import IN_YAML, description, in_words
from recbole_ext.config.settings import annotations
from recbole_ext.registry.defaults import names, setting_classes

HEAD = """# Settings

Every setting of the models of this package: its default, its type and range, and what it does. A
setting is written in a yaml file (`reg_weight: 0.05`) or on the command line (`--reg_weight=0.05`);
the command line wins over the yaml files, and these win over the defaults. Settings of RecBole
itself (`epochs`, `stopping_step`, ...) are in
[RecBole's documentation](https://recbole.io/docs/user_guide/config_settings.html); the second table
of each model has those whose default differs from RecBole's.

This page is generated: `python -m recbole_ext.registry.settings_page > docs/settings.md`.
"""


def page() -> str:
    """The page in Markdown."""
    return "\n".join([HEAD, *map(_section, names())])


def _section(model: str) -> str:
    tables = []
    for cls in setting_classes(model):
        defaults = default_file.values(cls)
        rows = "\n".join(
            _row(key, defaults[key], annotation) for key, annotation in annotations(cls).items()
        )
        summary = (cls.__doc__ or "").splitlines()[0]
        tables.append(
            f"{summary}\n\n| setting | default | values | description |\n"
            f"| --- | --- | --- | --- |\n{rows}\n"
        )
    return f"## {model}\n\n" + "\n".join(tables)


def _row(key: str, default: Any, annotation: Any) -> str:
    cells = (
        f"`{key}`",
        f"`{'~' if default is None else json.dumps(default).replace(chr(34), '')}`",
        in_words(annotation, IN_YAML),
        description(annotation),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(page(), end="")

"""Writes the yaml file of each of our models, from the classes that declare its settings.

python -m recbole_ext.registry.defaults
"""

from recbole_ext.config import default_file
from recbole_ext.registry.models import MODELS, default_path, setting_classes


def text(name: str) -> str:
    """The yaml file of a model, with its defaults and what each setting is."""
    heading = (
        f"The defaults of {name}, made from settings.py beside this file by\n"
        "    python -m recbole_ext.registry.defaults\n"
        "A change here has no effect: write other values into a yaml file of your own."
    )
    return default_file.text(heading, setting_classes(name))


def main() -> None:
    """Write them all."""
    for name in MODELS:
        default_path(name).write_text(text(name), encoding="utf-8")
        print(default_path(name))


if __name__ == "__main__":
    main()

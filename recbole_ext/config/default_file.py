"""The text of a model's yaml file, made from its classes of settings."""

from collections.abc import Sequence
from typing import Any

import msgspec
import yaml

from recbole_ext.config.annotations import IN_YAML, description, in_words
from recbole_ext.config.settings import annotations
from recbole_ext.errors import SettingError

_COLUMN = 32  # where comments begin
_ONE_LINE: dict[str, Any] = {
    "default_flow_style": True,
    "sort_keys": False,
    "width": 10_000,
    "allow_unicode": True,
}


class _Dumper(yaml.SafeDumper):
    """Writes None as ``~``, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "~")
)


def values(cls: type) -> dict[str, Any]:
    """The defaults of a class of settings, as plain values; each call gives new ones.

    Raises:
        SettingError: a setting has none.
    """
    try:
        plain: dict[str, Any] = msgspec.to_builtins(cls())
    except TypeError as error:
        raise SettingError(
            f"{cls.__name__}: expected a default for each setting: {error}"
        ) from error
    return plain


def text(heading: str, classes: Sequence[type[msgspec.Struct]]) -> str:
    """A yaml file with a line for each setting: ``key: default  # (type and range) sentence``.

    Args:
        heading: of the file, a comment.
        classes: of settings, each with defaults and descriptions. The docstring of a class begins
            its part of the file.
    """
    parts = [f"# {line}\n" for line in heading.splitlines()]
    for cls in classes:
        defaults = values(cls)
        parts.append(f"\n# {(cls.__doc__ or '').splitlines()[0]}\n")
        for key, annotation in annotations(cls).items():
            item = yaml.dump({key: defaults[key]}, Dumper=_Dumper, **_ONE_LINE).strip()[1:-1]
            comment = f"# ({in_words(annotation, IN_YAML)}) {description(annotation)}"
            parts.append(f"{item:<{_COLUMN - 1}} {comment}\n")
    return "".join(parts)

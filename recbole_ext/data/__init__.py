"""Data sets: files, checks, splits, batches. ``from_frame`` and ``to_frame`` are for notebooks."""

from typing import Any

_LAZY = ("from_frame", "to_frame")  # many import this package who need neither Arrow nor pandas


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from recbole_ext.data.importing import frames

        return getattr(frames, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

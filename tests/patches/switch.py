"""Switching patches off inside a test."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import wrapt

from recbole_ext.patches import engine, source
from recbole_ext.patches.table import BY_NAME

# what RecBole has under a name that a patch provides
RECBOLES = {"interaction-counts": Counter}


@contextmanager
def switched_off(word: str) -> Iterator[None]:
    """Within this block RecBole's own code runs, as with ``RECBOLE_EXT_DISABLE=word``."""
    with ExitStack() as stack:
        names = sorted(engine.switched_off(word))
        for name in names:
            stack.enter_context(_one_off(name, names))
        yield


@contextmanager
def _one_off(name: str, names: list[str]) -> Iterator[None]:
    """Switch one of some patches off; those that edit the same function, all at once."""
    patch = BY_NAME[name]
    assert engine.states()[name] == "active"
    owner, attribute, target = engine.locate(patch)
    if patch.kind == "edit":
        function = source.original_function(target)
        patched, edits = function.__code__, function._recbole_ext_edits
        off = [e for other in names if BY_NAME[other].kind == "edit" for e in BY_NAME[other].edits]
        function.__code__ = source.compiled(function, [e for e in edits if e not in off])
        try:
            yield
        finally:
            function.__code__ = patched
        return
    off = RECBOLES[name] if patch.kind == "provide" else target.__wrapped__
    if patch.kind == "wrap":
        off = _without(target, engine._load(patch.function))
    setattr(owner, attribute, off)
    try:
        yield
    finally:
        setattr(owner, attribute, target)


def _without(target: Any, wrapper: Callable[..., Any]) -> Any:
    """A wrapped function without one of its wrappers, wherever that is among them."""
    if target._self_wrapper is wrapper:
        return target.__wrapped__
    return wrapt.FunctionWrapper(_without(target.__wrapped__, wrapper), target._self_wrapper)

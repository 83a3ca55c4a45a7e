"""Switching patches off inside a test."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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
    setattr(owner, attribute, RECBOLES[name] if patch.kind == "provide" else target.__wrapped__)
    try:
        yield
    finally:
        setattr(owner, attribute, target)

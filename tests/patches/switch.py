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
        for name in engine.switched_off(word):
            stack.enter_context(_one_off(name))
        yield


@contextmanager
def _one_off(name: str) -> Iterator[None]:
    patch = BY_NAME[name]
    assert engine.states()[name] == "active"
    owner, attribute, target = engine.locate(patch)
    if patch.kind == "edit":
        function = source.original_function(target)
        patched, edits = function.__code__, function._recbole_ext_edits
        function.__code__ = source.compiled(function, [e for e in edits if e not in patch.edits])
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

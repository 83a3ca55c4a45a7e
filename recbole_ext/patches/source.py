"""The source of RecBole's functions: its hash, and how to change text inside a function."""

import ast
import hashlib
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType
from typing import Any

from recbole_ext.patches.patch import Edit, PatchError


def original_function(function: Any) -> FunctionType:
    """The Python function under our wrappers and RecBole's decorators."""
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType):
        raise PatchError(f"{function!r} is not a Python function")
    return function


def original_source(function: Any) -> str:
    """The dedented source of a function as RecBole wrote it, also where it has been edited."""
    return _lines(original_function(function))[0]


def source_hash(function: Any) -> str:
    """The hash of ``original_source``, as rows of the table state it."""
    return hashlib.blake2b(original_source(function).encode(), digest_size=6).hexdigest()


def edit(function: Any, edits: Iterable[Edit]) -> None:
    """Change text inside a function, in place; earlier edits of the same function stay.

    The function object stays: references to it see the change. Its code is compiled from its
    own source with the new text. A traceback shows that text, with RecBole's line numbers,
    under the file name that ``edited_name`` gives.

    Raises:
        PatchError: an old text does not occur as often as it must, or the new code closes
            over other names.
    """
    target = original_function(function)
    earlier: tuple[Edit, ...] = getattr(target, "_recbole_ext_edits", ())
    edits = tuple(edit for edit in edits if edit not in earlier)
    code = compiled(target, (*earlier, *edits))
    if not hasattr(target, "_recbole_ext_original"):
        target._recbole_ext_original = target.__code__  # type: ignore[attr-defined]
    target.__code__ = code
    target._recbole_ext_edits = (*earlier, *edits)  # type: ignore[attr-defined]


def edited_name(function: Callable[..., Any]) -> str:
    """The file name of an edited function's code; ``linecache`` has its text."""
    target = original_function(function)
    return f"<{target.__module__}.{target.__qualname__}, edited by recbole_ext>"


def compiled(function: FunctionType, edits: Iterable[Edit]) -> CodeType:
    """The code of RecBole's function with these edits; the function itself stays as it is."""
    text, first_line = _lines(function)
    for change in edits:
        times = text.count(change.old)
        if times != change.times:
            raise PatchError(
                f"expected {change.old!r} {change.times} times, found it {times} times"
            )
        text = text.replace(change.old, change.new)
    tree = ast.parse(text)
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []  # they wrap the object that stays
    # An outer function binds what the old code closes over (`__class__`, for `super()`).
    free = function.__code__.co_freevars
    outer = ast.parse(f"def outer({', '.join(free)}): pass")
    assert isinstance(outer.body[0], ast.FunctionDef)
    outer.body[0].body = [definition]
    ast.increment_lineno(definition, first_line - 1)
    name = edited_name(function)
    module_code = compile(outer, name, "exec", dont_inherit=True)
    code = _code_inside(_code_inside(module_code, "outer"), function.__name__)
    if code.co_freevars != free:
        raise PatchError(f"the new text closes over {code.co_freevars}, expected {free}")
    # No time of change: linecache then keeps the text, for which there is no file.
    lines = ["\n"] * (first_line - 1) + text.splitlines(keepends=True)
    linecache.cache[name] = (len(text), None, lines, name)
    return code


def _lines(function: FunctionType) -> tuple[str, int]:
    """RecBole's dedented text of a function, and the number of its first line in the file."""
    code = getattr(function, "_recbole_ext_original", function.__code__)
    # not inspect.getsourcelines: it asks every imported module whether the code is of its file
    lines, first_line = linecache.getlines(code.co_filename), code.co_firstlineno
    if not lines:
        lines, first_line = inspect.getsourcelines(code)
        return textwrap.dedent("".join(lines)), first_line
    block = inspect.getblock(lines[first_line - 1 :])
    return textwrap.dedent("".join(block)), first_line


def _code_inside(code: CodeType, name: str) -> CodeType:
    return next(
        const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == name
    )

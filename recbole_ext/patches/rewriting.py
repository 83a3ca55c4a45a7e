"""How this package reaches into RecBole: after an import, and inside a function.

Both ways leave RecBole's objects where they are, so code that has already imported a
function or a class sees the change too, in whatever order things were imported.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, ModuleType

import wrapt


class PatchError(RuntimeError):
    """RecBole's source is not the text that a patch was written for."""


def after_import(module: str, hook: Callable[[ModuleType], None]) -> None:
    """Call ``hook(module)`` once ``module`` has been imported; now, where it has been already."""
    wrapt.register_post_import_hook(hook, module)


def rewrite(function: Callable[..., object], changes: Mapping[str, str]) -> None:
    """Replace expressions inside ``function`` in place.

    The function object stays: only its code is compiled anew, from its own source with each
    key of ``changes`` replaced by its value. Line numbers in tracebacks stay those of the
    file. Calling it again for the same function adds to the earlier changes; a change that has
    been made already is left alone.

    Args:
        function: a Python function, possibly decorated with ``functools.wraps``.
        changes: old text -> new text; each old text must occur.

    Raises:
        PatchError: if an old text does not occur, or the new code closes over other names.
    """
    target = inspect.unwrap(function)
    if not isinstance(target, FunctionType):
        raise PatchError(f"{function!r} is not a Python function")
    lines, first_line = inspect.getsourcelines(target)
    source = getattr(target, "_rewritten_source", None) or textwrap.dedent("".join(lines))
    for old, new in changes.items():
        if old not in source and new in source:
            continue  # done before
        if old not in source:
            raise PatchError(
                f"{target.__module__}.{target.__qualname__} does not contain {old!r}: this "
                "RecBole is not the release that recbole-ext was written for (1.2.1)"
            )
        source = source.replace(old, new)
    tree = ast.parse(source)
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []  # they wrap the object that stays
    # An outer function binds what the old code closes over (`__class__`, for `super()`).
    outer = ast.parse(f"def outer({', '.join(target.__code__.co_freevars)}): pass")
    assert isinstance(outer.body[0], ast.FunctionDef)
    outer.body[0].body = [definition]
    ast.increment_lineno(definition, first_line - 1)
    compiled = compile(outer, target.__code__.co_filename, "exec", dont_inherit=True)
    code = _code_inside(_code_inside(compiled, "outer"), target.__name__)
    if code.co_freevars != target.__code__.co_freevars:
        raise PatchError(f"{target.__qualname__} closes over {target.__code__.co_freevars}")
    target.__code__ = code
    target._rewritten_source = source  # type: ignore[attr-defined]


def _code_inside(code: CodeType, name: str) -> CodeType:
    return next(
        const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == name
    )

"""torch's optimizers do not import its compiler, until somebody does.

``Optimizer.zero_grad``, ``add_param_group`` and others are hidden from the compiler: their first
call imports it, ``torch._dynamo``, asks it for a function that it does not look into, and keeps
that. Until it is imported, there is nobody to hide from, and what is kept is the function itself.
``step`` imports it to tell it to break its graph there.

Once anybody imports the compiler, ``torch.compile`` for example, torch's own state is back. A
release of torch that is written otherwise is left as it is.
"""

import functools
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import wrapt

from recbole_ext.patches import source
from recbole_ext.patches.patch import Edit, PatchError

_COMPILER = "torch._dynamo"
_KEPT = "__dynamo_disable"  # by torch/_compile.py
_EDITS = (
    Edit(f"import {_COMPILER}", "pass"),
    Edit(f"{_COMPILER}.graph_break()", "pass", times=2),
)


def until_it_is_imported(optim: ModuleType) -> None:
    """Let the optimizers of ``torch.optim`` do without the compiler."""
    hidden = list(_hidden(optim.Optimizer))
    for function in hidden:
        setattr(function, _KEPT, function)
    steps = {step: step.__code__ for step in _steps(optim)}
    for step, code in _without_breaks(optim.Optimizer, steps).items():
        step.__code__ = code
    undo = functools.partial(_undo, hidden, steps)
    wrapt.register_post_import_hook(undo, _COMPILER)


def _undo(hidden: list[FunctionType], steps: dict[FunctionType, CodeType], _: ModuleType) -> None:
    for function in hidden:
        if vars(function).get(_KEPT) is function:
            delattr(function, _KEPT)
    for step, code in steps.items():
        step.__code__ = code


def _hidden(optimizer: type) -> Iterator[FunctionType]:
    """The methods that torch hides from its compiler, as they were before."""
    from torch import _compile

    code_of_wrapper = _nested(_compile._disable_dynamo, "inner")
    for method in vars(optimizer).values():
        if getattr(method, "__code__", None) is code_of_wrapper and code_of_wrapper is not None:
            yield method.__wrapped__


def _steps(optim: ModuleType) -> Iterator[FunctionType]:
    """The methods of optimizers that tell the compiler to break its graph."""
    code = _nested(_decorator(optim.Optimizer), "_use_grad")
    for name in dir(optim):
        step: Any = getattr(getattr(optim, name), "step", None)
        while step is not None and code is not None:
            if getattr(step, "__code__", None) is code:
                yield step
                break
            step = getattr(step, "__wrapped__", None)


def _without_breaks(
    optimizer: type, steps: dict[FunctionType, CodeType]
) -> dict[FunctionType, CodeType]:
    """The code of each of these methods without the compiler; none if torch has other code."""
    if not steps:
        return {}
    try:
        code = source.compiled(_decorator(optimizer), _EDITS)
    except (PatchError, OSError):  # OSError: an installation without source
        return {}
    inner = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == "_use_grad")
    return {step: inner for step in steps if step.__code__.co_freevars == inner.co_freevars}


def _decorator(optimizer: type) -> Any:
    return getattr(sys.modules.get(optimizer.__module__), "_use_grad_for_differentiable", None)


def _nested(function: Any, name: str) -> CodeType | None:
    """The code of a function that is defined inside another one; None if there is none."""
    consts = getattr(getattr(function, "__code__", None), "co_consts", ())
    return next((c for c in consts if isinstance(c, CodeType) and c.co_name == name), None)

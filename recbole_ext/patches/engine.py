"""Applies the patches of the table, each once its module has been imported, and keeps states.

``RECBOLE_EXT_DISABLE=speed,cache`` switches off groups or single patches. RecBole's objects
stay where they are or are replaced in all of RecBole's modules, so the patches also reach code
that was imported before this package.
"""

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from types import FunctionType, ModuleType
from typing import Any

import wrapt

from recbole_ext.errors import SettingError, UserError
from recbole_ext.patches import source
from recbole_ext.patches.patch import GROUPS, REQUIRED, Patch, PatchError, State
from recbole_ext.patches.stand_ins import StandInFinder
from recbole_ext.patches.table import TABLE
from recbole_ext.registry import releases

VARIABLE = "RECBOLE_EXT_DISABLE"

_states: dict[str, State] = {}
_errors: dict[str, PatchError] = {}
_recording = False


def states() -> dict[str, State]:
    """The state of each patch by name, in the order of the table.

    "waiting" means that the patch's module has not been imported yet.
    """
    return {patch.name: _states.get(patch.name, "waiting") for patch in TABLE}


def errors() -> dict[str, PatchError]:
    """Why patches do not fit, by name."""
    return dict(_errors)


@contextmanager
def recording() -> Iterator[None]:
    """Within this block a patch that does not fit is recorded in ``errors``, not raised."""
    global _recording
    before, _recording = _recording, True
    try:
        yield
    finally:
        _recording = before


def import_targets() -> dict[str, Exception]:
    """Import all modules that patches wait for, so that no patch is left waiting.

    A patch of an optional library that is not installed is not needed.

    Returns:
        module -> the exception, for modules that cannot be imported.
    """
    failures: dict[str, Exception] = {}
    for module in dict.fromkeys(patch.after or patch.module for patch in TABLE):
        try:
            importlib.import_module(module)
        except UserError:
            raise
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and error.name == module != "recbole":
                missing = [patch.name for patch in TABLE if module in (patch.after, patch.module)]
                _states.update(dict.fromkeys(missing, "not needed"))
            else:
                failures[module] = error
    return failures


# --- which patches are switched off ---------------------------------------------------------


def switched_off(setting: str) -> frozenset[str]:
    """The names of the patches that a value of ``RECBOLE_EXT_DISABLE`` switches off.

    Args:
        setting: groups and names of patches, separated by commas.

    Returns:
        These patches, and those that require one of them.

    Raises:
        SettingError: a name is unknown, or this package cannot do without its patch.
    """
    words = [word.strip() for word in setting.split(",") if word.strip()]
    known = [*GROUPS, *(patch.name for patch in TABLE)]
    for word in words:
        if word not in known:
            near = get_close_matches(word, known, 3, 0.5)
            advice = f"did you mean {' or '.join(near)}?" if near else ""
            raise SettingError(
                f"{VARIABLE}={setting}: expected groups ({', '.join(GROUPS)}) or names of "
                f"patches, separated by commas, found {word}; "
                f"{advice or 'recbole-ext doctor lists all names'}"
            )
    off: set[str] = set()
    for patch in TABLE:
        if patch.name in words or patch.group in words:
            if patch.group in REQUIRED:
                word = patch.name if patch.name in words else patch.group
                raise SettingError(
                    f"{VARIABLE}={setting}: {word} cannot be switched off, the models and "
                    "commands of recbole_ext need it; run RecBole without importing "
                    "recbole_ext instead"
                )
            off.add(patch.name)
    while more := {p.name for p in TABLE if p.requires in off} - off:
        off |= more
    return frozenset(off)


def check_environment() -> None:
    """Refuse a wrong ``RECBOLE_EXT_DISABLE``, before RecBole is imported.

    Raises:
        SettingError: see ``switched_off``.
    """
    switched_off(os.environ.get(VARIABLE, ""))


# --- applying -------------------------------------------------------------------------------


def install() -> None:
    """Arrange for every patch to be applied once its module is imported. Once a process.

    A wrong ``RECBOLE_EXT_DISABLE`` is an error when RecBole is imported: until then, there is
    nobody to report it to (commands report errors in one line).
    """
    if _states:
        return
    try:
        off = switched_off(os.environ.get(VARIABLE, ""))
    except UserError as error:
        _states.update({patch.name: "waiting" for patch in TABLE})
        _after_import("recbole", functools.partial(_refuse, str(error)))
        return
    by_module: dict[str, list[Patch]] = {}
    for patch in TABLE:
        _states[patch.name] = "switched off" if patch.name in off else "waiting"
        if patch.name in off:
            continue
        if patch.kind == "stand_in":
            sys.meta_path.insert(0, StandInFinder(patch.module, functools.partial(_lend, patch)))
        else:
            by_module.setdefault(patch.after or patch.module, []).append(patch)
    for module, patches in by_module.items():
        _after_import(module, functools.partial(_apply_all, patches))


def _lend(patch: Patch) -> dict[str, ModuleType]:
    """The modules that stand in while the target's module is imported; see ``stand_ins.py``."""
    needed = patch.is_needed()
    _states[patch.name] = "active" if needed else "not needed"
    return _load(patch.function)() if needed else {}


def _refuse(message: str, _: ModuleType) -> None:
    raise SettingError(message)


def _after_import(name: str, hook: Callable[[ModuleType], None]) -> None:
    """Call ``hook(module)`` once the module is imported; now, if it has been imported already.

    Where the hook raises, the import fails; the next attempt calls the hook again. (wrapt
    forgets its hooks after the first attempt; the second would import RecBole unpatched.)
    """

    def checked(module: ModuleType) -> None:
        try:
            hook(module)
        except UserError:
            if getattr(module.__spec__, "_initializing", False):
                sys.modules.pop(name, None)
                wrapt.register_post_import_hook(checked, name)
            raise

    wrapt.register_post_import_hook(checked, name)


def _apply_all(patches: list[Patch], _: ModuleType) -> None:
    for patch in patches:
        try:
            # A problem that was there once is solved: its sign may have disappeared since.
            if _states[patch.name] == "active" or patch.is_needed():
                apply(patch)
                _states[patch.name] = "active"
            else:
                _states[patch.name] = "not needed"
        except PatchError as error:
            _states[patch.name] = "does not fit"
            _errors[patch.name] = error
            if not _recording:
                raise


def apply(patch: Patch) -> None:
    """Apply a patch now, needed or not.

    Raises:
        PatchError: the target is not the code that the patch was written for; the message names
            the patch, the file and the release of RecBole.
    """
    try:
        if patch.kind == "provide":
            _load(patch.function)(sys.modules[patch.after or patch.module])
            return
        owner, name, target = locate(patch)
        _check_hash(patch, target)
        if patch.kind == "edit":
            for used in patch.uses:
                importlib.import_module(used)
            function = source.original_function(target)
            function.__globals__["recbole_ext"] = sys.modules["recbole_ext"]
            source.edit(function, patch.edits)
        elif patch.kind == "wrap":
            _put(owner, name, wrapt.FunctionWrapper(vars(owner)[name], _load(patch.function)))
        else:
            _put(owner, name, _stand_in(_load(patch.function), target))
    except PatchError as error:
        raise PatchError(_does_not_fit(patch, str(error))) from error


def locate(patch: Patch) -> tuple[Any, str, Any]:
    """The class or module that has the target, the target's name there, and the target.

    Raises:
        PatchError: there is no such target.
    """
    *path, name = patch.qualified_name.split(".")
    try:
        owner = functools.reduce(getattr, path, sys.modules[patch.module])
        return owner, name, vars(owner)[name]
    except (AttributeError, KeyError):
        raise PatchError(f"there is no {patch.qualified_name}") from None


def _check_hash(patch: Patch, target: Any) -> None:
    if patch.kind == "replace" or patch.sources:
        found = source.source_hash(target)
        if found not in patch.sources.values():
            expected = ", ".join(f"{v} (RecBole {k})" for k, v in patch.sources.items())
            raise PatchError(f"expected source with hash {expected or '(none)'}, found {found}")


def _does_not_fit(patch: Patch, problem: str) -> str:
    package = patch.module.split(".")[0]
    try:
        release = f"{package} {version(package)}"
    except PackageNotFoundError:
        release = package
    file = getattr(sys.modules.get(patch.module), "__file__", None) or patch.module
    advice = f"install recbole=={releases.for_this_python()}"
    if patch.group not in REQUIRED:
        advice += f", or run without the patch: {VARIABLE}={patch.name}"
    return (
        f"patch {patch.name}: {patch.qualified_name} in {file} of {release} is not the code that "
        f"the patch was written for: {problem}; {advice}"
    )


def _load(reference: str) -> Any:
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def _stand_in(function: Any, target: Any) -> FunctionType:
    """Our function under the name of the one that it replaces, which is its ``__wrapped__``."""
    functools.update_wrapper(function, source.original_function(target))
    return function


def _put(owner: Any, name: str, new: Any) -> None:
    """Set an attribute of a class, or of a module and of those that have imported the name."""
    old = vars(owner)[name]
    setattr(owner, name, new)
    if isinstance(owner, ModuleType):
        package = owner.__name__.split(".")[0]
        for key, module in list(sys.modules.items()):
            if key.split(".")[0] == package and getattr(module, "__dict__", {}).get(name) is old:
                setattr(module, name, new)

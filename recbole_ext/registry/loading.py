"""Running the source of a model: its class, and classes that stand beside it."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from recbole_ext.errors import RegistryError, UserError, in_a_line
from recbole_ext.registry.model_source import ModelSource, below

# Folder of a model -> its modules that a program, such as pytest, had imported before the model.
_of_programs: dict[Path, set[str]] = {}

_PREFIX = "recbole_ext_model_"  # of the module of a file: it can be no name of an installed one


def load(source: ModelSource) -> type:
    """The class of a source.

    Raises:
        RegistryError: its code fails, or has no class of that name.
    """
    if not source.file:
        raise RegistryError(
            f"{source}: the class is of a program or a notebook, not of a file; write it into a "
            f"file and name it as my_model.py:{source.name}"
        )
    try:
        with _importing_from(source.root, tidily=not source.module):
            if source.module:
                module = importlib.import_module(source.module)
            else:
                module = _run(Path(source.file))
        cls = getattr(module, source.name)
    except UserError:
        raise
    except ImportError as error:
        advice = ""
        if "relative import" in str(error):
            advice = "; a file with relative imports is named by its module, as package.module:Name"
        raise RegistryError(f"{source}: cannot be imported ({in_a_line(error)}){advice}") from error
    except Exception as error:  # whatever the code of a model raises
        raise RegistryError(f"{source}: cannot be imported ({in_a_line(error)})") from error
    if not isinstance(cls, type):
        raise RegistryError(f"{source}: expected a class, found {type(cls).__name__}")
    _refuse_other_files(module, source.root)
    return cls


def load_beside(file: Path, name: str, root: Path) -> Any:
    """A name of a module that is not that of the model, such as its class of settings.

    Args:
        file: the module.
        name: of an object in it.
        root: the folder that imports are searched in.
    """
    path = file.relative_to(root).with_suffix("")
    parts = path.parts[:-1] if path.name == "__init__" else path.parts
    with _importing_from(root):
        return getattr(importlib.import_module(".".join(parts)), name)


def named(reference: str) -> Any:
    """What a ``module:name`` stands for, imported now."""
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def file_of(module: ModuleType) -> str:
    """The file of a module; "" for none."""
    return str(getattr(module, "__file__", None) or "")


@contextmanager
def _importing_from(root: Path, tidily: bool = False) -> Iterator[None]:
    """Within this block a folder is the first that imports look into; afterwards the last.

    It stays there for what a model imports later.

    Args:
        root: the folder.
        tidily: whether no compiled code is written beside the files.
    """
    folder, writes_nothing = str(root), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = tidily or writes_nothing
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_nothing
        sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)


def _run(file: Path) -> ModuleType:
    """A new module of a file that is of no package."""
    mark = hashlib.blake2b(str(file).encode(), digest_size=4).hexdigest()
    name = f"{_PREFIX}{file.stem}_{mark}"
    programs = _of_programs.setdefault(file.parent, {*_in(file.parent)})
    for other in _beside(file.parent):
        if other not in programs:
            del sys.modules[other]  # it may have changed, too
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # not by its loader, which takes compiled code of the same second for that of the file
    code = compile(file.read_bytes(), str(file), "exec")
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        exec(code, vars(module))
    except BaseException:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise
    return module


def _in(folder: Path) -> Iterator[str]:
    """The modules of this process whose files are in a folder."""
    return (n for n, module in list(sys.modules.items()) if Path(file_of(module)).parent == folder)


def _beside(folder: Path) -> list[str]:
    """The modules of this process that are of a folder, or of one that it was moved from."""
    main = sys.modules.get("__main__")
    found = []
    for name, module in list(sys.modules.items()):
        file = Path(file_of(module))
        moved = file.suffix == ".py" and not file.exists() and (folder / file.name).is_file()
        if module is not main and "." not in name and (file.parent == folder or moved):
            found.append(name)
    return found


def _refuse_other_files(module: ModuleType, root: Path) -> None:
    """Refuse a model that has been given a module of the same name from another folder.

    Raises:
        RegistryError: it names both files.
    """
    if not module.__name__.startswith(_PREFIX):
        return
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        top = str(name).partition(".")[0]
        meant = below(root, [top])
        used = file_of(sys.modules[top]) if top in sys.modules else ""
        if meant and used and Path(used) != meant and top not in sys.stdlib_module_names:
            raise RegistryError(
                f"{file_of(module)}: imports {top}, which stands beside it as {meant}, but this "
                f"process has {used} under that name; rename one of the two"
            )

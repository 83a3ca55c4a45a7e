"""Where the class of a model is, and what belongs to its source.

A model is named in one of three ways:

    my_model.py:MyModel            a file, from the current folder, or from that of a plan
    my_package.models:MyModel      a module; the current folder is searched, too
    MyModel                        a name that a package declares (entry points), or a program
                                   registers; RecBole's own models have such names, too
"""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recbole_ext.errors import RegistryError, in_a_line
from recbole_ext.registry.syntax_tree import parse

# Packages whose version a run's identity records: their sources are not hashed.
RELEASED = ("recbole", "recbole_ext")


@dataclass(frozen=True)
class ModelSource:
    """Where the class of a model is.

    Attributes:
        name: of the class, which is the model's name everywhere.
        module: its import path; "" for a file that is of no package.
        file: the absolute path of its file; "" for a class that no file has, as in a notebook.
        hash: of its source and of what that imports from beside it, 16 hexadecimal digits; "" for
            packages of ``RELEASED``, and without a file.
        declared_by: the package whose entry points name it; "" for none.
    """

    name: str
    module: str
    file: str
    hash: str
    declared_by: str = ""

    def __str__(self) -> str:
        """``my_package.models:MyModel`` or ``my_model.py:MyModel``, as people name it."""
        return f"{self.module or self.file or 'this program'}:{self.name}"

    @property
    def root(self) -> Path:
        """The folder that its imports start from."""
        return root_of(Path(self.file), self.module)

    def is_same_place(self, other: "ModelSource") -> bool:
        """Whether both are the class of one module, or of one file."""
        if self.module and other.module:
            return self.module == other.module
        return self.file == other.file

    def files(self) -> dict[str, str]:
        """The texts of its source, by their paths from ``root``; its yaml is among them."""
        if not self.file:
            return {}
        own = [*_local_files(Path(self.file), self.root, self.module)]
        own += [path for path in [yaml_beside(Path(self.file), self.name)] if path.is_file()]
        return {path.relative_to(self.root).as_posix(): _text(path) for path in own}

    def record(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)


def of_file(file: Path, name: str, where: str = "") -> ModelSource:
    """The class ``name`` of a file.

    Args:
        file, name: which one.
        where: what messages begin with; "" for both of these.

    Raises:
        RegistryError: the file cannot be read or is no Python, or has no such class.
    """
    path, where = file.absolute(), where or f"{file}:{name}"
    if not path.is_file():
        raise RegistryError(f"{where}: no such file; check the path")
    _check_class(path, name, where)
    return ModelSource(name, "", str(path), source_hash(path, path.parent, ""))


def of_module(
    module: str, name: str, where: str, declared_by: str = "", *folders: Path
) -> ModelSource:
    """The class ``name`` of a module, which is not imported.

    Args:
        module, name: which one.
        where: what messages begin with.
        declared_by: the package whose entry points name it.
        folders: searched first.

    Raises:
        RegistryError: there is no such module, or it has no such class.
    """
    path = module_file(module, *folders)
    if path is None:
        advice = "install the package that has it"
        if not declared_by:
            advice = "run the command from the folder of the package, or install it"
        raise RegistryError(f"{where}{module}:{name}: no such module; {advice}")
    path = path.absolute()
    _check_class(path, name, f"{where}{module}:{name}")
    root = root_of(path, module)
    released = module.partition(".")[0] in RELEASED
    digest = "" if released else source_hash(path, root, module)
    return ModelSource(name, module, str(path), digest, declared_by)


def of_class(cls: type) -> ModelSource:
    """Where a class that exists already is from."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    is_inner = "." in cls.__qualname__  # of a function or a class: no name of the file finds it
    if file is None or is_inner or not Path(file).is_file():
        return ModelSource(cls.__name__, "", "", "")
    path = Path(file).absolute()
    dotted = cls.__module__ if "." in cls.__module__ else ""
    digest = source_hash(path, root_of(path, dotted), dotted)
    if dotted.partition(".")[0] in RELEASED:
        digest = ""
    return ModelSource(cls.__name__, dotted, str(path), digest)


def yaml_beside(file: Path, name: str) -> Path:
    """Where the defaults of a model stand, if it has any."""
    return file.with_name(f"{name}.yaml")


def root_of(file: Path, module: str) -> Path:
    """The folder from which a file is imported under the name of its module ("": its own)."""
    depth = module.count(".") + (file.name == "__init__.py")
    return file.parents[depth]


def _check_class(file: Path, name: str, where: str) -> None:
    try:
        tree = parse(file)
    except (SyntaxError, ValueError, OSError) as error:
        raise RegistryError(f"{where}: {file} cannot be read ({in_a_line(error)})") from error
    names = [*bound_names(tree)]
    if name not in names:
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        listed = f"its classes are {', '.join(classes)}" if classes else "it has none"
        raise RegistryError(f"{where}: {file} has no class {name}; {listed}")


# --- files without importing them -----------------------------------------------------------


def _text(file: Path) -> str:
    # bytes of another encoding are hashed and sent as they are
    return file.read_text(encoding="utf-8", errors="surrogateescape")


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those inside ``if``, ``try`` and ``with`` too."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(node, part, []):
                    yield from statements(inner.body if hasattr(inner, "type") else [inner])


def bound_names(tree: ast.Module) -> Iterator[str]:
    """The names that a module has once it is imported."""
    for node in statements(tree.body):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def module_file(module: str, *folders: Path) -> Path | None:
    """The file of a module, found without importing it or its packages.

    Args:
        module: its import path.
        folders: searched first; the current folder is searched last.
    """
    top, *rest = module.split(".")
    for folder in folders:
        if path := below(folder, [top, *rest]):
            return path
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a broken name, or __main__
        spec = None
    if spec is None:
        return below(Path.cwd(), [top, *rest])
    for folder in map(Path, spec.submodule_search_locations or ()):
        if path := below(folder, rest):
            return path
    return Path(spec.origin) if spec.origin and not rest and Path(spec.origin).is_file() else None


def below(folder: Path, parts: list[str]) -> Path | None:
    path = folder.joinpath(*parts)
    candidates = [path / "__init__.py"]
    if parts:
        candidates.insert(0, path.with_name(f"{path.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


def _local_files(file: Path, root: Path, module: str) -> Iterator[Path]:
    """A file, and those below a folder that it imports, in turn; sorted.

    Args:
        file: the first one.
        root: the folder.
        module: the import path of the first one; "" where it stands alone. Of a package, nothing
            outside it is taken.
    """
    top = module.partition(".")[0]
    waiting = [file, *(_found(module, root, top) if module else ())]
    seen = {*waiting}
    while waiting:
        path = waiting.pop()
        imported = [found for name in _imports(path, root) for found in _found(name, root, top)]
        for found in imported:
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    yield from sorted(seen)


def _found(name: str, root: Path, top: str) -> Iterator[Path]:
    """The files below a folder that an import of a name runs: of its packages, too."""
    parts = name.split(".")
    standard = parts[0] in sys.stdlib_module_names or parts[0] in RELEASED
    if standard or (top and parts[0] != top):
        return
    for depth in range(1, len(parts) + 1):
        if path := below(root, parts[:depth]):
            yield path


def _imports(file: Path, root: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it; of ``from a import b``, a.b and a."""
    try:
        tree = parse(file)
        package = list(file.parent.relative_to(root).parts)
    except (SyntaxError, ValueError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            parts = [*above, *(node.module.split(".") if node.module else [])]
            if parts:
                yield ".".join(parts)
            yield from (".".join([*parts, alias.name]) for alias in node.names)


def source_hash(file: Path, root: Path, module: str) -> str:
    """A hash of a file and of what it imports from below a folder: 16 hexadecimal digits.

    Args:
        file: the module of a model.
        root: the folder.
        module: the name of the module.
    """
    paths = _local_files(file, root, module)
    return hash_of({path.relative_to(root).as_posix(): _text(path) for path in paths})


def hash_of(texts: Mapping[str, str]) -> str:
    """A hash of the texts of files by their names; yaml files, whose values are settings, apart."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(texts):
        if not name.endswith(".yaml"):
            digest.update(f"{name}\0{texts[name]}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()

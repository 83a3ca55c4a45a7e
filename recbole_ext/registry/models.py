"""The models that are not RecBole's, and how one becomes known by its name.

A model becomes known when a package declares it (entry points of the group ``recbole_ext.models``),
when a program calls ``register``, or when somebody names its file or its module. Ours are declared
as those of any package are.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from recbole_ext.errors import RegistryError
from recbole_ext.registry import loading, model_source, recbole_source
from recbole_ext.registry.model_source import ModelSource

GROUP = "recbole_ext.models"

C = TypeVar("C", bound=type)

# The models that this process has registered: name -> source, and the class once it is loaded.
_sources: dict[str, ModelSource] = {}
_classes: dict[str, type] = {}
_origins: dict[str, ModelSource] = {}  # of sources that came from another machine, there


# --- becoming known -------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _entry_points() -> dict[str, list[EntryPoint]]:
    """Name -> what installed packages declare under it."""
    declared: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        if all(other.value != point.value for other in declared.get(point.name, ())):
            declared.setdefault(point.name, []).append(point)
    return declared


def names() -> list[str]:
    """The names of all models that are known here and are not RecBole's, sorted."""
    return sorted({*_entry_points(), *_sources}, key=str.lower)


def readable_names() -> list[str]:
    """Those whose source can be read.

    A broken package, or a file that has gone since, is an error only when its model is used.
    """
    readable = []
    for name in names():
        with suppress(RegistryError):
            place = source(name)
            if not place.file or Path(place.file).is_file():
                readable.append(name)
    return readable


def is_known(name: str) -> bool:
    """Whether a model that is not RecBole's has this name."""
    return name in _sources or name in _entry_points()


def source(name: str) -> ModelSource:
    """Where the class of a known model is.

    Raises:
        RegistryError: two packages declare the name, or RecBole has it, or the module is not there.
    """
    if name not in _sources:
        first, *others = _entry_points()[name]
        package = _package(first)
        if others:
            raise RegistryError(
                f"{name}: declared by {package} ({first.value}) and by {_package(others[0])} "
                f"({others[0].value}); uninstall one of them, or name the model by its module"
            )
        module, _, cls = first.value.partition(":")
        if cls.strip() != name:
            raise RegistryError(
                f"{name}: {package} declares it as {first.value}, expected a class of that name"
            )
        found = model_source.of_module(module.strip(), name, f"{package}: ", package)
        _refuse_recboles(name, f"{found}, which {package} declares")
        _sources[name] = found
    return _sources[name]


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "a package"


def find(text: str, where: str = "--model=", folder: Path | None = None) -> str:
    """Make the model of a file or a module known, as ``my_model.py:MyModel``.

    Args:
        text: the file or the module, a colon, and the class.
        where: what messages begin with.
        folder: that a file is looked for from; None for the current one.

    Returns:
        its name.

    Raises:
        RegistryError: there is no such class, or its name is taken.
    """
    place, _, name = text.rpartition(":")
    if not place or not name.isidentifier():
        raise RegistryError(
            f"{where}{text}: expected a file or a module, a colon and a class, as "
            "my_model.py:MyModel or my_package.models:MyModel"
        )
    if place.endswith(".py") or "/" in place or "\\" in place:
        found = model_source.of_file((folder or Path.cwd()) / place, name, where + text)
    elif all(part.isidentifier() for part in place.split(".")):
        found = model_source.of_module(place, name, where)
    else:
        raise RegistryError(f"{where}{text}: {place} is neither a file *.py nor a module")
    add(found)
    return name


def register(cls: C) -> C:
    """Make the class of a model known by its name: `run("MyModel", ...)`, and its checkpoints.

    Args:
        cls: a class over RecBole's bases.

    Returns:
        the same, so that this can decorate it.

    Raises:
        RegistryError: its name is RecBole's or another model's.
    """
    if not isinstance(cls, type):
        raise RegistryError(f"register: expected the class of a model, found {cls!r}")
    add(model_source.of_class(cls))
    _classes[cls.__name__] = cls
    return cls


def forget() -> None:
    """Forget the models that this process has registered; those that packages declare stay."""
    for known in (_sources, _classes, _origins):
        known.clear()


def add(new: ModelSource, folder: Path | None = None) -> None:
    """Make the class of a source known; an earlier state of the same file is forgotten.

    Args:
        new: where it is.
        folder: that has its files here in the place of its ``root``; it came from another machine.

    Raises:
        RegistryError: its name is RecBole's or another model's.
    """
    _refuse_recboles(new.name, str(new))
    old = source(new.name) if is_known(new.name) else None
    if old is not None and not old.is_same_place(_origins.get(new.name, new)):
        whose = f", which {old.declared_by} declares" if old.declared_by else ""
        raise RegistryError(
            f"{new}: there is another model of that name, {old}{whose}; rename one of the two"
        )
    if folder is not None:
        _origins[new.name] = new
        new = replace(new, file=str(folder / Path(new.file).relative_to(new.root)))
    elif old is not None and old.hash == new.hash:
        return
    _classes.pop(new.name, None)
    _sources[new.name] = new


def refuse_taken(name: str, what: str) -> None:
    """Refuse a name that RecBole or a model that is known here has.

    Args:
        name: of a model.
        what: what messages begin with.

    Raises:
        RegistryError: it names the model that has the name.
    """
    _refuse_recboles(name, what)
    if is_known(name):
        raise RegistryError(f"{what}: there is a model of that name, {source(name)}; take another")


def _refuse_recboles(name: str, what: str) -> None:
    taken = recbole_source.model_modules().get(name.lower())
    if taken is not None:
        raise RegistryError(
            f"{what}: RecBole has a model of its own named {taken[0]} ({taken[1]}); rename yours"
        )
    if name in recbole_source.names_of_parts():
        raise RegistryError(
            f"{what}: RecBole has a class {name}Trainer or {name}Dataset, which it would take for "
            "this model; rename the model"
        )


# --- its class ------------------------------------------------------------------------------


def model_class(name: str) -> type:
    """The class of a known model; imports it, and with it torch.

    Raises:
        RegistryError: its code fails.
    """
    if name not in _classes:
        cls = loading.load(source(name))
        for method in ("calculate_loss", "predict"):
            if not callable(getattr(cls, method, None)):
                raise RegistryError(
                    f"{source(name)}: expected a class over RecBole's GeneralRecommender, "
                    f"SequentialRecommender or another base, found one without {method}"
                )
        _classes[name] = cls
    return _classes[name]


def is_loaded(name: str) -> bool:
    """Whether the class of a known model has been imported."""
    return name in _classes


def record(name: str) -> Mapping[str, Any] | None:
    """What a checkpoint keeps of where a model's class is; None for RecBole's."""
    return _origins.get(name, source(name)).record() if is_known(name) else None


def told() -> list[str]:
    """The names that this process has registered, by files, modules and ``register``."""
    return [name for name, of in _sources.items() if not of.declared_by]

"""Stand-ins for modules that RecBole imports at the head of a file and uses in few runs."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class StandInFinder(MetaPathFinder):
    """While one module is imported, and only then, ``import NAME`` finds stand-ins.

    A real module that has been imported before stays, and one that is imported later is real.
    """

    def __init__(self, module: str, lend: Callable[[], dict[str, ModuleType]]) -> None:
        """
        Args:
            module: the full name of the importing module.
            lend: returns name -> stand-in; called when the module is about to be executed.
        """
        self._module = module
        self._lend = lend
        self._searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders have, whose loader executes among the stand-ins."""
        if fullname != self._module or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            execute = self._among_stand_ins(spec.loader.exec_module)
            spec.loader.exec_module = execute  # type: ignore[method-assign, assignment]
        return spec

    def _among_stand_ins(
        self, execute: Callable[[ModuleType], None]
    ) -> Callable[[ModuleType], None]:
        def exec_module(module: ModuleType) -> None:
            lent = {k: v for k, v in self._lend().items() if k not in sys.modules}
            sys.modules.update(lent)
            try:
                execute(module)
            finally:
                for name, stand_in in lent.items():
                    if sys.modules.get(name) is stand_in:
                        del sys.modules[name]

        return exec_module


class ImportedLater(ModuleType):
    """A stand-in: the real module is imported when one of its attributes is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of every module
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)

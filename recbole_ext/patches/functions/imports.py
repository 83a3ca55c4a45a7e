"""Stand-ins of group ``imports``: functions that import scikit-learn when they are called."""

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


def scikit_metrics() -> dict[str, ModuleType]:
    """``sklearn.metrics``, as RecBole's metrics import it."""
    names = ("auc", "mean_absolute_error", "mean_squared_error")
    return _lent({"sklearn.metrics": {name: _later("sklearn.metrics", name) for name in names}})


def scikit_svd() -> dict[str, ModuleType]:
    """``sklearn.utils.extmath``, as NCEPLRec imports it."""
    module, name = "sklearn.utils.extmath", "randomized_svd"
    return _lent({module: {name: _later(module, name)}})


def scikit_elastic_net() -> dict[str, ModuleType]:
    """``sklearn.linear_model`` and ``sklearn.exceptions``, as SLIMElastic imports them.

    ``ElasticNet`` is the first of both that the model uses; it puts the real class of warnings in
    the place of its stand-in, because ``warnings`` accepts no other.
    """

    def elastic_net(*args: Any, **kwargs: Any) -> Any:
        user = sys.modules["recbole.model.general_recommender.slimelastic"]
        warning = importlib.import_module("sklearn.exceptions").ConvergenceWarning
        user.ConvergenceWarning = warning  # type: ignore[attr-defined]
        return importlib.import_module("sklearn.linear_model").ElasticNet(*args, **kwargs)

    return _lent(
        {
            "sklearn.linear_model": {"ElasticNet": elastic_net},
            "sklearn.exceptions": {"ConvergenceWarning": Warning},
        }
    )


def _lent(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, ModuleType]:
    """Stand-ins of some modules, and of the packages that they are in.

    Nothing is lent where scikit-learn has been imported: its real modules cost nothing then.

    Args:
        contents: value by name, by the full name of the module.
    """
    if "sklearn" in sys.modules:
        return {}
    modules: dict[str, ModuleType] = {}
    for module, values in contents.items():
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            modules.setdefault(name, ModuleType(name))
        vars(modules[module]).update(values)
    return modules


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function that imports the one that it calls."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return call

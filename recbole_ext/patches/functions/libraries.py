"""What group ``libraries`` puts into RecBole, ray, numpy and scipy."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

STANDINS = Path(__file__).parents[1] / "standins"
RAY_PROCESS = STANDINS / "ray_process"


def provide_standins(_: ModuleType) -> None:
    """Our pkg_resources, at the end of ``sys.path``."""
    if str(STANDINS) not in sys.path:
        sys.path.append(str(STANDINS))


def provide_bool8(_: ModuleType) -> None:
    """``numpy.bool8``."""
    import numpy

    numpy.bool8 = numpy.bool_  # type: ignore[attr-defined]


def provide_dok_update(_: ModuleType) -> None:
    """``dok_matrix._update``, as scipy had it before 1.13."""
    from scipy.sparse import dok_matrix

    def _update(self: dok_matrix, data: dict[tuple[int, int], float]) -> None:
        self._dict.update(data)

    dok_matrix._update = _update


def ray_init(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
    """``ray.init`` whose processes, the workers among them, import this package first."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(RAY_PROCESS), before]))
    try:
        return wrapped(*args, **kwargs)
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def sparse_tensor(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
    """``torch.sparse.FloatTensor``: of indices and values, as torch makes it today."""
    import torch

    if kwargs or len(args) < 2 or not all(isinstance(x, torch.Tensor) for x in args[:2]):
        return wrapped(*args, **kwargs)
    return torch.sparse_coo_tensor(*args, check_invariants=False)  # None would warn


def compatibility_settings(_: Any) -> None:
    """``Config.compatibility_settings`` with the names that numpy 2 has."""
    import numpy as np

    names = {"bool": np.bool_, "int": np.int_, "float": np.float64, "complex": np.complex128}
    names |= {"object": np.object_, "str": np.str_, "long": np.int_, "unicode": np.str_}
    for name, kind in names.items():
        setattr(np, name, kind)


def benchmark_presets(self: Any) -> None:
    """``SequentialDataset._benchmark_presets`` with the length of each sequence."""
    from recbole.utils import FeatureSource, FeatureType

    for field in self.inter_feat:
        list_field = field + self.config["LIST_SUFFIX"]
        if list_field in self.inter_feat:
            setattr(self, f"{field}_list_field", list_field)
    length = self.item_list_length_field
    self.set_field_property(length, FeatureType.TOKEN, FeatureSource.INTERACTION, 1)
    self.inter_feat[length] = self.inter_feat[self.item_id_list_field].map(len)


def evaluate(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Wraps ``Evaluator.evaluate``: metrics are Python's floats, which numpy 1's looked like."""
    result = wrapped(*args, **kwargs)
    for name, value in result.items():
        result[name] = float(value)
    return result

"""What RecBole 1.2.1 needs on today's libraries: one guarded shim a break.

A shim says which break it mends and how to tell that the break is there. It acts only then,
right after the module it mends has been imported, and only on RecBole's (or ray's) own code.
Two names that libraries have removed come back instead: ``numpy.bool8`` and
``dok_matrix._update``; nothing that still has them sees a change.

``recbole-ext doctor`` prints the table.
"""

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import wrapt

from recbole_ext.patches.rewriting import after_import, rewrite

Repair = Callable[[ModuleType], None]
State = Literal["active", "not needed", "waiting"]


@dataclass(frozen=True)
class Shim:
    """One break and its repair.

    Attributes:
        name: what ``recbole-ext doctor`` calls it.
        why: the break, in a line.
        needed: tells whether this environment has the break; called when it matters.
        repairs: module name -> what to do once that module has been imported.
    """

    name: str
    why: str
    needed: Callable[[], bool]
    repairs: dict[str, Repair]


def edit(changes: dict[str, dict[str, str]]) -> Repair:
    """A repair that rewrites functions of the module: qualified name -> {old text: new text}."""

    def repair(module: ModuleType) -> None:
        for name, texts in changes.items():
            rewrite(reduce(getattr, name.split("."), module), texts)  # type: ignore[arg-type]

    return repair


# --- what tells that a break is there -------------------------------------------------------


def _no_pkg_resources() -> bool:
    return importlib.util.find_spec("pkg_resources") is None


def _numpy_has_no(name: str) -> Callable[[], bool]:
    def missing() -> bool:
        import numpy

        return not hasattr(numpy, name)

    return missing


def _dok_has_no_update() -> bool:
    from scipy.sparse import dok_matrix

    return not hasattr(dok_matrix, "_update")


def _fillna_in_place_is_lost() -> bool:
    import pandas as pd

    frame = pd.DataFrame({"x": [float("nan")]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas says what we are about to find out
        frame["x"].fillna(0.0, inplace=True)
    return bool(frame["x"].isna().any())


def _agg_no_longer_maps() -> bool:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return not isinstance(pd.Series([[1, 2], [3]]).agg(len), pd.Series)


def _values_are_read_only() -> bool:
    import pandas as pd

    return not pd.DataFrame({"x": [1.0]})["x"].values.flags.writeable


def _scaler_has_moved() -> bool:
    import torch

    return hasattr(torch.amp, "GradScaler")


def _no_cuda() -> bool:
    import torch

    return not torch.cuda.is_available()


def _always() -> bool:
    return True


# --- the repairs that are not a change of text ----------------------------------------------

STANDINS = Path(__file__).parent / "standins"
RAY_PROCESS = STANDINS / "ray_process"


def _find_standins(_: ModuleType | None = None) -> None:
    if str(STANDINS) not in sys.path:
        sys.path.append(str(STANDINS))


def _restore_bool8(_: ModuleType) -> None:
    import numpy

    numpy.bool8 = numpy.bool_  # type: ignore[attr-defined]


def _restore_dok_update(_: ModuleType) -> None:
    from scipy.sparse import dok_matrix

    def _update(self: dok_matrix, data: dict[tuple[int, int], float]) -> None:
        self._dict.update(data)

    dok_matrix._update = _update


def _mend_ray_processes(module: ModuleType) -> None:
    """``ray.init`` whose processes, the workers among them, import this package first."""

    def init(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(RAY_PROCESS), before]))
        try:
            return wrapped(*args, **kwargs)
        finally:
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before

    wrapt.wrap_function_wrapper(module, "init", init)


# --- the table ------------------------------------------------------------------------------

_DATASET = "recbole.data.dataset.dataset"
_MAP = {".agg(len)": ".map(len)"}
_SCALER = {"amp.GradScaler(enabled": 'torch.amp.GradScaler("cuda", enabled'}

SHIMS = (
    Shim(
        "pkg-resources",
        "ray 2.6.3 imports pkg_resources, which setuptools 82 no longer has",
        _no_pkg_resources,
        {"recbole_ext": _find_standins},
    ),
    Shim(
        "ray-bool8",
        "ray.tune 2.6.3 uses numpy.bool8, gone in numpy 2",
        _numpy_has_no("bool8"),
        {"ray": _restore_bool8},
    ),
    Shim(
        "ray-processes",
        "Ray's workers import ray before they could import recbole_ext",
        _always,
        {"ray": _mend_ray_processes},
    ),
    Shim(
        "numpy-names",
        "Config uses numpy.float_, complex_ and unicode_, gone in numpy 2",
        _numpy_has_no("float_"),
        {
            "recbole.config.configurator": edit(
                {
                    "Config.compatibility_settings": {
                        "np.float_": "np.float64",
                        "np.complex_": "np.complex128",
                        "np.unicode_": "np.str_",
                    }
                }
            )
        },
    ),
    Shim(
        "scipy-dok",
        "LightGCN, NGCF and four more use dok_matrix._update, gone in scipy 1.13",
        _dok_has_no_update,
        {"recbole.model.abstract_recommender": _restore_dok_update},
    ),
    Shim(
        "pandas-fillna",
        "pandas 3 fills a copy: missing ratings stay NaN, padding rows become INT64_MIN",
        _fillna_in_place_is_lost,
        {
            _DATASET: edit(
                {
                    "Dataset._load_feat": {
                        'df[field].fillna(value="", inplace=True)': (
                            'df[field] = df[field].fillna(value="")'
                        )
                    },
                    "Dataset._fill_nan": {
                        "feat[field].fillna(value=0, inplace=True)": (
                            "feat[field] = feat[field].fillna(value=0)"
                        ),
                        "feat[field].fillna(value=feat[field].mean(), inplace=True)": (
                            "feat[field] = feat[field].fillna(value=feat[field].mean())"
                        ),
                    },
                }
            )
        },
    ),
    Shim(
        "pandas-agg",
        "pandas 3's Series.agg(len) counts rows: every sequence gets the same length",
        _agg_no_longer_maps,
        {
            _DATASET: edit(
                {
                    "Dataset._normalize": _MAP,
                    "Dataset._discretization": _MAP,
                    "Dataset._remap": _MAP,
                }
            ),
            "recbole.data.dataset.kg_dataset": edit(
                {"KnowledgeBasedDataset._reset_ent_remapID": _MAP}
            ),
            "recbole.data.dataset.sequential_dataset": edit(
                {"SequentialDataset._benchmark_presets": _MAP}
            ),
        },
    ),
    Shim(
        "pandas-read-only",
        "pandas 3's Series.values is read-only; torch warns that tensors over it must not be",
        _values_are_read_only,
        {
            _DATASET: edit(
                {
                    "Dataset._dataframe_to_interaction": {
                        "data[k].values": "data[k].to_numpy(copy=True)"
                    }
                }
            )
        },
    ),
    Shim(
        "torch-scaler",
        "torch.cuda.amp.GradScaler warns, once an epoch, that it has moved to torch.amp",
        _scaler_has_moved,
        {
            "recbole.trainer.trainer": edit(
                {
                    "Trainer._train_epoch": _SCALER,
                    "NCLTrainer._train_epoch": _SCALER,
                }
            )
        },
    ),
    Shim(
        "cpu-processes",
        "several processes (--nproc) are for CUDA only: nccl, cuda devices",
        _no_cuda,
        {
            "recbole.config.configurator": edit(
                {
                    "Config._init_device": {
                        'assert len(gpu_id.split(",")) >= self.final_config_dict["nproc"]': "pass",
                        'backend="nccl"': 'backend="gloo"',
                        '"cuda", self.final_config_dict["local_rank"]': '"cpu"',
                        'torch.cuda.set_device(self.final_config_dict["local_rank"])': "pass",
                    }
                }
            ),
            "recbole.trainer.trainer": edit(
                {
                    "AbstractTrainer.__init__": {
                        'device_ids=[config["local_rank"]]': "device_ids=None"
                    }
                }
            ),
        },
    ),
    Shim(
        "folder-race",
        "of two processes that make saved/ at the same time, one fails",
        _always,
        {
            "recbole.utils.utils": edit(
                {"ensure_dir": {"os.makedirs(dir_path)": "os.makedirs(dir_path, exist_ok=True)"}}
            )
        },
    ),
    Shim(
        "coverage-metrics",
        "the counts that ItemCoverage, AveragePopularity and others need are moved like tensors",
        _always,
        {
            "recbole.evaluator.collector": edit(
                {
                    "Collector.get_data_struct": {
                        "for key in self.data_struct._data_dict:": (
                            "for key in [k for k, v in self.data_struct._data_dict.items() "
                            "if hasattr(v, 'cpu')]:"
                        )
                    }
                }
            )
        },
    ),
    Shim(
        "download-barrier",
        "a data set's download ends in a barrier, which one process alone cannot pass",
        _always,
        {
            _DATASET: edit(
                {
                    "Dataset._download": {
                        "torch.distributed.barrier()": (
                            "torch.distributed.is_initialized() and torch.distributed.barrier()"
                        )
                    }
                }
            )
        },
    ),
)

_states: dict[str, State] = {shim.name: "waiting" for shim in SHIMS}


def _hook(shim: Shim, repair: Repair) -> Repair:
    def apply(module: ModuleType) -> None:
        # A break that was there stays to be mended in the shim's other modules, even where
        # the first repair has made its sign disappear.
        if _states[shim.name] == "active" or shim.needed():
            _states[shim.name] = "active"
            repair(module)
        else:
            _states[shim.name] = "not needed"

    return apply


def install() -> None:
    """Arrange for every shim to act once the module it mends is imported."""
    for shim in SHIMS:
        for module, repair in shim.repairs.items():
            after_import(module, _hook(shim, repair))


def states() -> dict[str, State]:
    """Shim name -> "active", "not needed" or "waiting" (its module is not imported yet)."""
    return dict(_states)

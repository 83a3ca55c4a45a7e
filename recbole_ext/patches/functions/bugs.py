"""What group ``bugs`` puts into RecBole."""

import copy
import os
from collections.abc import Callable
from typing import Any

from recbole_ext.trainer import outputs

# As the user set it: RecBole writes its own into the environment.
_VISIBLE_GPUS = os.environ.get("CUDA_VISIBLE_DEVICES")


def abstract_trainer_init(self: Any, config: Any, model: Any) -> None:
    """``AbstractTrainer.__init__`` for processes without CUDA devices."""
    import torch

    self.config = config
    self.model = model
    if not config["single_spec"]:
        self.model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        self.distributed_model = torch.nn.parallel.DistributedDataParallel(self.model)


def ensure_dir(dir_path: str) -> None:
    """Make a folder unless it exists, also where another process makes it at the same time."""
    os.makedirs(dir_path, exist_ok=True)


def init_logger(
    wrapped: Callable[..., None], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``init_logger``, the first that a run writes: refuses a run that could not write the rest."""
    config = args[0] if args else kwargs["config"]
    outputs.check(config["checkpoint_dir"])
    outputs.begin(config["checkpoint_dir"], config["model"])
    wrapped(*args, **kwargs)
    outputs.log_begun()
    outputs.raise_errors_of_logs()


def get_data_struct(self: Any) -> Any:
    """``Collector.get_data_struct``: only tensors are moved to the CPU, counts are not."""
    struct = self.data_struct
    for key, value in struct._data_dict.items():
        if hasattr(value, "cpu"):
            struct._data_dict[key] = value.cpu()
    collected = copy.deepcopy(struct)
    rankings = ("rec.topk", "rec.meanrank", "rec.items", "rec.ties", "rec.popular")
    for key in (*rankings, "rec.score", "data.label"):
        if key in struct:
            del struct[key]
    return collected


def init_device(
    wrapped: Callable[..., None], config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Config._init_device``, which reads ``gpu_id`` alone and puts it in the environment.

    ``use_gpu: False`` is the CPU. A ``CUDA_VISIBLE_DEVICES`` of the user's holds unless ``gpu_id``
    is given, too. Afterwards ``use_gpu`` says what is so.
    """
    settings = config.final_config_dict
    if not settings.get("use_gpu", True):
        settings["gpu_id"] = ""
    elif _VISIBLE_GPUS is not None and "gpu_id" not in config.external_config_dict:
        settings["gpu_id"] = _VISIBLE_GPUS
    wrapped(*args, **kwargs)
    settings["use_gpu"] = settings["device"].type == "cuda"

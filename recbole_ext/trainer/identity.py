"""Where a number comes from: the model, its settings, the data, the split, the package versions.

A checkpoint and a line of results contain it. A resumed run, an evaluation of a checkpoint and a
continued benchmark compare their own identity with it, and stop with an error if they differ.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_ext.data.content_hash import data_files, files_hash, interactions_hash
from recbole_ext.registry import models
from recbole_ext.trainer.plain_values import encode

if TYPE_CHECKING:
    from recbole.config import Config

PACKAGES = ("recbole", "recbole-ext", "torch", "numpy", "pandas", "scipy")
PARTS = ("train", "valid", "test")

# Settings that say where a run is carried out and what it prints or keeps, not what it computes.
_ELSEWHERE = frozenset(
    {
        *("checkpoint_dir", "data_path", "dataset_save_path", "dataloaders_save_path"),
        *("save_dataset", "save_dataloaders", "show_progress", "state", "log_wandb"),
        *("wandb_project", "device", "use_gpu", "gpu_id", "worker", "local_rank", "single_spec"),
        *("resume_from", "trust_checkpoint", "config_file", "config_files", "verbose"),
        "allow_unknown_keys",
        *("nproc", "world_size", "ip", "port", "offset", "group_offset"),
        # computed by RecBole from others
        *("MODEL_TYPE", "MODEL_INPUT_TYPE", "eval_type", "valid_metric_bigger"),
        *("valid_neg_sample_args", "test_neg_sample_args"),
    }
)

# Settings that may change when a run is resumed: how long it trains, and what it reports beside
# the metric by which the best epoch is chosen.
MAY_CHANGE_ON_RESUME = frozenset(
    {
        *("epochs", "stopping_step", "eval_step", "eval_batch_size", "metrics", "topk"),
        *("loss_decimal_place", "metric_decimal_place"),
    }
)


def settings_of(config: "Config") -> dict[str, Any]:
    """The merged settings of a run, defaults included, that decide its numbers; plain values."""
    return deciding(config.final_config_dict)


def deciding(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some settings that decide numbers, as plain values."""
    return {
        key: encode(value, key) for key, value in sorted(settings.items()) if key not in _ELSEWHERE
    }


def settings_hash(settings: Mapping[str, Any]) -> str:
    """A hash of some settings: 16 hexadecimal digits."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def data_hash(config: "Config") -> str:
    """A hash of the files of a run's data set; "" where RecBole will download them first."""
    return files_hash(data_files(Path(config["data_path"]), config["dataset"]))


def split_hashes(datasets: Mapping[str, Any]) -> dict[str, str]:
    """The hash of each part's interactions: part -> hash.

    Args:
        datasets: part -> RecBole's ``Dataset`` of it.
    """
    hashes = {}
    for part, dataset in datasets.items():
        feat = dataset.inter_feat
        users, items = feat[dataset.uid_field], feat[dataset.iid_field]
        hashes[part] = interactions_hash(users.numpy(), items.numpy())
    return hashes


def versions(model: str = "") -> dict[str, str]:
    """Package -> version, of those that decide numbers.

    Args:
        model: whose source stands beside them with its hash, if it is of none of these packages.
    """
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            installed[package] = "none"
    if models.is_known(model) and (digest := models.source(model).hash):
        installed[str(models.source(model))] = digest
    return installed


@dataclass(frozen=True)
class RunIdentity:
    """Where the numbers of a run come from.

    Attributes:
        settings: see ``settings_of``; the model and the name of the data set among them.
        data: see ``data_hash``.
        splits: part -> hash of its interactions; empty until the data set is split.
        versions: package -> version, and a model's own source -> its hash.
    """

    settings: dict[str, Any]
    data: str
    splits: dict[str, str]
    versions: dict[str, str]

    @classmethod
    def of_run(cls, config: "Config", datasets: Mapping[str, Any] | None = None) -> "RunIdentity":
        """That of a run.

        Args:
            config: its settings.
            datasets: part -> RecBole's ``Dataset``; None before the data set is split.
        """
        splits = split_hashes(datasets) if datasets else {}
        return cls(settings_of(config), data_hash(config), splits, versions(config["model"]))

    @classmethod
    def of_record(cls, record: Mapping[str, Any] | None) -> "RunIdentity | None":
        """The one that a checkpoint or a line of results holds; None where it holds none."""
        return cls(**record) if record else None

    def record(self) -> dict[str, Any]:
        """Plain values, for a checkpoint or a line of results."""
        return asdict(self)

    def differences(
        self, other: "RunIdentity", may_change: Collection[str] = ()
    ) -> list[tuple[str, Any, Any]]:
        """What differs from another run: (what, this one's value, the other's), settings first.

        Versions are not compared. Values that only one of the two has are not compared either: a
        setting of a later release, the data or the split of a checkpoint of an earlier one.

        Args:
            may_change: settings that are left out.
        """
        keys = sorted((self.settings.keys() & other.settings.keys()) - set(may_change))
        pairs = [(key, self.settings[key], other.settings[key]) for key in keys]
        if self.data and other.data:
            pairs.append(("the data files", self.data, other.data))
        pairs += [
            (f"the interactions of {part}", self.splits[part], other.splits[part])
            for part in PARTS
            if part in self.splits and part in other.splits
        ]
        return [(what, one, two) for what, one, two in pairs if one != two]

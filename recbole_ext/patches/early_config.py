"""The settings of a run as RecBole's Config merges and our patches check them, without torch.

Importing RecBole takes seconds, on a busy machine half a minute. Here RecBole's own methods do the
merging, compiled from its source (registry/recbole_source.py), and the functions of the patches
``literal-settings``, ``settings-files`` and ``default-settings`` do the rest: what is refused here
is what ``Config`` would refuse, with the same message.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recbole_ext.data.locate import dataset_folder
from recbole_ext.patches.functions import names
from recbole_ext.registry import model_parts, recbole_source


def read(
    model: str, dataset: str, files: Sequence[str] | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The final settings of a run, as far as RecBole's Config knows them before torch.

    Args:
        model, dataset: their names; the model is one that there is.
        files: yaml files.
        settings: over those of the files.

    Returns:
        What ``Config.final_config_dict`` has, without what RecBole computes from the model's
        class and the device.

    Raises:
        UserError: a file cannot be read, a key or a value is refused.
    """
    config: Any = object.__new__(recbole_source.config_class())
    config.parameters = {"Dataset": []}  # names of settings, by which RecBole sorts its log
    config.yaml_loader = config._build_yaml_loader()
    config.file_config_dict = names.load_config_files(
        config._load_config_files, config, (files,), {}
    )
    config.variable_config_dict = names.convert_config_dict(config, dict(settings))
    config.cmd_config_dict = {}
    config._merge_external_config_dict()
    config.model, config.dataset = model, dataset
    config.model_class = model_parts.kind(model)
    names.load_internal_config_dict(
        config._load_internal_config_dict, config, (model, config.model_class, dataset), {}
    )
    values: dict[str, Any] = config._get_final_config_dict()
    folder = dataset_folder(dataset, Path(values["data_path"]))
    return {**values, "model": model, "dataset": dataset, "data_path": str(folder)}

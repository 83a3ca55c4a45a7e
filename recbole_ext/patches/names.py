"""Patches through which RecBole finds models of others: their defaults, trainers, loaders, data."""

from recbole_ext.patches.patch import Patch

_OURS = "recbole_ext.patches.functions.names"

PATCHES = (
    Patch(
        name="model-names",
        target="recbole.utils.utils:get_model",
        kind="wrap",
        group="names",
        why="get_model finds no class outside of RecBole: models of packages and your own models.",
        function=f"{_OURS}:get_model",
        upstream=(489, 1267, 1544, 1975),
    ),
    Patch(
        name="settings-files",
        target="recbole.config.configurator:Config._load_config_files",
        kind="wrap",
        group="names",
        why="RecBole keeps the last of two equal keys of a yaml; our reader refuses them.",
        function=f"{_OURS}:load_config_files",
    ),
    Patch(
        name="config-dict",
        target="recbole.config.configurator:Config._load_variable_config_dict",
        kind="wrap",
        group="names",
        why="A config_dict that is none ends in a traceback; nproc in it is ignored.",
        function=f"{_OURS}:load_variable_config_dict",
    ),
    Patch(
        name="known-names",
        target="recbole.config.configurator:Config._get_model_and_dataset",
        kind="wrap",
        group="names",
        why="The name of no model ends in a traceback about lightgbm; a file may name a model.",
        function=f"{_OURS}:get_model_and_dataset",
    ),
    Patch(
        name="default-settings",
        target="recbole.config.configurator:Config._load_internal_config_dict",
        kind="wrap",
        group="names",
        why="Config merges a model's yaml and the data set's own yaml, and checks the keys.",
        function=f"{_OURS}:load_internal_config_dict",
        requires="settings-files",
    ),
    Patch(
        name="known-datasets",
        target="recbole.data.dataset.dataset:Dataset._get_download_url",
        kind="wrap",
        group="names",
        why="A data set that is not there ends in a traceback.",
        function=f"{_OURS}:get_download_url",
    ),
    Patch(
        name="dataset-names",
        target="recbole.data.dataset:__getattr__",
        kind="provide",
        group="names",
        why="create_dataset finds the data set class that a model brings.",
        function=f"{_OURS}:provide_datasets",
    ),
    Patch(
        name="trainer-names",
        target="recbole.trainer:__getattr__",
        kind="provide",
        group="names",
        why="get_trainer finds the trainer that a model brings.",
        function=f"{_OURS}:provide_trainers",
    ),
    Patch(
        name="training-loaders",
        target="recbole.data.utils:get_dataloader",
        kind="wrap",
        group="names",
        why="RecBole would train AutoRec, and autoencoders that it does not know, on interactions.",
        function=f"{_OURS}:get_dataloader",
    ),
    Patch(
        name="fixed-negatives",
        target="recbole.data.utils:create_samplers",
        kind="wrap",
        group="names",
        why="A data set with fixed_negatives is evaluated on the negatives in its files.",
        function=f"{_OURS}:create_samplers",
    ),
)

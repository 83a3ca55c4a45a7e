"""The run of a checkpoint, set up again without samplers and loaders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recbole_ext.trainer import checkpoint, checkpoint_checks, same_run
from recbole_ext.trainer.identity import PARTS, RunIdentity


@dataclass(frozen=True)
class SetUp:
    """A trained model and the data set of its run.

    Attributes:
        config: the settings of the run.
        model: with its trained weights, on the device of the run.
        dataset: the whole data set, whose ids are remapped.
        parts: train, valid and test -> the data set of the part.
    """

    config: Any
    model: Any
    dataset: Any
    parts: dict[str, Any]


def of_record(file: str, record: Mapping[str, Any]) -> SetUp:
    """What RecBole's ``load_data_and_model`` does, without samplers and loaders.

    Args:
        file: the checkpoint, for messages.
        record: of it, after ``same_run.check_usable``.

    Raises:
        CheckpointError: the data set has changed since training, or the weights do not fit.
    """
    from recbole.data import create_dataset
    from recbole.utils import get_model, init_seed

    config = checkpoint.restore_config(record["config"])
    seed = config["seed"], config["reproducibility"]
    init_seed(*seed)
    dataset = create_dataset(config)
    built = zip(PARTS, dataset.build(), strict=False)
    parts = {name: part for name, part in built if part is not None and len(part)}
    same_run.check_same_data(file, RunIdentity.of_run(config, parts), record)
    init_seed(*seed)
    model = get_model(config["model"])(config, parts["train"]).to(config["device"])
    checkpoint_checks.load_weights(model, record["state_dict"], file)
    model.load_other_parameter(record.get("other_parameter"))
    return SetUp(config, model.eval(), dataset, parts)

"""Whether a model draws items in training, and whether a run lets it."""

from collections.abc import Mapping
from typing import Any

from recbole_ext.errors import SettingError
from recbole_ext.registry import model_parts, models
from recbole_ext.registry.keys import recbole_models

DRAWN = "{distribution: uniform, sample_num: 1}"


def are_drawn(value: Any) -> bool:
    """Whether a value of ``train_neg_sample_args`` draws items, as RecBole reads it.

    Args:
        value: as a user writes it, or as RecBole's ``Config`` has it in the end.
    """
    if not isinstance(value, Mapping):
        return value not in (None, "None")
    return value.get("distribution", "uniform") not in (None, "None", "none")


def check(model: str, model_class: Any, values: Mapping[str, Any]) -> None:
    """Refuse drawn items where a model compares with all, and none where it compares with them.

    Args:
        model: its name.
        model_class: RecBole's class of it.
        values: the settings of the run, the defaults included.

    Raises:
        SettingError: ``train_neg_sample_args`` does not fit the model.
    """
    if models.is_known(model) and model_parts.brings(model, "Loader"):  # its batches are its own
        return
    # by their names: before torch is imported, the enums are those of recbole_source.py
    kind, loss = values["MODEL_TYPE"].name, values.get("loss_type")
    drawn = values.get("train_neg_sample_args")
    input_type = getattr(model_class, "input_type", None)
    by_loss = input_type is None and loss is not None
    if by_loss and loss not in ("CE", "BPR") and model in recbole_models():
        raise SettingError(
            f"loss_type: {model} has the losses CE, of all items, and BPR, of drawn ones, found "
            f"{loss!r}"
        )
    if by_loss and loss == "CE" and kind == "SEQUENTIAL" and are_drawn(drawn):
        raise SettingError(
            f"train_neg_sample_args: {model} with loss_type: CE compares with all items, expected "
            f"~, found {drawn}; write train_neg_sample_args: ~ (on a command line None), or "
            "loss_type: BPR"
        )
    if are_drawn(drawn):
        return
    pairwise = loss in (None, "BPR") and (by_loss or getattr(input_type, "name", "") == "PAIRWISE")
    of_graph = kind == "KNOWLEDGE"
    draws_entities = model == "MKR"  # which is pointwise
    if not isinstance(model_class, type):  # read of its source: Config asks again, with RecBole
        return
    if draws_entities or (pairwise and (of_graph or _reads_interactions(model, values))):
        others = ", or loss_type: CE" if by_loss else ""
        raise SettingError(
            f"train_neg_sample_args: {model} compares each item with a drawn one, expected a dict, "
            f"found {drawn!r}; write train_neg_sample_args: {DRAWN}{others}"
        )


def _reads_interactions(model: str, values: Mapping[str, Any]) -> bool:
    """Whether RecBole trains a model on interactions, not on the rows of users."""
    from recbole.data.dataloader import TrainDataLoader
    from recbole.data.utils import get_dataloader

    return issubclass(get_dataloader({**values, "model": model}, "train"), TrainDataLoader)

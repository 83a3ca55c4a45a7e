"""A trained model with its data set, read from a checkpoint without loaders."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recbole_ext.data import atomic_files, interaction_file
from recbole_ext.data import titles as item_titles
from recbole_ext.data.interaction_set import InteractionSet
from recbole_ext.inference.ratings import Ratings
from recbole_ext.models import representations
from recbole_ext.registry import models
from recbole_ext.registry.model_parts import attribute, needs_ratings
from recbole_ext.trainer import checkpoint, same_run, set_up
from recbole_ext.trainer.identity import settings_of

if TYPE_CHECKING:
    from recbole.config import Config

# words in the name of the column of .item with the kinds of the items
_GENRES = ("genre", "class", "categor")


@dataclass(frozen=True)
class TrainedModel:
    """A model and the data that it was trained on.

    Attributes:
        file: the checkpoint.
        config: the settings of its run.
        model: with its trained weights, on the device of the run.
        dataset: the whole data set, whose ids are remapped.
        parts: train, valid and test -> the data set of the part.
    """

    file: str
    config: "Config"
    model: Any
    dataset: Any
    parts: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.config["model"]

    @property
    def settings(self) -> dict[str, Any]:
        """The merged settings of its run that decide its numbers, as plain values."""
        return settings_of(self.config)

    @property
    def scores_all_items(self) -> bool:
        """Whether it scores all items of many users at once, within little memory."""
        return models.is_known(self.name) and bool(attribute(self.name, "scores_all_items"))

    @property
    def is_sequential(self) -> bool:
        """Whether it predicts the next item of a sequence."""
        return self.config["MODEL_TYPE"].name == "SEQUENTIAL"

    @property
    def device(self) -> Any:
        """Where the model is."""
        return self.config["device"]

    @property
    def eval_batch_size(self) -> int:
        """The pairs that an evaluation scores at a time."""
        return self.config["eval_batch_size"]

    @property
    def longest_cutoff(self) -> int:
        """The length of the lists that an evaluation of the run takes."""
        return max(self.config["topk"])

    @property
    def needs_ratings(self) -> bool:
        """Whether it is trained on ratings, not on interactions."""
        return needs_ratings(self.name)

    @cached_property
    def ratings(self) -> Ratings | None:
        """The ratings as the data file has them; None where it has none, or they are not loaded."""
        config, field = self.config, self.config["RATING_FIELD"]
        if field not in self.dataset.inter_feat.columns:
            return None
        if not (config["normalize_all"] or field in (config["normalize_field"] or ())):
            return Ratings(self.dataset, field, None)
        path = Path(config["data_path"]) / f"{config['dataset']}.inter"
        names = config["USER_ID_FIELD"], config["ITEM_ID_FIELD"], field, config["field_separator"]
        if not path.is_file() or names != ("user_id", "item_id", "rating", "\t"):
            return None
        file = interaction_file.read(path)
        return None if file.ratings is None else Ratings(self.dataset, field, file)

    @cached_property
    def seen(self) -> InteractionSet:
        """The items that an evaluation of the test part leaves out of each user's list.

        These are the user's items in the training and the validation part, except those that are
        also in the test part.
        """
        seen = InteractionSet.of_dataset(self.parts["train"])
        if "valid" in self.parts:
            seen |= InteractionSet.of_dataset(self.parts["valid"])
        if "test" in self.parts:
            seen -= InteractionSet.of_dataset(self.parts["test"])
        return seen

    @cached_property
    def titles(self) -> np.ndarray:
        """[items], the title of each item in the data set's ``.item`` file; "" where it has none.

        It is the first column with "title" or "name" in its name.
        """
        titles = np.full(self.dataset.item_num, "", dtype=object)
        if (column := self._item_column()) is not None:
            titles[1:] = column[1]
        return titles

    @cached_property
    def genres(self) -> list[list[str]]:
        """The genres of each item in the data set's ``.item`` file; [] for an item without any.

        They are the first column of text with "genre", "class" or "categor" in its name.
        """
        column = self._item_column(_GENRES)
        if column is None:
            return [[] for _ in range(self.dataset.item_num)]
        name, values = column
        types = atomic_files.read_header(
            Path(self.config["data_path"]) / f"{self.config['dataset']}.item",
            self.config["field_separator"],
            self.config["encoding"],
        )
        if types[name] == "token_seq":
            between = self.config["seq_separator"]
            return [[], *([genre for genre in value.split(between) if genre] for value in values)]
        return [[], *([value] if value and types[name] == "token" else [] for value in values)]

    def _item_column(
        self, words: Sequence[str] = item_titles.WORDS
    ) -> tuple[str, list[str]] | None:
        """A column of ``.item``, by default of titles: its name, and its values from item 1 on.

        None where no column has one of the words in its name.
        """
        header, rows = representations.features(self.config, self.dataset, "item")
        name = item_titles.column_of(header, words)
        if name is None:
            return None
        place = list(header).index(name)
        return name, [row[place] for row in rows]


def load(file: str | Path, trust_checkpoint: bool = False) -> TrainedModel:
    """Read a checkpoint, and the data set of its run.

    Args:
        file: that a run has saved.
        trust_checkpoint: whether it may be a pickle, which can execute code.

    Raises:
        CheckpointError: the file cannot be used, before RecBole is imported; its data set is not
            there, or has changed since training.
    """
    with checkpoint.trusted(trust_checkpoint), checkpoint.read_once():
        same_run.check_usable(file)
        record = checkpoint.load(file)
        with same_run.set_up_again(file):
            whole = set_up.of_record(str(file), record)
    return TrainedModel(str(file), whole.config, whole.model, whole.dataset, whole.parts)

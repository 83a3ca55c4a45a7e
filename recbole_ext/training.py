"""How training differs from RecBole's: what a batch is."""

from typing import Any

import numpy as np
import torch
from recbole.data.dataloader.abstract_dataloader import AbstractDataLoader
from recbole.data.interaction import Interaction

from recbole_ext import settings
from recbole_ext.models.autorec import AutoRecSettings


class RowLoader(AbstractDataLoader):
    """Batches of row ids: each epoch is a permutation of all users, or all items, but id 0.

    A batch is an ``Interaction`` with the ids alone; the model has the rows.
    """

    def __init__(self, config: Any, dataset: Any, sampler: Any, shuffle: bool = False) -> None:
        chosen = settings.read(AutoRecSettings, config.final_config_dict)
        field = dataset.uid_field if chosen.orientation == "user" else dataset.iid_field
        self.ids = Interaction({field: torch.arange(1, dataset.num(field))})
        self.sample_size = len(self.ids)
        super().__init__(config, dataset, sampler, shuffle=shuffle)

    def _init_batch_size_and_step(self) -> None:
        self.step = self.config["train_batch_size"]
        self.set_batch_size(self.step)

    def collate_fn(self, index: list[int]) -> Interaction:
        return self.ids[np.array(index)]

"""What a batch is: of training, where a model asks for one of its own, and of full rankings."""

from collections.abc import Iterator
from functools import cached_property
from logging import getLogger
from typing import Any

import numpy as np
import torch
from recbole.data.dataloader import FullSortEvalDataLoader, TrainDataLoader
from recbole.data.dataloader.abstract_dataloader import AbstractDataLoader
from recbole.data.interaction import Interaction
from recbole.utils import ModelType
from torch import Tensor

from recbole_ext.config.types import Orientation
from recbole_ext.data.interaction_set import InteractionSet


class IdLoader(AbstractDataLoader):
    """Batches of ids: each epoch is a permutation of all users, or all items, but id 0.

    A batch is an ``Interaction`` with the ids alone; the model has what belongs to them.
    """

    of: Orientation

    def __init__(self, config: Any, dataset: Any, sampler: Any, shuffle: bool = False) -> None:
        field = dataset.uid_field if self.of == "user" else dataset.iid_field
        self.ids = Interaction({field: torch.arange(1, dataset.num(field))})
        self.sample_size = len(self.ids)
        super().__init__(config, dataset, sampler, shuffle=shuffle)

    def _init_batch_size_and_step(self) -> None:
        self.step = self.config["train_batch_size"]
        self.set_batch_size(self.step)

    def collate_fn(self, index: list[int]) -> Interaction:
        return self.ids[np.array(index)]


class UserLoader(IdLoader):
    """Batches of users."""

    of = "user"


class ItemLoader(IdLoader):
    """Batches of items."""

    of = "item"


class InteractionLoader(TrainDataLoader):
    """RecBole's batches of interactions, in RecBole's order, without its lists of numbers."""

    def __iter__(self) -> Iterator[Interaction]:
        if self.num_workers or not self.config["single_spec"]:
            yield from super().__iter__()
            return
        # What torch draws: a seed for workers, the order, and another order when that is used up.
        torch.empty((), dtype=torch.int64).random_(generator=self.generator)
        order = torch.arange(self.sample_size)
        if self.shuffle:
            order = torch.randperm(self.sample_size, generator=self.generator)
        for index in order.split(self.step):
            yield self.collate_fn(index.numpy())
        if self.shuffle:
            torch.randperm(self.sample_size, generator=self.generator)


class PositiveLoader(InteractionLoader):
    """The same without drawn items: the other items of a batch are the negatives."""

    def _set_neg_sample_args(
        self, config: Any, dataset: Any, dl_format: Any, neg_sample_args: Any
    ) -> None:
        nothing = {"distribution": "none", "sample_num": "none"}
        super()._set_neg_sample_args(config, dataset, dl_format, nothing)


class RankingLoader(FullSortEvalDataLoader):
    """RecBole's users with what they have, held out and before, by arrays."""

    def __init__(self, config: Any, dataset: Any, sampler: Any, shuffle: bool = False) -> None:
        self.logger = getLogger()
        self.uid_field, self.iid_field = dataset.uid_field, dataset.iid_field
        self.is_sequential = False
        dataset.sort(by=self.uid_field, ascending=True)
        self.positive = InteractionSet.of_dataset(dataset)
        self.used = sampler.used_ids
        self.uid_list = dataset.inter_feat[self.uid_field].unique()
        self.user_df = dataset.join(Interaction({self.uid_field: self.uid_list}))
        self.sample_size = len(self.user_df)
        AbstractDataLoader.__init__(self, config, dataset, sampler, shuffle=False)

    @cached_property
    def history(self) -> InteractionSet:
        """What users have before; computed by the first ranking, not before the first step."""
        return self.used - self.positive

    def collate_fn(self, index: list[int]) -> tuple[Any, tuple[Tensor, Tensor], Tensor, Tensor]:
        users = self.user_df[np.array(index)]
        ids = users[self.uid_field].numpy()
        history_row, history = map(torch.from_numpy, self.history.of(ids))
        positive_row, positive = map(torch.from_numpy, self.positive.of(ids))
        return users, (history_row, history), positive_row, positive

    @property
    def uid2history_item(self) -> np.ndarray:
        """[users], what each has before; RecBole's case study asks for it."""
        items = np.empty(self.history.n_users, dtype=object)
        for user in range(len(items)):
            items[user] = torch.from_numpy(self.history.of(np.array([user]))[1])
        return items


class WideRankingLoader(RankingLoader):
    """The same with large batches: ``eval_batch_size`` is the least.

    Its default, 4,096 scores, is two users of ml-100k at a time.
    """

    scores = 2**22  # 16 MiB

    def _init_batch_size_and_step(self) -> None:
        n_items = self._dataset.item_num
        self.step = max(max(self.config["eval_batch_size"], self.scores) // n_items, 1)
        self.set_batch_size(self.step * n_items)


def our_loader(config: Any, theirs: Any, wide: bool) -> Any:
    """RecBole's loader, or ours in the place of those of interactions and of full rankings.

    Args:
        config: of the run.
        theirs: what RecBole would take.
        wide: whether a ranking has large batches.
    """
    if theirs is TrainDataLoader:
        return InteractionLoader
    sets = config["repeatable"] or config["MODEL_TYPE"] == ModelType.SEQUENTIAL
    if theirs is not FullSortEvalDataLoader or sets:  # whose samplers keep sets
        return theirs
    return WideRankingLoader if wide else RankingLoader

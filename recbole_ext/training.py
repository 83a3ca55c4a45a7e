"""How training differs from RecBole's: what a batch is, and what a step is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from recbole.data.dataloader.abstract_dataloader import AbstractDataLoader
from recbole.data.interaction import Interaction
from recbole.trainer import Trainer
from torch import Tensor
from torch.optim import LBFGS, Optimizer, Rprop

from recbole_ext import checkpoint, settings
from recbole_ext.interactions import Orientation
from recbole_ext.models.autorec.settings import AutoRecSettings


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


def autorec_loader(config: Any) -> type[IdLoader]:
    """Rows: items or users."""
    chosen = settings.read(AutoRecSettings, config.final_config_dict)
    return UserLoader if chosen.orientation == "user" else ItemLoader


def ncf_loader(config: Any) -> type[IdLoader] | None:
    """Users where each is trained with all items; else RecBole's loader of interactions."""
    return UserLoader if config["negatives"] == "all" else None


class SteppingTrainer(Trainer):
    """RecBole's trainer, which tells the model before the first step and after each."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        if not self.start_epoch:
            self.model.start_from(partial(checkpoint.load, map_location=self.device))
        return super().fit(*args, **kwargs)

    def _build_optimizer(self, **kwargs: Any) -> Optimizer:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = self._choose_optimizer(**{"params": trained, **kwargs})
        optimizer.register_step_post_hook(lambda *_: self.model.after_step())
        return optimizer

    def _choose_optimizer(self, **kwargs: Any) -> Optimizer:
        return super()._build_optimizer(**kwargs)


class AutoRecTrainer(SteppingTrainer):
    """The same with the paper's optimisers and re-feeding.

    ``learner: lbfgs`` and ``rprop`` are for batches of all rows.
    """

    def _choose_optimizer(self, **kwargs: Any) -> Optimizer:
        learner = kwargs.get("learner", self.learner)
        if learner == "lbfgs":
            return LBFGS(kwargs["params"], lr=self.learning_rate, line_search_fn="strong_wolfe")
        if learner == "rprop":
            return Rprop(kwargs["params"], lr=self.learning_rate)
        return super()._choose_optimizer(**kwargs)

    def _train_epoch(
        self,
        train_data: Any,
        epoch_idx: int,
        loss_func: Callable[[Any], Tensor] | None = None,
        show_progress: bool = False,
    ) -> Any:
        loss_of = loss_func or self.model.calculate_loss
        waiting: list[Any] = []  # the batch that the next step is for, unless that is of re-feeding

        def before_step(interaction: Any) -> Tensor:
            waiting[:] = [interaction]
            self._next_step_minimises(partial(loss_of, interaction))
            return loss_of(interaction)

        def refeed(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            batch = waiting.pop() if waiting else None
            for _ in range(self.model.chosen.refeeding if batch is not None else 0):
                loss = partial(self.model.refeeding_loss, batch, self.model.rebuilt)
                self._next_step_minimises(loss)
                optimizer.zero_grad()
                loss().backward()
                optimizer.step()

        hook = self.optimizer.register_step_post_hook(refeed)
        try:
            return super()._train_epoch(train_data, epoch_idx, before_step, show_progress)
        finally:
            hook.remove()

    def _next_step_minimises(self, loss: Callable[[], Tensor]) -> None:
        """Tell L-BFGS, which evaluates the loss itself; RecBole calls ``step()`` without it.

        All evaluations of a step draw the same random numbers: with dropout it minimises one
        function, not another at each evaluation.
        """
        optimizer = self.optimizer
        if not isinstance(optimizer, LBFGS):
            return
        seed = int(torch.randint(2**31, ()))

        def evaluate() -> Tensor:
            torch.manual_seed(seed)
            optimizer.zero_grad()
            value = loss()
            value.backward()
            return value

        def step() -> Any:
            with torch.random.fork_rng():
                return LBFGS.step(optimizer, evaluate)

        optimizer.step = step  # type: ignore[method-assign, assignment]

"""Trainers whose training step differs from RecBole's."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, cast

import torch
from recbole.trainer import Trainer
from recbole.utils import EvaluatorType
from torch import Tensor, nn
from torch.optim import LBFGS, Adam, Optimizer, Rprop, SparseAdam

from recbole_ext.errors import SettingError
from recbole_ext.trainer import checkpoint, rating_errors


class CallbackTrainer(Trainer):
    """RecBole's trainer, which also calls two methods of the model.

    It calls ``warm_start(load)`` before the first step and ``on_step_end()`` after each step.
    """

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        if not self.start_epoch:
            self.model.warm_start(partial(checkpoint.load, map_location=self.device))
        return super().fit(*args, **kwargs)

    def _build_optimizer(self, **kwargs: Any) -> Optimizer:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = self._choose_optimizer(**{"params": trained, **kwargs})
        optimizer.register_step_post_hook(lambda *_: self.model.on_step_end())
        return optimizer

    def _choose_optimizer(self, **kwargs: Any) -> Optimizer:
        layers = self.model.modules()
        tables = [m.weight for m in layers if isinstance(m, nn.Embedding) and m.sparse]
        if kwargs.get("learner", self.learner) != "sparse_adam" or not tables:
            return super()._build_optimizer(**kwargs)
        if kwargs.get("weight_decay", self.weight_decay):
            raise SettingError(
                "weight_decay: sparse_adam does not update rows outside a batch, expected 0, "
                f"found {self.weight_decay}; set weight_decay: 0.0, or learner: adam"
            )
        return RowAdam(tables, kwargs["params"], lr=cast(float, self.learning_rate))


class RowAdam(Optimizer):
    """Adam that updates only those rows of large tables that a batch uses.

    Adam updates every row at every step, from running averages of the row's gradients. This one
    updates the rows of a batch as torch's ``SparseAdam`` does. With 138,000 users and vectors of
    512 numbers, updating all rows costs more than the rest of a step.

    Args:
        tables: with sparse gradients.
        params: all parameters, the tables included.
        lr: of both.
    """

    def __init__(self, tables: list[Tensor], params: Iterable[Tensor], lr: float) -> None:
        own = {id(table) for table in tables}
        dense = [p for p in params if id(p) not in own]
        self.parts = {"rows": SparseAdam(tables, lr=lr), "dense": Adam(dense, lr=lr)}
        groups = [{"params": tables}, {"params": dense}]
        super().__init__(groups, {"lr": lr})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for part in self.parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])


class AutoRecTrainer(CallbackTrainer):
    """``CallbackTrainer`` with the paper's optimisers and re-feeding.

    ``learner: lbfgs`` and ``rprop`` need batches of all rows.
    """

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        ranks = self.eval_type == EvaluatorType.RANKING and self.valid_metric_bigger
        if self.config["valid_rmse_weight"] and not ranks:
            raise SettingError(
                "valid_rmse_weight: is for a metric of rankings of which more is better, found "
                f"valid_metric: {self.config['valid_metric']}; write metrics: [NDCG], "
                "valid_metric: NDCG@10 and eval_args: {mode: full}, or valid_rmse_weight: 0"
            )
        return super().fit(*args, **kwargs)

    def evaluate(self, eval_data: Any, *args: Any, **kwargs: Any) -> Any:
        """RecBole's evaluation; if both heads stop training, RMSE and MAE are added."""
        result = super().evaluate(eval_data, *args, **kwargs)
        if self.config["valid_rmse_weight"] and result:
            field, batch_size = self.config["RATING_FIELD"], self.config["eval_batch_size"]
            errors = rating_errors.of_part(self.model, eval_data, field, batch_size)
            digits = self.config["metric_decimal_place"]
            result.update({name: round(error, digits) for name, error in errors.items()})
        return result

    def _valid_epoch(self, valid_data: Any, show_progress: bool = False) -> tuple[float, Any]:
        """RecBole's; with both heads the score is ``valid_metric`` - ``valid_rmse_weight`` x RMSE.

        Both metrics are rounded as the run shows them.
        """
        score, result = super()._valid_epoch(valid_data, show_progress)
        if weight := self.config["valid_rmse_weight"]:
            score -= weight * result["rmse"]
        return score, result

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
            for _ in range(self.model.settings.refeeding if batch is not None else 0):
                loss = partial(self.model.refeeding_loss, batch, self.model.rebuilt)
                self._next_step_minimises(loss)
                optimizer.zero_grad()
                self._in_its_precision(loss).backward()
                optimizer.step()

        hook = self.optimizer.register_step_post_hook(refeed)
        try:
            return super()._train_epoch(train_data, epoch_idx, before_step, show_progress)
        finally:
            hook.remove()

    def _neg_sample_batch_eval(self, batched_data: Any) -> Any:
        """The scores of a batch; candidates of users are ranked by scores that are not clipped."""
        is_ranking = batched_data[1] is not None  # the row of each candidate's user
        with self.model.for_ranking() if is_ranking else nullcontext():
            return super()._neg_sample_batch_eval(batched_data)

    def _in_its_precision(self, loss: Callable[[], Tensor]) -> Tensor:
        """Compute a loss in the precision of the run (``enable_amp``), as RecBole does."""
        with torch.autocast(self.device.type, enabled=self.enable_amp):
            return loss()

    def _next_step_minimises(self, loss: Callable[[], Tensor]) -> None:
        """Give L-BFGS the loss, which it evaluates itself; RecBole calls ``step()`` without it.

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
            value = self._in_its_precision(loss)
            value.backward()
            return value

        def step() -> Any:
            with torch.random.fork_rng():
                return LBFGS.step(optimizer, evaluate)

        optimizer.step = step  # type: ignore[method-assign, assignment]

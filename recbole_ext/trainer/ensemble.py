"""How the weights of an ensemble are chosen: by validation alone."""

from typing import Any

from recbole.utils import EvaluatorType

from recbole_ext.errors import SettingError
from recbole_ext.trainer.terminal import say
from recbole_ext.trainer.trainer import CallbackTrainer


class EnsembleTrainer(CallbackTrainer):
    """Tries the weights of the ensemble's grid; the best in validation are kept.

    An epoch is one point of the grid: its weights are set, and RecBole validates, keeps the best
    epoch and writes the checkpoint as ever. Of equal ones the last is kept, whose weights are the
    most even. Whatever ``epochs``, ``eval_step`` and ``stopping_step`` are, all points are tried.
    """

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)
        self.epochs = self.stopping_step = len(model.grid)
        self.eval_step = 1

    def fit(
        self, train_data: Any, valid_data: Any = None, *args: Any, **kwargs: Any
    ) -> tuple[float, Any]:
        """Choose the weights.

        Args:
            train_data: whose items metrics count; no weight is learned from it.
            valid_data: chooses the weights.
            args, kwargs: as RecBole's ``Trainer.fit`` takes them.

        Raises:
            SettingError: the run evaluates ratings or labels, or there is no validation part to
                choose weights by.
            CheckpointError: a member cannot be used.
        """
        if self.eval_type != EvaluatorType.RANKING:
            raise SettingError(
                f"metrics: {', '.join(self.config['metrics'])}: the scores of an ensemble rank "
                "items, they are neither ratings nor probabilities; write metrics: [NDCG], "
                "valid_metric: NDCG@10 and eval_args: {mode: full}"
            )
        if not valid_data and self.epochs > 1:
            raise SettingError(
                "weights: are chosen by the validation part, which this split has not; give "
                "eval_args: {split: {RS: [0.8, 0.1, 0.1]}}, or weights"
            )
        with self.model.keeping_scores():
            result = super().fit(train_data, valid_data, *args, **kwargs)
        best = self.epochs - 1 - (self.cur_step if valid_data else 0)
        self.model.set_weights(self.model.grid[best])
        progress = getattr(self.config, "recbole_ext_progress", None)
        if progress is not None:  # a run that prints its epochs
            progress.flush()
            weights = self.model.weights_of_members.items()
            say(f"weights: {', '.join(f'{name} {weight:.2f}' for name, weight in weights)}")
        return result

    def _train_epoch(self, train_data: Any, epoch_idx: int, *args: Any, **kwargs: Any) -> float:
        self.model.set_weights(self.model.grid[epoch_idx])
        return 0.0

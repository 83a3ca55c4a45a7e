"""A run of RecBole in separate steps, for commands that do more or less than ``run_recbole``.

``run_recbole`` evaluates the test split at the end of every run; a search must not do so, and
commands that read a trained model need not.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recbole_ext.errors import SettingError
from recbole_ext.trainer import outputs

Watch = Callable[[int, float], object]

# The settings of a run that is one of many, without output.
QUIET = {"show_progress": False, "state": "CRITICAL"}


@dataclass
class Run:
    """What RecBole's quick start builds from the settings before training."""

    config: Any
    dataset: Any
    train: Any
    valid: Any
    test: Any
    model: Any
    trainer: Any

    def fit(self, saved: bool = True, watch: Watch | None = None) -> tuple[float, Any]:
        """Train; the best validation score and all metrics of that epoch.

        Args:
            saved: whether the best epoch is kept in a checkpoint.
            watch: called after each evaluation with the epoch, from 0 on, and its score.
        """
        return self.trainer.fit(
            self.train, self.valid, verbose=False, saved=saved, callback_fn=watch
        )

    def fit_validated(self, saved: bool = True, watch: Watch | None = None) -> tuple[float, Any]:
        """Like ``fit``, but guarantees at least one validation.

        RecBole's traditional models have one epoch, and no validation if ``eval_step`` is 2. A run
        that is shorter than ``eval_step`` is validated after its last epoch.

        Raises:
            SettingError: there is no validation score, or it is not a number.
        """
        self.trainer.eval_step = min(self.trainer.eval_step, self.trainer.epochs)
        score, metrics = self.fit(saved, watch)
        if not math.isfinite(score):
            raise SettingError(f"expected a validation score, found {score}: see eval_step, epochs")
        return float(score), metrics

    @property
    def best_epoch(self) -> int:
        """The epochs until the best validation score."""
        after = self.trainer.cur_step * max(self.trainer.eval_step, 1)
        return len(self.trainer.train_loss_dict) - after


def load(config: Any) -> tuple[Any, list[Any]]:
    """The data set of a run, and its loaders: for training, validation and test.

    The split depends on the seed alone; how it is evaluated, on the settings.
    """
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import init_seed

    init_seed(config["seed"], config["reproducibility"])
    data = create_dataset(config)
    return data, list(data_preparation(config, data))


def evaluator(config: Any, model: Any) -> tuple[Any, list[Any]]:
    """A trainer that evaluates a trained model with other settings than those of its run.

    Args:
        config: of the run, with other settings of the evaluation: see ``Protocol.applied_to``.
        model: a trained one.

    Returns:
        a trainer, and the loaders: for training, validation and test.
    """
    _, loaders = load(config)
    return trainer_of(config, model, loaders[0]), loaders


def trainer_of(config: Any, model: Any, train: Any) -> Any:
    """A trainer that evaluates a trained model.

    Args:
        config: the settings of the evaluation.
        model: a trained one.
        train: the loader for training, from which metrics compute popularity.
    """
    from recbole.utils import get_trainer

    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)
    return trainer


def prepare(
    model: str, dataset: str, given: Mapping[str, Any], files: Sequence[str] | None = None
) -> Run:
    """Everything for a run, in the order and with the random states of RecBole's quick start.

    Args:
        model, dataset: their names.
        given: settings, over the defaults.
        files: yaml files; ``given`` wins over them.
    """
    from recbole.config import Config

    return set_up(Config(model, dataset, config_file_list=files, config_dict=dict(given)))


def set_up(config: Any) -> Run:
    """Like ``prepare``, for settings that are a ``Config`` already."""
    from recbole.utils import get_model, get_trainer, init_seed

    outputs.check(config["checkpoint_dir"], logged=False)
    data, (train, valid, test) = load(config)
    init_seed(config["seed"] + config["local_rank"], config["reproducibility"])
    net = get_model(config["model"])(config, train._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, net)
    return Run(config, data, train, valid, test, net, trainer)

"""The progress of one run, a line an epoch, and the record of the run when it has ended."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recbole_ext.trainer.identity import RunIdentity
from recbole_ext.trainer.terminal import say

# An epoch gets a line if so many seconds have passed since the last one.
SECONDS_BETWEEN_LINES = 10.0

Losses = float | tuple[float, ...]


@dataclass(frozen=True)
class Counts:
    """The size of a data set as a run uses it, after its filters.

    Attributes:
        users, items, interactions: of the whole data set, padding left out.
        parts: train, valid, test -> number of rows. A sequential model has a row for each prefix
            of a user's history.
    """

    users: int
    items: int
    interactions: int
    parts: dict[str, int]

    def __str__(self) -> str:
        parts = ", ".join(f"{rows:,} {part}" for part, rows in self.parts.items())
        return (
            f"{self.users:,} users, {self.items:,} items, {self.interactions:,} interactions "
            f"({parts})"
        )


@dataclass(frozen=True)
class RunRecord:
    """Facts about a finished run besides its metrics.

    Attributes:
        identity: its settings, data, split and versions.
        counts: the size of its data.
        epochs: number of epochs that the model has been trained for, resumed ones included.
        best_epoch: the epoch of the checkpoint, from 1 on; 0 if no epoch was validated.
        seconds: training and validation in this process.
        checkpoint: the file of the best epoch; "" if none was written.
        log: RecBole's log file; "" if there is none.
    """

    identity: RunIdentity
    counts: Counts
    epochs: int
    best_epoch: int
    seconds: float
    checkpoint: str
    log: str


class RunResult(dict[str, Any]):
    """What RecBole's ``run_recbole`` returns, with the record of the run."""

    def __init__(self, result: Mapping[str, Any], record: RunRecord) -> None:
        super().__init__(result)
        self.record = record


def score_name(settings: Mapping[str, Any]) -> str:
    """What the best epoch of a run is chosen by, in words."""
    metric = str(settings["valid_metric"]).lower()
    weight = settings.get("valid_rmse_weight")  # AutoRec's
    return f"{metric} - {weight:g} rmse" if weight else metric


def has_a_line(epoch: int, seconds: float) -> bool:
    """Whether an epoch is shown: all slow ones, of fast ones 1 to 10, 20, 30, ... 100, 200, ...

    Args:
        epoch: from 1 on.
        seconds: since the last line.
    """
    return epoch % 10 ** (len(str(epoch)) - 1) == 0 or seconds >= SECONDS_BETWEEN_LINES


@dataclass
class Progress:
    """The epochs of one run as they end.

    Attributes:
        counts: the size of its data.
        metric: by which the best epoch is chosen.
        loss_digits, metric_digits: decimal places.
        has_loss: whether the model learns by steps; RecBole's traditional models have no loss.
        epoch: the last that has been trained, from 1 on.
        validated_epoch: the last that has been validated; 0 before the first.
        seconds: training and validation so far.
    """

    counts: Counts
    metric: str
    loss_digits: int = 4
    metric_digits: int = 4
    has_loss: bool = True
    epoch: int = 0
    validated_epoch: int = 0
    seconds: float = 0.0
    _line: list[str] = field(default_factory=list)  # of an epoch that may yet be validated
    _epoch_seconds: float = 0.0
    _shown_at: float = -math.inf

    def trained(
        self, epoch: int, losses: Losses, seconds: float, is_validated: bool = True
    ) -> None:
        """An epoch has been trained.

        Args:
            epoch: from 1 on.
            losses: summed over the epoch's batches; several parts as a tuple.
            seconds: that it took.
            is_validated: whether its validation follows, before which it is not shown.
        """
        self.flush()
        self.epoch = epoch
        self._add_seconds(seconds)
        if self.has_loss:
            parts = losses if isinstance(losses, tuple) else (losses,)
            self._line = ["loss " + " + ".join(f"{part:.{self.loss_digits}f}" for part in parts)]
        if not is_validated:
            self.flush()

    def validated(self, score: float, seconds: float) -> None:
        """The epoch has been validated.

        Args:
            score: of ``metric``.
            seconds: that it took.
        """
        if self.epoch == self.validated_epoch:  # of a decision tree, which has no other sign
            self.epoch += 1
        self.validated_epoch = self.epoch
        self._add_seconds(seconds)
        self._line.append(f"{self.metric} {score:.{self.metric_digits}f}")
        self.flush()

    def flush(self) -> None:
        """Show the line of the last epoch, if it is still to be shown and has one."""
        line, self._line = self._line, []
        seconds, self._epoch_seconds = self._epoch_seconds, 0.0
        now = time.monotonic()
        if line and has_a_line(self.epoch, now - self._shown_at):
            self._shown_at = now
            say(f"epoch {self.epoch}: {', '.join(line)}, {seconds:.1f} s")

    def _add_seconds(self, seconds: float) -> None:
        self._epoch_seconds += seconds
        self.seconds += seconds

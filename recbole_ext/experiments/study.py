"""Trials that are chosen one after another: Optuna's sampler TPE, and its median pruner.

TPE draws values near those of good trials more often: Bergstra, Bardenet, Bengio and
Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011. The study is not stored: it is built
anew from the lines of the results file, so that a search that was stopped continues with the trials
that it would have had.

With pruning a trial ends once its best validation score is worse than the median of the others'
after the same number of epochs. It counts as one of the trials that the model had.
"""

import importlib.util
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from recbole_ext.errors import SettingError, UserError
from recbole_ext.experiments import trials as drawing
from recbole_ext.experiments.trials import Trial

Sampler = Literal["random", "tpe"]
RANDOM: Final = "random"
TPE: Final = "tpe"

# Trials before TPE has something to learn from: those of random search with the same seed, so that
# the two are compared from the same start. No trial is pruned before.
STARTUP = 5

_ATTEMPTS = 50  # to draw a combination that has not been tried

Curve = Sequence[tuple[int, float]]  # epochs so far, validation score


class PrunedError(Exception):
    """A trial ends early: others were better after as many epochs, or its time is over."""


@dataclass(frozen=True)
class Study:
    """A search by TPE.

    Attributes:
        space: setting -> its values.
        first: the first trial, which need not be in the space.
        n: the number of trials.
        seed: of the sampler.
        pruning: whether trials may be pruned.
    """

    space: Mapping[str, list[Any]]
    first: Trial
    n: int
    seed: int
    pruning: bool

    def record(self) -> dict[str, Any]:
        """The settings of the study on which a trial depends; the number of trials is none."""
        return {
            "sampler": TPE,
            "space": dict(self.space),
            "first": self.first,
            "seed": self.seed,
            "pruning": self.pruning,
        }


@dataclass(frozen=True)
class Outcome:
    """A trial that has ended.

    Attributes:
        values: what it ran with.
        score: its validation score; None where it was pruned.
        curve: its validation scores.
    """

    values: Trial
    score: float | None
    curve: Curve


def require(where: str) -> None:
    """Check that Optuna is installed, without importing it.

    Args:
        where: the file and the key that need it; the message begins with it.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UserError(f"{where}: Optuna is not installed; pip install 'recbole-ext[optuna]'")


def check(sampler: Sampler, pruning: bool, where: str) -> None:
    """Raise an error if a sampler is not installed, or does not support pruning.

    Args:
        sampler, pruning: as the file has them.
        where: the file, for messages.

    Raises:
        SettingError, UserError: it says what to write, or to install.
    """
    if sampler == TPE:
        require(f"{where}: sampler: {TPE}")
    elif pruning:
        raise SettingError(f"{where}: pruning: needs sampler: {TPE}, found {sampler}")


def next_trials(
    study: Study,
    outcomes: Mapping[int, Outcome],
    running: Sequence[Trial],
    numbers: Sequence[int],
    bigger: bool,
) -> list[Trial]:
    """The values of the next trials, none of which has been tried.

    Args:
        study: what is searched.
        outcomes: number -> a trial that has ended; failed ones are left out.
        running: the values of other trials, which have failed or have not ended.
        numbers: of the next trials, ascending.
        bigger: whether a bigger validation score is better.
    """
    start = drawing.draw(study.space, study.first, STARTUP, study.seed)
    trials: list[Trial] = []
    for number in numbers:
        tried = [*(outcome.values for outcome in outcomes.values()), *running, *trials]
        if number < len(start):
            trials.append(start[number])
        else:
            trials.append(_ask(study, outcomes, tried, number, bigger))
    return trials


def _ask(
    study: Study,
    outcomes: Mapping[int, Outcome],
    tried: Sequence[Trial],
    number: int,
    bigger: bool,
) -> Trial:
    """A combination that is not among ``tried``."""
    import optuna
    from optuna.trial import TrialState

    axes = {name: _Axis(values) for name, values in study.space.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP, constant_liar=True, seed=study.seed + number
        )
    history = _history(bigger, sampler=sampler)
    for _, outcome in sorted(outcomes.items()):
        if all(outcome.values[name] in axis.values for name, axis in axes.items()):
            params = {name: axis.place(outcome.values[name]) for name, axis in axes.items()}
            _add(
                history, outcome, params, {name: axis.distribution() for name, axis in axes.items()}
            )
    for _ in range(_ATTEMPTS):
        asked = history.ask({name: axis.distribution() for name, axis in axes.items()})
        trial = {name: axis.values[asked.params[name]] for name, axis in axes.items()}
        if trial not in tried:
            return trial
        history.tell(asked, state=TrialState.FAIL)
    size = drawing.size(study.space)
    rest = drawing.draw(study.space, study.first, size + 1, study.seed)
    return next(trial for trial in rest if trial not in tried)


class _Axis:
    """The values of a setting: numbers in their order, or choices without one."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.ordered = len(values) > 1 and all(type(value) in (int, float) for value in values)
        self.values = sorted(values) if self.ordered else list(values)

    def place(self, value: Any) -> int:
        return self.values.index(value)

    def distribution(self) -> Any:
        from optuna.distributions import CategoricalDistribution, IntDistribution

        last = len(self.values) - 1
        if self.ordered:
            return IntDistribution(0, last)
        return CategoricalDistribution(range(last + 1))


def _history(bigger: bool, **options: Any) -> Any:
    """A study of Optuna in memory."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize" if bigger else "minimize", **options)


def _add(history: Any, outcome: Outcome, params: dict[str, Any], axes: dict[str, Any]) -> None:
    from optuna.trial import TrialState, create_trial

    pruned = outcome.score is None
    history.add_trial(
        create_trial(
            state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
            value=None if pruned else outcome.score,
            params=params,
            distributions=axes,
            intermediate_values=dict(outcome.curve),
        )
    )


def pruning_watch(curves: Sequence[Curve], bigger: bool) -> Callable[[int, float], None]:
    """A function that a trial calls after each evaluation of the validation split.

    Args:
        curves: of trials that have ended, and were not pruned.
        bigger: whether a bigger score is better.

    Returns:
        a function of the epochs so far and the score; it raises ``PrunedError``.
    """
    import optuna

    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    history = _history(bigger, pruner=pruner)
    best = max if bigger else min
    for curve in curves:
        _add(history, Outcome({}, best(score for _, score in curve), curve), {}, {})
    trial = history.ask()

    def watch(epochs: int, score: float) -> None:
        trial.report(score, epochs)
        if trial.should_prune():
            raise PrunedError(f"pruned after {epochs} epochs")

    return watch

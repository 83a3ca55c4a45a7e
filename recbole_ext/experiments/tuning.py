"""Tuning: the settings of a model's portfolio, compared on a data set by successive halving.

A tuning is a plan like a search's: one model, one data set, trials and no test. A trial is a
candidate of the portfolio in a rung, with the rung's number of epochs; trial ``rung * n + c`` is
that of candidate c of n. Not all of them are made: halving.py says which. A candidate that has
stopped by itself within a rung is not trained again in the next.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recbole_ext.evaluator.evaluation_settings import merge_eval_args
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.experiments import halving
from recbole_ext.experiments.plan import Model, Plan, RunKey
from recbole_ext.experiments.portfolio import Part
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.rounds import Round
from recbole_ext.experiments.run_keys import OWN_PROTOCOL
from recbole_ext.experiments.trials import Trial
from recbole_ext.registry import packed_source

# Of the scores that are compared; runs show four.
_DECIMALS = 6


@dataclass(frozen=True)
class Score:
    """What a candidate has reached in a rung.

    Attributes:
        value: the best validation score.
        epoch: that had it.
        stopped: whether its time was over before its epochs were.
        is_final: whether it has stopped by itself: more epochs would not change it.
    """

    value: float
    epoch: int
    stopped: bool
    is_final: bool


@dataclass(frozen=True)
class Tuning:
    """What is tried.

    Attributes:
        plan: the trials.
        metric: by which they are compared, as the portfolio writes it.
        names: of the candidates.
        candidates: their settings, without those that the user has decided.
        base: the settings of all candidates: how they are evaluated, and the user's.
        n_rungs: how many rungs there are.
        late: the numbers of candidates that are in the last rung alone.
    """

    plan: Plan
    metric: str
    names: list[str]
    candidates: list[Trial]
    base: dict[str, Any]
    n_rungs: int
    late: list[int]

    def key(self, rung: int, candidate: int) -> RunKey:
        """The run of a candidate in a rung."""
        ((label, model),) = self.plan.models.items()
        number = rung * len(self.candidates) + candidate
        return RunKey(*self.plan.tables[0], label, model.settings["seed"], number)

    def trial(self, key: RunKey) -> Trial:
        """The settings of a run over those of all."""
        return self.plan.models[key.label].trials[key.trial or 0]

    def place(self, key: RunKey) -> tuple[int, int]:
        """The rung and the candidate of a run."""
        return divmod(key.trial or 0, len(self.candidates))

    def score(self, results: Mapping[RunKey, Result], rung: int, candidate: int) -> Score | None:
        """What a candidate has reached in a rung, or in an earlier one if it stopped by itself.

        Args:
            results: the newest result of each run that there is.
            rung, candidate: from 0 on.
        """
        result = results.get(self.key(rung, candidate))
        if result is None and rung:
            earlier = self.score(results, rung - 1, candidate)
            return earlier if earlier is not None and earlier.is_final else None
        if result is None or result.error:
            return None
        value = result.valid[self.metric.lower()]
        return Score(value, _best_epoch(result), result.pruned, self._is_final(result))

    def _is_final(self, result: Result) -> bool:
        """Whether a run had all its epochs, or has stopped before the end of its rung."""
        if result.pruned:
            return False
        _, candidate = self.place(result.key)
        if result.values["epochs"] == self.trial(self.key(self.n_rungs - 1, candidate))["epochs"]:
            return True
        # one more validation would have fitted in
        validated = [epoch for epoch, _ in result.curve]
        step = validated[1] - validated[0] if len(validated) > 1 else validated[0]
        return validated[-1] + step <= result.values["epochs"]

    def rounds(self, results: Mapping[RunKey, Result], seconds: float) -> Iterator[Round]:
        """The runs, one after another.

        Args:
            results: the newest result of each run that has ended; it grows between two rounds.
            seconds: for all of them.
        """

        def score(rung: int, candidate: int) -> float | None:
            reached = self.score(results, rung, candidate)
            return None if reached is None else reached.value

        sizes = len(self.candidates), self.n_rungs
        bigger = bigger_is_better(self.metric)
        for rung, candidate, share in halving.turns(*sizes, score, bigger, seconds, late=self.late):
            key = self.key(rung, candidate)
            yield Round({key: self.trial(key)}, share)

    def best(self, results: Mapping[RunKey, Result]) -> tuple[int, Score] | None:
        """The best candidate over all rungs and its score; of equal ones the first."""
        sign = -1 if bigger_is_better(self.metric) else 1
        scores = [
            (sign * score.value, candidate, -rung, score)
            for candidate in range(len(self.candidates))
            for rung in range(self.n_rungs)
            if (score := self.score(results, rung, candidate)) is not None
        ]
        if not scores:
            return None
        _, candidate, _, score = min(scores, key=lambda entry: entry[:3])
        return candidate, score

    def table(self, results: Mapping[RunKey, Result]) -> tuple[list[str], list[list[str]]]:
        """The head and the rows of the portfolio's table: the score of each candidate in each rung.

        A ``*`` is for a run whose time was over, ``-`` for none.
        """
        rungs = [f"round {rung + 1}" for rung in range(self.n_rungs)]
        rows = []
        for candidate, name in enumerate(self.names):
            scores = [self.score(results, rung, candidate) for rung in range(self.n_rungs)]
            cells = [
                "-" if score is None else f"{score.value:.4f}{'*' if score.stopped else ''}"
                for score in scores
            ]
            rows.append([name, *cells])
        return ["candidate", *rungs], rows


def tuning(
    model: str, dataset: str, part: Part, given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Tuning:
    """What is tried for a model on a data set.

    Args:
        model, dataset: their names.
        part: of the model's portfolio.
        given: the user's settings; they win over those of the portfolio.
        defaults: the settings of a run of ``given``, with ``seed``, ``epochs`` and ``eval_args``.
    """
    evaluation = part.settings
    base = {**evaluation, **given}
    layers = [evaluation.get("eval_args"), given.get("eval_args")]
    if any(layers):
        base["eval_args"] = merge_eval_args(layers)
    names, candidates = _distinct(part, given)
    n_epochs = [int(settings.get("epochs", defaults["epochs"])) for settings in candidates]
    trials = [
        {**settings, "epochs": epochs if limit is None else min(limit, epochs)}
        for limit in (*part.rungs, None)
        for settings, epochs in zip(candidates, n_epochs, strict=True)
    ]
    own = {**base, "metric_decimal_place": _DECIMALS, "seed": defaults["seed"]}
    plan = Plan(
        datasets=[dataset],
        protocols={OWN_PROTOCOL: part.metric.lower()},
        seeds=[],
        trials=None,
        timeout=None,
        settings={},
        models={model: Model(model, own, trials, None, packed_source.pack(model))},
    )
    late = [number for number, name in enumerate(names) if part.candidates[name].late]
    return Tuning(plan, part.metric, names, candidates, base, len(part.rungs) + 1, late)


def _distinct(part: Part, given: Mapping[str, Any]) -> tuple[list[str], list[Trial]]:
    """The candidates without what the user has decided; the first of those that are equal then."""
    names: list[str] = []
    candidates: list[Trial] = []
    for name, candidate in part.candidates.items():
        settings = {key: value for key, value in candidate.settings.items() if key not in given}
        if settings not in candidates:
            names.append(name)
            candidates.append(settings)
    return names, candidates


def _best_epoch(result: Result) -> int:
    """The epoch of the best validation; a run that was stopped has its last one in ``epochs``."""
    if not result.pruned:
        return result.epochs
    (best,) = result.valid.values()
    return min(result.curve, key=lambda point: (abs(point[1] - best), point[0]))[0]

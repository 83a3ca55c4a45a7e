"""The runs of a plan: each in a process of its own, each a line of the results when it has ended.

One loop, one results file and one rule of repetition serve benchmarks and searches:

- A line is a JSON object. Lines are only added; if a run has several lines, the newest counts.
- A run that ended well is not repeated, unless another trial has become the best one. A run that
  failed is repeated by the next start, or left as it is (``keep_failed``).

Settings are chosen by trials, which see the validation split alone. The test split is evaluated
once by each run with the best settings, at the epoch that is best in validation.
"""

import tempfile
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

from recbole_ext.data import given_split
from recbole_ext.data.content_hash import ids_hash
from recbole_ext.errors import in_a_line
from recbole_ext.evaluator import per_user, ties
from recbole_ext.evaluator.metrics import bigger_is_better
from recbole_ext.evaluator.protocols import GIVEN, PROTOCOLS
from recbole_ext.experiments import (
    ensembles,
    group_values,
    kept_checkpoints,
    needed_models,
    processes,
    results_file,
    same_runs,
    study_runs,
)
from recbole_ext.experiments.kept_checkpoints import KeptCheckpoints
from recbole_ext.experiments.plan import Plan, RunKey
from recbole_ext.experiments.results import Result, append, load
from recbole_ext.experiments.rounds import Round, Rounds, of_plan
from recbole_ext.experiments.run_record import (
    Clock,
    environment,
    failed,
    pruned,
    refuse_infinite,
    split_hash,
)
from recbole_ext.experiments.study import Curve, PrunedError, pruning_watch
from recbole_ext.experiments.trials import Trial
from recbole_ext.registry import packed_source
from recbole_ext.trainer import single_run

# Carries out jobs: key -> arguments, and their function -> the result of each as it ends.
Executor = Callable[
    [Mapping[RunKey, tuple[Any, ...]], Callable[..., Result]],
    Generator[tuple[RunKey, Result | processes.JobFailure], None, None],
]


def run(
    plan: Plan,
    data_path: Path,
    output: Path,
    execute: Executor,
    keep_failed: bool = False,
    at_once: int = 1,
    rounds: Rounds | None = None,
) -> Generator[Result, None, None]:
    """Make the runs that the results file does not have yet, and those that have failed.

    Args:
        plan: its trials run first, because the other runs use the best of their values.
        data_path: the folder of data sets.
        output: the results file; a result is in it before it is yielded.
        execute: see ``Executor``; ``processes.run_all`` or ``ray_cluster.run_all``.
        keep_failed: whether runs that have failed stay as they are.
        at_once: trials of a study that run at the same time; trials that are known beforehand,
            and tested runs, are all handed to ``execute`` together.
        rounds: which runs are made, and in which order; by default all of the plan.
    """
    with results_file.locked(output):
        read = load(output, plan)
        same_runs.check(plan, read, data_path, output)
        kept_checkpoints.begin(plan, output)
        results = {result.key: result for result in read}
        ordered = (
            of_plan(plan, results, keep_failed, at_once) if rounds is None else rounds(results)
        )
        for one in ordered:
            yield from _carry_out(plan, results, one, data_path, output, execute)
        kept_checkpoints.end(plan, results, output)


def _carry_out(
    plan: Plan,
    results: dict[RunKey, Result],
    one: Round,
    data_path: Path,
    output: Path,
    execute: Executor,
) -> Iterator[Result]:
    """Make some runs, and add each to the results and to their file."""
    folder = str(data_path.absolute())
    jobs = {
        key: (
            *(plan, key, values, folder, study_runs.curves(plan, results, key)),
            *(kept_checkpoints.of_results(plan, results, output, key), one.seconds),
        )
        for key, values in one.runs.items()
    }
    with closing(execute(jobs, measure)) as outcomes:
        for key, outcome in outcomes:
            if isinstance(outcome, processes.JobFailure):
                text = getattr(outcome, "traceback", "")
                result = failed(plan, key, one.runs[key], outcome, text, Clock())
            else:
                result = outcome
            append(output, result)
            results[key] = result
            yield result


def measure(
    plan: Plan,
    key: RunKey,
    values: Trial,
    data_path: str,
    others: Sequence[Curve] | None = None,
    kept: KeptCheckpoints | None = None,
    seconds: float | None = None,
) -> Result:
    """Make one run; a failure is returned, not raised.

    Args:
        plan, key: which one.
        values: of the settings of its model's space.
        data_path: the folder of data sets.
        others: the validation curves of other trials, by which this one may be pruned; None: it
            may not.
        kept: where checkpoints are that other runs need; None: nowhere.
        seconds: after which the next validation ends the run; None without a limit.
    """
    clock = Clock()
    metric = plan.protocols[key.protocol]
    curve: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory(prefix="recbole-ext-", dir=".") as folder:
        common = {**single_run.QUIET, "seed": key.seed, "data_path": data_path}
        common["checkpoint_dir"] = str(Path(folder).absolute())
        try:
            for source in plan.sources(key.label):
                packed_source.adopt(source, Path())
            checkpoints = needed_models.checkpoints(plan, key, common, clock, kept)
            prepared = needed_models.prepare(plan, key, {**values, **common}, checkpoints)
            _check(prepared, key)
            with clock.train():
                watch = _watch(curve, others, bigger_is_better(metric), clock, seconds)
                _, valid = prepared.fit_validated(saved=key.trial is None, watch=watch)
            setup_seconds, until_test = clock.setup(), clock.since_start()
            if kept is not None and key.trial is None:
                kept.keep(plan, key, prepared.trainer.saved_model_file)
            test: Mapping[str, float] = {}
            users, tokens, groups = None, [], {}
            if key.trial is None:
                with _scoring(prepared, key):
                    test, by_user = _tested(prepared, key, metric)
                users = by_user.metrics.get(metric)
                data = prepared.test._dataset
                tokens = list(map(str, data.id2token(data.uid_field, by_user.users)))
                groups = group_values.of_run(prepared, by_user, metric)
            refuse_infinite({"valid": valid, "test": test})
            identity = same_runs.without_files(
                prepared.config.recbole_ext_identity, list(checkpoints.values())
            )
            test_seconds = clock.since_start() - until_test
        except PrunedError:
            best = max if bigger_is_better(metric) else min
            return pruned(plan, key, values, {metric: best(s for _, s in curve)}, curve, clock)
        except Exception as error:  # whatever a run can die of is this run's result
            text = traceback.format_exc()
            return failed(plan, key, values, in_a_line(error), text, clock)
    return Result(
        *key[:-1],
        fingerprint=plan.fingerprint(key),
        error="",
        valid={name: float(value) for name, value in valid.items()},
        test={name: float(value) for name, value in test.items()},
        users={} if users is None else {metric: users.round(6).tolist()},
        ties=ties.counts(test),
        epochs=prepared.best_epoch,
        seconds=round(clock.training, 3),
        curve=curve,
        test_seconds=round(test_seconds, 3),
        split=split_hash(prepared.test._dataset),
        environment=environment(),
        trial=key.trial,
        values=values,
        setup_seconds=round(setup_seconds, 3),
        identity=identity.record(),
        user_ids=ids_hash(tokens) if tokens else "",
        user_list=tokens if key.table.has_folds else [],
        groups=groups,
        weights=ensembles.weights(plan, key.label, prepared.model),
    )


def _check(prepared: single_run.Run, key: RunKey) -> None:
    """Check before training that a run suits its protocol.

    Raises:
        UserError: the model or the data set does not suit the protocol.
    """
    protocol = PROTOCOLS.get(key.protocol)
    if protocol is GIVEN:
        loaders = {"train": prepared.train, "valid": prepared.valid, "test": prepared.test}
        given_split.check_parts({part: data._dataset for part, data in loaders.items()})
    if protocol is not None and protocol.new_users:
        from recbole_ext.experiments import new_users

        new_users.check(prepared)


def _scoring(prepared: single_run.Run, key: RunKey) -> AbstractContextManager[None]:
    """Within it the test users are scored: by their histories, where they were not in training."""
    protocol = PROTOCOLS.get(key.protocol)
    if protocol is None or not protocol.new_users:
        return nullcontext()
    from recbole_ext.experiments import new_users

    return new_users.folded_in(prepared)


def _tested(
    prepared: single_run.Run, key: RunKey, metric: str
) -> tuple[Mapping[str, float], per_user.PerUser]:
    """The test metrics of a trained model by its protocol, and by another one that this names.

    Args:
        prepared: the run, trained.
        key: of it.
        metric: that models are compared by.

    Returns:
        the metrics, and those of each user by the protocol that has ``metric``.
    """
    test, by_user = per_user.per_user(prepared.trainer, prepared.test, show_progress=False)
    protocol = PROTOCOLS.get(key.protocol)
    if protocol is None or protocol.also is None:
        return test, by_user
    evaluation = protocol.also.applied_to(prepared.config)
    trainer, (_, _, data) = single_run.evaluator(evaluation, prepared.model)
    options = {"load_best_model": False, "show_progress": False}
    more, by_user_of_it = per_user.per_user(trainer, data, **options)
    metrics = ties.Metrics({**test, **more}, getattr(test, "ties", None))
    return metrics, by_user_of_it if metric in more else by_user


def _watch(
    curve: list[tuple[int, float]],
    others: Sequence[Curve] | None,
    bigger: bool,
    clock: Clock,
    seconds: float | None,
) -> single_run.Watch:
    """A function that records the validation curve, and ends a trial that is pruned or too long."""
    prune = None if others is None else pruning_watch(others, bigger)

    def watch(epoch: int, score: float) -> None:
        curve.append((epoch + 1, round(float(score), 6)))
        if prune is not None:
            prune(*curve[-1])
        if seconds is not None and clock.since_start() > seconds:
            raise PrunedError(f"its time was over after {epoch + 1} epochs")

    return watch

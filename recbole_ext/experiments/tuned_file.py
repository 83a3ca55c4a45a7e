"""The yaml that a tuning writes: the best settings, and in comments how they were found."""

from collections.abc import Mapping, Sequence

import yaml

from recbole_ext.experiments.plan import RunKey
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.tuning import Tuning
from recbole_ext.trainer.identity import versions

_WIDTH = 100  # of a line of settings


def text(
    tuning: Tuning, results: Mapping[RunKey, Result], dataset: str, minutes: float, name: str
) -> str:
    """The content of the file; one candidate at least has a score.

    Args:
        tuning: what was tried.
        results: the newest result of each run that there is.
        dataset: its name.
        minutes: the limit of time.
        name: of the file, for the command that uses it.
    """
    best = tuning.best(results)
    assert best is not None  # the caller has asked
    candidate, score = best
    ((model, plan_model),) = tuning.plan.models.items()
    lines = [
        f"Settings of {model} for {dataset}: those of the portfolio that are best in validation,",
        f"found by recbole-ext tune within {minutes:g} minutes. The test part was not evaluated.",
        "",
        f"  run_recbole --model={model} --dataset={dataset} --config_files={name}",
        "",
        f"{tuning.names[candidate]}: validation {tuning.metric} {score.value:.4f} in epoch "
        f"{score.epoch}",
    ]
    if score.stopped:
        lines += ["It was stopped when its time was over; trained to its end it may be better."]
    lines += ["", *_table(*tuning.table(results)), "", *_notes(tuning, results)]
    lines += ["", *_origin(model, results, plan_model.settings["seed"])]
    comment = "\n".join(f"# {line}".rstrip() for line in lines)
    settings = {**tuning.base, **tuning.candidates[candidate]}
    settings["seed"] = plan_model.settings["seed"]
    return f"{comment}\n\n{yaml.safe_dump(settings, sort_keys=False, width=_WIDTH)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    from tabulate import tabulate

    return tabulate(rows, headers=head, disable_numparse=True).splitlines()


def _notes(tuning: Tuning, results: Mapping[RunKey, Result]) -> list[str]:
    """What the numbers of the table are, and which candidates have none."""
    ((_, model),) = tuning.plan.models.items()
    n = len(tuning.names)
    limits = [
        max(trial["epochs"] for trial in model.trials[rung * n : (rung + 1) * n])
        for rung in range(tuning.n_rungs)
    ]
    epochs = ", ".join(map(str, limits))
    notes = [f"Validation {tuning.metric}; at most {epochs} epochs; *: its time was over."]
    for number, name in enumerate(tuning.names):
        rungs = range(tuning.n_rungs)
        if all(tuning.score(results, rung, number) is None for rung in rungs):
            own = next((r for rung in rungs if (r := results.get(tuning.key(rung, number)))), None)
            reason = own.error if own is not None else "the time was over before"
            notes.append(f"{name} has no score: {reason}")
    return notes


def _origin(model: str, results: Mapping[RunKey, Result], seed: int) -> list[str]:
    """The seed, the split and the versions; runs that were stopped do not record their split."""
    splits = [own for r in results.values() if (own := r.identity.get("splits"))]
    lines = [f"seed {seed}"]
    if splits:
        lines.append(f"split: {', '.join(f'{part} {own}' for part, own in splits[0].items())}")
    of_packages = ", ".join(f"{name} {own}" for name, own in versions(model).items())
    return [*lines, f"versions: {of_packages}"]

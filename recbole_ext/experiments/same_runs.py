"""Whether the lines of a results file have the current data, split and settings.

If a benchmark continued with a changed data set or other defaults, its means would mix runs of two
experiments.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recbole_ext.errors import SettingError
from recbole_ext.experiments.plan import Plan, TableKey
from recbole_ext.experiments.results import Result
from recbole_ext.trainer import single_run
from recbole_ext.trainer.identity import RunIdentity


def check(plan: Plan, results: Sequence[Result], data_path: Path, output: Path) -> None:
    """Raise an error if the runs of a results file had other data or other settings.

    Lines of releases that did not record this are not compared.

    Args:
        plan, results: a plan and the runs that the file has.
        data_path: the folder of data sets.
        output: the results file, for the message.

    Raises:
        SettingError: for the first such run; it names what differs and both values.
    """
    identities: dict[str, RunIdentity] = {}
    for result in results:
        saved = RunIdentity.of_record(result.identity)
        if saved is None or result.error:
            continue
        dataset = plan.data_set(result.key.table, result.seed)
        kind = json.dumps([*result.key.table, dataset, result.label, result.values])
        if kind not in identities:
            identities[kind] = _identity_today(plan, result, data_path)
        today = identities[kind]
        today = replace(today, settings={**today.settings, "seed": result.seed})
        if differences := saved.differences(today):
            listed = "; ".join(
                f"{what} was {old!r}, is now {new!r}" for what, old, new in differences
            )
            raise SettingError(
                f"{output}: {result.key} belongs to another experiment than the current yaml and "
                f"data: {listed}. Restore them, remove its line, or give another --output"
            )


def _identity_today(plan: Plan, result: Result, data_path: Path) -> RunIdentity:
    """The identity that a run would have now; the caller compares the seed."""
    from recbole.config import Config

    table = result.key.table
    # files that exist: they are not compared, the fingerprint knows what they are
    checkpoints = {text: __file__ for text in plan.needed_by(result.label)}
    settings = plan.run_settings(table, result.label, checkpoints)
    common = {**single_run.QUIET, "seed": result.seed, "data_path": str(data_path.absolute())}
    model = plan.models[result.label].name
    values = {**settings, **result.values, **common}
    config = Config(model, plan.data_set(table, result.seed), config_dict=values)
    return without_files(RunIdentity.of_run(config), checkpoints.values())


def without_files(identity: RunIdentity, files: Sequence[str] | Any) -> RunIdentity:
    """An identity without the settings that name one of some files, which differ in each run."""
    settings = {
        key: value
        for key, value in identity.settings.items()
        if not any(file in json.dumps(value, default=str) for file in files)
    }
    return replace(identity, settings=settings)


def cautions(plan: Plan, results: Sequence[Result], key: TableKey) -> list[str]:
    """Sentences that have to stand beside a table whose runs are not of the same test data.

    Args:
        plan: of the benchmark.
        results: all lines of the results file.
        key: data set and protocol of the table.
    """
    tested = [r for r in results if r.key.table == key and r.is_tested]
    sentences = []
    for seed in plan.repeats(key):
        splits: dict[str, list[str]] = {}
        for run in tested:
            if run.seed == seed and run.split:
                splits.setdefault(run.split, []).append(run.label)
        if len(splits) > 1:
            groups = " and ".join(", ".join(labels) for labels in splits.values())
            sentences.append(
                f"{key.repeat} {seed}: {groups} were tested on different interactions, so their "
                "figures cannot be compared; look for settings that filter the data of one "
                "model alone"
            )
    if not same_users(key, tested):
        sentences.append(
            "the runs tested different users, so users are not compared: no p-value is given"
        )
    return sentences


def same_users(key: TableKey, tested: Sequence[Result]) -> bool:
    """Whether the users of a table's models can be compared.

    All runs have the same test users; of folds, every model has been tested on every fold, and
    each fold has the same users for all models.

    Args:
        key: the table.
        tested: its runs that have ended well.
    """
    if not key.has_folds:
        return len({run.user_ids for run in tested if run.user_ids}) < 2
    of_label: dict[str, set[tuple[int, str]]] = {}
    for run in tested:
        of_label.setdefault(run.label, set()).add((run.seed, run.user_ids))
    return len({frozenset(own) for own in of_label.values()}) < 2

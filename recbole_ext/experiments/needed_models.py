"""The models of a plan that one of its runs starts from: members of an ensemble, parts of NeuMF."""

from collections.abc import Mapping
from typing import Any

from recbole_ext.experiments.kept_checkpoints import KeptCheckpoints
from recbole_ext.experiments.plan import Plan, RunKey
from recbole_ext.experiments.run_record import Clock
from recbole_ext.trainer import single_run


def checkpoints(
    plan: Plan,
    key: RunKey,
    common: Mapping[str, Any],
    clock: Clock,
    kept: KeptCheckpoints | None = None,
) -> dict[str, str]:
    """The checkpoints of the models that a run needs: kept ones, or trained with the same seed.

    Args:
        plan, key: which run.
        common: settings of the run beside those of its model: its seed, its folders.
        clock: counts their training, whoever has made it.
        kept: where kept ones are; None: nowhere.

    Returns:
        the text in the settings that stands for a checkpoint -> its file.
    """
    files = {}
    for text, label in plan.needed_by(key.label).items():
        needed = key._replace(label=label, trial=None)
        place = None if kept is None else kept.find(plan, needed)
        if place is not None:
            file, seconds = place
            files[text] = str(file)
            clock.add_training(seconds)
            continue
        run = prepare(plan, needed, common, {})
        with clock.train():
            run.fit_validated()
        files[text] = run.trainer.saved_model_file
    return files


def prepare(
    plan: Plan, key: RunKey, common: Mapping[str, Any], files: Mapping[str, str]
) -> single_run.Run:
    """Everything for a run of a plan.

    Args:
        plan, key: which one.
        common: settings over those of its model and its protocol.
        files: see ``checkpoints``.
    """
    settings = plan.run_settings(key.table, key.label, files)
    model = plan.models[key.label].name
    return single_run.prepare(model, plan.data_set(key.table, key.seed), {**settings, **common})

"""The trained models of a plan that others of it need, kept while the plan runs.

An ensemble needs its members, and NCFNeuMF may start from two models of the plan. Without this
folder each of them would train what another run has trained already. A model that is not here, as
on a node of a cluster that does not share the folder, is trained again by the run that needs it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recbole_ext.experiments.plan import Plan, RunKey
from recbole_ext.experiments.results import Result


@dataclass(frozen=True)
class KeptCheckpoints:
    """The checkpoints, and the seconds that each has cost.

    Attributes:
        folder: where they are; a run writes nothing where it does not exist.
        seconds: run -> the training that is in its line of the results; a model without it is
            trained again, so that the cost of what needs it is known.
    """

    folder: Path
    seconds: Mapping[RunKey, float]

    def file(self, plan: Plan, key: RunKey) -> Path:
        """Where the checkpoint of a tested run is, if it is kept: by all that decides its weights.

        Args:
            plan: of the run.
            key: of it.
        """
        deciding = [*key[:-1], plan.fingerprint(key), plan.data_set(key.table, key.seed)]
        text = json.dumps(deciding)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.pth"

    def find(self, plan: Plan, key: RunKey) -> tuple[Path, float] | None:
        """The checkpoint of a tested run and its seconds; None where it has to be trained."""
        file, seconds = self.file(plan, key), self.seconds.get(key)
        return (file, seconds) if seconds is not None and file.is_file() else None

    def keep(self, plan: Plan, key: RunKey, checkpoint: str) -> None:
        """Keep a checkpoint if another run of the plan needs it: whole, or not at all.

        Args:
            plan, key: the run that has saved it.
            checkpoint: its file.
        """
        if key.label in needed(plan) and self.folder.is_dir():
            file = self.file(plan, key)
            part = file.with_suffix(f".{os.getpid()}.part")
            shutil.copy(checkpoint, part)
            part.replace(file)


def needed(plan: Plan) -> set[str]:
    """The models of a plan whose checkpoints others need."""
    return {label for other in plan.models for label in plan.needed_by(other).values()}


def folder_of(output: Path) -> Path:
    """The folder beside a results file: ``NAME.checkpoints``."""
    return output.with_suffix(".checkpoints")


def begin(plan: Plan, output: Path) -> None:
    """Make the folder, if a model of the plan needs another one."""
    if needed(plan):
        folder_of(output).mkdir(parents=True, exist_ok=True)


def end(plan: Plan, results: Mapping[RunKey, Result], output: Path) -> None:
    """Remove the folder once no run needs it: all of them have ended well.

    Args:
        plan: of the runs.
        results: of all runs that have ended.
        output: the results file.
    """
    if all(key in results and not results[key].error for key in plan.runs()):
        shutil.rmtree(folder_of(output), ignore_errors=True)


def of_results(
    plan: Plan, results: Mapping[RunKey, Result], output: Path, key: RunKey
) -> KeptCheckpoints:
    """What a run may take from here.

    Args:
        plan: of the run.
        results: of all runs that have ended.
        output: the results file.
        key: of the run.
    """
    members = [key._replace(label=label) for label in plan.needed_by(key.label).values()]
    seconds = {
        member: results[member].seconds
        for member in members
        if member in results and not results[member].error
    }
    return KeptCheckpoints(folder_of(output).absolute(), seconds)

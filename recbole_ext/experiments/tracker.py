"""Each run of a plan as a run of MLflow, in a local folder.

Its params are the settings over the defaults; its metrics those of the validation and the test
split, and the validation score after each evaluation; its tags say which run it is, and the
fingerprint of its settings.
"""

import importlib.util
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recbole_ext.errors import UserError
from recbole_ext.experiments.plan import Plan
from recbole_ext.experiments.results import Result

FOLDER = "mlruns"  # where `mlflow ui` looks, with MLFLOW_ALLOW_FILE_STORE

_TAGS = ("dataset", "protocol", "label", "seed", "trial", "fingerprint", "outcome")
_LONGEST = 500  # characters of a param that every release of MLflow takes
_PAGE = 1000


def require(option: str) -> None:
    """Check that MLflow is installed, without importing it.

    Args:
        option: that needs it; the message begins with it.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise UserError(f"{option}: MLflow is not installed; pip install 'recbole-ext[mlflow]'")


class Tracker:
    """Adds runs to an experiment of MLflow.

    Args:
        experiment: its name there.
        folder: of MLflow's files; it is created if it does not exist.
    """

    def __init__(self, experiment: str, folder: Path) -> None:
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3.7 asks for it
        from mlflow.tracking import MlflowClient

        self._client: Any = MlflowClient(tracking_uri=folder.absolute().as_uri())
        known = self._client.get_experiment_by_name(experiment)
        self._id = (
            self._client.create_experiment(experiment) if known is None else known.experiment_id
        )
        self._logged = {
            tuple(run.data.tags.get(name, "") for name in _TAGS) for run in self._runs()
        }

    def _runs(self) -> Iterable[Any]:
        token = None
        while True:
            page = self._client.search_runs([self._id], max_results=_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def log(self, plan: Plan, result: Result) -> None:
        """Add a run, unless it has been added before.

        Args:
            plan: which the run is of.
            result: of the run.
        """
        from mlflow.entities import Metric, Param

        tags = _tags(result)
        identity = tuple(tags[name] for name in _TAGS)
        if identity in self._logged:
            return
        self._logged.add(identity)
        run = self._client.create_run(
            self._id, run_name=str(result.key), tags={**tags, "error": result.error}
        )
        settings = {**plan.models[result.label].settings, **result.values}
        params = {"model": plan.models[result.label].name, **settings}
        now = run.info.start_time
        scores = {f"valid/{_name(name)}": value for name, value in result.valid.items()}
        scores |= {f"test/{_name(name)}": value for name, value in result.test.items()}
        scores["seconds"] = result.all_seconds
        metrics = [Metric(name, value, now, 0) for name, value in scores.items()]
        metrics += [Metric("valid/score", score, now, epochs) for epochs, score in result.curve]
        for start in range(0, max(len(metrics), 1), _PAGE):
            self._client.log_batch(run.info.run_id, metrics=metrics[start : start + _PAGE])
        self._client.log_batch(
            run.info.run_id,
            params=[Param(_name(name), str(value)[:_LONGEST]) for name, value in params.items()],
        )
        status = {"pruned": "KILLED", "failed": "FAILED"}.get(tags["outcome"], "FINISHED")
        self._client.set_terminated(run.info.run_id, status=status)


def _tags(result: Result) -> dict[str, str]:
    outcome = "failed" if result.error else "pruned" if result.pruned else "ended well"
    trial = "" if result.trial is None else str(result.trial)
    return {
        "dataset": result.dataset,
        "protocol": result.protocol,
        "label": result.label,
        "seed": str(result.seed),
        "trial": trial,
        "fingerprint": result.fingerprint,
        "outcome": outcome,
    }


def _name(name: str) -> str:
    """A name of ours with the characters that MLflow takes: ``ndcg_at_10``."""
    return re.sub(r"[^\w./ -]", "_", name.replace("@", "_at_"))

"""Searching a model's settings: hyperopt through RecBole's HyperTuning, or Ray Tune.

Both choose by the validation score, and no trial evaluates the test split: RecBole's own search
computes the test metrics of every trial, prints them, writes them to its file and reports them
to Ray Tune. Here ``test_metrics`` evaluates the best trial's model, once, after the search.
"""

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ext.errors import UserError
from recbole_ext.experiments import ray_cluster
from recbole_ext.experiments.hyper_space import Space, is_whole
from recbole_ext.registry import packed_source
from recbole_ext.trainer import single_run, tune_report

# RecBole's run_hyper draws this many samples with Ray.
RAY_SAMPLES = 5


@dataclass(frozen=True)
class BestTrial:
    """The trial with the best validation score.

    Attributes:
        settings: those of the space.
        score: its best validation score.
        valid: all validation metrics of that epoch.
        checkpoint: the file of its model.
    """

    settings: dict[str, Any]
    score: float
    valid: dict[str, float]
    checkpoint: str


def with_hyperopt(
    fixed: Mapping[str, Any],
    files: list[str] | None,
    space: Space,
    output_file: str,
    display_file: str | None,
) -> BestTrial:
    """RecBole's exhaustive search over a space.

    Args:
        fixed: the settings that every trial has, ``model`` and ``dataset`` among them; they win
            over ``files``.
        files: yaml files.
        space: what is searched; the exhaustive search takes choices alone.
        output_file: every trial's settings and validation metrics, written at the end.
        display_file: an HTML plot of the trials.

    Raises:
        UserError: hyperopt is not installed.
    """
    try:
        import hyperopt  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"--tool=Hyperopt: hyperopt cannot be imported ({error}); "
            "pip install 'recbole-ext[hyper]'"
        ) from error
    # Now: ray, which RecBole's quick start imports, does not expect hyperopt's stand-in stdout.
    import recbole.quick_start  # noqa: F401
    from recbole.trainer import HyperTuning
    from recbole.utils.utils import dict2str

    trials: dict[str, BestTrial] = {}
    choices = space["choice"]

    class Search(HyperTuning):
        """RecBole's search, which prints and writes no test metrics.

        hyperopt draws the places of choices: it cannot draw a list.
        """

        def trial(self, params: dict[str, int]) -> dict[str, Any]:
            return super().trial({name: choices[name][place] for name, place in params.items()})

        @staticmethod
        def _print_result(result: dict[str, Any]) -> None:
            print(f"current best valid score: {result['best_valid_score']:.4f}")
            print(f"current best valid result:\n{dict2str(result['best_valid_result'])}\n")

        def export_result(self, output_file: str) -> None:
            text = "".join(
                f"{name}\nValid result:\n{dict2str(trial.valid)}\n\n"
                for name, trial in trials.items()
            )
            Path(output_file).write_text(text, encoding="utf-8")

    def objective(settings: dict[str, Any], config_files: list[str] | None) -> dict[str, Any]:
        run, score, valid = _trial({**fixed, **settings}, config_files)
        checkpoint = run.trainer.saved_model_file
        trials[Search.params2str(settings)] = BestTrial(settings, score, valid, checkpoint)
        return {
            "model": fixed["model"],
            "best_valid_score": score,
            "valid_score_bigger": run.config["valid_metric_bigger"],
            "best_valid_result": valid,
        }

    search = Search(
        objective,
        params_dict={"choice": {name: list(range(len(of))) for name, of in choices.items()}},
        fixed_config_file_list=files,
        display_file=display_file,
        algo="exhaustive",
        early_stop=10,
    )
    search.run()
    search.export_result(output_file=output_file)
    return trials[Search.params2str(search.best_params)]


def with_ray(
    fixed: Mapping[str, Any],
    files: list[str] | None,
    space: Space,
    defaults: Mapping[str, Any],
) -> BestTrial:
    """Ray Tune over a space, a process a trial, each with one CPU and a GPU where there is one.

    Args:
        fixed, files, space: as for ``with_hyperopt``; paths must be absolute.
        defaults: the settings of a run without the search.

    Raises:
        UserError: what Ray Tune needs is not installed, or the cluster that RAY_ADDRESS names
            does not answer.
    """
    ray_cluster.require("--tool=Ray")
    import ray

    try:
        import pyarrow  # noqa: F401  without it tune.run fails after the last trial
        from ray import tune
    except ImportError as error:
        raise UserError(f"--tool=Ray: {error}; pip install 'recbole-ext[hyper]'") from error
    import torch

    def domain(kind: str, name: str, values: list[Any]) -> Any:
        if kind == "choice":
            return tune.choice(values)
        if kind == "loguniform":
            return tune.loguniform(math.exp(values[0]), math.exp(values[1]))
        if kind == "quniform" and is_whole(defaults.get(name), values):
            return tune.qrandint(*map(int, values))
        return getattr(tune, kind)(*values)

    # ours ends the search; Tune's own handler would wait until its trials have ended
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
    ray_cluster.connect(None, "--tool=Ray", include_dashboard=False)
    try:
        result = tune.run(
            tune.with_parameters(
                validate,
                fixed=dict(fixed),
                files=files,
                source=packed_source.pack(fixed["model"]),
            ),
            config={
                name: domain(kind, name, values)
                for kind, settings in space.items()
                for name, values in settings.items()
            },
            num_samples=RAY_SAMPLES,
            storage_path=str(Path("ray_log").absolute()),
            resources_per_trial={"cpu": 1, "gpu": int(torch.cuda.is_available())},
        )
        mode = "max" if defaults["valid_metric_bigger"] else "min"
        best = result.get_best_trial("valid_score", mode)
        report = best.last_result
        checkpoint = report["checkpoint_file"]
        return BestTrial(best.config, report["valid_score"], report["valid"], checkpoint)
    finally:
        ray.shutdown()


def validate(
    trial: dict[str, Any],
    fixed: dict[str, Any],
    files: list[str] | None,
    source: packed_source.PackedSource | None = None,
) -> None:
    """One trial, in a Ray worker: reports its best validation score and metrics.

    Args:
        trial: the settings that are tried.
        fixed: the other settings.
        files: yaml files.
        source: the source of a model that the worker cannot import.
    """
    sys.argv = sys.argv[:1]  # the worker's own, which RecBole's Config would read
    packed_source.adopt(source)
    run, score, valid = _trial({**fixed, **trial}, files)
    checkpoint = str(Path(run.trainer.saved_model_file).absolute())
    tune_report.report({"valid_score": score, "valid": valid, "checkpoint_file": checkpoint})


def test_metrics(
    fixed: Mapping[str, Any], files: list[str] | None, trial: BestTrial
) -> dict[str, float]:
    """The test metrics of a trial's model.

    Args:
        fixed, files: as for the search.
    """
    settings = {**fixed, **trial.settings}
    run = single_run.prepare(settings["model"], settings["dataset"], settings, files)
    run.trainer.eval_collector.data_collect(run.train)
    metrics = run.trainer.evaluate(
        run.test, model_file=trial.checkpoint, show_progress=run.config["show_progress"]
    )
    return {name: float(value) for name, value in metrics.items()}


def _trial(
    settings: dict[str, Any], files: list[str] | None
) -> tuple[single_run.Run, float, dict[str, float]]:
    """A trained model, its best validation score and the validation metrics of that epoch."""
    run = single_run.prepare(settings["model"], settings["dataset"], settings, files)
    score, valid = run.fit_validated()
    return run, score, {name: float(value) for name, value in valid.items()}

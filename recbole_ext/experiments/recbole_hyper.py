"""Searching a model's settings: hyperopt through RecBole's HyperTuning, or Ray Tune.

Both choose by the validation score, and no trial evaluates the test split: RecBole's own search
computes the test metrics of every trial, prints them, writes them to its file and reports them
to Ray Tune. Here ``test_metrics`` evaluates the best trial's model, once, after the search.
"""

import ast
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ext.errors import SettingError, UserError
from recbole_ext.trainer import single_run

# RecBole's run_hyper draws this many samples with Ray.
RAY_SAMPLES = 5

Space = dict[str, dict[str, list[Any]]]  # kind -> name -> choices, or [low, high(, step)]

_NUMBERS = {"uniform": 2, "loguniform": 2, "quniform": 3}


def read_space(file: str | Path) -> Space:
    """A search space in RecBole's format, one setting a line:

        learning_rate loguniform -8,0          (the logarithms of the bounds)
        dropout_prob choice [0.0, 0.1, 0.2]
        reg_weight uniform 0,1
        train_batch_size quniform 256,2048,256

    Blank lines and lines that start with # are passed over.

    Raises:
        SettingError: the file is missing or empty, or a line is not of this form.
    """
    path = Path(file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--params_file: {path}: {error}") from error
    space: Space = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, rest = line.strip().partition(" ")
        kind, _, text = rest.strip().partition(" ")
        try:
            values = ast.literal_eval(text if kind == "choice" else f"[{text}]")
            fits = isinstance(values, list) and len(values) > 0
            if kind != "choice":
                fits = len(values) == _NUMBERS[kind] and all(
                    isinstance(x, (int, float)) for x in values
                )
        except (KeyError, SyntaxError, ValueError):
            fits = False
        if not fits:
            raise SettingError(
                f"{path}, line {number}: expected `name choice [a, b]`, `name uniform low,high`, "
                "`name loguniform low,high` or `name quniform low,high,step`; found "
                f"{line.strip()!r}"
            )
        if any(name in named for named in space.values()):
            raise SettingError(f"{path}, line {number}: {name}: is there twice; keep one line")
        space.setdefault(kind, {})[name] = values
    if not space:
        raise SettingError(f"--params_file: {path}: no setting to search over")
    return space


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
        UserError: hyperopt is not installed, or the space is not one of choices.
    """
    try:
        import hyperopt  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"--tool=Hyperopt: hyperopt cannot be imported ({error}); "
            "pip install 'recbole-ext[hyper]'"
        ) from error
    if continuous := sorted(space.keys() - {"choice"}):
        raise SettingError(
            "--params_file: the exhaustive search takes choices alone, found "
            f"{', '.join(continuous)}; list the values, or use --tool=Ray"
        )
    # Now: ray, which RecBole's quick start imports, does not expect hyperopt's stand-in stdout.
    import recbole.quick_start  # noqa: F401
    from recbole.trainer import HyperTuning
    from recbole.utils.utils import dict2str

    trials: dict[str, BestTrial] = {}

    class Search(HyperTuning):
        """RecBole's search, which prints and writes no test metrics."""

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
        params_dict=space,
        fixed_config_file_list=files,
        display_file=display_file,
        algo="exhaustive",
        early_stop=10,
    )
    search.run()
    search.export_result(output_file=output_file)
    return trials[Search.params2str(search.best_params)]


def with_ray(
    fixed: Mapping[str, Any], files: list[str] | None, space: Space, bigger: bool
) -> BestTrial:
    """Ray Tune over a space, a process a trial, each with one CPU and a GPU where there is one.

    Args:
        fixed, files, space: as for ``with_hyperopt``; paths must be absolute.
        bigger: whether a bigger validation score is better.

    Raises:
        UserError: what Ray Tune needs is not installed.
    """
    import ray

    try:
        import pyarrow  # noqa: F401  without it tune.run fails after the last trial
        from ray import tune
    except ImportError as error:
        raise UserError(f"--tool=Ray: {error}; pip install 'recbole-ext[hyper]'") from error
    import torch

    draw = {
        "choice": tune.choice,
        "uniform": tune.uniform,
        "quniform": tune.quniform,
        "loguniform": lambda low, high: tune.loguniform(math.exp(low), math.exp(high)),
    }
    ray.init(include_dashboard=False)
    try:
        result = tune.run(
            tune.with_parameters(validate, fixed=dict(fixed), files=files),
            config={
                name: draw[kind](values) if kind == "choice" else draw[kind](*values)
                for kind, settings in space.items()
                for name, values in settings.items()
            },
            num_samples=RAY_SAMPLES,
            local_dir=str(Path("ray_log").absolute()),
            resources_per_trial={"cpu": 1, "gpu": int(torch.cuda.is_available())},
        )
        best = result.get_best_trial("valid_score", "max" if bigger else "min")
        report = best.last_result
        checkpoint = report["checkpoint_file"]
        return BestTrial(best.config, report["valid_score"], report["valid"], checkpoint)
    finally:
        ray.shutdown()


def validate(trial: dict[str, Any], fixed: dict[str, Any], files: list[str] | None) -> None:
    """One trial, in a Ray worker: reports its best validation score and metrics."""
    from ray import tune

    sys.argv = sys.argv[:1]  # the worker's own, which RecBole's Config would read
    run, score, valid = _trial({**fixed, **trial}, files)
    checkpoint = str(Path(run.trainer.saved_model_file).absolute())
    tune.report(valid_score=score, valid=valid, checkpoint_file=checkpoint)


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

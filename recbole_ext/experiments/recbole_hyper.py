"""Searching a model's settings: hyperopt through RecBole's HyperTuning, or Ray Tune.

Both choose by the validation score. RecBole's own Ray search reports the metrics of the test
set to the scheduler; ours never does.
"""

import ast
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from recbole_ext.errors import SettingError, UserError

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


def with_hyperopt(
    fixed: Mapping[str, Any],
    files: list[str] | None,
    space: Space,
    output_file: str,
    display_file: str | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """RecBole's exhaustive search over a space.

    Args:
        fixed: the settings that every trial has; they win over ``files``.
        files: yaml files.
        space: what is searched; the exhaustive search takes choices alone.
        output_file: every trial's settings and metrics, written at the end.
        display_file: an HTML plot of the trials.

    Returns:
        the best settings, and what RecBole's ``objective_function`` returned for them.

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

    def objective(trial: dict[str, Any], config_files: list[str] | None) -> Any:
        return _run({**fixed, **trial}, config_files)

    search = HyperTuning(
        objective,
        params_dict=space,
        fixed_config_file_list=files,
        display_file=display_file,
        algo="exhaustive",
        early_stop=10,
    )
    search.run()
    search.export_result(output_file=output_file)
    return search.best_params, search.params2result[search.params2str(search.best_params)]


def with_ray(
    fixed: Mapping[str, Any], files: list[str] | None, space: Space, bigger: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ray Tune over a space, a process a trial, each with one CPU and a GPU where there is one.

    Args:
        fixed, files, space: as for ``with_hyperopt``; paths must be absolute.
        bigger: whether a bigger validation score is better.

    Returns:
        the best settings, and what ``validate`` reported for them.

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
        return best.config, best.last_result
    finally:
        ray.shutdown()


def validate(trial: dict[str, Any], fixed: dict[str, Any], files: list[str] | None) -> None:
    """One trial, in a Ray worker: reports its best validation score and metrics."""
    from ray import tune

    sys.argv = sys.argv[:1]  # the worker's own, which RecBole's Config would read
    result = _run({**fixed, **trial}, files)
    metrics = {name: float(value) for name, value in result["best_valid_result"].items()}
    tune.report(valid_score=float(result["best_valid_score"]), **metrics)


def _run(settings: dict[str, Any], files: list[str] | None) -> Any:
    """RecBole's ``objective_function``, which reports the test metrics to Ray Tune: not here."""
    from recbole.quick_start import quick_start

    quick_start.tune = SimpleNamespace(report=lambda **test_result: None)
    return quick_start.objective_function(settings, files)

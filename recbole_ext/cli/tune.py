"""`recbole-ext tune`: settings of a model for a data set, without knowing its options."""

import shlex
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli import settings_words
from recbole_ext.cli.command import reports_errors
from recbole_ext.cli.data.shared import FiniteRange
from recbole_ext.cli.run_config import configure, preflight
from recbole_ext.cli.settings_words import CONTEXT, SettingsCommand, config_files, parse_settings

if TYPE_CHECKING:
    from recbole_ext.experiments.plan import RunKey
    from recbole_ext.experiments.results import Result
    from recbole_ext.experiments.tuning import Tuning

DATA_PATH = "dataset"  # RecBole's

EXAMPLE = """\b
Examples:
  recbole-ext tune AutoRec ml-100k --minutes 10
  run_recbole --model=AutoRec --dataset=ml-100k --config_files=tuned.yaml
  recbole-ext tune AutoRec ml-100k --metric NDCG@10 --output ranking.yaml
"""


@click.command(cls=SettingsCommand, context_settings=CONTEXT, epilog=EXAMPLE)
@click.argument("model")
@click.argument("dataset")
@click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    type=FiniteRange(0, min_open=True),
    help="Time for all runs; one run at least is made.",
)
@click.option(
    "--metric", help="Validation metric to compare by, such as RMSE or NDCG@10.  [default: model's]"
)
@click.option(
    "--output",
    default=Path("tuned.yaml"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="File for the best settings; the runs are in a .jsonl file beside it.",
)
@click.option(
    "--config_files", "files", help="Yaml files, separated by spaces; they win over the portfolio."
)
@settings_words.allow_unknown_keys
@click.argument("settings", nargs=-1, type=click.UNPROCESSED, metavar="[--KEY=VALUE]...")
@reports_errors
def tune(
    model: str,
    dataset: str,
    minutes: float,
    metric: str | None,
    output: Path,
    files: str | None,
    allow_unknown_keys: bool,
    settings: tuple[str, ...],
) -> None:
    """Find settings of MODEL for DATASET among those that were best elsewhere, by validation.

    All settings of the model's portfolio are trained for a few epochs, the better half for more,
    and so on. The best settings are written to a yaml file for --config_files. The same command
    continues after an interruption. The test split is never evaluated.
    """
    from recbole_ext.data import writable
    from recbole_ext.errors import SettingError
    from recbole_ext.evaluator import evaluation_settings
    from recbole_ext.experiments import portfolio, tuning
    from recbole_ext.registry import keys

    for word in (model, dataset):
        if word.startswith("-"):
            raise SettingError(f"{word}: write MODEL and DATASET before the settings")
    writable.check_file(output, "--output")
    runs_file = output.with_suffix(".jsonl")
    if runs_file == output:
        raise SettingError(f"--output={output}: the runs are written there; write NAME.yaml")
    overrides = parse_settings(settings, allow_unknown_keys)
    file_list = config_files(files)
    model = keys.check_model(model, "MODEL: ")
    of_user, where = _written(model, dataset, file_list, overrides)
    named = of_user.get("valid_metric")
    if metric is not None and named not in (None, metric):
        raise SettingError(f"--metric: found {metric}, but valid_metric: {named}; give one")
    part = portfolio.read(model, metric or named)
    defaults = preflight(model, dataset, None, {**part.settings, **of_user, **where})
    tried = tuning.tuning(model, dataset, part, of_user, defaults)
    runs_of_all = [{**tried.base, **own, **where} for own in tried.candidates]
    for own in runs_of_all:
        evaluation_settings.check_validated(preflight(model, dataset, None, own))
    configure(model, dataset, None, runs_of_all[0])
    results = _carry_out(tried, Path(where["data_path"]), runs_file, minutes)
    best = tried.best(results)
    if best is None:
        for key, result in results.items():
            click.echo(f"{key}: {result.error}", err=True)
        click.echo(f"error: no candidate has run; see {runs_file}", err=True)
        sys.exit(1)
    _report(tried, results, dataset, output, runs_file, minutes)


def _written(
    model: str, dataset: str, files: list[str] | None, overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the user has written, in files or on the command line.

    Returns:
        the values of the settings, and the folder of data sets as the setting ``data_path``.
    """
    from recbole_ext.config import settings
    from recbole_ext.evaluator.evaluation_settings import merge_eval_args

    values = preflight(model, dataset, files, overrides)
    contents = [settings.load(Path(file)) for file in files or []]
    names = {*overrides, *(key for content in contents for key in content)} - {"model", "dataset"}
    written = {key: values[key] for key in sorted(names) if key in values}
    if "eval_args" in written:
        layers = [content.get("eval_args") for content in contents]
        last = [values["eval_args"]] if "eval_args" in overrides else []
        written["eval_args"] = merge_eval_args([*layers, *last])
    places = [*(content.get("data_path") for content in contents), overrides.get("data_path")]
    folder = next((place for place in reversed(places) if place), DATA_PATH)
    written.pop("data_path", None)
    return written, {"data_path": str(folder)}


def _carry_out(
    tried: "Tuning", data_path: Path, runs_file: Path, minutes: float
) -> "dict[RunKey, Result]":
    """Make the runs, with a line for each, and return those of the file."""
    from recbole_ext.cli import signals
    from recbole_ext.config.threads import share
    from recbole_ext.experiments import processes, runs
    from recbole_ext.experiments import results as results_of

    signals.advise(signals.GOES_ON)
    newest = {result.key: result for result in results_of.load(runs_file, tried.plan)}
    start = time.monotonic()
    process = processes.Warm(share(1))

    def execute(jobs: Any, work: Any) -> Generator[Any, None, None]:
        """Beyond the time, a run that has not come to a validation is ended from outside."""
        for key, arguments in jobs.items():
            left = max(0.0, start + 60 * minutes - time.monotonic())
            has_score = tried.best(newest) is not None
            yield key, process.run(work, arguments, left if has_score else None)

    rounds = partial(tried.rounds, seconds=60 * minutes)
    with (
        closing(process),
        closing(runs.run(tried.plan, data_path, runs_file, execute, rounds=rounds)) as made,
    ):
        for result in made:
            newest[result.key] = result
            click.echo(
                f"{time.monotonic() - start:.0f} s, {_progress(tried, newest, result)}", err=True
            )
    return newest


def _progress(tried: "Tuning", results: "Mapping[RunKey, Result]", result: "Result") -> str:
    """What a run has reached, and the best run so far."""
    rung, candidate = tried.place(result.key)
    score, best = tried.score(results, rung, candidate), tried.best(results)
    outcome = result.error
    if score is not None:
        over = ", stopped: its time was over" if score.stopped else ""
        outcome = f"{tried.metric} {score.value:.4f} in epoch {score.epoch}{over}"
    so_far = f"; best {best[1].value:.4f}, {tried.names[best[0]]}" if best else ""
    return (
        f"round {rung + 1} of {tried.n_rungs}, candidate {candidate + 1} of {len(tried.names)}, "
        f"{tried.names[candidate]}: {outcome}{so_far}"
    )


def _report(
    tried: "Tuning",
    results: "Mapping[RunKey, Result]",
    dataset: str,
    output: Path,
    runs_file: Path,
    minutes: float,
) -> None:
    """Write the yaml, and print what is in it."""
    from recbole_ext.data.atomic_write import write_text
    from recbole_ext.experiments import tuned_file

    content = tuned_file.text(tried, results, dataset, minutes, output.name)
    write_text(output, content)
    click.echo(content)
    click.echo(f"settings: {output}, runs: {runs_file}")
    (model,) = tried.plan.models
    words = [f"--model={model}", f"--dataset={dataset}", f"--config_files={output}"]
    click.echo(f"next: run_recbole {shlex.join(words)}")

"""`run_hyper`: search a model's settings, with the flags of RecBole's script."""

from pathlib import Path

import click

from recbole_ext.cli.command import reports_errors, result_table
from recbole_ext.cli.run_config import configure, preflight
from recbole_ext.cli.settings_words import (
    CONTEXT,
    SettingsCommand,
    config_files,
    names_a_run,
    parse_settings,
)

EXAMPLE = """\b
Example:
  echo 'learning_rate choice [0.001, 0.003]' > space.txt
  run_hyper --model=AutoRec --dataset=ml-100k --params_file=space.txt
"""


@click.command(cls=SettingsCommand, context_settings=CONTEXT, epilog=EXAMPLE)
@names_a_run
@click.option(
    "--params_file", required=True, help="File of the search space, lines `name choice [a, b]`."
)
@click.option(
    "--output_file",
    default="hyper_example.result",
    show_default=True,
    help="File for all trials, as text.",
)
@click.option("--display_file", help="File for all trials, as an HTML plot (Hyperopt).")
@click.option(
    "--tool",
    type=click.Choice(["Hyperopt", "Ray"]),
    default="Hyperopt",
    show_default=True,
    help="Search tool.",
)
@click.argument("settings", nargs=-1, type=click.UNPROCESSED, metavar="[--KEY=VALUE]...")
@reports_errors
def main(
    model: str,
    dataset: str,
    files: str | None,
    allow_unknown_keys: bool,
    params_file: str,
    output_file: str,
    display_file: str | None,
    tool: str,
    settings: tuple[str, ...],
) -> None:
    """Search the settings of a model for the best validation score.

    Hyperopt tries every combination of the choices in PARAMS_FILE; Ray draws five samples and
    runs them in parallel. Trials are validated only; the best trial's model is tested once, at
    the end.
    """
    from recbole_ext.data import writable
    from recbole_ext.evaluator import evaluation_settings
    from recbole_ext.experiments import hyper_space, ray_cluster, recbole_hyper
    from recbole_ext.trainer import outputs

    writable.check_file(Path(output_file), "--output_file")
    if display_file is not None:
        writable.check_file(Path(display_file), "--display_file")
    if tool == "Ray":
        ray_cluster.require("--tool=Ray")
    space = hyper_space.read_space(params_file)
    file_list = config_files(files)
    overrides = parse_settings(settings, allow_unknown_keys)
    defaults = preflight(model, dataset, file_list, overrides)
    model = defaults["model"]
    hyper_space.check_space(
        params_file, space, model, defaults, continuous=tool == "Ray", given=overrides
    )
    evaluation_settings.check_validated(defaults)
    config = configure(model, dataset, file_list, overrides)
    outputs.check(config["checkpoint_dir"], logged=False)
    fixed = {**overrides, "model": model, "dataset": dataset, "show_progress": False}
    if tool == "Hyperopt":
        best = recbole_hyper.with_hyperopt(fixed, file_list, space, output_file, display_file)
    else:
        fixed["data_path"] = str(Path(config["data_path"]).absolute().parent)
        fixed["checkpoint_dir"] = str(Path(config["checkpoint_dir"]).absolute())
        file_list = [str(Path(file).absolute()) for file in file_list or []]
        best = recbole_hyper.with_ray(fixed, file_list, space, config.final_config_dict)
    test = recbole_hyper.test_metrics(fixed, file_list, best)
    click.echo(f"\nbest settings of {model} on {dataset}, by validation:")
    for name, value in best.settings.items():
        click.echo(f"  {name}: {value}")
    click.echo(result_table({"valid": best.valid, "test": test}))


if __name__ == "__main__":
    main()

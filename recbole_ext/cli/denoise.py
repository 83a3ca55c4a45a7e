"""`recbole-ext denoise`: how well AutoRec rebuilds corrupted ratings."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from recbole_ext.cli.command import reports_errors
from recbole_ext.cli.data.shared import FiniteRange
from recbole_ext.cli.run_config import configure
from recbole_ext.cli.settings_words import CONTEXT, SettingsCommand, config_files, parse_settings
from recbole_ext.errors import SettingError

if TYPE_CHECKING:
    from recbole_ext.experiments.denoising import Spread

EXAMPLE = """\b
Example:
  recbole-ext denoise --dataset=ml-100k --config_files=configs/autorec_item.yaml --corruption flip
"""


def _rates(context: click.Context, parameter: click.Parameter, text: str) -> list[float]:
    try:
        rates = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"expected numbers separated by commas, found {text}") from error
    finite = all(map(math.isfinite, rates))
    if not finite or sorted(set(rates)) != rates or rates[0] < 0:
        raise click.BadParameter(f"expected rates from 0 on that ascend, found {text}")
    return rates


@click.command(cls=SettingsCommand, context_settings=CONTEXT, epilog=EXAMPLE)
@click.option("--dataset", "-d", default="ml-100k", show_default=True, help="Name of the data set.")
@click.option(
    "--config_files",
    "files",
    help="Yaml files for AutoRec, separated by spaces; later ones win.",
)
@click.option(
    "--corruption",
    type=click.Choice(["drop", "gaussian", "flip"]),
    default="flip",
    show_default=True,
    help="Kind of corruption: drop removes ratings, gaussian adds noise, flip replaces ratings.",
)
@click.option(
    "--train-rate",
    default=0.3,
    show_default=True,
    type=FiniteRange(0, min_open=True),
    help="Corruption rate in training: a share of the ratings; for gaussian, a standard deviation.",
)
@click.option(
    "--rates",
    default="0,0.1,0.2,0.3,0.4,0.5",
    show_default=True,
    callback=_rates,
    help="Corruption rates to test.",
)
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Number of seeds: 1, 2, ...",
)
@click.option(
    "--output",
    default=Path("denoising"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Path of two files without suffix: .csv with the numbers, .html with the plot.",
)
@click.argument("settings", nargs=-1, type=click.UNPROCESSED, metavar="[--KEY=VALUE]...")
@reports_errors
def denoise(
    dataset: str,
    files: str | None,
    corruption: Literal["drop", "gaussian", "flip"],
    train_rate: float,
    rates: list[float],
    seeds: int,
    output: Path,
    settings: tuple[str, ...],
) -> None:
    """Train AutoRec on clean and on corrupted rows; both reconstruct corrupted rows.

    Prints the RMSE of the corrupted ratings and of held-out ones for each rate of corruption,
    and the rate from which the denoising model is better.
    """
    from recbole_ext.data import writable

    if corruption != "gaussian" and max(train_rate, *rates) > 1:
        raise SettingError(f"--rates, --train-rate: expected shares up to 1 for {corruption}")
    if not output.name:
        raise SettingError(f"--output={output}: expected the name of two files without .csv, .html")
    numbers, page = output.with_suffix(".csv"), output.with_suffix(".html")
    for file in (numbers, page):
        writable.check_file(file, "--output")
    overrides = parse_settings(settings)
    overrides |= {"corruption": corruption, "corruption_rate": str(train_rate)}
    config = configure("AutoRec", dataset, config_files(files), overrides)
    from tqdm import tqdm

    from recbole_ext.experiments import denoising
    from recbole_ext.trainer import outputs, single_run

    outputs.check(config["checkpoint_dir"], logged=False)
    run_settings = {**config.external_config_dict, **single_run.QUIET}
    run_settings["allow_unknown_keys"] = True  # they have just been checked
    points = []
    bar = tqdm(
        total=2 * seeds * len(rates), desc="models", file=sys.stderr, leave=False, disable=None
    )
    with bar:
        for point in denoising.measure(
            dataset, run_settings, corruption, train_rate, rates, range(1, seeds + 1)
        ):
            points.append(point)
            bar.update()
    denoising.write_csv(points, numbers)
    denoising.write_figure(points, corruption, train_rate, dataset, page)
    click.echo(
        f"AutoRec on {dataset}, RMSE over {seeds} seeds; denoising trained with {corruption} at "
        f"{train_rate:g}\n"
    )
    click.echo(_report(denoising.summarise(points), corruption))
    click.echo(f"\nplot: {page}, numbers: {numbers}")


def _report(summary: "dict[str, dict[str, dict[float, Spread]]]", corruption: str) -> str:
    from tabulate import tabulate

    from recbole_ext.experiments.denoising import DENOISING, KINDS, PLAIN, crossing

    columns = {
        f"{kind}: {name}": summary[kind][name] for kind in KINDS for name in (PLAIN, DENOISING)
    }
    rates = list(summary["held_out"][PLAIN])
    cells = [
        [
            "-" if math.isnan(column[rate][0]) else "{:.4f} +- {:.4f}".format(*column[rate])
            for column in columns.values()
        ]
        for rate in rates
    ]
    lines = [[f"{rate:g}", *row] for rate, row in zip(rates, cells, strict=True)]
    headers = [corruption, *(name.replace("_", " ") for name in columns)]
    text = [tabulate(lines, headers=headers, disable_numparse=True), ""]
    for kind, what in KINDS.items():
        means = [[mean for mean, _ in summary[kind][name].values()] for name in (PLAIN, DENOISING)]
        rate = crossing(rates, *means)
        better = f"denoising has the smaller error from a rate of {rate:.2f} on"
        if math.isnan(rate):
            better = "plain has the smaller error at the highest rate"
        text.append(f"{what}: {better}")
    return "\n".join(text)

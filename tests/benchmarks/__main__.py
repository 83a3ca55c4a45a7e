"""Speed beside RecBole, in one run.

    python -m tests.benchmarks                  # ml-100k: ten minutes
    python -m tests.benchmarks --suite scale    # made-up data of up to 20 million ratings: an hour
    python -m tests.benchmarks --against OTHER  # our side beside that of another checkout
    python -m tests.benchmarks --suite busy --rounds 2 --against OTHER  # beside busy processes
    python -m tests.benchmarks --suite import   # data import of 20 million rows beside pandas
    python -m tests.benchmarks --suite models   # every model of RecBole: an hour and a half

Each case runs in a process of its own, RecBole's and ours in turn; the table has medians over the
rounds, and their ratios. The csv, the plots and the profile go to --output.
"""

import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import torch
from tqdm import tqdm

from tests.benchmarks import shapes
from tests.benchmarks.shapes import SHAPES
from tests.benchmarks.speed import busy, cases, imports, models, profile, report
from tests.benchmarks.speed.sides import ROOT, gemm_peak, measure

RESULTS = Path(__file__).parent / "results"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--suite",
    type=click.Choice(["ml-100k", "scale", "busy", "import", "models"]),
    default="ml-100k",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--only", default="", help="Only cases whose name has this in it; models: by name.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Where the data is made, and found again; by default it is made and removed.",
)
@click.option(
    "--rows", type=click.IntRange(min=1), default=20, show_default=True, help="Million, to import."
)
@click.option(
    "--shape",
    type=click.Choice(list(SHAPES)),
    help="Of the suite models: made data of this size instead of ml-100k.",
)
@click.option(
    "--limit", type=float, default=600, show_default=True, help="Seconds a model, of that suite."
)
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A checkout of another commit: compare our side of every case with it, in turn.",
)
def main(
    suite: str,
    rounds: int,
    only: str,
    data: Path | None,
    rows: int,
    shape: str | None,
    limit: float,
    output: Path,
    against: Path | None,
) -> None:
    """Measure our models beside RecBole's, and print how many times faster they are."""
    if suite == "models":
        every_model(only, shape, data and data.absolute(), rounds, limit, output)
        return
    if suite == "busy":
        for table in busy.tables(against and against.absolute(), rounds):
            click.echo(f"\n{table}")
        return
    if suite == "import":
        for table in imports.tables(rounds, [rows * 1_000_000], data and data.absolute()):
            click.echo(f"\n{table}")
        return
    if against is not None:
        compare(suite, rounds, only, data, against.absolute())
        return
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = (data or Path(scratch)).absolute()
        make = cases.of_ml_100k if suite == "ml-100k" else cases.of_scale
        chosen = [case for case in make(str(place)) if only in case.name]
        _make_data(suite, place)
        points = []
        runs = [(case, n, side) for case in chosen for n in range(rounds) for side in case.sides]
        for case, number, side in tqdm(runs, file=sys.stderr):
            found = measure(side, case.work, case.arguments)
            points.append(report.Point(case.name, case.unit, side, number + 1, found))
            told = f"{case.name}, {side}: {found.value:.4g} {case.unit}, {found.mebibytes:.0f} MiB"
            tqdm.write(told, file=sys.stderr)
    table = report.lines(points)
    click.echo(f"\n{report.table(table)}\n")
    click.echo(
        f"medians of {rounds}; {torch.get_num_threads()} threads, float32 matrix products "
        f"{gemm_peak():.0f} GFLOP/s, torch {torch.__version__}, Python {platform.python_version()}"
    )
    report.write_csv(output / f"speed_{suite}.csv", points)
    report.write_plot(output / f"speed_{suite}.html", table)
    if suite == "scale":
        click.echo(f"\n{report.growth_table(table)}")
        report.write_growth_plot(output / "growth.html", table)
    elif not only:
        (output / "profile.txt").write_text(profile.text(), encoding="utf-8")


def every_model(
    only: str, shape: str | None, data: Path | None, rounds: int, limit: float, output: Path
) -> None:
    """Measure the models that ``only`` names, or all, and print what the results file has."""
    selected = only.split(",") if only else models.MODELS
    output.mkdir(parents=True, exist_ok=True)
    file = output / "speed_models.jsonl"
    with tempfile.TemporaryDirectory() as scratch:
        place = data or Path(scratch)
        if shape is not None and not (place / shape).is_dir():
            shapes.make(place, shape)
        dataset, data_path = (shape, str(place)) if shape else ("ml-100k", "")
        for line in models.run(file, selected, dataset, data_path, rounds, limit):
            tqdm.write(json.dumps(line), file=sys.stderr)
    lines = [x for x in models.read(file) if x["dataset"] == dataset]
    for clock, name in enumerate(("by the wall", "of the process")):
        click.echo(f"\n{name}; RecBole / recbole_ext, times faster\n\n{models.table(lines, clock)}")


def compare(suite: str, rounds: int, only: str, data: Path | None, checkout: Path) -> None:
    """Print our side's medians of another commit and of this one, and their ratio."""
    from tabulate import tabulate

    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        place = (data or Path(scratch)).absolute()
        make = cases.of_ml_100k if suite == "ml-100k" else cases.of_scale
        selected = [case for case in make(str(place)) if only in case.name]
        _make_data(suite, place)
        for case in tqdm(selected, file=sys.stderr):
            values: dict[Path, list[float]] = {checkout: [], ROOT: []}
            for number in range(rounds):
                # A B, then B A: whichever runs second is a little slower on some machines
                for root in (checkout, ROOT) if number % 2 == 0 else (ROOT, checkout):
                    arguments = ("recbole_ext", case.work, case.arguments, root)
                    values[root].append(measure(*arguments).value)
            before, now = (statistics.median(values[root]) for root in (checkout, ROOT))
            # of neighbours in time: the machine's own pace changes within minutes
            pairs = zip(values[checkout], values[ROOT], strict=True)
            faster = statistics.median(
                old / new if case.unit == "s" else new / old for old, new in pairs
            )
            lines.append([case.name, case.unit, f"{before:.4g}", f"{now:.4g}", f"{faster:.2f}"])
    headers = ["", "unit", "before", "now", "times faster"]
    click.echo(f"\n{tabulate(lines, headers=headers, tablefmt='github', disable_numparse=True)}\n")
    click.echo(
        f"medians of {rounds}, and of the ratios of {rounds} pairs, in turn; "
        f"{torch.get_num_threads()} threads"
    )


def _make_data(suite: str, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    if suite == "ml-100k":
        if not (place / "ml-100k-grid").is_dir():
            grid = ["data", "grid", "ml-100k", "--data_path", str(place)]
            command = [sys.executable, "-m", "recbole_ext.cli.main", *grid]
            subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        return
    for shape in ("1m", "5m", "20m"):
        if not (place / shape).is_dir():
            command = [sys.executable, "-m", "tests.benchmarks.shapes", shape, str(place)]
            subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)


if __name__ == "__main__":
    main()

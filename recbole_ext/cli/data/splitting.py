"""`recbole-ext data split` and `data grid`: data sets made of a data set."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.command import HELP, reports_errors, result_table
from recbole_ext.cli.data.shared import (
    data_path_option,
    example,
    from_option,
    new_name_option,
    read_rows,
    seed_option,
    share_option,
)

if TYPE_CHECKING:
    from recbole_ext.data.splits import Made


def say_made(made: "Made", data_path: Path) -> None:
    parts = ", ".join(f"{rows:,} {part}" for part, rows in made.counts.items())
    click.echo(f"{data_path / made.name}: {parts}")


@click.command(
    "split",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data split ml-1m random --test 0.1 --seed 1
  recbole-ext data split ml-100k loo
  recbole-ext data split ml-100k u1 --from ~/ml-100k.zip
  run_recbole --model=AutoRec --dataset=ml-100k-u1"""),
)
@click.argument("name")
@click.argument(
    "method",
    type=click.Choice(["random", "kfold", "loo", "u1", "u2", "u3", "u4", "u5", "ua", "ub"]),
)
@share_option("--test", 0.1, "Share of all rows that is tested (random).")
@share_option(
    "--valid",
    0.05,
    "Share that is for validation: of all rows (random, kfold), of the base (u1...).",
)
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2), help="(kfold).")
@click.option(
    "--negatives", default=99, show_default=True, type=click.IntRange(1), help="A user (loo)."
)
@from_option(
    "The ml-100k zip or folder with u1.base, ... [default: DATA_PATH/downloads/ml-100k.zip]"
)
@new_name_option
@seed_option
@data_path_option
@reports_errors
def split(
    name: str,
    method: str,
    test: float,
    valid: float,
    folds: int,
    negatives: int,
    source_path: Path | None,
    new_name: str | None,
    seed: int,
    data_path: Path,
) -> None:
    """Split the data set NAME into train, valid and test files: a data set of its own.

    \b
    random   a share of all rows; valid likewise
    kfold    each of FOLDS equal parts is the test part of one data set
    loo      each user's latest row, ranked among NEGATIVES items drawn once (NCF paper)
    u1 ...   GroupLens's own splits of ml-100k, from its zip
    """
    from recbole_ext.data import splits
    from recbole_ext.data.movielens import raw

    command = f"recbole-ext data split {name} {method} --seed {seed}"
    if method in splits.KNOWN:
        if name != "ml-100k":
            raise click.BadParameter(f"{method} is a split of ml-100k, not of {name}")
        source = raw.Source(source_path or data_path / "downloads" / "ml-100k.zip")
        made = splits.write_known(
            source,
            method,
            new_name or f"{name}-{method}",
            data_path,
            f"{command} --valid {valid}",
            valid,
            seed,
        )
        say_made(made, data_path)
        return
    rows = read_rows(name, data_path)
    if method == "loo":
        new_name = new_name or f"{name}-loo"
        command += f" --negatives {negatives}"
        made = splits.write_leave_one_out(rows, new_name, data_path, command, negatives, seed)
        say_made(made, data_path)
    elif method == "random":
        if test + valid >= 1:
            raise click.BadParameter(f"--test {test} and --valid {valid} leave nothing to train on")
        new_name = new_name or f"{name}-random{100 * (1 - test):g}-seed{seed}"
        options = {"test": test, "valid": valid, "seed": seed}
        command += f" --test {test} --valid {valid}"
        parts = splits.random_split(len(rows), test, valid, seed)
        say_made(splits.write_split(rows, parts, new_name, data_path, command, options), data_path)
    else:
        if valid >= 1 - 1 / folds:
            raise click.BadParameter(f"--valid {valid} and {folds} folds leave nothing to train on")
        command += f" --folds {folds} --valid {valid}"
        for fold, parts in enumerate(splits.kfold(len(rows), folds, valid, seed), start=1):
            place = f"{new_name or f'{name}-seed{seed}'}-fold{fold}of{folds}"
            options = {"fold": fold, "folds": folds, "valid": valid, "seed": seed}
            say_made(splits.write_split(rows, parts, place, data_path, command, options), data_path)


@click.command(
    "grid",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data grid ml-100k
  run_recbole --model=NCFMLP --dataset=ml-100k-grid"""),
)
@click.argument("name")
@share_option("--test", 0.2, "Share of the cells that is tested.")
@share_option("--valid", 0.05, "Share of the cells that is for validation.")
@new_name_option
@seed_option
@data_path_option
@reports_errors
def grid(
    name: str, test: float, valid: float, new_name: str | None, seed: int, data_path: Path
) -> None:
    """Make the full user-item grid of NAME with 0/1 labels, split in a stratified way.

    Prints what a constant and the items' popularity get on the test part: what a model has to
    beat.
    """
    from recbole_ext.data import grid as making

    if test + valid >= 1:
        raise click.BadParameter(f"--test {test} and --valid {valid} leave nothing to train on")
    new_name = new_name or f"{name}-grid"
    command = f"recbole-ext data grid {name} --test {test} --valid {valid} --seed {seed}"
    made, beside = making.write(
        read_rows(name, data_path), new_name, data_path, command, test, valid, seed
    )
    say_made(made, data_path)
    click.echo(f"\non the test part of {made.name}:")
    click.echo(result_table(beside))

"""`recbole-ext data split` and `data grid`: new data sets from a data set."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recbole_ext.cli.command import HELP, reports_errors, result_table
from recbole_ext.cli.data.shared import (
    data_path_option,
    example,
    from_option,
    new_name_option,
    new_names,
    read_rows,
    seed_option,
    share_option,
)
from recbole_ext.data.movielens.catalogue import ML_100K_SPLITS
from recbole_ext.evaluator import protocols

if TYPE_CHECKING:
    from recbole_ext.data.splits import SplitDataset


def echo_counts(dataset: "SplitDataset", data_path: Path) -> None:
    """Print the folder of a new data set, and the rows of its parts."""
    parts = ", ".join(f"{rows:,} {part}" for part, rows in dataset.counts.items())
    click.echo(f"{data_path / dataset.name}: {parts}")


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
    "method", type=click.Choice(["random", "kfold", "loo", "temporal", "users", *ML_100K_SPLITS])
)
@share_option(
    "--test",
    protocols.TEST,
    "Test share: of all rows (random, temporal), of the users (users).",
)
@share_option(
    "--valid",
    protocols.VALID,
    "Validation share: of all rows (random, kfold, temporal), of the other users' rows (users), "
    "of the training ratings (u1 ...).",
)
@click.option(
    "--folds",
    default=protocols.FOLDS,
    show_default=True,
    type=click.IntRange(2),
    help="Number of folds (kfold).",
)
@click.option(
    "--negatives",
    default=protocols.NEGATIVES,
    show_default=True,
    type=click.IntRange(1),
    help="Negatives per user (loo).",
)
@from_option(
    "Zip or folder of ml-100k with u1.base, ... (u1 ...).  "
    "[default: DATA_PATH/downloads/ml-100k.zip]"
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
    random   random shares of all rows
    kfold    FOLDS data sets; each of FOLDS equal parts is the test part of one of them
    loo      each user's latest row, ranked among NEGATIVES items drawn once (NCF paper)
    temporal rows before, between and after two points in time, for all users
    users    new users; a model gets their histories when it scores
    u1 ...   GroupLens's own splits of ml-100k, from its zip
    """
    from recbole_ext.data import splits
    from recbole_ext.data.dataset_folder import command

    if method in ML_100K_SPLITS:
        _split_of_movielens(name, method, valid, source_path, new_name, seed, data_path)
    elif method in ("loo", "temporal", "users"):
        if method == "temporal":
            _refuse_empty_training(test, valid)
        protocol = {
            "loo": protocols.leave_one_out(negatives, seed),
            "temporal": protocols.temporal(test, valid),
            "users": protocols.user_holdout(test, valid, seed),
        }[method]
        (new_name,) = new_names(name, new_name, protocol.dataset_name(name), data_path)
        rows = read_rows(name, data_path)
        echo_counts(protocol.write_dataset(rows, data_path, new_name), data_path)
    elif method == "random":
        _refuse_empty_training(test, valid)
        default = f"{name}-random{100 * (1 - test):g}-seed{seed}"
        (new_name,) = new_names(name, new_name, default, data_path)
        rows = read_rows(name, data_path)
        again = command("split", name, method, seed=seed, test=test, valid=valid)
        options = {"test": test, "valid": valid, "seed": seed}
        parts = splits.random_split(len(rows), test, valid, seed)
        dataset = splits.write_split(rows, parts, new_name, data_path, again, options)
        echo_counts(dataset, data_path)
    else:
        if valid >= 1 - 1 / folds:
            raise click.BadParameter(f"--valid {valid} and {folds} folds leave nothing to train on")
        suffixes = [f"-fold{fold}of{folds}" for fold in range(1, folds + 1)]
        fold_names = new_names(name, new_name, f"{name}-seed{seed}", data_path, suffixes)
        rows = read_rows(name, data_path)
        again = command("split", name, method, seed=seed, folds=folds, valid=valid)
        if folds > len(rows):
            raise click.BadParameter(
                f"--folds {folds}: expected at most {len(rows)}, the rows of {name}"
            )
        base = fold_names[0].removesuffix(suffixes[0])
        for dataset in splits.write_kfold(rows, base, data_path, again, folds, valid, seed, {}):
            echo_counts(dataset, data_path)


def _split_of_movielens(
    name: str,
    method: str,
    valid: float,
    source_path: Path | None,
    new_name: str | None,
    seed: int,
    data_path: Path,
) -> None:
    """One of GroupLens's own splits of ml-100k."""
    from recbole_ext.data.dataset_folder import command
    from recbole_ext.data.movielens import known_splits, raw

    if name != "ml-100k":
        raise click.BadParameter(f"{method} is a split of ml-100k, not of {name}")
    (new_name,) = new_names(name, new_name, f"{name}-{method}", data_path)
    source = raw.Source(source_path or data_path / "downloads" / "ml-100k.zip")
    again = command("split", name, method, seed=seed, valid=valid)
    dataset = known_splits.write(source, method, new_name, data_path, again, valid, seed)
    echo_counts(dataset, data_path)


def _refuse_empty_training(test: float, valid: float) -> None:
    if test + valid >= 1:
        raise click.BadParameter(f"--test {test} and --valid {valid} leave nothing to train on")


@click.command(
    "grid",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data grid ml-100k
  run_recbole --model=NCFMLP --dataset=ml-100k-grid"""),
)
@click.argument("name")
@share_option("--test", protocols.GRID_TEST, "Test share of the cells.")
@share_option("--valid", protocols.GRID_VALID, "Validation share of the cells.")
@new_name_option
@seed_option
@data_path_option
@reports_errors
def grid(
    name: str, test: float, valid: float, new_name: str | None, seed: int, data_path: Path
) -> None:
    """Write the full user-item grid of NAME with 0/1 labels, split in a stratified way.

    Prints the test metrics of a constant and of the items' popularity, as baselines.
    """
    _refuse_empty_training(test, valid)
    protocol = protocols.grid(test, valid, seed)
    (new_name,) = new_names(name, new_name, protocol.dataset_name(name), data_path)
    dataset = protocol.write_dataset(read_rows(name, data_path), data_path, new_name)
    echo_counts(dataset, data_path)
    click.echo(f"\non the test part of {dataset.name}:")
    click.echo(result_table(dataset.baselines))

"""What `recbole-ext data import` prints: the columns, the steps, the counts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from recbole_ext.data.importing.features import Features
    from recbole_ext.data.importing.selection import Selected, Step
    from recbole_ext.data.importing.sources import Source
    from recbole_ext.data.importing.split_layouts import PublishedSplit
    from recbole_ext.data.importing.tables import Table


def echo_columns(table: "Table", sources: Sequence["Source"]) -> None:
    """Print how the files are read, and what each of their columns is taken for."""
    from tabulate import tabulate

    from recbole_ext.data.importing.tables import fields

    more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
    click.echo(f"{sources[0].label}{more}: {table.words}")
    lines = [_line(table, name, column) for name, column in fields(table).items()]
    _echo_indented(tabulate(lines, tablefmt="plain", disable_numparse=True))
    for column, why in table.columns.left_out.items():
        click.echo(f"  left out: {column or 'a column'} ({why})")
    if "rating" not in table.columns.roles:
        click.echo("  no column of ratings: each row is an interaction")


def _echo_indented(table: str) -> None:
    for line in table.splitlines():
        click.echo(f"  {line}")


def _line(table: "Table", name: str, column: str) -> tuple[str, str, str]:
    """RecBole's column, that of the file, and what is in it."""
    import numpy as np

    from recbole_ext.data.importing import times
    from recbole_ext.data.importing.columns import TYPE_OF

    if column in table.tokens:
        kind = TYPE_OF.get(table.columns.kinds[column], "token")
        return f"{name}:{kind}", f"<- {column}", f"{len(table.tokens[column].texts):,} different"
    values = table.numbers[column]
    low, high = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
    content = "no number in it"
    if not np.isnan(low):
        content = f"{low:g} to {high:g}"
        if name == "timestamp":
            content = table.time_words
            if "order" not in content:
                content = f"{times.day(low)} to {times.day(high)}, {content}"
    return f"{name}:float", f"<- {column}", content


def echo_features(features: "Features", source: "Source", known: int) -> None:
    """Print the columns of a table of users or items, and how many it describes.

    Args:
        features: the imported table.
        source: its file.
        known: number of users or items in the interactions.
    """
    from tabulate import tabulate

    entity = features.entity
    click.echo(f"{source.label}: {features.n_described:,} of {known:,} {entity}s are described")
    lines = [(header, f"<- {features.read_from[header]}") for header in features.columns]
    _echo_indented(tabulate(lines, tablefmt="plain", disable_numparse=True))
    if features.n_unknown:
        click.echo(f"  left out: {features.n_unknown:,} rows of {entity}s without an interaction")
    if features.n_repeated:
        click.echo(f"  left out: {features.n_repeated:,} further rows of the same {entity}s")


def echo_steps(selected: "Selected", duplicates: str) -> None:
    """Print what each step of the selection took and left."""
    from tabulate import tabulate

    lines = [
        [step.what, f"{-step.dropped:,}" if number else "", *_counts(step)]
        for number, step in enumerate(selected.steps)
    ]
    headers = ["", "dropped", "rows", "users", "items"]
    right = ("left", "right", "right", "right", "right")
    click.echo()
    click.echo(tabulate(lines, headers=headers, colalign=right, disable_numparse=True))
    if selected.repeated and duplicates == "keep":
        one = selected.repeated == 1
        rows, verb = ("1 row has", "is") if one else (f"{selected.repeated:,} rows have", "are")
        click.echo(
            f"warning: {rows} the user and item of an earlier row, and {verb} kept "
            "(--duplicates last keeps the latest of them)",
            err=True,
        )


def _counts(step: "Step") -> list[str]:
    return [f"{number:,}" for number in (step.rows, step.users, step.items)]


def echo_split(split: "PublishedSplit") -> None:
    """Print what a published split is, and what its reader should know."""
    names = ", ".join(source.path.name for source in split.sources)
    users = {user for part in split.parts.values() for user in part.users}
    items = {item for part in split.parts.values() for item in part.items}
    click.echo(f"{split.format}: a split as it was published ({names})")
    click.echo(f"  {len(users):,} users, {len(items):,} items")
    for note in split.notes:
        click.echo(f"  {note}")


def echo_next(name: str, data_path: Path, has_ratings: bool) -> None:
    """Print the command that trains on the data set.

    Args:
        name: of the data set.
        data_path: the folder of data sets.
        has_ratings: whether AutoRec can be trained on it.
    """
    where = "" if str(data_path) == "dataset" else f" --data_path={data_path}"
    for model in ("AutoRec", "NCFMLP") if has_ratings else ("NCFMLP",):
        start = "next:" if model == "AutoRec" or not has_ratings else "  or:"
        click.echo(f"{start} run_recbole --model={model} --dataset={name}{where}")

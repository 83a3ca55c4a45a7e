"""`recbole-ext similar` and `recbole-ext project`: users and items as vectors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import click

from recbole_ext.cli.command import HELP, load_trained, reports_errors, trust_option
from recbole_ext.errors import DataError

EXAMPLE_SIMILAR = """\b
Example:
  run_recbole --model=AutoRec --dataset=ml-100k
  recbole-ext similar saved/AutoRec-<time>.pth --item 50 --item 181
"""

EXAMPLE_PROJECT = """\b
Example:
  recbole-ext project saved/AutoRec-<time>.pth --output projector
  tensorboard --logdir projector
"""


@click.command(context_settings=HELP, epilog=EXAMPLE_SIMILAR)
@click.argument("file")
@click.option(
    "--item",
    "items",
    multiple=True,
    help="Token of an item, as in the .inter file; may be repeated.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    help="Token of a user, as in the .inter file; may be repeated.",
)
@click.option(
    "-k", default=10, show_default=True, type=click.IntRange(1), help="Number of neighbours."
)
@trust_option
@reports_errors
def similar(
    file: str, items: tuple[str, ...], users: tuple[str, ...], k: int, trust_checkpoint: bool
) -> None:
    """List the items or users that are nearest to one, by the cosine of their vectors."""
    if not items and not users:
        raise click.UsageError("say which: --item TOKEN or --user TOKEN")
    config, model, dataset, *_ = load_trained(file, trust_checkpoint)
    queries: tuple[tuple[Literal["item", "user"], tuple[str, ...]], ...] = (
        ("item", items),
        ("user", users),
    )
    for entity, tokens in queries:
        if tokens:
            for table in _neighbours(config, model, dataset, entity, tokens, k):
                click.echo(f"\n{table}")


def _neighbours(
    config: Any,
    model: Any,
    dataset: Any,
    entity: Literal["item", "user"],
    tokens: tuple[str, ...],
    k: int,
) -> Iterator[str]:
    """A table for each token."""
    import torch
    from tabulate import tabulate

    from recbole_ext.data.ids import number_of
    from recbole_ext.models import representations

    vectors = representations.vectors(model, entity)
    header, rows = representations.features(config, dataset, entity)
    for token in tokens:
        number = number_of(dataset, entity, token)
        if k > len(vectors) - 2:
            most = len(vectors) - 2
            raise DataError(f"-k {k}: expected at most {most}, the number of other {entity}s")
        ids, cosines = representations.nearest(vectors, torch.tensor([number]), k)
        lines = [["", *rows[number - 1]]]
        lines += [
            [f"{cosine:.4f}", *rows[near - 1]]
            for near, cosine in zip(ids[0].tolist(), cosines[0].tolist(), strict=True)
        ]
        headers = ["cosine", *header]
        yield tabulate(lines, headers=headers, disable_numparse=True, maxcolwidths=40)


@click.command(context_settings=HELP, epilog=EXAMPLE_PROJECT)
@click.argument("file")
@click.option(
    "--output",
    default="projector",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for TensorBoard to read.",
)
@trust_option
@reports_errors
def project(file: str, output: Path, trust_checkpoint: bool) -> None:
    """Write the vectors of all users and items for TensorBoard's embedding projector."""
    from recbole_ext.data import writable

    writable.check_folder(output, "--output")
    config, model, dataset, *_ = load_trained(file, trust_checkpoint)
    from recbole_ext.models import representations

    representations.vectors(model, "item")  # refuses before the folder is written
    representations.write_projector(output, config, dataset, model)
    click.echo(f"look at it with: tensorboard --logdir {output}")

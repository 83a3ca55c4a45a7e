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
@click.option("--item", "items", multiple=True, help="An item's token; several may be given.")
@click.option("--user", "users", multiple=True, help="A user's token; several may be given.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="Neighbours.")
@trust_option
@reports_errors
def similar(
    file: str, items: tuple[str, ...], users: tuple[str, ...], k: int, trust_checkpoint: bool
) -> None:
    """List the items or users that are nearest to one, by the cosine of their vectors."""
    if not items and not users:
        raise click.UsageError("say which: --item TOKEN or --user TOKEN")
    config, model, dataset, *_ = load_trained(file, trust_checkpoint)
    wanted: tuple[tuple[Literal["item", "user"], tuple[str, ...]], ...] = (
        ("item", items),
        ("user", users),
    )
    for of, tokens in wanted:
        if tokens:
            for table in _neighbours(config, model, dataset, of, tokens, k):
                click.echo(f"\n{table}")


def _neighbours(
    config: Any,
    model: Any,
    dataset: Any,
    of: Literal["item", "user"],
    tokens: tuple[str, ...],
    k: int,
) -> Iterator[str]:
    """A table for each token."""
    import torch
    from tabulate import tabulate

    from recbole_ext.models import representations

    vectors = representations.vectors(model, of)
    header, rows = representations.features(config, dataset, of)
    for token in tokens:
        number = dataset.field2token_id[header[0]].get(token)
        if not number:
            raise DataError(f"--{of} {token}: no such {header[0]} in {config['dataset']}")
        if k > len(vectors) - 2:
            most = len(vectors) - 2
            raise DataError(f"-k {k}: expected at most {most}, the other {of}s there are")
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
    help="The folder that TensorBoard reads.",
)
@trust_option
@reports_errors
def project(file: str, output: Path, trust_checkpoint: bool) -> None:
    """Write the vectors of all users and items for TensorBoard's embedding projector."""
    config, model, dataset, *_ = load_trained(file, trust_checkpoint)
    from recbole_ext.models import representations

    representations.vectors(model, "item")  # refused before the folder is made
    representations.write_projector(output, config, dataset, model)
    click.echo(f"look at it with: tensorboard --logdir {output}")

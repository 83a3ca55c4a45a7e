"""`recbole-ext similar` and `recbole-ext project`: users and items as vectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from recbole_ext.cli import answer
from recbole_ext.cli.command import HELP, load_trained, model_option, reports_errors, trust_option
from recbole_ext.errors import DataError

Entity = Literal["item", "user"]

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
    help="Id of an item, as in the .inter file; may be repeated.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    help="Id of a user, as in the .inter file; may be repeated.",
)
@click.option(
    "-k", default=10, show_default=True, type=click.IntRange(1), help="Number of neighbours."
)
@model_option
@trust_option
@answer.json_option
@reports_errors
def similar(
    file: str,
    items: tuple[str, ...],
    users: tuple[str, ...],
    k: int,
    trust_checkpoint: bool,
    as_json: bool,
) -> None:
    """List the items or users that are nearest to one, by the cosine of their vectors."""
    if not items and not users:
        raise click.UsageError("say which: --item TOKEN or --user TOKEN")
    from recbole_ext.trainer import outputs

    queries: tuple[tuple[Entity, tuple[str, ...]], ...] = (("item", items), ("user", users))
    with answer.running(quiet=False, as_json=as_json, verbose=False), outputs.leaving_none():
        config, model, dataset, *_ = load_trained(file, trust_checkpoint)
        lists = [
            of_token
            for entity, tokens in queries
            if tokens
            for of_token in _neighbours(config, model, dataset, entity, tokens, k)
        ]
    if as_json:
        answer.print_json({"checkpoint": file, "queries": [one.content() for one in lists]})
    else:
        click.echo("\n\n".join(one.table() for one in lists))


@dataclass(frozen=True)
class Neighbours:
    """The nearest users or items of one, as rows of their columns.

    Attributes:
        entity: what they are.
        header: the names of the columns, the token's first.
        query: the row of the one that is asked for.
        rows, cosines: of the others, nearest first.
    """

    entity: Entity
    header: list[str]
    query: list[str]
    rows: list[list[str]]
    cosines: list[float]

    def table(self) -> str:
        """As text, the query in the first line."""
        from tabulate import tabulate

        pairs = zip(self.cosines, self.rows, strict=True)
        lines = [["", *self.query], *([f"{cosine:.4f}", *row] for cosine, row in pairs)]
        headers = ["cosine", *self.header]
        return tabulate(lines, headers=headers, disable_numparse=True, maxcolwidths=40)

    def content(self) -> dict[str, Any]:
        """For ``--json``."""
        pairs = zip(self.cosines, self.rows, strict=True)
        return {
            "entity": self.entity,
            "query": dict(zip(self.header, self.query, strict=True)),
            "neighbours": [
                {"cosine": cosine, **dict(zip(self.header, row, strict=True))}
                for cosine, row in pairs
            ],
        }


def _neighbours(
    config: Any, model: Any, dataset: Any, entity: Entity, tokens: tuple[str, ...], k: int
) -> Iterator[Neighbours]:
    """Those of each token."""
    import torch

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
        near = [rows[id_ - 1] for id_ in ids[0].tolist()]
        yield Neighbours(entity, header, rows[number - 1], near, cosines[0].tolist())


@click.command(context_settings=HELP, epilog=EXAMPLE_PROJECT)
@click.argument("file")
@click.option(
    "--output",
    default="projector",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the files that TensorBoard reads.",
)
@model_option
@trust_option
@reports_errors
def project(file: str, output: Path, trust_checkpoint: bool) -> None:
    """Write the vectors of all users and items for TensorBoard's embedding projector."""
    from recbole_ext.data import writable
    from recbole_ext.trainer import outputs

    writable.check_folder(output, "--output")
    with answer.running(quiet=False, as_json=False, verbose=False), outputs.leaving_none():
        config, model, dataset, *_ = load_trained(file, trust_checkpoint)
        from recbole_ext.models import representations

        representations.vectors(model, "item")  # refuses before the folder is written
        representations.write_projector(output, config, dataset, model)
    click.echo(f"look at it with: tensorboard --logdir {output}")

"""`recbole-ext recommend`: what a trained model recommends, to its users or to a new person."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli import answer
from recbole_ext.cli.command import (
    HELP,
    load_recommender,
    model_option,
    original_option,
    reports_errors,
    say_who_answers,
    trust_option,
)
from recbole_ext.cli.recommended_list import RecommendedList
from recbole_ext.inference import interaction_text, lists_file

if TYPE_CHECKING:
    from recbole_ext.inference.recommender import Recommender

EXAMPLE = """\b
Examples:
  run_recbole --model=AutoRec --dataset=ml-100k
  recbole-ext recommend saved/AutoRec-<time>.pth --user 196 --user 22
  recbole-ext recommend saved/AutoRec-<time>.pth --for '50=5,181=4,172=5' --explain
  recbole-ext recommend saved/AutoRec-<time>.pth --all --output recs.csv
"""


@click.command(context_settings=HELP, epilog=EXAMPLE)
@click.argument("file")
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="ID",
    help="Id of a user, as in the .inter file; may be repeated.",
)
@click.option("--all", "everybody", is_flag=True, help="Recommend for all users; needs --output.")
@click.option(
    "--for",
    "person",
    metavar="ITEM=RATING,...",
    help="Items and ratings of a new person: '50=5,181=4', or '50,181' without ratings.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    help="File with the items and ratings of a new person: csv, columns item_id,rating.",
)
@click.option(
    "-k", default=10, show_default=True, type=click.IntRange(1), help="Number of items per list."
)
@click.option(
    "--among",
    type=click.Path(path_type=Path),
    help="File with the ids of the items that may be recommended, one per line.",
)
@click.option(
    "--include-seen",
    is_flag=True,
    help="Do not leave out the items that a user has in the training and validation part.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File for the lists (.csv, .jsonl, .parquet): user_id, item_id, score, rank, title.",
)
@click.option(
    "--explain",
    "explained",
    is_flag=True,
    help="Show for each item which items of the person explain it, and how much they contribute.",
)
@original_option
@model_option
@trust_option
@answer.json_option
@reports_errors
def recommend(
    file: str,
    users: tuple[str, ...],
    everybody: bool,
    person: str | None,
    history: Path | None,
    k: int,
    among: Path | None,
    include_seen: bool,
    output: Path | None,
    explained: bool,
    original: bool,
    trust_checkpoint: bool,
    as_json: bool,
) -> None:
    """List the items that the model of the checkpoint FILE recommends, best first.

    Scores and order are those of the evaluation of the test part. If `recbole-ext refit` has
    trained FILE on all data, that model answers, and the output says so.
    """
    people = [bool(users), everybody, person is not None, history is not None]
    if sum(people) != 1:
        raise click.UsageError(
            "say for whom, one of: --user ID, --all, --for ITEM=RATING, --history"
        )
    if everybody and output is None:
        raise click.UsageError("--all needs --output: a file that ends in .csv, .jsonl or .parquet")
    if output is not None and not (users or everybody):
        raise click.UsageError("--output is for --user and --all")
    if output is not None and explained:
        raise click.UsageError("--explain is for lists that are printed; leave out --output")
    # what can be refused without the model
    interactions: interaction_text.Interactions = []
    if person is not None:
        interactions = interaction_text.of_option(person)
    if history is not None:
        interactions = interaction_text.of_csv(history)
    settings: dict[str, Any] = {"k": k, "exclude": None if include_seen else "seen"}
    if among is not None:
        settings["among"] = interaction_text.of_list(among)
    if output is not None:
        lists_file.check(output)

    from recbole_ext.trainer import outputs

    with answer.running(quiet=False, as_json=as_json, verbose=False), outputs.leaving_none():
        asked, recommender = load_recommender(file, trust_checkpoint, original)
        if output is not None:
            n_lists = _write(recommender, output, users or None, settings)
        elif interactions:
            one = RecommendedList.for_person(recommender, interactions, settings, explained)
            lists = [one]
        else:
            lists = RecommendedList.for_users(recommender, users, settings, explained)
        explained_by = recommender.explained_by if explained else None
    say_who_answers(file, asked)
    if output is not None:
        if as_json:
            answer.print_json({"checkpoint": asked, "output": str(output), "users": n_lists})
        else:
            click.echo(f"{n_lists:,} user{'s' * (n_lists != 1)}: {output}")
    elif as_json:
        content = {"checkpoint": asked, "lists": [one.content() for one in lists]}
        answer.print_json(content | ({"explained_by": explained_by} if explained_by else {}))
    else:
        title = f"{answer.describe_run(recommender.trained.config)}, from {asked}"
        parts = [title, *(one.table() for one in lists)]
        if explained_by:
            parts.append(f"how it is explained: {explained_by}")
        click.echo("\n\n".join(parts))


def _write(
    recommender: "Recommender",
    output: Path,
    users: tuple[str, ...] | None,
    settings: dict[str, Any],
) -> int:
    """Write the lists of some users, or of all (None); the number of users."""
    from tqdm import tqdm

    n_users = len(recommender.users) if users is None else len(users)
    n_lists = 0
    with (
        lists_file.writing(output) as write,
        tqdm(total=n_users, unit="users", file=sys.stderr, leave=False, disable=None) as bar,
    ):
        for frame in recommender.recommend_in_parts(users, **settings):
            write(frame)
            n_lists += (n := frame["user_id"].nunique())
            bar.update(n)
    return n_lists

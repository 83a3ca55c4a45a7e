"""`recbole-ext data import`: a person's own files as a data set."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recbole_ext.cli.command import HELP, F, reports_errors
from recbole_ext.cli.data import import_output
from recbole_ext.cli.data.shared import (
    FiniteRange,
    data_path_option,
    example,
    progress_bar,
    seed_option,
)
from recbole_ext.cli.data.splitting import echo_counts
from recbole_ext.evaluator import protocols

if TYPE_CHECKING:
    from recbole_ext.data.importing.features import Entity, Features
    from recbole_ext.data.importing.selection import Selection
    from recbole_ext.data.importing.tables import Table

_ROLES = ("user", "item", "rating", "time")
_FORMATS = ["lightgcn", "ncf", "sasrec", "amazon-2014", "amazon-2018", "gowalla", "movielens"]


class Names(click.ParamType):
    """Names with commas between them."""

    name = "NAMES"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names; a tuple is taken as it is."""
        if isinstance(value, tuple):
            return value
        return tuple(name.strip() for name in str(value).split(","))


class Core(click.ParamType):
    """One number, or one for users and one for items."""

    name = "N[,N]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """The numbers for users and items.

        Raises:
            click.BadParameter: they are none.
        """
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
            self.fail(f"expected a number such as 5, or 5,10 for users and items, found {value!r}")
        numbers = [int(part) for part in parts]
        return numbers[0], numbers[-1]


def _column_options(command: F) -> F:
    """What the columns are."""
    options: list[Callable[[F], F]] = [
        click.option(f"--{role}", metavar="COLUMN", help=f"Column of {role}s, if not recognised.")
        for role in _ROLES
    ]
    options += [
        click.option(
            "--columns",
            type=Names(),
            help="Names of the columns of a file without a header; - leaves one out.",
        ),
        click.option("--keep", type=Names(), help="Other columns to keep, NAME or NAME:TYPE."),
        click.option("--drop", type=Names(), help="Columns to leave out."),
        click.option("--separator", metavar="TEXT", help="Column separator, if not recognised."),
        click.option("--encoding", default="utf-8", show_default=True, help="Encoding of text."),
        click.option(
            "--time-format", metavar="FORMAT", help="How dates are written, such as %d.%m.%Y"
        ),
        click.option(
            "--format",
            "published",
            type=click.Choice(_FORMATS),
            help="Layout of published files, if not recognised.",
        ),
    ]
    return _all(options, command)


def _row_options(command: F) -> F:
    """Which rows are kept."""
    options: list[Callable[[F], F]] = [
        click.option("--since", metavar="DATE", help="Keep rows from this time on (UTC)."),
        click.option("--until", metavar="DATE", help="Keep rows up to this time or day (UTC)."),
        click.option("--min-rating", type=FiniteRange(), help="Keep rows rated this or higher."),
        click.option(
            "--duplicates",
            type=click.Choice(["keep", "first", "last", "mean", "count"]),
            default="keep",
            show_default=True,
            help="Repeated user-item pairs: the row to keep, or their mean or count as the rating.",
        ),
        click.option("--sample-users", type=click.IntRange(1), help="Number of users to draw."),
        click.option("--core", type=Core(), help="Minimum rows per user and per item (k-core)."),
    ]
    return _all(options, command)


def _all(options: Sequence[Callable[[F], F]], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    "import",
    context_settings=HELP,
    epilog=example("""
  recbole-ext data import ratings.csv --name mine
  recbole-ext data import ratings.csv --name mine --items movies.csv --min-rating 4 --core 5
  recbole-ext data import log.tsv.gz --name mine --columns user,item,-,time
  run_recbole --model=NCFMLP --dataset=mine"""),
)
@click.argument("files", nargs=-1, required=True)
@click.option("--name", required=True, help="Name of the new data set.")
@_column_options
@click.option("--items", metavar="FILE", help="Table of the items.")
@click.option("--users", metavar="FILE", help="Table of the users.")
@click.option("--title", metavar="COLUMN", help="Column of titles in --items, if not recognised.")
@_row_options
@seed_option
@data_path_option
@reports_errors
def import_files(files: tuple[str, ...], name: str, data_path: Path, **options: Any) -> None:
    """Make the data set NAME of FILES: csv, tsv, json lines, parquet, feather.

    Text may be compressed (gz, bz2, xz, zip, zst); - is standard input. Several files, or a
    folder, are parts of one table. Columns are recognised by their names, and shown. Published
    splits (LightGCN's and NCF's files) keep their parts.
    """
    from recbole_ext.data import dataset_folder
    from recbole_ext.data.importing import source_files, split_layouts

    dataset_folder.check_new(data_path, name)
    again = _command(files, {"name": name, **options})
    selection = _selection(options)
    with source_files.with_standard_input(files) as paths:
        layout = split_layouts.recognise(paths)
        if options["published"] in ("lightgcn", "ncf"):
            layout = options["published"]
        if layout is None:
            _import_table(paths, name, data_path, again, selection, options)
        else:
            _import_split(paths, layout, name, data_path, again, options)


# --- one table ------------------------------------------------------------------------------


def _import_table(
    paths: Sequence[Path],
    name: str,
    data_path: Path,
    again: str,
    selection: "Selection",
    options: Mapping[str, Any],
) -> None:
    from recbole_ext.data.importing import importer, source_files, tables
    from recbole_ext.data.importing.columns import ColumnOptions
    from recbole_ext.data.importing.opening import ReadOptions
    from recbole_ext.data.importing.text_layout import separator_of

    roles: Any = {role: options[role] for role in _ROLES if options[role] is not None}
    columns = ColumnOptions(roles, options["keep"], options["drop"] or ())
    separator = separator_of(options["separator"])
    header, published = options["columns"], options["published"]
    read_options = ReadOptions(columns, separator, header, options["time_format"], published)
    read_from = source_files.sources_of(paths, options["encoding"])
    size = sum(source.path.stat().st_size for source in read_from)
    with progress_bar(f"reading {read_from[0].label}", size) as progress:
        table = tables.read(read_from, read_options, progress)
    import_output.echo_columns(table, read_from)
    selected = importer.select(table, selection)
    entities: tuple[tuple[Entity, str | None], ...] = (
        ("item", options["items"]),
        ("user", options["users"]),
    )
    features = [
        _features(entity, file, table, importer.ids(table, selected.rows, entity), options)
        for entity, file in entities
        if file is not None
    ]
    origin = importer.Origin(again, read_from)
    folder = importer.write(table, selected, features, name, data_path, origin)
    import_output.echo_steps(selected, options["duplicates"])
    last = selected.steps[-1]
    rows = "interactions" if selected.rows.ratings is None else "ratings"
    click.echo(f"\n{folder}: {last.users:,} users, {last.items:,} items, {last.rows:,} {rows}")
    import_output.echo_next(name, data_path, selected.rows.ratings is not None)


def _features(
    entity: "Entity", file: str, table: "Table", known: list[str], options: Mapping[str, Any]
) -> "Features":
    from recbole_ext.data.importing import features, source_files
    from recbole_ext.data.importing.opening import ReadOptions

    (source,) = source_files.sources_of([Path(file)], options["encoding"])
    of_ids, title = table.columns.roles[entity], options["title"]
    with progress_bar(f"reading {source.label}", source.path.stat().st_size) as progress:
        described = features.read(source, entity, of_ids, title, ReadOptions(), known, progress)
    import_output.echo_features(described, source, len(known))
    return described


def _selection(options: Mapping[str, Any]) -> "Selection":
    from recbole_ext.data.importing import times
    from recbole_ext.data.importing.selection import Selection

    since, until = (
        None if options[key] is None else times.limit(options[key], f"--{key}")
        for key in ("since", "until")
    )
    return Selection(
        since=since,
        until=until,
        min_rating=options["min_rating"],
        duplicates=options["duplicates"],
        sample_users=options["sample_users"],
        seed=options["seed"],
        core=options["core"] or (0, 0),
    )


# --- a published split ----------------------------------------------------------------------

# Options that a published split can be imported with.
_OF_SPLITS = ("seed", "published", "encoding", "duplicates")


def _import_split(
    paths: Sequence[Path],
    layout: Any,
    name: str,
    data_path: Path,
    again: str,
    options: Mapping[str, Any],
) -> None:
    from recbole_ext.data.importing import split_layouts, split_writing
    from recbole_ext.data.importing.importer import Origin

    for key, value in options.items():
        if key not in _OF_SPLITS and value is not None:
            raise click.UsageError(
                f"--{key.replace('_', '-')} is for one table; {layout} files are imported with the "
                "split that was published"
            )
    split = split_layouts.read(paths, layout, options["seed"])
    import_output.echo_split(split)
    evaluation: dict[str, Any] = {}
    if split.negatives:
        number = len(next(iter(split.negatives.values())))
        evaluation = protocols.leave_one_out(number).settings
    dataset = split_writing.write(split, name, data_path, Origin(again), evaluation)
    echo_counts(dataset, data_path)
    import_output.echo_next(name, data_path, has_ratings=False)


def _command(files: Sequence[str], options: Mapping[str, Any]) -> str:
    """The command that makes the data set again."""
    from recbole_ext.data import dataset_folder

    defaults = {"encoding": "utf-8", "duplicates": "keep", "seed": protocols.SEED}
    flags = {
        {"published": "format"}.get(key, key).replace("_", "-"): (
            ",".join(map(str, value)) if isinstance(value, tuple) else value
        )
        for key, value in options.items()
        if value is not None and defaults.get(key) != value
    }
    return dataset_folder.command("import", *files, **flags)

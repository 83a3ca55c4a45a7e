"""What is checked in a data set's files before a run, each problem with its file and line.

RecBole reads ``.inter`` files with some errors silently: a missing rating becomes the
column's mean, a user named NA is dropped. Others end in a traceback far from their cause.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_ext.config import settings
from recbole_ext.data.refused_lines import RefusedLines
from recbole_ext.errors import DataError

if TYPE_CHECKING:  # a header is checked without pandas, which takes half a second
    import pandas as pd

    from recbole_ext.data import delimited

_KINDS: "dict[str, delimited.Kind]" = {
    "token": "token",
    "token_seq": "text",
    "float": "float",
    "float_seq": "floats",
}

_LARGE = 2**25  # bytes
_LONGEST_HEADER = 100_000  # bytes, far above what a person or a program of theirs writes

# What an empty value in a column of features means: RecBole fills in [PAD], or the mean.
_OPTIONAL: "dict[str, delimited.Kind]" = {"token": "text", "float": "optional float"}

# Columns that must have a value in each line: what identifies, in all files, and what judges, in
# interactions. By RecBole's names of them; a run has its own names in its settings.
IDS = frozenset(
    {"user_id", "item_id", "head_id", "relation_id", "tail_id", "entity_id"}
    | {"source_id", "target_id"}
)
JUDGEMENTS = frozenset({"rating", "timestamp", "label"})

# The settings in which a run names them.
_ID_KEYS = (
    "USER_ID_FIELD",
    "ITEM_ID_FIELD",
    "HEAD_ENTITY_ID_FIELD",
    "TAIL_ENTITY_ID_FIELD",
    "RELATION_ID_FIELD",
    "ENTITY_ID_FIELD",
)
_JUDGEMENT_KEYS = ("RATING_FIELD", "TIME_FIELD", "LABEL_FIELD")


def required_columns(
    path: Path, ids: Collection[str] = IDS, judgements: Collection[str] = JUDGEMENTS
) -> frozenset[str]:
    """The columns of a file that must have a value in each line.

    Args:
        path: an atomic file; its suffix decides.
        ids: names of the columns with ids.
        judgements: names of the columns with ratings, times and labels, of ``.inter`` files.
    """
    return frozenset(ids) | (frozenset(judgements) if path.suffix == ".inter" else frozenset())


def required_in_run(path: Path, config_values: Mapping[str, Any]) -> frozenset[str]:
    """``required_columns`` by the names that the settings of a run give them."""
    ids, judgements = (
        [config_values[key] for key in keys if config_values.get(key)]
        for keys in (_ID_KEYS, _JUDGEMENT_KEYS)
    )
    return required_columns(path, ids, judgements)


def interaction_files(data: settings.DataSettings) -> list[Path]:
    """The ``.inter`` files of a data set: one, or one for each name of ``benchmark_filename``."""
    folder = Path(data.data_path)
    suffixes = [f".{part}" for part in data.benchmark_filename or []] or [""]
    return [folder / f"{data.dataset}{suffix}.inter" for suffix in suffixes]


def settings_beside(folder: Path) -> dict[str, Any]:
    """What a data set says of itself: the settings in ``<name>/<name>.yaml``; {} without one.

    Raises:
        SettingError: the file cannot be read as yaml; the message has its line.
    """
    file = folder / f"{folder.name}.yaml"
    return settings.load(file) if file.is_file() else {}


def check_interactions(config_values: Any, *, ratings: bool, all_lines: bool = True) -> None:
    """Refuse interaction files that a run could not use, or would use wrongly.

    Args:
        config_values: the final settings of a run.
        ratings: whether the model reads ratings; each must then be a number. Then the first line
            that the run cannot read is refused, whatever is wrong with it.
        all_lines: whether that is so for large files, too, which takes as long as reading them; the
            run refuses the same line when it reads them.

    Raises:
        DataError: for the first problem; it names the file, and the line where there is one.
    """
    data = settings.read(settings.DataSettings, config_values)
    for path in interaction_files(data):
        fields = read_header(path, data.field_separator, data.encoding)
        for key in ("USER_ID_FIELD", "ITEM_ID_FIELD"):
            field = getattr(data, key)
            if field not in fields:
                raise DataError(
                    f"{path}, line 1: no column {field} (found {', '.join(fields)}); name the "
                    f"column in {key}"
                )
        if ratings:
            _check_rating_column(path, fields, data)
            if all_lines or path.stat().st_size < _LARGE:
                _check_lines(path, fields, data, config_values)


def read_header(path: Path, separator: str, encoding: str | None) -> dict[str, str]:
    """Field -> type of an atomic file.

    Args:
        path: an atomic file.
        separator: text between two columns.
        encoding: of the file; None for UTF-8.

    Raises:
        DataError: the file is missing or empty, or its first line is not ``name:type`` columns.
    """
    if not path.is_file():
        here = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
        raise DataError(
            f"{path}: no such file; found {', '.join(here) or 'an empty folder'} there. A data "
            "set needs <name>/<name>.inter, or the files that benchmark_filename names"
        )
    _check_writing(path, separator, encoding or "utf-8")
    with path.open("rb") as stream:
        lines = [stream.readline(_LONGEST_HEADER), stream.readline()]
    if len(lines[0]) == _LONGEST_HEADER:
        raise DataError(
            f"{path}, line 1: expected a header of less than {_LONGEST_HEADER:,} bytes, found more"
        )
    try:
        head, first = (line.decode(encoding or "utf-8").rstrip("\r\n") for line in lines)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not in the encoding {encoding or 'utf-8'} ({error.reason}); set encoding in "
            "the configuration"
        ) from error
    if not head.strip():
        raise DataError(f"{path}: the file is empty; expected a header such as user_id:token")
    if head.startswith("\ufeff"):
        raise DataError(
            f"{path}, line 1: starts with a byte order mark, which RecBole takes for a part of "
            "the first column's name; save the file as UTF-8 without it"
        )
    fields: dict[str, str] = {}
    for column in head.split(separator):
        name, colon, kind = column.partition(":")
        if not colon or kind not in _KINDS:
            raise DataError(
                f"{path}, line 1: expected columns written name:type with a type of "
                f"{', '.join(_KINDS)}, separated by {separator!r}; found {column!r}"
            )
        if name in fields:
            raise DataError(f"{path}, line 1: two columns are named {name}; rename or remove one")
        fields[name] = kind
    if not first.strip():
        raise DataError(f"{path}, line 2: no interaction after the header")
    return fields


def _check_writing(path: Path, separator: str, encoding: str) -> None:
    """Refuse a separator or an encoding in which the bytes do not show lines and columns."""
    try:
        plain = "\t\n".encode(encoding) == b"\t\n"
        separator.encode(encoding)
    except (LookupError, UnicodeEncodeError) as error:
        raise DataError(f"{path}: encoding: {error}; utf-8 is the usual one") from error
    if not plain:
        raise DataError(
            f"{path}: encoding: expected one that keeps ASCII, such as utf-8 or latin-1, found "
            f"{encoding}; save the file as UTF-8"
        )
    if not separator or "\n" in separator:
        raise DataError(
            f"{path}: field_separator: expected what stands between two columns, "
            f"found {separator!r}"
        )


def _check_rating_column(path: Path, fields: dict[str, str], data: settings.DataSettings) -> None:
    field = data.RATING_FIELD
    if field not in fields:
        raise DataError(
            f"{path}, line 1: no rating column {field} (found {', '.join(fields)}); name the "
            "column in RATING_FIELD, or take a model of implicit feedback such as NCFMLP"
        )
    if fields[field] != "float":
        raise DataError(f"{path}, line 1: {field} is a {fields[field]}, expected {field}:float")
    if data.load_col is not None and field not in (data.load_col.get("inter") or []):
        raise DataError(
            f"load_col: the ratings are not loaded; add {field} to its list for inter "
            f"(found {data.load_col.get('inter')})"
        )


def _check_lines(
    path: Path, fields: Mapping[str, str], data: settings.DataSettings, values: Mapping[str, Any]
) -> None:
    """Refuse a line that the run will not be able to read: the one that it would refuse."""
    named = fields if data.load_col is None else data.load_col.get("inter") or ()
    left_out = (values.get("unload_col") or {}).get("inter") or ()
    loaded = {name for name in fields if (named == "*" or name in named) and name not in left_out}
    status = path.stat()
    problem = _first_problem(
        path,
        data.field_separator,
        data.encoding,
        required_in_run(path, values),
        frozenset(loaded),
        values.get("seq_separator") or " ",
        (status.st_mtime_ns, status.st_size),
    )
    if problem:
        raise DataError(problem)


@lru_cache(maxsize=16)
def _first_problem(
    path: Path,
    separator: str,
    encoding: str | None,
    required: frozenset[str],
    loaded: frozenset[str],
    between: str,
    _version: tuple[int, int],
) -> str:
    """What is wrong with the first line that a run cannot read; "" where it can read all."""
    fields = read_header(path, separator, encoding)
    refused = RefusedLines(path)
    for _, _, problems in scan(path, fields, separator, encoding, required, loaded, between):
        refused.add(problems)
    return refused.message()


def scan(
    path: Path,
    fields: Mapping[str, str],
    separator: str,
    encoding: str | None,
    required: Collection[str] | None = None,
    loaded: Collection[str] | None = None,
    between: str = " ",
) -> "Iterator[tuple[delimited.Block, pd.DataFrame, dict[int, str]]]":
    """An atomic file block by block: the one reader of ``data check`` and of runs.

    Args:
        path: the file.
        fields: field -> type, as its header has them; sequences may be empty.
        separator: between columns.
        encoding: of the file.
        required: columns that must have a value in each line; None for all.
        loaded: columns to read; None for all.
        between: RecBole's ``seq_separator``.

    Yields:
        the block, the rows of it that are whole, and line number -> what is wrong with the
        others.
    """
    from recbole_ext.data import delimited
    from recbole_ext.data.line_blocks import in_order

    kinds: dict[str, delimited.Kind] = {}
    for name, kind in fields.items():
        optional = required is not None and name not in required
        kinds[name] = _OPTIONAL.get(kind, _KINDS[kind]) if optional else _KINDS[kind]
        if loaded is not None and name not in loaded:
            kinds[name] = "unread"
    written = encoding or "utf-8"

    def parsed(
        lines: tuple[bytes, int],
    ) -> "tuple[delimited.Block, pd.DataFrame, dict[int, str]]":
        block = delimited.examine(
            lines[0], separator.encode(written), len(fields), written, lines[1]
        )
        frame, wrong = delimited.parse(block, kinds, written, between)
        return block, frame, {**block.problems, **wrong}

    with path.open("rb") as stream:
        stream.readline()
        yield from in_order(parsed, delimited.numbered_lines(stream, first_line=2))

"""What is checked in a data set's files before a run, each problem with its file and line.

RecBole reads ``.inter`` files without a word about some errors: a missing rating becomes the
column's mean. Others end in a traceback far from their cause.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from recbole_ext import settings
from recbole_ext.errors import DataError

_TYPES = ("token", "token_seq", "float", "float_seq")


def interaction_files(chosen: settings.DataSettings) -> list[Path]:
    """The ``.inter`` files of a data set: one, or one for each name of ``benchmark_filename``."""
    folder = Path(chosen.data_path)
    suffixes = [f".{part}" for part in chosen.benchmark_filename or []] or [""]
    return [folder / f"{chosen.dataset}{suffix}.inter" for suffix in suffixes]


def check_interactions(config_values: Any, *, ratings: bool) -> None:
    """Refuse interaction files that a run could not use, or would use wrongly.

    Args:
        config_values: the final settings of a run.
        ratings: whether the model reads ratings; each must then be a number.

    Raises:
        DataError: for the first problem; it names the file, and the line where there is one.
    """
    chosen = settings.read(settings.DataSettings, config_values)
    for path in interaction_files(chosen):
        fields = _header(path, chosen.field_separator, chosen.encoding)
        for key in ("USER_ID_FIELD", "ITEM_ID_FIELD"):
            field = getattr(chosen, key)
            if field not in fields:
                raise DataError(
                    f"{path}, line 1: no column {field} (found {', '.join(fields)}); name the "
                    f"column in {key}"
                )
        if ratings:
            _check_rating_column(path, fields, chosen)


def _header(path: Path, separator: str, encoding: str | None) -> dict[str, str]:
    """Field -> type of an atomic file."""
    if not path.is_file():
        here = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
        raise DataError(
            f"{path}: no such file; found {', '.join(here) or 'an empty folder'} there. A data "
            "set needs <name>/<name>.inter, or the files that benchmark_filename names"
        )
    try:
        with path.open(encoding=encoding) as stream:
            head, first = stream.readline(), stream.readline()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not in the encoding {encoding or 'of this system'} ({error.reason}); set "
            "encoding in the configuration"
        ) from error
    if not head.strip():
        raise DataError(f"{path}: the file is empty; expected a header such as user_id:token")
    fields = {}
    for column in head.rstrip("\n").split(separator):
        name, colon, kind = column.partition(":")
        if not colon or kind not in _TYPES:
            raise DataError(
                f"{path}, line 1: expected columns written name:type with a type of "
                f"{', '.join(_TYPES)}, separated by {separator!r}; found {column!r}"
            )
        fields[name] = kind
    if not first.strip():
        raise DataError(f"{path}, line 2: no interaction after the header")
    return fields


def _check_rating_column(path: Path, fields: dict[str, str], chosen: settings.DataSettings) -> None:
    field = chosen.RATING_FIELD
    if field not in fields:
        raise DataError(
            f"{path}, line 1: no rating column {field} (found {', '.join(fields)}); name the "
            "column in RATING_FIELD, or take a model of implicit feedback such as NCFMLP"
        )
    if fields[field] != "float":
        raise DataError(f"{path}, line 1: {field} is a {fields[field]}, expected {field}:float")
    if chosen.load_col is not None and field not in (chosen.load_col.get("inter") or []):
        raise DataError(
            f"load_col: the ratings are not loaded; add {field} to its list for inter "
            f"(found {chosen.load_col.get('inter')})"
        )
    status = path.stat()
    problem = _bad_rating(
        path,
        f"{field}:{fields[field]}",
        chosen.field_separator,
        chosen.encoding,
        (status.st_mtime_ns, status.st_size),
    )
    if problem:
        raise DataError(problem)


@lru_cache(maxsize=16)
def _bad_rating(
    path: Path, column: str, separator: str, encoding: str | None, _version: tuple[int, int]
) -> str:
    """What is wrong with the first rating that is not a number; "" where each is one."""
    try:
        text = pd.read_csv(
            path,
            sep=separator,
            usecols=[column],
            dtype=str,
            encoding=encoding or "utf-8",
            keep_default_na=False,
            skip_blank_lines=False,
        )[column]
    except pd.errors.ParserError as error:
        return f"{path}: {str(error).strip()}"
    numbers = pd.to_numeric(text, errors="coerce")
    bad = (
        (~numbers.between(float("-inf"), float("inf"), inclusive="neither")).to_numpy().nonzero()[0]
    )
    if not len(bad):
        return ""
    found = text.iloc[bad[0]]
    return (
        f"{path}, line {bad[0] + 2}: {column.partition(':')[0]}: expected a number, found "
        f"{found!r} ({len(bad)} such line{'s' if len(bad) > 1 else ''} in all); write a number "
        "or remove the line"
    )

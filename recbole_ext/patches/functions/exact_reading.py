"""A run reads the lines of its files as ``recbole-ext data check`` does, and says what it drops.

RecBole gives files to ``pandas.read_csv``, which takes the names ``NA``, ``null`` and ``nan`` for
missing values, reads over several lines where a quote stands, and accepts numbers that RecBole's
float32 cannot hold. RecBole then drops interactions with hardly a word.
"""

import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from recbole_ext.data import atomic_files, feature_table
from recbole_ext.errors import DataError

# Method of Dataset that drops rows -> the settings that make it do so.
_FILTERS = {
    "_filter_nan_user_or_item": (),
    "_remove_duplication": ("rm_dup_inter",),
    "_filter_by_field_value": ("val_interval",),
    "_filter_inter_by_user_or_item": ("filter_inter_by_user_or_item",),
    "_filter_by_inter_num": ("user_inter_num_interval", "item_inter_num_interval"),
    "_filter_kg_by_triple_num": ("entity_kg_num_interval", "relation_kg_num_interval"),
}

# Suffix of a file -> what its rows are.
_KINDS = {"inter": "interaction", "user": "user", "item": "item", "kg": "triple"}


def open_header(dataset: Any, path: str) -> TextIO:
    """In the place of ``open(path)`` in ``Dataset._load_feat``: the header, which is in order.

    Raises:
        DataError: the file is missing or empty, or its header is not ``name:type`` columns.
    """
    separator, encoding = dataset.config["field_separator"], dataset.config["encoding"]
    fields = atomic_files.read_header(Path(path), separator, encoding)
    return io.StringIO(separator.join(f"{name}:{kind}" for name, kind in fields.items()) + "\n")


def read_columns(dataset: Any, path: str, *, usecols: list[str], **_: Any) -> pd.DataFrame:
    """In the place of ``pandas.read_csv`` in ``Dataset._load_feat``.

    Args:
        dataset: of RecBole, whose settings name the columns that must have values.
        path: of an atomic file.
        usecols: what to read of it, as ``name:type``.

    Raises:
        DataError: lines cannot be read; it names the first.
    """
    config, file = dataset.config, Path(path)
    loaded = [column.rpartition(":")[0] for column in usecols]
    frame = feature_table.read(
        file,
        config["field_separator"],
        config["encoding"],
        atomic_files.required_in_run(file, config.final_config_dict),
        loaded,
        config["seq_separator"],
    )
    vars(dataset).setdefault("rows_read", {})[file.suffix[1:]] = len(frame)
    if file.suffix == ".inter":
        for name, count in frame.isna().sum().items():
            if count:
                _say(
                    dataset, f"{file}: {name}: {count} of {len(frame)} values are empty, filled in"
                )
    return frame


def data_processing(
    wrapped: Callable[[], None], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Around ``Dataset._data_processing``: one line that says how many rows RecBole drops.

    Raises:
        DataError: none is left; it says how many each filter has dropped.
    """
    dropped: dict[str, dict[str, int]] = {}  # feature file -> reason -> rows
    rows = {feat: len(frame) for feat, frame in _frames(dataset).items()}
    for feat, count in rows.items():
        again = vars(dataset).get("rows_read", {}).get(feat, 0) - count
        if feat != "inter" and again > 0:
            rows[feat] += again
            dropped[feat] = {f"{feat}s described before": again}
    try:
        with _counted(dataset, dropped):
            wrapped(*args, **kwargs)
    except _NoneLeftError as error:
        raise DataError(
            f"{_lines(dataset, rows, dropped)}; no {error} is left; write a wider filter"
        ) from None
    if dropped:
        _say(dataset, _lines(dataset, rows, dropped))


class _NoneLeftError(Exception):
    """Of which kind no row is left."""


def _lines(dataset: Any, rows: dict[str, int], dropped: dict[str, dict[str, int]]) -> str:
    return "; ".join(_line(dataset, f, rows[f], dropped[f]) for f in rows if f in dropped)


def _line(dataset: Any, feat: str, n_rows: int, reasons: dict[str, int]) -> str:
    file = Path(dataset.dataset_path) / f"{dataset.dataset_name}.{feat}"
    why = ", ".join(f"{count} by {reason}" for reason, count in reasons.items())
    return f"{file}: {sum(reasons.values())} of {n_rows} rows dropped: {why}"


def say_again(dataset: Any, notes: list[str]) -> None:
    """What was said of a data set when it was read, for one that comes from the cache."""
    for note in notes:
        _say(dataset, note)


def _frames(dataset: Any) -> dict[str, Any]:
    frames = {feat: getattr(dataset, f"{feat}_feat", None) for feat in _KINDS}
    return {feat: frame for feat, frame in frames.items() if frame is not None}


@contextmanager
def _counted(dataset: Any, dropped: dict[str, dict[str, int]]) -> Iterator[None]:
    """Each filter of the data set counts what it drops, for as long as the block lasts."""

    def count(name: str, filter_rows: Callable[[], None]) -> None:
        before = {feat: len(frame) for feat, frame in _frames(dataset).items()}
        filter_rows()
        for feat, frame in _frames(dataset).items():
            if len(frame) < before[feat]:
                of_feat = dropped.setdefault(feat, {})
                of_feat[_reason(dataset.config, name)] = before[feat] - len(frame)
            if not len(frame):
                raise _NoneLeftError(_KINDS[feat])

    names = [name for name in _FILTERS if hasattr(dataset, name)]
    for name in names:
        vars(dataset)[name] = partial(count, name, getattr(dataset, name))
    try:
        yield
    finally:
        for name in names:
            del vars(dataset)[name]


def _reason(config: Any, name: str) -> str:
    """The settings that a filter acts by, with their values."""
    values = {key: config[key] for key in _FILTERS[name]}
    acting = [f"{k}: {v}" for k, v in values.items() if v is not None and v != "[0,inf)"]
    return " and ".join(acting) or "a missing user or item"


def _say(dataset: Any, note: str) -> None:
    """One line that is seen even where RecBole's log is silent; by one process of several."""
    vars(dataset).setdefault("reading_notes", []).append(note)
    if dataset.config["local_rank"] not in (0, None):
        return
    if dataset.logger.isEnabledFor(logging.WARNING):
        dataset.logger.warning(note)
    else:
        print(f"warning: {note}", file=sys.stderr)

"""An ``.inter`` file in memory: its lines as they stand, and its columns as numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ext.data import atomic_files, categories
from recbole_ext.data.locate import dataset_folder
from recbole_ext.data.refused_lines import without_empty_lines
from recbole_ext.errors import DataError


@dataclass(frozen=True)
class InteractionFile:
    """An ``.inter`` file in memory.

    Attributes:
        path: the file.
        header: its first line, with its newline.
        text, offsets: the other lines, and where each starts; the last offset is the length.
        users, items: [rows], from 0 in the order of their first row.
        user_tokens, item_tokens: number -> id in the file.
        ratings, timestamps: [rows], or None where the file has no such column.
    """

    path: Path
    header: bytes
    text: bytes
    offsets: np.ndarray
    users: np.ndarray
    items: np.ndarray
    user_tokens: np.ndarray
    item_tokens: np.ndarray
    ratings: np.ndarray | None
    timestamps: np.ndarray | None

    def __len__(self) -> int:
        return len(self.users)

    def lines(self, index: np.ndarray) -> bytes:
        """Some rows as they stand in the file, in its order."""
        selected = np.zeros(len(self), dtype=bool)
        selected[index] = True
        data = np.frombuffer(self.text, dtype=np.uint8)
        return data[np.repeat(selected, np.diff(self.offsets))].tobytes()


def locate(name: str, data_path: Path) -> Path:
    """The ``.inter`` file of a data set: below ``data_path``, or the ml-100k inside RecBole.

    Raises:
        DataError: it is not here.
    """
    path = dataset_folder(name, data_path) / f"{name}.inter"
    if path.is_file():
        return path
    raise DataError(
        f"{path}: no such file; get a MovieLens release with `recbole-ext data get NAME`, or put "
        "your own atomic files there"
    )


def read(path: Path, progress: Callable[[int], None] = lambda n: None) -> InteractionFile:
    """Read an ``.inter`` file with tabs between its columns.

    Args:
        path: the file; it needs user_id and item_id.
        progress: called with the bytes read since the last call.

    Raises:
        DataError: a line cannot be read; it names the first.
    """
    fields = atomic_files.read_header(path, "\t", "utf-8")
    for needed in ("user_id", "item_id"):
        if needed not in fields:
            raise DataError(f"{path}, line 1: no column {needed} (found {', '.join(fields)})")
    with path.open("rb") as stream:
        header = stream.readline().rstrip(b"\r\n") + b"\n"
    texts, lengths, frames = [], [], []
    required = atomic_files.required_columns(path)
    for block, frame, every in atomic_files.scan(path, fields, "\t", "utf-8", required):
        if problems := without_empty_lines(every):
            line = min(problems)
            raise DataError(
                f"{path}, line {line}: {problems[line]}; `recbole-ext data check "
                f"{path.parent}` lists every such line"
            )
        texts.append(block.text)
        lengths.append(np.diff(block.offsets))
        frames.append(frame)
        progress(block.n_bytes)
    if not frames:
        raise DataError(f"{path}: no interaction after the header")
    users, user_tokens = _numbered([frame["user_id"] for frame in frames])
    items, item_tokens = _numbered([frame["item_id"] for frame in frames])

    def column(name: str) -> np.ndarray | None:
        if fields.get(name) != "float":
            return None
        return np.concatenate([frame[name].to_numpy() for frame in frames])

    return InteractionFile(
        path,
        header,
        b"".join(texts),
        np.concatenate([[0], np.cumsum(np.concatenate(lengths))]),
        users,
        items,
        user_tokens,
        item_tokens,
        column("rating"),
        column("timestamp"),
    )


def _numbered(parts: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Tokens as numbers in the order of their first row."""
    whole = categories.union([part.array for part in parts])
    codes, order = pd.factorize(whole.codes)
    return codes.astype(np.int64), np.asarray(whole.categories, dtype=object)[order]

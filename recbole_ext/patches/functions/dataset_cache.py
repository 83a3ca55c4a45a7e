"""A large data set as RecBole has read it, kept for the next run.

What RecBole makes of atomic files, before it splits them, lies beside them in
``<name>.cache/<key>.pt``, in columns that are mapped: unused ones are not read, and
nothing is converted. The key is a hash of the files' contents, of every setting that reading
depends on, and of the releases of what reads; so another content or another setting has another
key, and nothing old is ever served. It holds tensors and plain values: reading it executes nothing.
"""

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from inspect import getsource
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from recbole_ext.config.version import __version__
from recbole_ext.data.atomic_write import atomic_write
from recbole_ext.data.content_hash import files_hash
from recbole_ext.patches import engine
from recbole_ext.patches.functions import exact_reading

LEAST = 2**25  # bytes of atomic files; fewer are read in a second
KEPT = 3  # of one data set; the oldest go
PLACE = "kept_at"  # attribute of a data set that is kept: the file
_FORMAT = "3"  # of what is kept: a column is its numbers in its own type

_FEATS = ("inter", "user", "item")
# What does not change what is read.
_ELSEWHERE = {"checkpoint_dir", "data_path", "eval_args", "local_rank"}


def _files(dataset: Any) -> list[Path]:
    folder = Path(dataset.config["data_path"])
    return sorted(p for feat in _FEATS for p in folder.glob(f"{dataset.dataset_name}*.{feat}"))


def reading_settings() -> list[str]:
    """The settings that decide what is read of a data set's files."""
    from recbole.utils.argument_list import dataset_arguments

    module = import_module("recbole.data.dataset.dataset")  # has the class Dataset alone
    read = re.findall(r'config\["(\w+)"\]', getsource(module))
    return sorted({*dataset_arguments, *read} - _ELSEWHERE)


def _place(dataset: Any) -> Path | None:
    """Where the data set is kept; None for one that is not."""
    files, config = _files(dataset), dataset.config
    if config["additional_feat_suffix"] or config["preload_weight"]:
        return None
    if sum(file.stat().st_size for file in files) < LEAST:
        return None
    found = hashlib.blake2b(digest_size=16)
    names = reading_settings()
    releases = [_FORMAT, __version__, pd.__version__, torch.__version__]
    releases += [name for name, state in engine.states().items() if state == "switched off"]
    told = [type(dataset).__qualname__, releases, {name: config[name] for name in names}]
    found.update(json.dumps(told, sort_keys=True, default=str).encode())
    found.update(files_hash(files).encode())  # the run's identity asks for the same, once read
    return files[0].parent / f"{dataset.dataset_name}.cache" / f"{found.hexdigest()}.pt"


def _plain(dataset: Any) -> dict[str, Any] | None:
    """What ``_restore`` needs; None where there is more than numbers."""
    frames = {}
    for name in dataset.feat_name_list:
        frame = getattr(dataset, name)
        if not frame.index.equals(pd.RangeIndex(len(frame))):
            return None
        if any(dtype.kind not in "if" for dtype in frame.dtypes):
            return None
        frames[name] = {
            str(column): torch.from_numpy(frame[column].to_numpy(copy=True)) for column in frame
        }
    return {
        "frames": frames,
        "tokens": {str(k): _text(v) for k, v in dataset.field2id_token.items()},
        "types": {str(k): v.name for k, v in dataset.field2type.items()},
        "sources": {str(k): v.name for k, v in dataset.field2source.items()},
        "lengths": {str(k): int(v) for k, v in dataset.field2seqlen.items()},
        "buckets": {str(k): int(v) for k, v in dataset.field2bucketnum.items()},
        "parts": list(map(int, getattr(dataset, "file_size_list", []))),
        "notes": list(getattr(dataset, "reading_notes", [])),
    }


def _text(tokens: Any) -> torch.Tensor:
    """Ids, none of which has a line end, as one text: a list of them takes long to read."""
    return torch.from_numpy(np.frombuffer("\n".join(map(str, tokens)).encode(), np.uint8).copy())


def _tokens(text: torch.Tensor) -> np.ndarray:
    return np.array(text.numpy().tobytes().decode().split("\n"))


def _restore(dataset: Any, plain: dict[str, Any]) -> None:
    """What ``Dataset._from_scratch`` leaves, from what was kept of it."""
    from recbole.utils import FeatureSource, FeatureType

    dataset._get_preset()
    dataset._get_field_from_config()
    dataset.field2type = {k: FeatureType[v] for k, v in plain["types"].items()}
    dataset.field2source = {k: FeatureSource[v] for k, v in plain["sources"].items()}
    dataset.field2seqlen, dataset.field2bucketnum = plain["lengths"], plain["buckets"]
    dataset.inter_feat = dataset.user_feat = dataset.item_feat = None
    for name, columns in plain["frames"].items():
        arrays = {column: values.numpy() for column, values in columns.items()}
        setattr(dataset, name, pd.DataFrame(arrays, copy=False))
    dataset._init_alias()
    dataset.feat_name_list = list(plain["frames"])
    dataset.field2id_token = {k: _tokens(v) for k, v in plain["tokens"].items()}
    dataset.field2token_id = {
        field: {token: number for number, token in enumerate(tokens)}
        for field, tokens in dataset.field2id_token.items()
    }
    if plain["parts"]:
        dataset.file_size_list = plain["parts"]
    exact_reading.say_again(dataset, plain["notes"])


def keep(plain: dict[str, Any], place: Path, number: int = KEPT) -> None:
    """Write tensors and plain values; of the files of this kind the newest stay.

    Args:
        plain: what is kept.
        place: the file.
        number: files with this suffix that may be there.

    Raises:
        OSError: they cannot be written.
    """
    place.parent.mkdir(exist_ok=True)
    with atomic_write(place) as stream:
        torch.save(plain, stream)
    old = sorted(place.parent.glob(f"*{place.suffix}"), key=lambda file: file.stat().st_mtime)
    for file in old[:-number]:
        file.unlink(missing_ok=True)


def load(dataset: Any, place: Path) -> dict[str, Any] | None:
    """What was kept; None where there is no such file, or it is damaged: the log says so."""
    if not place.is_file():
        return None
    try:
        plain: dict[str, Any] = torch.load(place, weights_only=True, mmap=True)
    except Exception as error:  # whatever a damaged file makes of it
        dataset.logger.warning(f"{place}: cannot be read, reading the data set anew: {error}")
        return None
    dataset.logger.info(f"{place}: the data set as it was read before")
    return plain


def from_scratch(
    wrapped: Callable[..., None], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``Dataset._from_scratch``, which restores a data set that has been kept, or keeps it."""
    from recbole.data.dataset import Dataset

    ours = type(dataset).__module__.startswith("recbole_ext.")
    place = _place(dataset) if ours or type(dataset) is Dataset else None
    plain = None if place is None else load(dataset, place)
    if plain is not None:
        _restore(dataset, plain)
        vars(dataset)[PLACE] = str(place)
        return
    wrapped(*args, **kwargs)
    plain = None if place is None else _plain(dataset)
    if place is not None and plain is not None:
        vars(dataset)[PLACE] = str(place)
        with suppress(OSError):  # a folder that is not ours to write, a full disk
            keep(plain, place)
            dataset.logger.info(f"{place}: the data set, kept for the next run")

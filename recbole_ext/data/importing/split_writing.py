"""A published split -> a data set with its parts, its negatives, its settings and its manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recbole_ext.data import dataset_folder, splits
from recbole_ext.data.importing.importer import Origin
from recbole_ext.data.importing.split_layouts import Part, PublishedSplit
from recbole_ext.data.importing.tables import Tokens
from recbole_ext.data.importing.writing import Column, write_table


def write(
    split: PublishedSplit,
    name: str,
    data_path: Path,
    origin: Origin,
    evaluation: Mapping[str, Any],
) -> splits.SplitDataset:
    """Write a published split as a data set, all or nothing.

    ``<name>.inter`` beside the parts has all rows: what describes or splits a data set reads it.

    Args:
        split: its rows.
        name: of the data set.
        data_path: the folder of data sets.
        origin: where it comes from.
        evaluation: RecBole's settings of the evaluation; {} for the default ones.

    Raises:
        DataError: another folder is in the place.
    """
    with dataset_folder.new_folder(data_path, name) as folder:
        for part in splits.PARTS:
            columns = _columns([split.parts[part]])
            write_table(folder / f"{name}.{part}.inter", columns)
        whole = _columns([split.parts[part] for part in splits.PARTS])
        write_table(folder / f"{name}.inter", whole)
        settings = {**splits.parts_settings("\t".join(whole).encode()), **evaluation}
        if split.negatives:
            settings["fixed_negatives"] = True
            for phase in ("valid", "test"):
                negatives = _negatives(split.parts[phase], split.negatives)
                write_table(folder / f"{name}.{phase}.negatives", negatives)
        dataset_folder.write_settings(folder, name, splits.SETTINGS_COMMENT, settings)
        counts = {part: len(split.parts[part]) for part in splits.PARTS}
        dataset_folder.write_manifest(
            folder,
            origin.command,
            source=[
                {"file": source.path.name, "md5": dataset_folder.md5_of(source.path)}
                for source in split.sources
            ],
            options=origin.options,
            counts=counts,
            notes=split.notes,
        )
    return splits.SplitDataset(name, counts)


def _columns(parts: Sequence[Part]) -> dict[str, Column]:
    columns: dict[str, Column] = {
        "user_id:token": _tokens([user for part in parts for user in part.users]),
        "item_id:token": _tokens([item for part in parts for item in part.items]),
    }
    if parts[0].ratings:
        columns["rating:float"] = np.array([value for part in parts for value in part.ratings])
        columns["timestamp:float"] = np.array([value for part in parts for value in part.times])
    return columns


def _tokens(texts: list[str]) -> Tokens:
    coded = pa.array(texts, pa.string()).dictionary_encode()
    return Tokens(coded.indices.to_numpy(zero_copy_only=False), coded.dictionary)


def _negatives(held_out: Part, negatives: Mapping[str, list[str]]) -> dict[str, Column]:
    pairs = [(user, item) for user in held_out.users for item in negatives[user]]
    users, items = (list(column) for column in zip(*pairs, strict=True))
    return {"user_id:token": _tokens(users), "item_id:token": _tokens(items)}

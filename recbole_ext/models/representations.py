"""The vectors that a trained model has for users and items: neighbours, and a view of all.

A model takes part by a method ``vectors(of)``: [users or items, H], the padding id included.
"""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from recbole_ext.config.types import Orientation
from recbole_ext.errors import DataError, SettingError

if TYPE_CHECKING:
    from recbole.config import Config


@torch.no_grad()
def vectors(model: Any, of: Orientation) -> Tensor:
    """The vectors of all users or items, in the order of RecBole's ids.

    Raises:
        SettingError: the model has none.
    """
    if not hasattr(model, "vectors"):
        raise SettingError(
            f"{type(model).__name__} does not say what its vectors are; AutoRec and NCFMLP do"
        )
    return model.eval().vectors(of).detach()


def nearest(vectors: Tensor, ids: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The nearest others of some users or items, by cosine.

    Args:
        vectors: [N, H]; number 0 is padding and nobody's neighbour.
        ids: [B].
        k: at most N - 2.

    Returns:
        their ids and cosines, both [B, k], nearest first.
    """
    units = functional.normalize(vectors, dim=1)
    cosines = units[ids] @ units.T  # [B, N]
    cosines[:, 0] = -torch.inf
    cosines[torch.arange(len(ids)), ids] = -torch.inf
    top = cosines.topk(k)
    return top.indices, top.values


def features(config: "Config", dataset: Any, of: Orientation) -> tuple[list[str], list[list[str]]]:
    """What the data set's ``.user`` or ``.item`` file says of each, beside its token.

    Args:
        config, dataset: of a run.
        of: ``user`` or ``item``.

    Returns:
        the names of the columns, the token's first; and a row for each id from 1 on.
    """
    field = dataset.uid_field if of == "user" else dataset.iid_field
    tokens = [str(token) for token in dataset.field2id_token[field][1:]]
    file = Path(config["data_path"]) / f"{config['dataset']}.{of}"
    if not file.is_file():
        return [field], [[token] for token in tokens]
    with file.open(encoding=config["encoding"] or "utf-8", newline="") as stream:
        lines = csv.reader(stream, delimiter=config["field_separator"], quoting=csv.QUOTE_NONE)
        names = [name.rpartition(":")[0] for name in next(lines)]
        if field not in names:
            raise DataError(f"{file}, line 1: expected a column {field}, found {', '.join(names)}")
        place = names.index(field)
        known = {row[place]: row[:place] + row[place + 1 :] for row in lines if row}
    empty = [""] * (len(names) - 1)
    others = names[:place] + names[place + 1 :]
    return [field, *others], [[token, *known.get(token, empty)] for token in tokens]


def write_projector(folder: Path, config: "Config", dataset: Any, model: Any) -> None:
    """Users and items for TensorBoard's embedding projector, with their features.

    Args:
        folder: created if it is missing.
        config, dataset, model: of a trained run.
    """
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for of in ("user", "item"):
            header, rows = features(config, dataset, of)
            # one column is a list of labels for the projector, several are a table
            labels = rows if len(header) > 1 else [row[0] for row in rows]
            writer.add_embedding(
                vectors(model, of)[1:],
                metadata=labels,
                metadata_header=header if len(header) > 1 else None,
                tag=f"{of}s",
            )

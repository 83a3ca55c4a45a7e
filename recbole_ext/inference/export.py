"""A trained model as a file for other programs, with the ids of its rows.

    onnx           AutoRec and NCF as a graph (onnx_models.py), which is run and compared before the
                   file is there; the ids are metadata
    safetensors    all tensors by their names in the checkpoint; the ids are metadata
    embeddings     vectors whose inner products are the scores (inner_products.py), npz or parquet

docs/export.md shows how each is read.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from scipy.sparse import issparse

from recbole_ext.config.version import __version__
from recbole_ext.data.atomic_write import atomic_write
from recbole_ext.errors import SettingError
from recbole_ext.inference import inner_products, onnx_models
from recbole_ext.inference.export_formats import Format
from recbole_ext.inference.names import Names
from recbole_ext.inference.trained_model import TrainedModel
from recbole_ext.models.autorec.adapter import AutoRec
from recbole_ext.models.ncf.adapter import NCFGMF, NCFMLP

N_ROWS = 1000  # random inputs that an ONNX graph is compared on
_AT_A_TIME = 50  # rows of AutoRec may be of hundreds of thousands of numbers


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes:
        says: a sentence that describes its content.
        difference: the largest difference between its scores and the model's; None for a file
            without scores.
    """

    says: str
    difference: float | None = None


def export(trained: TrainedModel, format_: Format, path: Path) -> Export:
    """Write a model to a file, whole or not at all.

    Args:
        trained: the model.
        format_: see above.
        path: with an ending of the format, see ``export_formats.check``.

    Raises:
        SettingError: the model has no such form.
        OSError: the file cannot be written.
    """
    with torch.no_grad():
        return _WRITERS[format_](trained, path)


def _metadata(trained: TrainedModel, first: int) -> dict[str, str]:
    """The metadata of the file; the ids begin with RecBole's number ``first``."""
    names = Names(trained)
    return {
        "model": trained.name,
        "dataset": trained.dataset.dataset_name,
        "recbole_ext": __version__,
        "user_ids": json.dumps(names.users[first:].tolist(), ensure_ascii=False),
        "item_ids": json.dumps(names.items[first:].tolist(), ensure_ascii=False),
    }


# --- onnx -----------------------------------------------------------------------------------


def _onnx(trained: TrainedModel, path: Path) -> Export:
    is_autorec = isinstance(trained.model, AutoRec)
    if not is_autorec and not isinstance(trained.model, (NCFMLP, NCFGMF)):
        raise SettingError(
            f"--format onnx: expected AutoRec, NCFMLP, NCFGMF or NCFNeuMF, found {trained.name}; "
            "write --format safetensors, or --format embeddings"
        )
    if is_autorec and not trained.model.ranks_by_ratings:
        raise SettingError(
            "--format onnx: AutoRec with an exposure head (exposure_weight) has two results for a "
            "row, ratings and scores, expected one; write --format safetensors, or --format "
            "embeddings for the scores"
        )
    build: Callable[[Any], onnx_models.OnnxModel] = (
        onnx_models.of_autorec if is_autorec else onnx_models.of_ncf
    )
    model = build(trained.model)
    metadata = {**_metadata(trained, 1), "inputs": model.says}
    try:
        content = model.graph.serialized(model.result, "scores", model.shape, metadata)
    except OverflowError as error:
        raise SettingError(
            f"--format onnx: a file holds 2 GiB at most, {trained.name} has {error}; write "
            "--format safetensors"
        ) from error
    difference = _difference_of_onnx(model, content)
    if not difference <= inner_products.TOLERANCE:
        raise SettingError(
            f"--format onnx: the scores of the graph differ from those of {trained.name} by "
            f"{difference:.2g} (expected at most {inner_products.TOLERANCE:g}); nothing is written"
        )
    with atomic_write(path) as stream:
        stream.write(content)
    return Export(model.says, difference)


def _difference_of_onnx(model: onnx_models.OnnxModel, content: bytes) -> float:
    """The largest difference between the scores of graph and model, on 1,000 random inputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    differences = []
    for start in range(0, N_ROWS, _AT_A_TIME):
        inputs = model.draw(random, min(_AT_A_TIME, N_ROWS - start))
        (scores,) = session.run(["scores"], inputs)
        differences.append(inner_products.difference(scores, model.expected(inputs)))
    return max(differences)


# --- safetensors ----------------------------------------------------------------------------


def _safetensors(trained: TrainedModel, path: Path) -> Export:
    from safetensors.torch import save

    tensors = {}
    for name, tensor in trained.model.state_dict().items():
        tensors[name] = tensor.detach().cpu().clone().contiguous()
    for name, value in trained.model.other_parameter().items():
        tensors.update(_tensors(name, value))
    learned = [name for name in tensors if name not in ("dummy_param", "fake_loss")]
    if not learned:
        raise SettingError(
            f"--format safetensors: {trained.name} keeps no numbers in its checkpoint: it works "
            "them out of the data each time that it is loaded"
        )
    settings = json.dumps(trained.settings, default=str, ensure_ascii=False)
    content = save(tensors, {**_metadata(trained, 0), "settings": settings})
    with atomic_write(path) as stream:
        stream.write(content)
    return Export(f"{len(tensors)} tensors by their names; row n is of user_ids[n] or item_ids[n]")


def _tensors(name: str, value: Any) -> dict[str, torch.Tensor]:
    """Arrays and CSR matrices that RecBole's models keep in addition to their weights."""
    if issparse(value):
        rows = value.tocsr()
        parts = {"data": rows.data, "indices": rows.indices, "indptr": rows.indptr}
        parts["shape"] = np.array(rows.shape)
        return {f"{name}.{part}": _tensor(array) for part, array in parts.items()}
    if isinstance(value, torch.Tensor):
        return {name: value.detach().cpu().clone().contiguous()}
    if isinstance(value, np.ndarray):
        return {name: _tensor(value)}
    return {}


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array, copy=True, order="C"))


# --- embeddings -----------------------------------------------------------------------------


def _embeddings(trained: TrainedModel, path: Path) -> Export:
    vectors, difference = inner_products.of(trained)
    names = Names(trained)
    write = _npz if path.suffix == ".npz" else _parquet
    with atomic_write(path) as stream:
        write(stream, vectors, names)
    of_score = "the score" if vectors.link == "identity" else "the score before the sigmoid"
    size = vectors.users.shape[1]
    says = f"a vector of {size} numbers for each user and item; the inner product is {of_score}"
    return Export(says, difference)


def _npz(stream: BinaryIO, vectors: inner_products.InnerProducts, names: Names) -> None:
    np.savez(
        stream,
        user_ids=names.users[1:].astype(str),
        item_ids=names.items[1:].astype(str),
        user_vectors=vectors.users[1:],
        item_vectors=vectors.items[1:],
        link=np.array(vectors.link),
    )


def _parquet(stream: BinaryIO, vectors: inner_products.InnerProducts, names: Names) -> None:
    """A row for each user, then for each item."""
    import pyarrow as pa
    from pyarrow import parquet

    n_users, n_items = len(vectors.users) - 1, len(vectors.items) - 1
    rows = np.concatenate([vectors.users[1:], vectors.items[1:]])
    table = pa.table(
        {
            "entity": ["user"] * n_users + ["item"] * n_items,
            "id": [*names.users[1:].tolist(), *names.items[1:].tolist()],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1]),
        }
    )
    table = table.replace_schema_metadata({"link": vectors.link, "model": names.trained.name})
    parquet.write_table(table, stream)


_WRITERS: dict[Format, Callable[[TrainedModel, Path], Export]] = {
    "onnx": _onnx,
    "safetensors": _safetensors,
    "embeddings": _embeddings,
}

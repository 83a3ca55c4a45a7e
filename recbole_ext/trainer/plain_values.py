"""Values as tensors and plain Python, which load without executing anything."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from recbole_ext.errors import CheckpointError

Plain = Any  # None, bool, int, float, str, a tensor, or a list, tuple or dict of these


def encode(value: Any, where: str = "value") -> Plain:
    """``value`` as tensors and plain values; ``decode`` gives it back.

    Enum members become their names and devices their strings. A ``torch.nn.Module`` becomes
    None: as an attribute of a model its parameters are in the model's ``state_dict`` already.

    Raises:
        CheckpointError: if the value, or one inside it, has no plain form; it names ``where``.
    """
    import numpy as np
    import scipy.sparse
    import torch

    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach()
    # before mappings: a dok_matrix is a dict
    if scipy.sparse.issparse(value):
        rows = value.tocsr()
        parts = {name: encode(getattr(rows, name)) for name in ("data", "indices", "indptr")}
        return {"~scipy": value.format, "shape": encode(value.shape), **parts}
    if isinstance(value, Mapping):
        return {
            encode(key, where): encode(item, f"{where}[{key!r}]") for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(encode(item, f"{where}[{i}]") for i, item in enumerate(value))
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        # torch has few operations on unsigned types, but it stores int64 everywhere
        stored = value.astype(np.int64) if value.dtype.kind == "u" else value
        tensor = torch.from_numpy(np.ascontiguousarray(stored))
        return {"~numpy": tensor, "dtype": value.dtype.str, "matrix": isinstance(value, np.matrix)}
    if isinstance(value, torch.nn.Module):
        return None
    raise CheckpointError(
        f"{where}: a checkpoint holds tensors and plain values (numbers, strings, lists, dicts), "
        f"found {type(value).__module__}.{type(value).__name__}; give a plain value for it"
    )


def decode(value: Plain) -> Any:
    """What ``encode`` was given."""
    import numpy as np
    import scipy.sparse

    if isinstance(value, dict):
        if "~numpy" in value:
            array = value["~numpy"].cpu().numpy().astype(value["dtype"])
            return np.asmatrix(array) if value["matrix"] else array
        if "~scipy" in value:
            parts = tuple(decode(value[name]) for name in ("data", "indices", "indptr"))
            return scipy.sparse.csr_matrix(parts, shape=value["shape"]).asformat(value["~scipy"])
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(decode(item) for item in value)
    return value

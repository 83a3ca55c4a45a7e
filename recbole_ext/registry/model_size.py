"""Sizes that cannot fit into memory, told before a model is built.

What is counted is a lower bound of a model's parameters: the tables of users and items, and the
matrices between the layers. Training needs several times as much.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from recbole_ext.errors import SettingError
from recbole_ext.registry.keys import own_keys
from recbole_ext.registry.own_settings import SIZE

_BYTES = 4  # of a parameter
_ROW_BYTES = 24  # of a row of a batch: its user, its item, and the item that was drawn
# RecBole's general models whose embedding_size is no table of users, and those where it is of
# neither users nor items.
_ITEMS_ALONE = {"FISM", "NAIS", "MacridVAE"}
_NO_TABLE = {"DMF", "DiffRec", "LDiffRec"}
# Settings that are named alike, of other things than users and items.
_OTHER_TABLES = {"kg_embedding_size", "user_embedding_size", "item_embedding_size"}

# Where Linux says how much memory the processes of a container may have.
_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Need(NamedTuple):
    """The bytes that a setting asks for, at least, and what they are for."""

    key: str
    n_bytes: int
    what: str


def available_bytes() -> int | None:
    """The memory of this machine, or of the container; None where neither can be read."""
    limits = []
    for file in _CGROUP_FILES:
        try:
            limits.append(int(Path(file).read_text(encoding="utf-8")))
        except (OSError, ValueError):  # not Linux, or "max"
            continue
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("MemTotal:"))
        limits.append(1024 * int(kilobytes))
    except (OSError, StopIteration):
        pass
    return min(limits, default=None)


def check(model: str, values: Mapping[str, Any], n_users: int = 1, n_items: int = 1) -> None:
    """Refuse a setting that asks for more memory than there is.

    Args:
        model: its name.
        values: the settings of the run.
        n_users, n_items: of the data set; 1 where they are not known yet.

    Raises:
        SettingError: for the first such setting.
    """
    limit = available_bytes()
    for need in _needs(model, values, n_users, n_items):
        if limit is not None and need.n_bytes > limit:
            raise SettingError(
                f"{need.key}: {need.what} need at least {_in_units(need.n_bytes)} of memory, found "
                f"{_in_units(limit)} on this machine; write a smaller number"
            )


def check_space(
    model: str, space: Mapping[str, Sequence[Any]], defaults: Mapping[str, Any], where: str
) -> None:
    """Refuse a value to be tried that asks for more memory than there is; see ``check``.

    Args:
        model: its name.
        space: setting -> values; each is checked alone, since not all of them may be drawn.
        defaults: the settings of a run without the search.
        where: the file and its part that messages begin with.

    Raises:
        SettingError: for the first such value.
    """
    for key, values in space.items():
        for value in values:
            try:
                check(model, {**defaults, key: value})
            except SettingError as error:
                raise SettingError(f"{where}: {error}") from error


def _needs(model: str, values: Mapping[str, Any], n_users: int, n_items: int) -> Iterator[Need]:
    drawn = values.get("train_neg_sample_args")
    number = drawn.get("sample_num") if isinstance(drawn, Mapping) else None
    if type(number) is int:
        yield Need(
            "train_neg_sample_args: sample_num", _ROW_BYTES * number, f"{number} items drawn"
        )
    for mode in _modes(values):
        if mode[3:].isdecimal():
            yield Need(f"eval_args: mode: {mode}", _ROW_BYTES * int(mode[3:]), "so many items")
    if "SEQUENTIAL" in str(values.get("MODEL_TYPE")):
        length = values["MAX_ITEM_LIST_LENGTH"]
        yield Need("MAX_ITEM_LIST_LENGTH", 8 * length, f"sequences of {length} items")
    for key in sorted(own_keys(model)):
        sizes = values.get(key)
        sizes = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]
        whole = all(type(size) is int and size > 0 for size in sizes)
        if not SIZE.search(key) or not sizes or not whole:
            continue
        if key.endswith("embedding_size"):
            rows, of = _table(model, key, values, n_users, n_items)
            n_floats, what = rows * max(sizes), f"{max(sizes)} numbers{of}"
        else:
            before = _units_before(key, values, n_users, n_items)
            layers = [*before, *sizes]
            n_floats = max(sum(one * other for one, other in pairwise(layers)), *sizes)
            what = f"layers of {', '.join(map(str, layers))} units"
            if before and before[0] > max(sizes) and values.get("embedding_size") == before[0]:
                key = "embedding_size"
        yield Need(key, _BYTES * n_floats, what)


def _modes(values: Mapping[str, Any]) -> list[str]:
    mode = values["eval_args"]["mode"]
    return list(mode.values()) if isinstance(mode, Mapping) else [mode]


def _units_before(key: str, values: Mapping[str, Any], n_users: int, n_items: int) -> list[int]:
    """The units, at least, that the first layer of a setting reads; none where nobody knows."""
    if key == "hidden_size" and isinstance(values[key], int):  # GRUs and transformers
        return [values[key]]
    if key == "latent_dimension":
        return list(values.get("mlp_hidden_size") or ())[-1:]
    if key != "mlp_hidden_size":
        return []
    if "orientation" in values:  # AutoRec reads a row of ratings
        return [n_users if values["orientation"] == "item" else n_items]
    if "latent_dimension" in values:  # autoencoders of users
        return [n_items]
    width = values.get("embedding_size", values.get("mlp_embedding_size"))
    return [width] if isinstance(width, int) else []


def _table(
    model: str, key: str, values: Mapping[str, Any], n_users: int, n_items: int
) -> tuple[int, str]:
    """The rows of the tables whose width a setting is, at least; in words, too."""
    if model in _NO_TABLE or key in _OTHER_TABLES:
        return 1, ""
    if "SEQUENTIAL" in str(values.get("MODEL_TYPE")) or model in _ITEMS_ALONE:
        return n_items, f" for each of {n_items} items" if n_items > 1 else ""
    if n_users == n_items == 1:
        return 1, ""
    return n_users + n_items, f" for each of {n_users} users and {n_items} items"


def _in_units(n_bytes: int) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes = n_bytes / 1000  # type: ignore[assignment]
    return f"{n_bytes:.3g} EB"

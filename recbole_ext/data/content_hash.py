"""Hashes that tell whether two runs have had the same data: of files, of interactions, of ids."""

import hashlib
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

# The suffixes of RecBole's atomic files, and of ours with the negative items of an evaluation.
SUFFIXES = ("inter", "user", "item", "kg", "link", "net", "negatives")

_BLOCK = 2**24  # bytes that are read at a time
_LARGE = 2**25  # bytes; a smaller file is read at once
_ROWS = 2**20  # interactions that are hashed at a time


_locks: dict[Path, threading.Lock] = {}


def data_files(folder: Path, name: str) -> list[Path]:
    """The files of the data set ``name`` that a run may read, sorted by name."""
    return sorted(
        path
        for suffix in SUFFIXES
        for path in (*folder.glob(f"{name}.{suffix}"), *folder.glob(f"{name}.*.{suffix}"))
        if path.is_file()  # opening a pipe may wait for ever
    )


def files_hash(files: Iterable[Path]) -> str:
    """A hash of the names and the contents of some files: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for path in files:
        status = path.stat()
        digest.update(f"{path.name}\0".encode())
        # the time of the change too: a program can set the other one back
        version = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
        digest.update(_content(path, version))
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """A hash of the content of a file, whatever its name: 16 hexadecimal digits."""
    status = path.stat()
    return _content(path, (status.st_mtime_ns, status.st_ctime_ns, status.st_size)).hex()[:16]


def begin(files: Iterable[Path]) -> None:
    """Compute the hashes of large files in a thread; ``files_hash`` waits for what has begun.

    Args:
        files: that a run will ask for, after it has imported torch.
    """
    large = [path for path in files if path.stat().st_size >= _LARGE]
    if large:
        # it ends with the process: an error need not wait for it
        threading.Thread(target=files_hash, args=(large,), daemon=True).start()


def _content(path: Path, version: tuple[int, int, int]) -> bytes:
    """The hash of one file; computed again once the file has another time or another size."""
    with _locks.setdefault(path, threading.Lock()):  # one thread computes it, others wait
        return _computed(path, version)


@lru_cache(maxsize=256)
def _computed(path: Path, _version: tuple[int, int, int]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def interactions_hash(users: np.ndarray, items: np.ndarray) -> str:
    """A hash of the interactions of a split, whatever their order: 16 hexadecimal digits.

    An interaction that occurs twice counts twice. Each is mixed to 64 bits (the finaliser of
    splitmix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
    2014) and the sum of all is hashed: linear in time, a block of memory at a time.

    Args:
        users, items: [interactions], ids below 2**32.
    """
    total = np.uint64(0)
    for start in range(0, len(users), _ROWS):
        part = slice(start, start + _ROWS)
        keys = users[part].astype(np.uint64) << np.uint64(32) | items[part].astype(np.uint64)
        keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        with np.errstate(over="ignore"):  # the sum is modulo 2**64
            total = total + (keys ^ (keys >> np.uint64(31))).sum(dtype=np.uint64)
    return hashlib.blake2b(f"{len(users)} {total}".encode(), digest_size=8).hexdigest()


def ids_hash(tokens: Iterable[str]) -> str:
    """A hash of ids in their order, such as those of the users whose metrics are averaged."""
    return hashlib.blake2b("\n".join(tokens).encode(), digest_size=8).hexdigest()

"""Rows of all pairs of some users and all items, of which equal ones are kept once.

Symbols: U users, I items; the row of a pair is that of the user times I plus the item.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree

Operation = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]

# How an operation of torch is done on rows; ``operations.py`` fills it. An entry returns
# NotImplemented for arguments that it is not for: they become plain tensors then.
OPERATIONS: dict[Any, Operation] = {}


class SharedRowsError(Exception):
    """A model writes into rows, each of which is the row of many pairs."""


@dataclass
class Pairs:
    """Of which users and items rows are.

    Attributes:
        n_users, n_items: U and I.
        largest: the most numbers that a tensor of these rows has had so far.
    """

    n_users: int
    n_items: int
    largest: int = 0

    def __len__(self) -> int:
        return self.n_users * self.n_items


@dataclass(frozen=True)
class Product:
    """A row of a user times a row of an item, number by number.

    A linear layer of it needs no row for each pair, (p * q) W = q (p * W), nor does p'q.

    Attributes:
        users: [U, 1, F].
        items: [1, I, F].
    """

    users: Tensor
    items: Tensor

    @property
    def shape(self) -> torch.Size:
        """(U, I, F)."""
        return torch.broadcast_shapes(self.users.shape, self.items.shape)

    def dense(self) -> Tensor:
        """[U, I, F]."""
        return self.users * self.items

    def sum(self) -> Tensor:
        """[U, I]: over F."""
        return self.users[:, 0] @ self.items[0].T

    def times(self, weight: Tensor) -> Tensor:
        """[F, H] -> [U, I, H]."""
        if weight.shape[1] == 1:
            return Product(self.users * weight[:, 0], self.items).sum().unsqueeze(2)
        return self.items @ (self.users.mT * weight)


Part = Tensor | Product


class Rows(Tensor):
    """[U * I, ...] to a model; in memory, parts of which each has no row twice.

    Attributes:
        pairs: U and I.
        parts: [U or 1, I or 1, ...] each; 1 where the rows are the same for all users, or items.
        along: the dimension of the rows, 1 or more, along which the parts stand side by side.
    """

    pairs: Pairs
    parts: list[Part]
    along: int

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, parts: Sequence[Part], pairs: Pairs, along: int = 1) -> "Rows":
        """Rows of one part or several."""
        like = parts[0].users if isinstance(parts[0], Product) else parts[0]
        shape = list(parts[0].shape[2:])
        if len(parts) > 1:
            shape[along - 1] = sum(part.shape[along + 1] for part in parts)
        rows = Tensor._make_wrapper_subclass(
            cls, (len(pairs), *shape), dtype=like.dtype, device=like.device
        )
        rows.parts, rows.pairs, rows.along = list(parts), pairs, along
        own = (part.numel() for part in parts if isinstance(part, Tensor))
        pairs.largest = max(pairs.largest, *own, 0)
        return rows

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """An operation of torch: on parts, if ``OPERATIONS`` knows how."""
        if func._schema.is_mutable:
            raise SharedRowsError(func)
        kwargs = kwargs or {}
        operation = OPERATIONS.get(func)
        if operation and not any(isinstance(x, Tensor) for x in kwargs.values()):
            result = operation(func, args, kwargs)
            if result is not NotImplemented:
                return result
        args, kwargs = _pytree.tree_map_only(Rows, Rows.plain, (args, kwargs))
        return func(*args, **kwargs)

    def tensors(self) -> list[Tensor]:
        """The parts, of which products are multiplied out."""
        return [part.dense() if isinstance(part, Product) else part for part in self.parts]

    def joined(self) -> Tensor:
        """[U or 1, I or 1, ...]: all parts as one."""
        parts = self.tensors()
        if len(parts) == 1:
            return parts[0]
        sides = common_sides(parts)
        return torch.cat([part.expand(*sides, *part.shape[2:]) for part in parts], self.along + 1)

    def plain(self) -> Tensor:
        """[U * I, ...]: an ordinary tensor with a row for each pair."""
        value = self.joined()
        sides = self.pairs.n_users, self.pairs.n_items
        whole = value.expand(*sides, *value.shape[2:]).flatten(0, 1)
        self.pairs.largest = max(self.pairs.largest, whole.numel())
        return whole


def common_sides(parts: Sequence[Part]) -> list[int]:
    """[U or 1, I or 1], to which all of them can be expanded."""
    return [max(part.shape[side] for part in parts) for side in (0, 1)]


def width(shape: Sequence[int]) -> int:
    """How many numbers a row of this shape has."""
    return prod(shape[1:])

"""How operations of torch are done on rows of pairs: once for each row that is kept.

Each has the arguments of torch's, whose first dimension is that of the rows. It returns
NotImplemented for arguments that it is not for.
"""

from typing import Any

import torch
from torch import Tensor

from recbole_ext.patches.functions.pairs.rows import (
    OPERATIONS,
    Operation,
    Part,
    Product,
    Rows,
    common_sides,
    width,
)

aten = torch.ops.aten

Args = tuple[Any, ...]
Options = dict[str, Any]


# --- numbers --------------------------------------------------------------------------------


def number_by_number(func: Any, args: Args, kwargs: Options) -> Any:
    """Each number of the result is of one number of each argument, by broadcasting."""
    of = [x for x in args if isinstance(x, Rows)]
    if any(x.dim() < y.dim() for x in of for y in args if isinstance(y, Tensor)):
        return NotImplemented  # the rows of one are the columns of another
    like = max(of, key=lambda x: len(x.parts))
    columns = [_split_like(like, x) for x in args]
    if None in columns:
        like = Rows([like.joined()], like.pairs)
        columns = [_split_like(like, x) for x in args]
    if None in columns:
        return NotImplemented
    parts = [func(*values, **kwargs) for values in zip(*columns, strict=True)]
    return Rows(parts, like.pairs, like.along)


def _split_like(like: Rows, x: Any) -> list[Any] | None:
    """What of an argument goes with each part of some rows; None where they do not fit."""
    n_parts = len(like.parts)
    if not isinstance(x, Tensor):
        return [x] * n_parts
    widths = [part.shape[like.along + 1] for part in like.parts] if n_parts > 1 else []
    if isinstance(x, Rows):
        if len(x.parts) > 1 and n_parts > 1:
            own = x.tensors()
            alike = x.along == like.along and [p.shape[x.along + 1] for p in own] == widths
            return own if alike else None
        value = x.joined()
    elif x.dim() < like.dim() or x.shape[0] == 1:
        value = x
    elif len(x) == len(like):
        value = x.unflatten(0, (like.pairs.n_users, like.pairs.n_items))
    else:
        return None
    at = like.along - like.dim()  # from the right
    if n_parts == 1 or value.dim() < -at or value.shape[at] == 1:
        return [value] * n_parts
    return list(value.split(widths, at))


def multiply(func: Any, args: Args, kwargs: Options) -> Any:
    """Rows of users by rows of items are left as a product of the two."""
    if all(isinstance(x, Rows) and x.dim() == 2 and len(x.parts) == 1 for x in args):
        for one, other in (args, args[::-1]):
            (users,), (items,) = one.parts, other.parts
            if users.shape[1] == items.shape[0] == 1 and users.shape[2] == items.shape[2]:
                return Rows([Product(users, items)], one.pairs)
    return number_by_number(func, args, kwargs)


# --- rows -----------------------------------------------------------------------------------


def row_by_row(func: Any, args: Args, kwargs: Options) -> Any:
    """Each row of the result is of one row of each argument that is ``Rows``."""
    of = [x for x in args if isinstance(x, Rows)]
    values = [x.joined() for x in of]
    sides = common_sides(values)
    flat = iter([x.expand(*sides, *x.shape[2:]).flatten(0, 1) for x in values])
    result = func(*(next(flat) if isinstance(x, Rows) else x for x in args), **kwargs)
    if isinstance(result, Tensor):
        return Rows([result.unflatten(0, sides)], of[0].pairs)
    # of several results, those of batch norm that it leaves empty are no rows
    return tuple(Rows([x.unflatten(0, sides)], of[0].pairs) if x.numel() else x for x in result)


def inside_rows(place: int, more: int = 0) -> Operation:
    """An operation along dimensions that it names, which must not be that of the rows.

    Args:
        place: of the argument that names them.
        more: how many dimensions the result has more.
    """

    def operation(func: Any, args: Args, kwargs: Options) -> Any:
        return row_by_row(func, args, kwargs) if _inside(args, place, more) else NotImplemented

    return operation


def _inside(args: Args, place: int, more: int = 0) -> bool:
    dims = args[place] if len(args) > place else None
    dims = [dims] if isinstance(dims, int) else dims
    return all(dim % (args[0].dim() + more) for dim in dims) if dims else False


def add_up(func: Any, args: Args, kwargs: Options) -> Any:
    """A sum inside rows; along the parts, those of users alone and of items alone first."""
    if not _inside(args, 1):
        return NotImplemented
    rows, dims, *rest = args
    if [dim % rows.dim() for dim in dims] != [rows.along] or kwargs:
        return row_by_row(func, args, kwargs)
    product = rows.parts[0]
    if len(rows.parts) == 1 and isinstance(product, Product) and not any(rest):
        return Rows([product.sum()], rows.pairs)
    return Rows([_total([func(x, [rows.along + 1], *rest) for x in rows.tensors()])], rows.pairs)


def _total(parts: list[Tensor]) -> Tensor:
    for side in (1, 0):
        alike = [part for part in parts if part.shape[side] == 1]
        others = [part for part in parts if part.shape[side] != 1]
        parts = [sum(alike[1:], alike[0]), *others] if alike else others
    return sum(parts[1:], parts[0])


def permute(func: Any, args: Args, kwargs: Options) -> Any:
    """Dimensions of rows in another order."""
    return row_by_row(func, args, kwargs) if args[1][0] == 0 else NotImplemented


def transpose(func: Any, args: Args, kwargs: Options) -> Any:
    """Two dimensions of rows in each other's place."""
    return row_by_row(func, args, kwargs) if _inside((args[0], args[1:]), 1) else NotImplemented


def view(func: Any, args: Args, kwargs: Options) -> Any:
    """The same rows with their numbers in another shape."""
    rows, shape = args
    if list(shape) == list(rows.shape):
        return rows
    n = len(rows)
    if not shape or (shape[0] != n and (shape[0] != -1 or width(shape) != width(rows.shape))):
        return NotImplemented
    if len(rows.parts) > 1 and len(shape) == 2 and rows.along == 1:
        return Rows([part.flatten(2) for part in rows.tensors()], rows.pairs)
    value = rows.joined()
    rest = [width(rows.shape) // -width(shape) if size == -1 else size for size in shape[1:]]
    return Rows([value.reshape(*value.shape[:2], *rest)], rows.pairs)


def expand(func: Any, args: Args, kwargs: Options) -> Any:
    """Rows repeated inside."""
    rows, shape = args
    if len(shape) != rows.dim() or shape[0] not in (-1, len(rows)):
        return NotImplemented
    value = rows.joined()
    return Rows([value.expand(*value.shape[:2], *shape[1:])], rows.pairs)


def concatenate(func: Any, args: Args, kwargs: Options) -> Any:
    """Rows side by side stay parts; neighbours of the same users and items become one."""
    tensors, dim = args[0], args[1] if len(args) > 1 else 0
    dim %= tensors[0].dim()
    if not dim or not all(isinstance(x, Rows) for x in tensors):
        return NotImplemented
    parts: list[Part] = []
    for x in tensors:
        for part in x.parts if x.along == dim or len(x.parts) == 1 else [x.joined()]:
            last = parts[-1] if parts else None
            if not isinstance(part, Tensor) or not isinstance(last, Tensor):
                parts.append(part)
            elif part.shape[:2] == last.shape[:2]:
                parts[-1] = torch.cat([last, part], dim + 1)
            else:
                parts.append(part)
    return Rows(parts, tensors[0].pairs, dim)


# --- tables and layers ----------------------------------------------------------------------


def look_up(func: Any, args: Args, kwargs: Options) -> Any:
    """Rows of an embedding by ids."""
    table, ids, *rest = args
    if isinstance(table, Rows):
        return NotImplemented
    return Rows(
        [func(table, part, *rest, **kwargs) for part in ids.tensors()], ids.pairs, ids.along
    )


def index(func: Any, args: Args, kwargs: Options) -> Any:
    """Rows of a tensor by ids."""
    table, indices = args
    if isinstance(table, Rows) or len(indices) != 1 or indices[0].dtype == torch.bool:
        return NotImplemented
    (ids,) = indices
    return Rows([func(table, [part]) for part in ids.tensors()], ids.pairs, ids.along)


def linear(func: Any, args: Args, kwargs: Options) -> Any:
    """W [p; q] + b = W_p p + (W_q q + b): the columns of each part with their own weights."""
    *biases, rows, weight = args
    if kwargs or not isinstance(rows, Rows) or any(isinstance(x, Rows) for x in (*biases, weight)):
        return NotImplemented
    bias = biases[0] if biases else None
    weights = weight.split([part.shape[2] for part in rows.parts])
    products = []
    for part, own in zip(rows.parts, weights, strict=True):
        if isinstance(part, Product):
            products.append(part.times(own))
        else:
            flat = part.flatten(0, 1)
            flat = flat @ own if bias is None else torch.addmm(bias, flat, own)
            products.append(flat.unflatten(0, part.shape[:2]))
            bias = None
    total = _total(products)
    return Rows([total if bias is None else total + bias], rows.pairs)


def layer(func: Any, args: Args, kwargs: Options) -> Any:
    """A layer whose first argument alone is rows."""
    first, *others = (isinstance(x, Rows) for x in args)
    return row_by_row(func, args, kwargs) if first and not any(others) else NotImplemented


def batch_norm(func: Any, args: Args, kwargs: Options) -> Any:
    """By the means of training: a batch's own are of all rows."""
    return NotImplemented if args[5] else layer(func, args, kwargs)


def matrices(func: Any, args: Args, kwargs: Options) -> Any:
    """Products of the matrices that rows are."""
    own = all(isinstance(x, Rows) for x in args)
    return row_by_row(func, args, kwargs) if own else NotImplemented


_NUMBER_BY_NUMBER = (
    *(aten.relu, aten.sigmoid, aten.tanh, aten.neg, aten.exp, aten.log, aten.abs, aten.sqrt),
    *(aten.pow, aten.leaky_relu, aten.elu, aten.gelu, aten.silu, aten.softplus, aten.clamp),
    *(aten.add, aten.sub, aten.rsub, aten.mul, aten.div, aten.maximum, aten.minimum),
    *(aten.ne, aten.eq, aten.gt, aten.ge, aten.lt, aten.le, aten.logical_not, aten.bitwise_not),
    *(aten._to_copy, aten.clone, aten.alias, aten.detach),
)
for _packet in _NUMBER_BY_NUMBER:
    for _name in _packet.overloads():
        OPERATIONS[getattr(_packet, _name)] = number_by_number

OPERATIONS |= {
    aten.where.self: number_by_number,
    aten.mul.Tensor: multiply,
    aten.unsqueeze.default: inside_rows(1, more=1),
    aten.squeeze.dim: inside_rows(1),
    aten._softmax.default: inside_rows(1),
    aten.mean.dim: inside_rows(1),
    aten.select.int: inside_rows(1),
    aten.slice.Tensor: inside_rows(1),
    aten.sum.dim_IntList: add_up,
    aten.transpose.int: transpose,
    aten.permute.default: permute,
    aten.view.default: view,
    aten._unsafe_view.default: view,
    aten.expand.default: expand,
    aten.cat.default: concatenate,
    aten.embedding.default: look_up,
    aten.index.Tensor: index,
    aten.mm.default: linear,
    aten.addmm.default: linear,
    aten.bmm.default: matrices,
    aten.convolution.default: layer,
    aten.max_pool2d_with_indices.default: layer,
    aten.native_batch_norm.default: batch_norm,
}

"""A value computed from a model's weights, kept until they change."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class Memo:
    """Keeps what an evaluation would compute anew for every batch of users.

    The value is computed again once a parameter has been written to in place, as optimisers
    and ``load_state_dict`` do, and after ``clear``, which adapters call from ``train`` and
    ``eval``. Nothing is kept while gradients are recorded. A copy or a pickle of a memo is
    empty.
    """

    def __init__(self) -> None:
        self._key: tuple[tuple[int, int], ...] | None = None
        self._value: Tensor | None = None

    def get(self, weights: Iterable[Tensor], compute: Callable[[], Tensor]) -> Tensor:
        """``compute()``, or what it gave while ``weights`` were what they are now."""
        if torch.is_grad_enabled():
            return compute()
        key = tuple((weight.data_ptr(), weight._version) for weight in weights)
        if self._value is None or key != self._key:
            self._key, self._value = key, compute()
        return self._value

    def clear(self) -> None:
        """Forget the value."""
        self._key = self._value = None

    def __reduce__(self) -> tuple[type["Memo"], tuple[()]]:
        return Memo, ()

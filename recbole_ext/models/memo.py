"""A value computed from a model's weights, kept until they change."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


class Memo(nn.Module):
    """Keeps what an evaluation would compute anew for every batch of users.

    The value is computed again after ``train`` or ``eval`` of the model that the memo is a part
    of, and once a parameter has been written to in place, as far as torch counts it: it counts
    ``load_state_dict``, but on a GPU no write to a list of tensors, as those of an average are.
    Nothing is kept while gradients of the weights are recorded, nor, with gradients of anything,
    in training, where there may be dropout. A copy or a pickle of a memo is empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self._key: tuple[tuple[int, int], ...] | None = None
        self._value: Tensor | None = None

    def get(self, weights: Iterable[Tensor], compute: Callable[[], Tensor]) -> Tensor:
        """``compute()``, or what it gave while ``weights`` were what they are now."""
        weights = tuple(weights)
        trained = self.training or any(weight.requires_grad for weight in weights)
        if trained and torch.is_grad_enabled():
            return compute()
        key = tuple((weight.data_ptr(), weight._version) for weight in weights)
        if self._value is None or key != self._key:
            self._key, self._value = key, compute()
        return self._value

    def train(self, mode: bool = True) -> "Memo":
        """As ``nn.Module.train``; the value is forgotten."""
        self._key = self._value = None
        return super().train(mode)

    def __reduce__(self) -> tuple[type["Memo"], tuple[()]]:
        return Memo, ()

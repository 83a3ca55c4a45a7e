"""Errors of Python, numpy and torch as one line for the user."""

import numpy as np
import pytest
import torch

from recbole_ext.errors import memory_error

ADVICE = (
    "; use a smaller train_batch_size or eval_batch_size, a smaller model, fewer --workers, or a "
    "machine with more"
)


def test_want_of_memory_in_numpy_and_torch():
    with pytest.raises(MemoryError) as caught:
        np.zeros(2**58)
    assert str(memory_error(caught.value)) == (
        f"not enough memory (unable to allocate 2.00 EiB){ADVICE}"
    )
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(2**58)
    assert str(memory_error(raised.value)) == (
        f"not enough memory (tried to allocate {2**60} bytes){ADVICE}"
    )


def test_want_of_memory_on_a_gpu_and_of_python():
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.50 GiB. GPU 0 has")
    assert str(memory_error(error)) == (f"not enough memory (tried to allocate 3.50 GiB){ADVICE}")
    assert str(memory_error(MemoryError())) == f"not enough memory{ADVICE}"


def test_other_errors_are_not_of_memory():
    assert memory_error(RuntimeError("shapes [2] and [3] do not fit")) is None
    assert memory_error(ValueError("out of memory")) is None

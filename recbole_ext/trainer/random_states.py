"""The random states of a run, kept in its checkpoint: a resumed run continues with them."""

import random
from typing import TYPE_CHECKING, Any

from recbole_ext.errors import CheckpointError, in_a_line
from recbole_ext.trainer.plain_values import Plain, decode, encode

if TYPE_CHECKING:
    import torch
    from recbole.trainer import Trainer


def collect(trainer: "Trainer") -> Plain:
    """The states of all generators of random numbers, as plain values.

    Args:
        trainer: whose loader of training data has generators of its own.
    """
    import numpy as np
    import torch

    return encode(
        {
            "python": random.getstate(),
            "numpy": np.random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "loaders": [generator.get_state() for generator in _generators(trainer)],
        }
    )


def restore(states: Plain, trainer: "Trainer") -> None:
    """Restore the random states of a checkpoint.

    Args:
        states: as ``collect`` gives them.
        trainer: of the run that is resumed.

    Raises:
        CheckpointError: the states are malformed, or belong to another number of loaders.
    """
    try:
        _restore(decode(states), trainer)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{trainer.config['resume_from']}: its random states cannot be used "
            f"({in_a_line(error)}); use a checkpoint that this run has saved"
        ) from error


def _restore(decoded: dict[str, Any], trainer: "Trainer") -> None:
    import numpy as np
    import torch

    random.setstate(decoded["python"])
    np.random.set_state(decoded["numpy"])
    torch.set_rng_state(decoded["torch"].cpu())
    if len(decoded["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([state.cpu() for state in decoded["cuda"]])
    for generator, state in zip(_generators(trainer), decoded["loaders"], strict=True):
        generator.set_state(state.cpu())


def _generators(trainer: "Trainer") -> "list[torch.Generator]":
    """The generators that shuffle the training data; knowledge graphs have loaders of parts."""
    loader = getattr(trainer, "_recbole_ext_loader", None)
    parts = [loader, *(getattr(loader, f"{part}_dataloader", None) for part in ("general", "kg"))]
    generators = [getattr(part, "generator", None) for part in parts]
    return [generator for generator in generators if generator is not None]

"""RecVAE's passes: each computes the gradients of the half that it trains, and no others.

In an epoch, some passes of all users train the encoder. The prior gets a copy of it. Other
passes train the decoder. RecBole computes the gradients of both halves in each pass, and
deletes those of the other half when its next pass begins. No number depends on them, unless all
gradients are cut to a norm (``clip_grad_norm``) or summed over processes.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor
from torch.nn import Module

from recbole_ext.patches.functions.ranking import in_one_process


def encoder_loss(trainer: Any, users: Any) -> Tensor:
    """The loss of a batch of users, in a pass that trains the encoder."""
    with ExitStack() as stack:
        if _others_are_unused(trainer):
            stack.enter_context(_only_what_steps(trainer))
        return trainer.model.calculate_loss(users, encoder_flag=True)


def decoder_loss(trainer: Any, users: Any) -> Tensor:
    """The loss of a batch of users, in a pass that trains the decoder.

    The prior's encoder is a copy of the encoder, which does not change in this pass, and
    neither has a dropout here. Hence both encode the users to the same numbers.
    """
    model = trainer.model
    with ExitStack() as stack:
        if _others_are_unused(trainer):
            stack.enter_context(_only_what_steps(trainer))
            stack.enter_context(_answered(model.prior.encoder_old, by=model.encoder))
        return model.calculate_loss(users, encoder_flag=False)


def _others_are_unused(trainer: Any) -> bool:
    """Whether nothing reads the gradients of parameters that the optimizer does not step."""
    return (
        type(trainer.model).__module__ == "recbole.model.general_recommender.recvae"
        and not trainer.clip_grad_norm
        and not trainer.enable_amp
        and not trainer.enable_scaler
        and in_one_process(trainer.config)
    )


@contextmanager
def _only_what_steps(trainer: Any) -> Iterator[None]:
    """Within this block the loss has gradients of the optimizer's parameters alone."""
    steps = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    others = [p for p in trainer.model.parameters() if p.requires_grad and id(p) not in steps]
    try:
        for parameter in others:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


@contextmanager
def _answered(copy: Module, by: Module) -> Iterator[None]:
    """Within this block a copy of a module returns what the module itself has just returned."""
    outputs: list[Any] = []
    hook = by.register_forward_hook(lambda _module, _args, output: outputs.append(output))
    copy.forward = lambda *_: outputs.pop()
    try:
        yield
    finally:
        hook.remove()
        del copy.forward

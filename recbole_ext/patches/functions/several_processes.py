"""Several processes (``--nproc``) give the numbers of one.

RecBole deals the rows of an evaluation to the processes, some of them twice where they do not
divide, and averages the metrics of the shares: wrong for every metric that is no mean over rows
(RMSE, AUC, GAUC, ItemCoverage and others), and a bit wrong for those that are. After a best epoch,
the processes that do not save it load the file of an earlier one, or none. Here:

* A checkpoint is whole before any process goes on.
* Each process walks through the batches that one process would have, with the random states of
  the first one, so that all draw the same negatives; it scores a share of these batches.
* The first process joins what the shares have collected, in the order of one process, computes
  each metric once, and sends the result to the others: all stop at the same epoch.
* Processes whose models have come apart are refused: the metrics would be of no model. So are
  optimisers that cannot be used by several processes.
* An error in the user's input is reported in one line, as a single process reports it.

Training stays RecBole's and torch's: each process has rows of its own, ``train_batch_size``
divided by the number of processes, and where the rows do not divide, the first of an epoch are
trained on twice. So a model that two processes have trained is not the one of one process; its
metrics are what one process computes for it.
"""

import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from recbole_ext.config.settings import check_shared_learner
from recbole_ext.errors import SettingError, UserError
from recbole_ext.registry import models, packed_source
from recbole_ext.trainer import child_processes, outputs

if TYPE_CHECKING:
    from recbole.trainer import Trainer
    from torch import Tensor

_Batch = TypeVar("_Batch")

# How far weights may differ, of the largest: processors round differently, no more.
_ROUNDING = 1e-4

# DistributedDataParallel of each trainer; see build_trainer.
_joined_models: list[Any] = []


# --- an evaluation in shares ----------------------------------------------------------------


def is_evaluated(loader: Any) -> bool:
    """Whether a loader is of an evaluation, where a row counts once; else it is of training."""
    from recbole.data.dataloader import general_dataloader

    kinds = (general_dataloader.FullSortEvalDataLoader, general_dataloader.NegSampleEvalDataLoader)
    return isinstance(loader, kinds)


def share(
    batches: Iterable[_Batch], n_batches: int, process: int, n_processes: int
) -> Iterator[_Batch]:
    """The batches that a process scores: neighbours, so that the shares join in order.

    All batches are walked through, for what they draw; drawing costs less than scoring.

    Args:
        batches: all of an evaluation.
        n_batches: their number.
        process: from 0 on.
        n_processes: at least 1. With fewer batches than processes, some shares are empty.
    """
    first = n_batches * process // n_processes
    end = n_batches * (process + 1) // n_processes
    for place, batch in enumerate(batches):
        if first <= place < end:
            yield batch


def join(parts: Sequence[Mapping[str, "Tensor"]]) -> dict[str, "Tensor"]:
    """The rows of all shares, by name, in the order of the processes.

    Args:
        parts: of each process, name -> [rows of its share, ...]; an empty share has no names.
    """
    import torch

    names = dict.fromkeys(name for part in parts for name in part)
    return {name: torch.cat([part[name] for part in parts if name in part]) for name in names}


def own_batches(trainer: "Trainer", batches: Iterable[Any], n_batches: int) -> Iterable[Any]:
    """The batches that this process scores, in the place of all in ``Trainer.evaluate``."""
    import torch.distributed as dist

    if trainer.config["single_spec"]:
        return batches
    return share(batches, n_batches, dist.get_rank(), dist.get_world_size())


def metrics_of_all(trainer: "Trainer", struct: Any) -> Any:
    """The metrics over the rows of all processes, the same object in each of them.

    Args:
        trainer: of this process.
        struct: RecBole's ``DataStruct``. Its tensors have the rows of this process's share;
            the rest is of the training data, and the same everywhere.
    """
    import torch
    import torch.distributed as dist

    if trainer.config["single_spec"]:
        return trainer.evaluator.evaluate(struct)
    rows = {key: of for key, of in struct._data_dict.items() if isinstance(of, torch.Tensor)}
    is_first = dist.get_rank() == 0
    parts: Any = [None] * dist.get_world_size() if is_first else None
    dist.gather_object(rows, parts, dst=0)
    result = [None]
    if is_first:
        for name, tensor in join(parts).items():
            struct.set(name, tensor)
        result = [trainer.evaluator.evaluate(struct)]
    dist.broadcast_object_list(result, src=0)
    return result[0]


@contextmanager
def random_states_of_the_first() -> Iterator[None]:
    """Within this block, each process draws what the first one draws.

    Afterwards the first goes on from there and the others from where they were: in training they
    are to draw different negatives.
    """
    import numpy as np
    import torch
    import torch.distributed as dist

    own = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def set_states(states: Any) -> None:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])

    first = [own]
    dist.broadcast_object_list(first, src=0)
    set_states(first[0])
    try:
        yield
    finally:
        if dist.get_rank() != 0:
            set_states(own)


# --- one model in all processes -------------------------------------------------------------


def refuse_different_models(model: Any) -> None:
    """Compare the weights of all processes, and what RecBole's models keep beside them.

    Raises:
        SettingError: in every process, where they differ by more than rounding.
    """
    import torch
    import torch.distributed as dist

    kept = {**model.state_dict(), **(model.other_parameter() or {})}
    tensors = {
        name: value
        for name, value in kept.items()
        if isinstance(value, torch.Tensor) and value.layout == torch.strided and value.numel()
    }
    shapes: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(shapes, {name: tuple(value.shape) for name, value in tensors.items()})
    for name, shape in shapes[0].items():
        if any(of.get(name) != shape for of in shapes):
            continue  # a cache of what some have scored, and others not yet
        value = tensors[name].detach().float()
        largest = torch.stack([value, -value])
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        apart = float((largest[0] + largest[1]).max())
        if apart > _ROUNDING * float(largest.max()):
            raise SettingError(
                f"nproc: {type(model).__name__} cannot be trained by {len(shapes)} processes: each "
                f"has learnt a {name} of its own (they differ by up to {apart:.3g}), expected one "
                "model; train it with --nproc=1"
            )


# --- starting processes ---------------------------------------------------------------------


def spawn(work: Callable[..., None], args: tuple[Any, ...], nprocs: int, join: bool) -> None:
    """``torch.multiprocessing.spawn`` that raises a process's ``UserError`` as it was.

    If this process is interrupted, it ends the others at once.

    Args:
        work, args, nprocs, join: as ``run`` of RecBole gives them; the last of ``args`` has the
            queue that processes report to. It always joins.
    """
    import torch.multiprocessing as mp

    model, *others = args
    if isinstance(model, type) and not model.__module__.startswith("recbole."):
        models.register(model)
        packed_source.pack(model.__name__)  # refuses a class that no other process can have
        model = model.__name__  # the class may be of a file, which no process finds by itself
    args = (packed_source.pack_all(), work, model, *others)
    processes: list[Any] = []
    try:
        with child_processes.starting():
            context = mp.spawn(_with_models, args=args, nprocs=nprocs, join=False)
            processes += context.processes
        while not context.join():
            pass
    except KeyboardInterrupt:
        for process in processes:
            child_processes.end_tree(process.pid)
        raise
    except (mp.ProcessRaisedException, mp.ProcessExitedException):
        # Whichever process ended first: when one stops, the others lose their connection to it.
        queue = args[-1]["queue"]
        if queue.empty():
            raise
        raise queue.get() from None


def _with_models(
    rank: int, sources: list[packed_source.PackedSource], work: Callable[..., None], *args: Any
) -> None:
    """The work of one process, which knows the models of the one that has started it."""
    for source in sources:
        packed_source.adopt(source)
    work(rank, *args)


# --- RecBole's functions --------------------------------------------------------------------


def build_trainer(
    wrapped: Callable[..., None], trainer: "Trainer", args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Trainer.__init__``: refuses an optimiser that cannot be used by several processes.

    What joins the model to the other processes is kept until this one ends. Whoever drops it drops
    the process group, too: that waits for gloo's threads, which may wait for Python's lock (GIL)
    to drop a tensor, and the process hangs for ever at the end of its run.
    """
    config = args[0] if args else kwargs["config"]
    if config["single_spec"]:
        wrapped(*args, **kwargs)
        return
    check_shared_learner(config["learner"])
    wrapped(*args, **kwargs)
    _joined_models.append(trainer.distributed_model)


def evaluate(
    wrapped: Callable[..., Any], trainer: "Trainer", args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Wraps ``Trainer.evaluate``: one model and the same draws in all processes."""
    if trainer.config["single_spec"]:
        return wrapped(*args, **kwargs)
    refuse_different_models(trainer.model)
    with random_states_of_the_first():
        return wrapped(*args, **kwargs)


def save_checkpoint(
    wrapped: Callable[..., Any], trainer: "Trainer", args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Wraps ``Trainer._save_checkpoint``: no process goes on before the file is whole."""
    import torch.distributed as dist

    wrapped(*args, **kwargs)  # writes in the first process of a machine alone
    if not trainer.config["single_spec"]:
        dist.barrier()


def run_recboles(rank: int, *args: Any) -> None:
    """``run_recboles``, the work of one process; a ``UserError`` goes into the queue.

    Args:
        rank: of the process on this machine.
        args: model, data set, configuration files, and the keyword arguments of ``run_recbole``.
    """
    from recbole.quick_start.quick_start import run_recbole

    child_processes.end_with_the_parent()
    keywords = dict(args[-1])
    keywords["config_dict"] = {**keywords.get("config_dict", {}), "local_rank": rank}
    try:
        run_recbole(*args[:3], **keywords)
    except UserError as error:
        outputs.remove_untrained()
        keywords["queue"].put(error)
        sys.exit(2)

"""What group ``checkpoints`` puts into RecBole, beside the edits in the table."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_ext.trainer import checkpoint, random_states, same_run
from recbole_ext.trainer.identity import PARTS, RunIdentity

if TYPE_CHECKING:
    from recbole.trainer import Trainer


def create_samplers(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``create_samplers``, which sees all parts of a split: the run's identity is taken here."""

    def create(config: Any, dataset: Any, built_datasets: Any) -> Any:
        parts = zip(PARTS, built_datasets, strict=False)
        datasets = {name: part for name, part in parts if part is not None}
        config.recbole_ext_identity = RunIdentity.of_run(config, datasets)
        return wrapped(config, dataset, built_datasets)

    return create(*args, **kwargs)


def load_data_and_model(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``load_data_and_model``: refuses what cannot be evaluated, and data that has changed."""

    def load(model_file: str) -> Any:
        with checkpoint.read_once():
            same_run.check_usable(model_file)
            config, *rest = wrapped(model_file)
            identity = getattr(config, "recbole_ext_identity", None)
            if identity is not None:
                config.recbole_ext_warning = same_run.check_same_data(model_file, identity)
        return config, *rest

    return load(*args, **kwargs)


def fit(
    wrapped: Callable[..., Any],
    trainer: "Trainer",
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """``Trainer.fit`` that starts from ``resume_from`` and goes on with its random states."""
    trainer._recbole_ext_loader = args[0] if args else kwargs["train_data"]
    identity = getattr(trainer.config, "recbole_ext_identity", None)
    trainer.recbole_ext_identity = identity
    file = trainer.config["resume_from"]
    if file and trainer.config["trust_checkpoint"]:
        # beyond this call: without a better epoch, that file is also what is evaluated
        checkpoint.trusted_files.add(Path(file).resolve())
    if file and not trainer.start_epoch:
        if identity is not None:
            same_run.check_resumable(file, identity)
        trainer.resume_checkpoint(file)
    states = getattr(trainer, "_recbole_ext_resumed", None)
    if states is not None and trainer.config["single_spec"]:
        random_states.restore(states, trainer)
    score, result = wrapped(*args, **kwargs)
    valid_data = args[1] if len(args) > 1 else kwargs.get("valid_data")
    if result is None and trainer.start_epoch and valid_data:
        # No epoch since has beaten the resumed one, whose result RecBole does not keep.
        result = trainer.evaluate(valid_data, load_best_model=True)
    return score, result


def save_pretrained_model(self: Any, epoch: int, saved_model_file: str) -> None:
    """``PretrainTrainer.save_pretrained_model`` in our format."""
    state = {
        "config": self.config,
        "epoch": epoch,
        "state_dict": self.model.state_dict(),
        "optimizer": self.optimizer.state_dict(),
        "other_parameter": self.model.other_parameter(),
    }
    checkpoint.save(state, saved_model_file, self)
    self.saved_model_file = saved_model_file


def save_trees(self: Any, epoch: int) -> None:
    """``DecisionTreeTrainer._save_checkpoint`` in our format."""
    state = {
        "config": self.config,
        "epoch": epoch,
        "cur_step": self.cur_step,
        "best_valid_score": self.best_valid_score,
        "state_dict": self.temp_best_file,
        "other_parameter": None,
    }
    checkpoint.save(state, self.saved_model_file, self)


def load_nais(self: Any) -> None:
    """``NAIS._load_pretrain`` from a checkpoint in our format."""
    from torch.nn.init import constant_, xavier_normal_

    fism = checkpoint.load(self.pretrain_path)["state_dict"]
    self.item_src_embedding.weight.data.copy_(fism["item_src_embedding.weight"])
    self.item_dst_embedding.weight.data.copy_(fism["item_dst_embedding.weight"])
    for name, parameter in self.mlp_layers.named_parameters():
        if name.endswith("weight"):
            xavier_normal_(parameter.data)
        elif name.endswith("bias"):
            constant_(parameter.data, 0)

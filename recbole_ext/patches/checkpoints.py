"""RecBole's trainers and readers of checkpoints, made to use ``trainer.checkpoint``."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

from recbole_ext.patches.rewriting import after_import, rewrite
from recbole_ext.trainer import checkpoint

if TYPE_CHECKING:
    from recbole.trainer import Trainer

_LOAD = {"torch.load(": "recbole_ext_checkpoint.load("}

# Models that start from a pre-trained one read its checkpoint themselves.
_PRETRAINED = {
    "general_recommender.convncf": "ConvNCF.__init__",
    "general_recommender.nais": "NAIS._load_pretrain",
    "general_recommender.neumf": "NeuMF.load_pretrain",
    "general_recommender.ract": "RaCT.__init__",
    "sequential_recommender.s3rec": "S3Rec.__init__",
    "context_aware_recommender.kd_dagfm": "KD_DAGFM.__init__",
}


def _fit(
    wrapped: Callable[..., Any],
    trainer: "Trainer",
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """``Trainer.fit`` that starts from ``resume_from`` and goes on with its random states."""
    trainer._recbole_ext_loader = args[0] if args else kwargs["train_data"]
    file = trainer.config["resume_from"]
    if file and trainer.config["trust_checkpoint"]:
        # beyond this call: without a better epoch, that file is also what is evaluated
        checkpoint.trusted_files.add(Path(file).resolve())
    if file and not trainer.start_epoch:
        trainer.resume_checkpoint(file)
    states = getattr(trainer, "_recbole_ext_resumed", None)
    if states is not None and trainer.config["single_spec"]:
        checkpoint.restore_random_states(states, trainer)
    score, result = wrapped(*args, **kwargs)
    valid_data = args[1] if len(args) > 1 else kwargs.get("valid_data")
    if result is None and trainer.start_epoch and valid_data:
        # No epoch since has beaten the resumed one, whose result RecBole does not keep.
        result = trainer.evaluate(valid_data, load_best_model=True)
    return score, result


def _mend_trainers(module: ModuleType) -> None:
    module.recbole_ext_checkpoint = checkpoint  # type: ignore[attr-defined]
    trainer = module.Trainer
    for kind in (trainer, module.DecisionTreeTrainer):
        rewrite(
            kind.__init__,
            {
                '"{}-{}.pth".format(self.config["model"], get_local_time())': (
                    '"{}-{}.pth".format('
                    'self.config["model"], recbole_ext_checkpoint.name_of_run(config))'
                )
            },
        )
    rewrite(
        trainer._save_checkpoint,
        {
            "torch.save(state, saved_model_file, pickle_protocol=4)": (
                "recbole_ext_checkpoint.save(state, saved_model_file, self)"
            )
        },
    )
    rewrite(
        trainer.resume_checkpoint,
        {
            **_LOAD,
            'self.cur_step = checkpoint["cur_step"]': (
                'self.cur_step = checkpoint["cur_step"]; '
                'self._recbole_ext_resumed = checkpoint.get("rng")'
            ),
        },
    )
    rewrite(trainer.evaluate, _LOAD)
    # Resuming a run that is complete must not mark its checkpoint as untrained.
    rewrite(
        trainer.fit, {"self._save_checkpoint(-1,": "self._save_checkpoint(self.start_epoch - 1,"}
    )
    wrapt.wrap_function_wrapper(module, "Trainer.fit", _fit)
    rewrite(
        module.PretrainTrainer.save_pretrained_model,
        {
            "torch.save(state, saved_model_file)": (
                "recbole_ext_checkpoint.save(state, saved_model_file, self)"
            )
        },
    )
    rewrite(
        module.DecisionTreeTrainer._save_checkpoint,
        {
            "torch.save(state, self.saved_model_file)": (
                "recbole_ext_checkpoint.save(state, self.saved_model_file, self)"
            )
        },
    )


def _mend_quick_start(module: ModuleType) -> None:
    module.recbole_ext_checkpoint = checkpoint  # type: ignore[attr-defined]
    rewrite(
        module.load_data_and_model,
        {
            **_LOAD,
            'config = checkpoint["config"]': (
                'config = recbole_ext_checkpoint.restore_config(checkpoint["config"])'
            ),
        },
    )


def _mend_model(name: str) -> Callable[[ModuleType], None]:
    owner, function = name.split(".")

    def mend(module: ModuleType) -> None:
        module.recbole_ext_checkpoint = checkpoint  # type: ignore[attr-defined]
        rewrite(getattr(getattr(module, owner), function), _LOAD)

    return mend


def install() -> None:
    """Arrange for RecBole to write and read this format."""
    after_import("recbole.trainer.trainer", _mend_trainers)
    after_import("recbole.quick_start.quick_start", _mend_quick_start)
    for module, name in _PRETRAINED.items():
        after_import(f"recbole.model.{module}", _mend_model(name))

"""Patches that make RecBole write and read checkpoints by ``trainer.checkpoint``."""

from recbole_ext.patches.patch import Edit, Patch

_TRAINER = "recbole.trainer.trainer"
_OURS = "recbole_ext.patches.functions.checkpoints"
_CHECKPOINT = "recbole_ext.trainer.checkpoint"
_CHECKS = "recbole_ext.trainer.checkpoint_checks"

_LOAD_WHY = "torch.load refuses RecBole's checkpoints since torch 2.6."
_LOAD_ISSUES = (2212, 2219)
_SAVE_WHY = "RecBole pickles its Config into a checkpoint; a killed run leaves half a file."
_NAME_WHY = "Two runs that start in the same second write one file."
_NAME = (
    Edit(
        '"{}-{}.pth".format(self.config["model"], get_local_time())',
        f'"{{}}-{{}}.pth".format(self.config["model"], {_CHECKPOINT}.name_of_run(config))',
    ),
)


def _weights(model: str, file: str) -> Edit:
    """Weights that do not fit are reported in one line."""
    return Edit(
        f'{model}.load_state_dict(checkpoint["state_dict"])',
        f'{_CHECKS}.load_weights({model}, checkpoint["state_dict"], {file})',
    )


def _pretrained(name: str, target: str, times: int = 1) -> Patch:
    """Models that start from a pre-trained one read its checkpoint themselves."""
    return Patch(
        name=f"load-{name}",
        target=f"recbole.model.{target}",
        kind="edit",
        group="checkpoints",
        why=_LOAD_WHY,
        edits=(Edit("torch.load(", f"{_CHECKPOINT}.load(", times=times),),
        uses=(_CHECKPOINT,),
        upstream=_LOAD_ISSUES,
    )


PATCHES = (
    Patch(
        name="run-identity",
        target="recbole.data.utils:create_samplers",
        kind="wrap",
        group="checkpoints",
        why="A checkpoint says which data and which split it was trained on.",
        function=f"{_OURS}:create_samplers",
    ),
    Patch(
        name="checkpoint-name",
        target=f"{_TRAINER}:Trainer.__init__",
        kind="edit",
        group="checkpoints",
        why=_NAME_WHY,
        edits=_NAME,
        uses=(_CHECKPOINT,),
    ),
    Patch(
        name="checkpoint-name-trees",
        target=f"{_TRAINER}:DecisionTreeTrainer.__init__",
        kind="edit",
        group="checkpoints",
        why=_NAME_WHY,
        edits=_NAME,
        uses=(_CHECKPOINT,),
    ),
    Patch(
        name="save",
        target=f"{_TRAINER}:Trainer._save_checkpoint",
        kind="edit",
        group="checkpoints",
        why=_SAVE_WHY,
        edits=(
            Edit(
                "torch.save(state, saved_model_file, pickle_protocol=4)",
                f"{_CHECKPOINT}.save(state, saved_model_file, self)",
            ),
        ),
        uses=(_CHECKPOINT,),
    ),
    Patch(
        name="save-pretrained",
        target=f"{_TRAINER}:PretrainTrainer.save_pretrained_model",
        kind="replace",
        group="checkpoints",
        why=_SAVE_WHY,
        function=f"{_OURS}:save_pretrained_model",
        sources={"1.2.1": "4c8e396618a7"},
    ),
    Patch(
        name="save-trees",
        target=f"{_TRAINER}:DecisionTreeTrainer._save_checkpoint",
        kind="replace",
        group="checkpoints",
        why=_SAVE_WHY,
        function=f"{_OURS}:save_trees",
        sources={"1.2.1": "1d3278fe0b8d"},
    ),
    Patch(
        name="resume",
        target=f"{_TRAINER}:Trainer.resume_checkpoint",
        kind="edit",
        group="checkpoints",
        why=f"{_LOAD_WHY} A resumed run goes on with the random states of the saved one.",
        edits=(
            Edit("torch.load(", f"{_CHECKPOINT}.load("),
            Edit(
                'self.cur_step = checkpoint["cur_step"]',
                'self.cur_step = checkpoint["cur_step"]; '
                'self._recbole_ext_resumed = checkpoint.get("rng")',
            ),
            _weights("self.model", "resume_file"),
            Edit(
                'self.optimizer.load_state_dict(checkpoint["optimizer"])',
                f'{_CHECKS}.load_optimizer(self.optimizer, checkpoint["optimizer"], resume_file)',
            ),
        ),
        uses=(_CHECKPOINT, _CHECKS),
        upstream=_LOAD_ISSUES,
    ),
    Patch(
        name="load-best",
        target=f"{_TRAINER}:Trainer.evaluate",
        kind="edit",
        group="checkpoints",
        why=_LOAD_WHY,
        edits=(
            Edit("torch.load(", f"{_CHECKPOINT}.load("),
            _weights("self.model", "checkpoint_file"),
        ),
        uses=(_CHECKPOINT, _CHECKS),
        upstream=_LOAD_ISSUES,
    ),
    Patch(
        name="resume-complete",
        target=f"{_TRAINER}:Trainer.fit",
        kind="edit",
        group="checkpoints",
        why="Resuming a run that is complete marks its checkpoint as untrained.",
        edits=(Edit("self._save_checkpoint(-1,", "self._save_checkpoint(self.start_epoch - 1,"),),
    ),
    Patch(
        name="resume-from",
        target=f"{_TRAINER}:Trainer.fit",
        kind="wrap",
        group="checkpoints",
        why="The setting resume_from continues a run as if it had not been interrupted.",
        function=f"{_OURS}:fit",
    ),
    Patch(
        name="load-run",
        target="recbole.quick_start.quick_start:load_data_and_model",
        kind="edit",
        group="checkpoints",
        why=_LOAD_WHY,
        edits=(
            Edit("torch.load(", f"{_CHECKPOINT}.load("),
            Edit(
                'config = checkpoint["config"]',
                f'config = {_CHECKPOINT}.restore_config(checkpoint["config"])',
            ),
            _weights("model", "model_file"),
        ),
        uses=(_CHECKPOINT, _CHECKS),
        upstream=_LOAD_ISSUES,
    ),
    _pretrained("convncf", "general_recommender.convncf:ConvNCF.__init__"),
    _pretrained("neumf", "general_recommender.neumf:NeuMF.load_pretrain", times=2),
    _pretrained("ract", "general_recommender.ract:RaCT.__init__", times=2),
    _pretrained("s3rec", "sequential_recommender.s3rec:S3Rec.__init__"),
    _pretrained("kd-dagfm", "context_aware_recommender.kd_dagfm:KD_DAGFM.__init__"),
    Patch(
        name="load-nais",
        target="recbole.model.general_recommender.nais:NAIS._load_pretrain",
        kind="replace",
        group="checkpoints",
        why=_LOAD_WHY,
        function=f"{_OURS}:load_nais",
        upstream=_LOAD_ISSUES,
        sources={"1.2.1": "e95a62970881"},
    ),
    Patch(
        name="same-data",
        target="recbole.quick_start.quick_start:load_data_and_model",
        kind="wrap",
        group="checkpoints",
        why="RecBole silently evaluates a checkpoint on data that has changed since, and "
        "downloads a data set that is missing.",
        function=f"{_OURS}:load_data_and_model",
    ),
)

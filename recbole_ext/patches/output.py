"""Patches by which commands show a run in a few lines, and know what it was; group ``output``."""

from recbole_ext.patches.patch import Edit, Patch

_TRAINER = "recbole.trainer.trainer"
_OURS = "recbole_ext.patches.functions.output"
_EPOCH_WHY = "A run shows some lines of log an epoch, not one line."

PATCHES = (
    Patch(
        name="terminal-log",
        target="recbole.utils.logger:init_logger",
        kind="wrap",
        group="output",
        why="RecBole's log, 200 lines of settings, goes to the terminal as well as to its file, "
        "in colours whatever NO_COLOR says.",
        function=f"{_OURS}:init_logger",
    ),
    Patch(
        name="curves",
        target="recbole.utils.utils:get_tensorboard",
        kind="wrap",
        group="output",
        why="A run that is refused, or a model that is only read, leaves empty curves behind.",
        function=f"{_OURS}:get_tensorboard",
    ),
    Patch(
        name="progress-bars",
        target=f"{_TRAINER}:tqdm",
        kind="wrap",
        group="output",
        why="Two bars an epoch stay on the terminal, and in a file that it is redirected to.",
        function=f"{_OURS}:progress_bar",
    ),
    Patch(
        name="run-record",
        target="recbole.quick_start.quick_start:run_recbole",
        kind="edit",
        group="output",
        why="The result of a run does not say where its checkpoint is, nor how long it trained.",
        edits=(
            Edit(
                "logger.info(dataset)",
                f"logger.info(dataset); counts = {_OURS}.counts_of(dataset)",
            ),
            Edit(
                "train_data, valid_data, test_data = data_preparation(config, dataset)",
                "train_data, valid_data, test_data = data_preparation(config, dataset); "
                f"{_OURS}.begin(config, counts, (train_data, valid_data, test_data))",
            ),
            Edit(
                '        "test_result": test_result,\n    }',
                '        "test_result": test_result,\n    }\n'
                f"    result = {_OURS}.with_record(result, trainer)",
            ),
        ),
        uses=(_OURS,),
    ),
    Patch(
        name="epoch-trained",
        target=f"{_TRAINER}:Trainer._generate_train_loss_output",
        kind="wrap",
        group="output",
        why=_EPOCH_WHY,
        function=f"{_OURS}:generate_train_loss_output",
    ),
    Patch(
        name="epoch-validated",
        target=f"{_TRAINER}:Trainer._valid_epoch",
        kind="wrap",
        group="output",
        why=_EPOCH_WHY,
        function=f"{_OURS}:valid_epoch",
    ),
    Patch(
        name="epoch-validated-trees",
        target=f"{_TRAINER}:DecisionTreeTrainer._valid_epoch",
        kind="wrap",
        group="output",
        why=_EPOCH_WHY,
        function=f"{_OURS}:valid_epoch",
    ),
)

"""Patches for what RecBole writes and reads again, and for its case study; group ``bugs``."""

from recbole_ext.patches.patch import Edit, Patch

_SAVED = "recbole_ext.patches.functions.saved_data"
_CASE = "recbole_ext.patches.functions.case_study"
_UTILS = "recbole.data.utils"
_STALE_WHY = (
    "Saved data sets and loaders are used after the files, the split or a batch size have changed; "
    "a damaged one ends in a traceback."
)
_SAVE_WHY = (
    "A process that is killed leaves half a saved data set or loader; saving loaders takes away "
    "the generators by which they shuffle."
)
_CASE_WHY = (
    "The case study fails with loaders of labelled or sampled evaluations, AutoRec's default."
)

PATCHES = (
    Patch(
        name="outputs",
        target="recbole.utils.logger:init_logger",
        kind="wrap",
        group="bugs",
        why="A folder that cannot be written is found after the data set is read, or trained on.",
        function="recbole_ext.patches.functions.bugs:init_logger",
    ),
    Patch(
        name="saved-dataset",
        target=f"{_UTILS}:create_dataset",
        kind="edit",
        group="bugs",
        why=_STALE_WHY,
        edits=(
            Edit("pickle.load(f)", f"{_SAVED}.read(f)"),
            Edit(
                "dataset_args_unchanged = True",
                f"dataset_args_unchanged = {_SAVED}.fits_run(dataset, dataset_class, config, file)",
            ),
            # fits_run has compared them; a data set depends on no seed before it is split
            Edit('for arg in dataset_arguments + ["seed", "repeatable"]:', "for arg in ():"),
        ),
        uses=(_SAVED,),
    ),
    Patch(
        name="saved-dataset-whole",
        target="recbole.data.dataset.dataset:Dataset.save",
        kind="replace",
        group="bugs",
        why=_SAVE_WHY,
        function=f"{_SAVED}:save_dataset",
        sources={"1.2.1": "8dfe4f2ec603"},
    ),
    Patch(
        name="saved-loaders",
        target=f"{_UTILS}:load_split_dataloaders",
        kind="edit",
        group="bugs",
        why=_STALE_WHY,
        edits=(
            Edit("pickle.load(f)", f"{_SAVED}.read_loaders(f)"),
            Edit(
                'for arg in dataset_arguments + ["seed", "repeatable", "eval_args"]:',
                f"if not {_SAVED}.fit_run(dataloaders, config, dataloaders_save_path):\n"
                "        return None\n"
                '    for arg in dataset_arguments + ["seed", "repeatable", "eval_args"]:',
            ),
        ),
        uses=(_SAVED,),
    ),
    Patch(
        name="saved-loaders-processes",
        target=f"{_UTILS}:load_split_dataloaders",
        kind="wrap",
        group="bugs",
        why="Each of several processes would load the rows of whichever has saved its loaders.",
        function=f"{_SAVED}:load_split_dataloaders",
    ),
    Patch(
        name="saved-loaders-labelled",
        target="recbole.data.dataloader:NegSampleEvalDataLoader.update_config",
        kind="replace",
        group="bugs",
        why="Saved loaders of labelled parts, AutoRec's default, cannot be used again.",
        function=f"{_SAVED}:update_config",
        sources={"1.2.1": "c4613eb8aec5"},
    ),
    Patch(
        name="saved-loaders-whole",
        target=f"{_UTILS}:save_split_dataloaders",
        kind="edit",
        group="bugs",
        why=_SAVE_WHY,
        edits=(Edit('open(file_path, "wb")', f"{_SAVED}.whole_file(file_path)"),),
        uses=(_SAVED,),
    ),
    Patch(
        name="saved-loaders-generators",
        target=f"{_UTILS}:save_split_dataloaders",
        kind="wrap",
        group="bugs",
        why=_SAVE_WHY,
        function=f"{_SAVED}:save_split_dataloaders",
    ),
    Patch(
        name="case-study-parts",
        target=f"{_UTILS}:create_samplers",
        kind="wrap",
        group="bugs",
        why=_CASE_WHY,
        function=f"{_CASE}:create_samplers",
    ),
    Patch(
        name="case-study",
        target="recbole.utils.case_study:full_sort_scores",
        kind="wrap",
        group="bugs",
        why=_CASE_WHY,
        function=f"{_CASE}:full_sort_scores",
        requires="case-study-parts",
    ),
)

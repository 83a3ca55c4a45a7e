"""Train the model of a checkpoint again on all data: training, validation and test part.

The settings are those of the checkpoint's run, the number of epochs is the one that validation
chose. No data is left to evaluate it: the checkpoint says so (``refit_of``), and `evaluate` refuses
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ext.errors import CheckpointError
from recbole_ext.trainer import checkpoint, checkpoint_checks, same_run, single_run
from recbole_ext.trainer.progress import Counts, Progress, score_name
from recbole_ext.trainer.terminal import say

MARK = "refit_of"  # the setting that a checkpoint has from here: the file that it was refitted from


@dataclass(frozen=True)
class Refit:
    """A model that was trained on all data.

    Attributes:
        config: the settings of its run.
        file: its checkpoint.
        epochs: that it was trained for.
        n_interactions: that it was trained on.
    """

    config: Any
    file: Path
    epochs: int
    n_interactions: int


def file_of(file: str | Path) -> Path:
    """Where ``refit`` writes: beside the checkpoint, ``NAME-refit.pth``."""
    path = Path(file)
    return path.with_name(f"{path.stem}-refit.pth")


def preferred(file: str) -> str:
    """The refit of a checkpoint that stands beside it; the checkpoint itself where there is none.

    Raises:
        CheckpointError: a file of that name is there and is the refit of another one, or damaged.
    """
    whole = file_of(file)
    if not (Path(file).is_file() and whole.is_file()):
        return file
    mark = checkpoint_checks.settings_of(checkpoint.load(whole)).get(MARK)
    if Path(str(mark)).name != Path(file).name:
        raise CheckpointError(
            f"{whole}: expected the refit of {file}, found one of {mark or 'no refit'}; move it "
            "away, or ask the model itself with --original"
        )
    return str(whole)


def check(file: str | Path) -> dict[str, Any]:
    """Refuse a checkpoint that cannot be refitted; its record.

    Raises:
        CheckpointError: it cannot be used, is a refit already or an ensemble, or its data set is
            split by files or into sequences.
    """
    same_run.check_usable(file)
    record = checkpoint.load(file, map_location="cpu")
    checkpoint_checks.check_content(file, record, (*checkpoint_checks.OF_A_MODEL, "epoch"))
    settings = checkpoint_checks.settings_of(record)
    if settings.get(MARK):
        raise CheckpointError(
            f"{file}: has been trained on all data already, as the refit of {settings[MARK]}"
        )
    if settings["model"] == "Ensemble":
        raise CheckpointError(
            f"{file}: an ensemble is made of trained models, whose weights a validation part has "
            "chosen; refit takes the members one by one"
        )
    if settings.get("benchmark_filename"):
        raise CheckpointError(
            f"{file}: its data set {settings['dataset']} is split by files (benchmark_filename), "
            "so there is no file of all data; train on the data set that it was split from, then "
            "refit that model"
        )
    if "SEQUENTIAL" in str(settings["MODEL_TYPE"]):
        raise CheckpointError(
            f"{file}: {settings['model']} is trained on sequences, whose last items are the test; "
            "refit takes models of interactions and of ratings"
        )
    return record


def check_not_refit(file: str | Path) -> None:
    """Refuse to evaluate a model that has been trained on all data.

    Raises:
        CheckpointError: it is a refit, or cannot be loaded.
    """
    mark = checkpoint_checks.settings_of(checkpoint.load(file)).get(MARK)
    if mark:
        raise CheckpointError(
            f"{file}: has been trained on all data by recbole-ext refit, so nothing is left to "
            f"test it on; evaluate the model that it is the refit of: {mark}"
        )


def refit(file: str | Path) -> Refit:
    """Train the model of a checkpoint on all data, for the epochs that validation chose.

    Args:
        file: a checkpoint of a run; its refit is written to ``file_of``.

    Raises:
        CheckpointError: see ``check``.
    """
    with checkpoint.read_once():
        record = check(file)
        config = checkpoint.restore_config(record["config"])
    settings = config.final_config_dict
    settings["eval_args"] = {**settings["eval_args"], "split": {"RS": [1.0, 0.0, 0.0]}}
    settings["epochs"] = epochs = max(record["epoch"] + 1, 1)
    settings["resume_from"] = None
    settings["checkpoint_dir"] = str(Path(file).parent)
    settings[MARK] = str(file)
    with same_run.set_up_again(file):
        run = single_run.set_up(config)
        n_interactions = len(run.train._dataset)
        config.recbole_ext_progress = _progress(settings, run.dataset, n_interactions)
        run.trainer.saved_model_file = str(file_of(file))
    say(f"data: {config.recbole_ext_progress.counts}")
    run.fit()
    config.recbole_ext_progress.flush()
    return Refit(config, file_of(file), epochs, n_interactions)


def _progress(settings: Mapping[str, Any], dataset: Any, n_interactions: int) -> Progress:
    counts = Counts(
        dataset.user_num - 1, dataset.item_num - 1, n_interactions, {"train": n_interactions}
    )
    has_loss = settings["MODEL_TYPE"].name != "TRADITIONAL"
    return Progress(counts, score_name(settings), has_loss=has_loss)

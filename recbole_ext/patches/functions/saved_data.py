"""Saved data sets and loaders (``save_dataset``, ``save_dataloaders``), of the run they are for.

RecBole compares some settings of the run that has saved them with those of the run that loads
them. Here also the settings that it forgets and the data set's files are compared: what does not
fit is made anew, with a warning. The files are pickles: loading one executes what it holds.
"""

import pickle
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from recbole_ext.data.atomic_write import atomic_write
from recbole_ext.errors import DataError, in_a_line
from recbole_ext.patches.functions import dataset_cache, exact_reading
from recbole_ext.trainer.identity import RunIdentity, data_hash

# Settings of a run that its loaders do not depend on.
_NOT_OF_LOADERS = frozenset(
    {
        *("epochs", "stopping_step", "eval_step", "learner", "learning_rate", "weight_decay"),
        *("clip_grad_norm", "loss_decimal_place", "metric_decimal_place"),
    }
)


def read(stream: BinaryIO) -> Any:
    """``pickle.load``, which says in one line that a file is damaged or of another release.

    Raises:
        DataError: it names the file and says what to do.
    """
    try:
        return pickle.load(stream)
    except Exception as error:  # whatever the code that a pickle refers to raises
        raise DataError(
            f"{stream.name}: cannot be read as a saved data set or saved loaders "
            f"({in_a_line(error)}); remove it, or name another file in dataset_save_path or "
            "dataloaders_save_path"
        ) from error


def read_loaders(stream: BinaryIO) -> list[tuple[Any, Any]]:
    """What ``save_split_dataloaders`` writes: the three loaders, each with its generator's state.

    Raises:
        DataError: the file is damaged, or holds something else.
    """
    from recbole.data.dataloader.abstract_dataloader import AbstractDataLoader

    content = read(stream)
    pairs = content if isinstance(content, list) else []
    loaders = [pair[0] for pair in pairs if isinstance(pair, tuple) and len(pair) == 2]
    if len(loaders) != 3 or not all(isinstance(one, AbstractDataLoader) for one in loaders):
        raise DataError(
            f"{stream.name}: expected the three loaders that save_dataloaders writes, found a "
            f"{type(content).__name__}; name another file in dataloaders_save_path"
        )
    return pairs


def whole_file(path: str) -> AbstractContextManager[BinaryIO]:
    """``open(path, "wb")``, for a file that is there whole or not at all."""
    return atomic_write(Path(path))


def save_dataset(dataset: Any) -> None:
    """``Dataset.save``, whole or not at all, with the hash of the files it was read from."""
    folder = Path(dataset.config["checkpoint_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{dataset.config['dataset']}-{type(dataset).__name__}.pth"
    dataset.logger.info(f"Saving filtered dataset into [{file}]")
    dataset.recbole_ext_data = data_hash(dataset.config)
    with atomic_write(file) as stream:
        pickle.dump(dataset, stream)


def fits_run(dataset: Any, dataset_class: Any, config: Any, file: str) -> bool:
    """Whether a saved data set is what the run would read; it then has the settings of the run.

    Args:
        dataset: as it was saved.
        dataset_class: of the data set that the run would make.
        config: of the run.
        file: where it was saved.
    """
    if type(dataset) is not dataset_class:
        changed = [f"{type(dataset).__name__} instead of {dataset_class.__name__}"]
    else:
        names = dataset_cache.reading_settings()
        changed = [name for name in names if dataset.config[name] != config[name]]
        if getattr(dataset, "recbole_ext_data", None) != data_hash(config):
            changed.append("the data files")
    if changed:
        warnings.warn(
            f"{file}: has been saved for other data ({', '.join(changed)}); the data set is read "
            "anew",
            stacklevel=2,
        )
        return False
    dataset.config = config
    exact_reading.say_again(dataset, getattr(dataset, "reading_notes", []))
    return True


def save_split_dataloaders(
    wrapped: Callable[..., None], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``save_split_dataloaders``, which leaves the loaders as they were.

    RecBole takes away the generators by which they shuffle. The loaders of one of several
    processes have a share of the rows, and are not saved.
    """

    def save(config: Any, dataloaders: Sequence[Any]) -> None:
        if not config["single_spec"]:
            return
        generators = [
            (loader, loader.generator, getattr(loader.sampler, "generator", None))
            for loader in dataloaders
        ]
        for loader in dataloaders:
            vars(loader).pop(
                "collate_fn"
            )  # its method, which cannot be pickled where it is patched
        wrapped(config, dataloaders)
        for loader, generator, of_sampler in generators:
            loader.generator, loader.sampler.generator = generator, of_sampler

    save(*args, **kwargs)


def load_split_dataloaders(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``load_split_dataloaders``; several processes make their own."""
    config = args[0] if args else kwargs["config"]
    return wrapped(*args, **kwargs) if config["single_spec"] else None


def fit_run(loaders: Sequence[Any], config: Any, file: str) -> bool:
    """Whether saved loaders are what the run would make; the run then has their identity.

    Args:
        loaders: as they were saved: for training, validation and test.
        config: of the run.
        file: where they were saved.
    """
    old: RunIdentity | None = getattr(loaders[0].config, "recbole_ext_identity", None)
    now = RunIdentity.of_run(config)
    changed = ["of another release"]
    if old is not None:
        changed = [what for what, _, _ in old.differences(now, _NOT_OF_LOADERS)]
    if changed or old is None:
        warnings.warn(
            f"{file}: has been saved by another run ({', '.join(changed)}); the loaders are made "
            "anew",
            stacklevel=2,
        )
        return False
    config.recbole_ext_identity = replace(now, splits=old.splits)
    return True


def update_config(loader: Any, config: Any) -> None:
    """``NegSampleEvalDataLoader.update_config``, also for labelled parts, which draw nothing."""
    from recbole.data.dataloader.general_dataloader import NegSampleEvalDataLoader
    from recbole.utils import InputType

    phase = getattr(loader._sampler, "phase", None) or "test"
    arguments = config[f"{phase}_neg_sample_args"]
    loader._set_neg_sample_args(config, loader._dataset, InputType.POINTWISE, arguments)
    super(NegSampleEvalDataLoader, loader).update_config(config)

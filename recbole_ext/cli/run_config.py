"""The settings of a run from the command line, checked with its data set before it starts."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_ext.errors import DataError, SettingError, UserError

if TYPE_CHECKING:
    from recbole.config import Config


def configure(
    model: str,
    dataset: str,
    files: list[str] | None,
    settings: Mapping[str, Any],
    tested: bool = False,
) -> "Config":
    """The ``Config`` of a run, checked with its data set before anything is written.

    Args:
        model, dataset: their names.
        files: of ``--config_files``.
        settings: over those of the files.
        tested: whether the run is for its test metrics: the split must then have a test part.

    Raises:
        UserError: an unknown model or data set, a setting or a file that cannot be used.
    """
    from recbole_ext.data import columns
    from recbole_ext.evaluator import evaluation_settings
    from recbole_ext.registry import keys, models

    keys.check_model(model)
    from recbole.config import Config

    sys.argv = sys.argv[:1]  # RecBole's Config would read them again, its way
    try:
        config = Config(model, dataset, config_file_list=files, config_dict=dict(settings))
    except UserError:
        raise
    except Exception as error:  # whatever RecBole's conversions and checks raise
        raise SettingError(f"RecBole refuses these settings: {error}") from error
    values = config.final_config_dict
    evaluation = evaluation_settings.read(values, tested)  # Config has done it, without `tested`
    if not Path(values["data_path"]).is_dir():
        _refuse_unknown_dataset(dataset, Path(values["data_path"]).parent)
    else:
        ratings = models.needs_ratings(model)
        columns.check(values, ratings=ratings, read=keys.own_keys(model))
        if evaluation.by_time:
            _check_time(values)
    return config


def _check_time(values: Mapping[str, Any]) -> None:
    """Refuse a split by time of a data set that has no times."""
    from recbole_ext.config import settings
    from recbole_ext.data import atomic_files

    data, time = settings.read(settings.DataSettings, values), values["TIME_FIELD"]
    for path in atomic_files.interaction_files(data):
        fields = atomic_files.read_header(path, data.field_separator, data.encoding)
        if time not in fields:
            raise DataError(
                f"{path}, line 1: no column {time} (found {', '.join(fields)}) to order by; name "
                "the column in TIME_FIELD, or write eval_args: {order: RO}"
            )


def _refuse_unknown_dataset(dataset: str, folder: Path) -> None:
    """RecBole downloads the data sets it knows; there is no other way to one that is not here."""
    from recbole_ext.config import settings
    from recbole_ext.data.movielens import catalogue
    from recbole_ext.registry import keys

    downloadable = keys.known_datasets()
    if dataset in downloadable:
        return
    if dataset in catalogue.RELEASES:
        raise DataError(
            f"--dataset={dataset}: no folder {folder / dataset}; "
            f"get it with `recbole-ext data get {dataset} --data_path={folder}`"
        )
    here = sorted(path.name for path in folder.glob("*") if path.is_dir())
    nearest = settings.near(dataset, {"ml-100k", *here, *downloadable})
    advice = (
        f"did you mean {nearest}?" if nearest else f"found there: {', '.join(here) or 'nothing'}"
    )
    raise DataError(
        f"--dataset={dataset}: no folder {folder / dataset}, and RecBole knows no data set of "
        f"that name; {advice}"
    )

"""The settings of a run from the command line, checked with its data set before it starts."""

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recbole_ext.errors import DataError, SettingError, UserError

if TYPE_CHECKING:
    from recbole.config import Config


def preflight(
    model: str,
    dataset: str,
    files: list[str] | None,
    settings: Mapping[str, Any],
    tested: bool = False,
) -> dict[str, Any]:
    """The settings of a run, checked with its data set before RecBole and torch are imported.

    Args:
        model, dataset: their names; of a model also where its class is.
        files: of ``--config_files``.
        settings: over those of the files.
        tested: whether the run is for its test metrics: the split must then have a test part.

    Returns:
        see ``early_config.read``.

    Raises:
        UserError: an unknown model or data set, a setting or a file that cannot be used.
    """
    from recbole_ext.patches import early_config, engine
    from recbole_ext.registry import keys

    engine.check_environment()
    model = keys.check_model(model)
    with warnings.catch_warnings(), _refusals():
        warnings.simplefilter("ignore")  # Config will say the same
        values = early_config.read(model, dataset, files, settings)
    _check_data(values, tested)
    return values


def configure(
    model: str,
    dataset: str,
    files: list[str] | None,
    settings: Mapping[str, Any],
    tested: bool = False,
    n_processes: int = 1,
) -> "Config":
    """The ``Config`` of a run, checked with its data set before anything is written.

    Args:
        model, dataset, files, settings, tested: see ``preflight``, which comes first.
        n_processes: that train the model.

    Raises:
        UserError: an unknown model or data set, a setting or a file that cannot be used.
    """
    from recbole_ext.data import content_hash

    values = preflight(model, dataset, files, {**settings, "nproc": n_processes}, tested)
    model = values["model"]
    content_hash.begin(content_hash.data_files(Path(values["data_path"]), dataset))
    from recbole.config import Config

    sys.argv = sys.argv[:1]  # RecBole's Config would read them again, its way
    with _refusals():
        config = Config(model, dataset, config_file_list=files, config_dict=dict(settings))
    _check_data(config.final_config_dict, tested)
    return config


@contextmanager
def _refusals() -> Iterator[None]:
    """Within this block, whatever RecBole's conversions and checks raise is a setting's fault."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise SettingError(f"RecBole refuses these settings: {error}") from error


def _check_data(values: Mapping[str, Any], tested: bool) -> None:
    """Refuse a data set that is not there, or whose files the settings of a run do not fit."""
    from recbole_ext.data import columns
    from recbole_ext.evaluator import evaluation_settings
    from recbole_ext.registry import keys, model_parts

    evaluation = evaluation_settings.read(values, tested)  # Config does it without `tested`
    if not Path(values["data_path"]).is_dir():
        keys.check_dataset(values["dataset"], Path(values["data_path"]))
    else:
        model = values["model"]
        ratings, read = model_parts.needs_ratings(model), keys.own_keys(model)
        columns.check(values, ratings=ratings, read=read, all_lines=False)
        if evaluation.by_time:
            _check_time(values)


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

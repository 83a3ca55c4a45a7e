"""Time order by the times in the file.

RecBole's float columns become float32 before they are sorted: times around 1.6e9 seconds are
then multiples of 128, and interactions that are closer than that keep the order of the file.
Here the time column stays float64 while ``Dataset.build`` orders and splits, for sequences too,
and becomes float32 afterwards: models are given the same numbers as before.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from recbole_ext.errors import SettingError

# Settings of ``Dataset._data_filtering``, which RecBole skips with ``benchmark_filename``, and
# a value of theirs that removes nothing.
_FILTERS = ("rm_dup_inter", "val_interval", "user_inter_num_interval", "item_inter_num_interval")
_ALL = "[0,inf)"

# --- ordering and splitting -----------------------------------------------------------------


def build(
    wrapped: Callable[[], list[Any]], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    """``Dataset.build``: the parts, ordered by the times in the file where time decides.

    Raises:
        SettingError: the protocol asks for an order by time, and there is no column of numbers.
    """
    config = dataset.config
    protocol = config["eval_args"]
    if dataset.benchmark_filename_list is None:
        for setting, used in (
            ("order: TO", protocol["order"] == "TO"),
            ("split: TS", "TS" in (protocol["split"] or ())),
        ):
            if used:
                check_times(dataset, setting)
                dataset.logger.info(f"{setting} by the times in the file (patch exact-time-order)")
    parts = wrapped()
    # T-DiffRec sorts its users' histories by time itself, and reads nothing else of the column.
    if not config.final_config_dict.get("time-aware"):
        for part in (dataset, *parts):
            _round_times(part)
    return parts


def dataframe_to_interaction(
    wrapped: Callable[..., Any], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``Dataset._dataframe_to_interaction``: the times of interactions stay float64."""
    from recbole.utils import FeatureType

    interactions = wrapped(*args, **kwargs)
    (frame,) = (*args, *kwargs.values())
    field = dataset.time_field
    is_float = dataset.field2type.get(field) == FeatureType.FLOAT
    if frame is dataset.inter_feat and field in frame and is_float:
        # a numerical feature has lists of value and weight in its rows
        values = np.array(frame[field].tolist(), dtype=np.float64)
        interactions[field] = torch.from_numpy(values)
    return interactions


def _round_times(dataset: Any) -> None:
    """Make the times float32, as RecBole gives them to models; those in sequences, too."""
    rows = dataset.inter_feat
    for field in (dataset.time_field, f"{dataset.time_field}{dataset.config['LIST_SUFFIX']}"):
        if field in rows and rows[field].dtype == torch.float64:
            rows[field] = rows[field].float()


# --- splitting by a moment ------------------------------------------------------------------


def shares(ratios: Sequence[float]) -> list[Fraction]:
    """Ratios as exact shares of their sum: 0.6, 0.2, 0.2 are 3/5, 1/5, 1/5."""
    exact = [Fraction(str(ratio)) for ratio in ratios]
    return [ratio / sum(exact) for ratio in exact]


def last_moment(times: np.ndarray, test: Fraction) -> np.floating[Any]:
    """The latest time that is not for test.

    Args:
        times: of all rows.
        test: share of the test part.

    Returns:
        The largest time up to the percentile 100 (1 - test) with linear interpolation: there is
        no row between the two.
    """
    return np.sort(times)[int((1 - test) * (len(times) - 1))]


def in_time_order(times: torch.Tensor, index: Sequence[int]) -> np.ndarray:
    """Row numbers, oldest first; equal times keep their order.

    Args:
        times: [rows], of all rows.
        index: row numbers of a group.
    """
    rows = np.asarray(index)
    return rows[np.argsort(times.numpy()[rows], kind="stable")]


# --- refusals -------------------------------------------------------------------------------


def has_times(dataset: Any) -> bool:
    """Whether ``rm_dup_inter`` finds a time column.

    Raises:
        SettingError: it is not a column of numbers.
    """
    if dataset.time_field not in dataset.inter_feat:
        return False
    check_times(dataset, f"rm_dup_inter: {dataset.config['rm_dup_inter']}")
    return True


def check_times(dataset: Any, setting: str) -> None:
    """Refuse an order by time unless the time column holds the numbers of the file.

    Args:
        setting: what asks for the order; for the message.

    Raises:
        SettingError: the column is missing, or not of type float, or was put into buckets.
    """
    from recbole.utils import FeatureType

    field = dataset.time_field
    columns = {name: dataset.field2type[name] for name in dataset.inter_feat}
    where = f"{setting}: expected a time column {field}:float in {dataset.dataset_name}.inter"
    if field is None or field not in columns:
        raise SettingError(
            f"{where}, found the columns {', '.join(columns)}; set TIME_FIELD to the name of the "
            "time column, and name it in load_col"
        )
    if columns[field] != FeatureType.FLOAT:
        raise SettingError(
            f"{where}, found {field}:{columns[field].value}, which has no order in time; write "
            f"{field}:float in the first line of the file"
        )
    if field in (dataset.config["discretization"] or ()):
        raise SettingError(
            f"{where}, found that discretization puts {field} into buckets, which have no order "
            f"in time; take {field} out of discretization"
        )


def get_preset(
    wrapped: Callable[[], None], dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """``Dataset._get_preset``, which refuses filters that benchmark files would not go through.

    Raises:
        SettingError: it names the first such setting.
    """
    wrapped()
    if dataset.benchmark_filename_list is not None:
        for name in _FILTERS:
            if (value := dataset.config[name]) not in (None, _ALL):
                raise SettingError(
                    f"{name}: {value}: RecBole does not filter the files of benchmark_filename, "
                    f"so this would be ignored; filter the files themselves, or remove {name}"
                )

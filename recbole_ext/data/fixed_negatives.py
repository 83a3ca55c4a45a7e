"""The negative items of a leave-one-out evaluation, read from a file instead of drawn.

RecBole draws the negatives of ``mode: uni99`` anew in each run, so two models are ranked
against different items. A data set whose settings say ``fixed_negatives`` brings them in
``<name>.valid.negatives`` and ``<name>.test.negatives``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recbole_ext.data import atomic_files
from recbole_ext.errors import DataError


class FixedNegatives:
    """RecBole's sampler of one phase, with its negatives read from a file.

    Args:
        sampler: of the phase valid or test; None where the mode draws no negatives.
        config, dataset: of the run.

    Raises:
        DataError: the mode is not ``uniN``, or the file is missing or damaged.
    """

    def __init__(self, sampler: Any, config: Any, dataset: Any) -> None:
        folder, name = Path(config["data_path"]), config["dataset"]
        if sampler is None:
            raise DataError(
                f"{folder / name}.yaml: fixed_negatives is for eval_args: {{mode: uniN}}, found "
                f"{config['eval_args']['mode']}; set fixed_negatives: False to evaluate otherwise"
            )
        self.phase, self.used_ids = sampler.phase, sampler.used_ids
        self.path = folder / f"{name}.{self.phase}.negatives"
        separator, encoding = config["field_separator"], config["encoding"]
        fields = atomic_files.read_header(self.path, separator, encoding)
        frames = []
        for _, frame, problems in atomic_files.scan(self.path, fields, separator, encoding):
            if problems:
                line = min(problems)
                raise DataError(f"{self.path}, line {line}: {problems[line]}; split again")
            frames.append(frame.astype(str))
        rows = pd.concat(frames)
        users = self._numbers(rows["user_id"], dataset, dataset.uid_field)
        items = self._numbers(rows["item_id"], dataset, dataset.iid_field)
        order = np.argsort(users, kind="stable")
        self.items = items[order]
        self.starts = np.searchsorted(users[order], np.arange(dataset.user_num + 1))

    def _numbers(self, tokens: pd.Series, dataset: Any, field: str) -> np.ndarray:
        numbers = tokens.map(dataset.field2token_id[field])
        if numbers.isna().any():
            line = numbers.index[numbers.isna()][0]
            raise DataError(
                f"{self.path}, line {line}: {field} {tokens.loc[line]} is in no interaction; "
                "split again"
            )
        return numbers.to_numpy(dtype=np.int64)

    def sample_by_user_ids(self, user_ids: Any, item_ids: Any, num: int) -> Tensor:
        """The negatives of some held-out rows, in the order of RecBole's samplers.

        All rows of a user have the user's negatives: a user with several held-out items has them
        ranked among the same ones.

        Args:
            user_ids: [B], of the rows.
            item_ids: [B], of the rows; not needed.
            num: negatives of each row.

        Returns:
            [num * B]: the first negative of each row, then the second of each row, ...

        Raises:
            DataError: a user has another number of negatives.
        """
        users = np.asarray(user_ids)
        counts = self.starts[users + 1] - self.starts[users]
        if (counts != num).any():
            raise DataError(
                f"{self.path}: a user has {counts[counts != num][0]} negatives, eval_args: "
                f"{{mode: uni{num}}} expects {num}; split again with --negatives {num}"
            )
        places = self.starts[users] + np.arange(num)[:, None]
        return torch.from_numpy(self.items[places].ravel())

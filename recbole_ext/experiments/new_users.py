"""The test of users who were not in training: the model is given their histories when it scores.

RecBole evaluates as usual and requests the scores of a user; they come from the fold-in of
``inference/new_person.py``. The items of the history are not candidates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbole_ext.data import interaction_file
from recbole_ext.data.new_users import HISTORY_PART
from recbole_ext.errors import SettingError
from recbole_ext.evaluator.protocol import TAKE_NEW_PEOPLE
from recbole_ext.inference import new_person
from recbole_ext.inference.trained_model import TrainedModel
from recbole_ext.trainer.single_run import Run


class _FoldedIn:
    """Replaces a model in RecBole's evaluation; other attributes are those of the model.

    Args:
        trained: the model with its data set.
        histories: RecBole's number of a user -> its items, and their ratings or None.
    """

    def __init__(
        self, trained: TrainedModel, histories: dict[int, tuple[np.ndarray, np.ndarray | None]]
    ) -> None:
        self._trained, self._histories = trained, histories

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trained.model, name)

    def full_sort_predict(self, interaction: Any) -> torch.Tensor:
        """[users * items], the scores of all items; ``-inf`` for those of a user's history."""
        rows = []
        for user in interaction[self._trained.dataset.uid_field].tolist():
            items, ratings = self._histories[user]
            scores = new_person.scores(self._trained, items, ratings)
            scores[torch.from_numpy(items).to(scores.device)] = -torch.inf
            rows.append(scores)
        return torch.stack(rows).reshape(-1)


def check(run: Run) -> None:
    """Refuse a model that cannot take in new people, before it is trained.

    Raises:
        SettingError: it says which models can.
    """
    name = type(run.model).__name__
    if name not in TAKE_NEW_PEOPLE and not hasattr(run.model, "fold_in"):
        raise SettingError(
            f"{name} cannot take in a person who was not in training: it has no method fold_in; "
            f"models that can: {', '.join(TAKE_NEW_PEOPLE)}"
        )


@contextmanager
def folded_in(run: Run) -> Iterator[None]:
    """Within this block the trainer of a run scores users by their histories.

    Args:
        run: that has been trained, on a data set that ``data/new_users.py`` has written.
    """
    parts = {"train": run.train._dataset, "valid": run.valid._dataset, "test": run.test._dataset}
    trained = TrainedModel("", run.config, run.model, run.dataset, parts)
    run.trainer.model = _FoldedIn(trained, _histories(run, trained.needs_ratings))
    try:
        yield
    finally:
        run.trainer.model = run.model


def _histories(run: Run, with_ratings: bool) -> dict[int, tuple[np.ndarray, np.ndarray | None]]:
    dataset = run.dataset
    file = f"{dataset.dataset_name}.{HISTORY_PART}.inter"
    rows = interaction_file.read(Path(dataset.dataset_path) / file)
    users = dataset.field2token_id[dataset.uid_field]
    items = dataset.field2token_id[dataset.iid_field]
    tested = set(run.test._dataset.inter_feat[dataset.uid_field].tolist())
    histories: dict[int, tuple[np.ndarray, np.ndarray | None]] = {}
    for place, user in enumerate(rows.user_tokens):
        if users.get(user) not in tested:
            continue
        own = np.flatnonzero(rows.users == place)
        # an item that occurs twice counts once, with its last rating
        latest = {
            items[token]: row
            for token, row in zip(rows.item_tokens[rows.items[own]], own.tolist(), strict=True)
            if token in items  # settings may have left items out
        }
        numbers = np.array(list(latest), dtype=np.int64)
        ratings = None
        if with_ratings and rows.ratings is not None:
            ratings = rows.ratings[list(latest.values())]
        histories[users[user]] = numbers, ratings
    return histories

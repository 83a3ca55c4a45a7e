import copy
import pickle

import numpy as np
import pytest
import torch

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.errors import DataError
from tests import runs

ROWS = [("a", "x", 5, 1), ("a", "y", 0, 2), ("b", "y", 3, 3), ("c", "z", 4, 4), ("c", "x", 2, 5)]


def dataset(tmp_path, rows, **settings):
    from recbole.config import Config
    from recbole.data import create_dataset

    runs.write_inter(tmp_path, "d", rows)
    data = create_dataset(
        Config("AutoRec", "d", config_dict={"data_path": str(tmp_path), **settings})
    )
    data._change_feat_format()
    return data


def test_rows_by_user_and_by_item(tmp_path):
    data = dataset(tmp_path, ROWS)  # a, b, c and x, y, z are 1, 2, 3; 0 is padding
    by_user = RatingMatrix.of_dataset(data, "rating", "user")
    rows, observed = by_user.dense(torch.tensor([1, 3, 0]))
    assert rows.tolist() == [[0, 5, 0, 0], [0, 2, 0, 4], [0, 0, 0, 0]]
    assert observed.int().tolist() == [
        [0, 1, 1, 0],
        [0, 1, 0, 1],
        [0, 0, 0, 0],
    ]  # a's 0 is a rating
    by_item = RatingMatrix.of_dataset(data, "rating", "item")
    rows, _ = by_item.dense(torch.tensor([1, 2]))
    assert rows.tolist() == [[0, 5, 0, 2], [0, 0, 3, 0]]
    everything = torch.arange(4)
    torch.testing.assert_close(by_user.dense(everything)[0], by_item.dense(everything)[0].T)


def test_a_pair_that_occurs_twice_has_its_mean(tmp_path):
    data = dataset(tmp_path, [*ROWS, ("a", "x", 2, 9), ("a", "x", 2, 10)])
    rows, _ = RatingMatrix.of_dataset(data, "rating", "user").dense(torch.tensor([1]))
    assert rows.tolist() == [[0, 3, 0, 0]]


def test_a_normalised_rating_of_zero_is_still_observed(tmp_path):
    data = dataset(tmp_path, ROWS, normalize_all=True)
    rows, observed = RatingMatrix.of_dataset(data, "rating", "user").dense(torch.tensor([1]))
    np.testing.assert_allclose(rows, [[0, 1, 0, 0]])
    assert observed.sum() == 2


def test_copies_share_the_ratings_and_pickles_keep_them(tmp_path):
    rows = RatingMatrix.of_dataset(dataset(tmp_path, ROWS), "rating", "user")
    assert copy.deepcopy(rows) is rows
    torch.testing.assert_close(pickle.loads(pickle.dumps(rows)).values, rows.values)


def test_a_missing_rating_is_refused_when_read(tmp_path):
    with pytest.raises(DataError, match=r"d\.inter, line 4: rating: expected a number, found ''"):
        dataset(tmp_path, [*ROWS[:2], ("b", "y", "", 3), *ROWS[3:]])


def test_only_training_ratings_are_input(ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    held_out = {
        pair
        for part in (run.valid, run.test)
        for pair in zip(
            part._dataset.inter_feat["item_id"].tolist(),
            part._dataset.inter_feat["user_id"].tolist(),
            strict=True,
        )
    }
    _, observed = run.model.ratings.dense(torch.arange(run.dataset.item_num))
    seen = set(map(tuple, observed.nonzero().tolist()))
    assert len(seen) == len(run.train._dataset)
    assert not seen & held_out

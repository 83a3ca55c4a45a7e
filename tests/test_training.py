import pytest
import torch

from tests import runs


@pytest.mark.parametrize(("orientation", "field"), [("user", "user_id"), ("item", "item_id")])
def test_an_epoch_is_a_permutation_of_all_rows_but_the_padding(orientation, field, ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], orientation=orientation)
    n_rows = run.dataset.num(field)
    epochs = []
    for _ in range(2):
        batches = [batch[field] for batch in run.train]
        assert [len(batch) for batch in batches[:-1]] == [8] * (len(batches) - 1)
        assert sum(map(len, batches)) == n_rows - 1  # the short last batch is there
        epochs.append(torch.cat(batches).tolist())
        assert sorted(epochs[-1]) == list(range(1, n_rows))
    assert epochs[0] != epochs[1]


def test_the_same_seed_gives_the_same_order(ratings):
    orders = []
    for _ in range(2):
        run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
        orders.append([batch["item_id"].tolist() for batch in run.train])
    assert orders[0] == orders[1]

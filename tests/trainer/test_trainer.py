import copy

import pytest
import torch
from torch import nn

from recbole_ext.errors import SettingError
from recbole_ext.trainer.trainer import RowAdam
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


# --- rows that a batch has ------------------------------------------------------------------


def test_rows_that_a_batch_has_move_as_by_adam_and_no_others():
    """Two rows at every step, one at some, one never; against a dense Adam of its own for each."""
    torch.manual_seed(0)
    table, layer = nn.Embedding(4, 3, sparse=True), nn.Linear(3, 1)
    start = table.weight.detach().clone()
    rows = [nn.Parameter(row.clone()) for row in start]
    other = copy.deepcopy(layer)
    ours = RowAdam([table.weight], [*layer.parameters(), table.weight], lr=0.1)
    theirs = [torch.optim.Adam([row], lr=0.1) for row in rows]
    theirs.append(torch.optim.Adam(other.parameters(), lr=0.1))
    for step in range(6):
        used = [0, 1, 1, 2] if step == 3 else [0, 1, 1]
        for optimizer in (ours, *theirs):
            optimizer.zero_grad()
        layer(table(torch.tensor(used))).square().sum().backward()
        other(torch.stack([rows[row] for row in used])).square().sum().backward()
        ours.step()
        theirs[0].step()
        theirs[1].step()
        theirs[4].step()
    for row in (0, 1):
        assert torch.allclose(table.weight[row], rows[row], atol=1e-5)
    assert not torch.equal(table.weight[2], start[2])
    assert torch.equal(table.weight[3], start[3])
    for one, two in zip(layer.parameters(), other.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_the_optimiser_of_rows_is_chosen_by_recboles_key(ratings):
    run = runs.prepare("NCFMLP", **runs.SMALL["NCFMLP"], learner="sparse_adam", weight_decay=0.0)
    assert isinstance(run.trainer.optimizer, RowAdam)
    before = run.model.net.user_embedding.weight.detach().clone()
    batch = next(iter(run.train))
    run.model.calculate_loss(batch).backward()
    run.trainer.optimizer.step()
    moved = (run.model.net.user_embedding.weight != before).any(1).nonzero()[:, 0]
    assert moved.tolist() == batch["user_id"].unique().tolist()


def test_the_optimiser_of_rows_has_no_weight_decay(ratings):
    with pytest.raises(SettingError, match="weight_decay: sparse_adam does not update rows"):
        runs.prepare("NCFMLP", learner="sparse_adam", weight_decay=0.1)

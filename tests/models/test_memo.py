import copy

import pytest
import torch
from torch import nn

from recbole_ext.models.memo import Memo
from tests import runs


class Doubled(nn.Module):
    """Twice a weight, with a note of each computation."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.memo = Memo()
        self.computed = 0

    def forward(self):
        return self.memo.get((self.weight,), self._compute)

    def _compute(self):
        self.computed += 1
        return 2 * self.weight


@pytest.fixture
def model():
    return nn.Sequential(nn.Identity(), Doubled()).eval()


@torch.no_grad()
def test_a_value_is_kept_until_the_weights_are_written_to(model):
    doubled = model[1]
    assert doubled() is doubled()
    assert doubled.computed == 1
    doubled.weight.mul_(3)
    assert doubled().tolist() == [6, 6]


@pytest.mark.parametrize("mode", [True, False])
@torch.no_grad()
def test_train_and_eval_of_the_whole_forget_it(mode, model):
    doubled = model[1]
    doubled()
    doubled.weight.data.fill_(3)  # torch does not count this write
    assert doubled().tolist() == [2, 2]
    model.train(mode)
    assert doubled().tolist() == [6, 6]


def test_nothing_is_kept_while_gradients_are_recorded(model):
    doubled = model[1]
    assert doubled() is not doubled()
    assert doubled.memo.state_dict() == {}


def test_frozen_weights_give_a_value_that_is_kept_but_not_in_training(model):
    doubled = model.requires_grad_(False)[1]
    assert doubled() is doubled()
    model.train()
    assert doubled() is not doubled()


@torch.no_grad()
def test_a_copy_is_empty(model):
    model[1]()
    twin = copy.deepcopy(model)[1]
    twin.weight.data.fill_(5)
    assert twin().tolist() == [10, 10]


@torch.no_grad()
def test_what_the_pattern_adds_to_averaged_weights_is_not_stale(ratings):
    """The average is written to as a list of tensors, which torch does not count on a GPU."""
    settings = {"svdpp_scale": 2.0, "ema_decay": 0.5, "orientation": "item"}
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], **settings)
    layer = run.model.eval().predictor.last_layer
    before = layer.matrix()
    layer.y.data.fill_(1.0)
    run.model.eval()
    added = 2.0 * layer.pattern.to_dense().sum(1, keepdim=True)
    torch.testing.assert_close(layer.matrix(), before + added)

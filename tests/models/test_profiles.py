"""What NCF knows of users and items by their histories."""

import copy

import pytest
import torch
from torch import nn

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.models.ncf.net import NCFNet
from recbole_ext.models.ncf.profiles import Profile
from tests import runs

# row 0 is the padding; row 1 has 1, 2, 4; row 2 has 3; row 3 nothing
HISTORIES = RatingMatrix(
    torch.tensor([0, 0, 3, 4, 4]), torch.tensor([1, 2, 4, 3]), torch.ones(4), n_columns=5
)


def filled(dropout_prob=0.0, size=2):
    torch.manual_seed(0)
    return Profile(4, size, HISTORIES, dropout_prob).double()


def test_a_history_by_hand():
    profile = filled()
    y = profile.other.weight
    expected = torch.stack(
        [
            profile.weight[0],
            profile.weight[1] + (y[1] + y[2] + y[4]) / 3**0.5,
            profile.weight[2] + y[3],
            profile.weight[3],
        ]
    )
    torch.testing.assert_close(profile(torch.arange(4)), expected)
    ids = torch.tensor([2, 1, 2])  # in any order, several times
    torch.testing.assert_close(profile(ids), expected[ids])


def test_without_a_history_it_is_an_embedding():
    profile = Profile(4, 2)
    assert torch.equal(profile(torch.tensor([3, 1])), profile.weight[[3, 1]])
    assert [name for name, _ in profile.named_parameters()] == ["weight"]


def test_gradients_equal_finite_differences():
    profile = filled()
    names = [name for name, _ in profile.named_parameters()]

    def vectors(*values):
        called = dict(zip(names, values, strict=True))
        return torch.func.functional_call(profile, called, (torch.tensor([1, 2, 1, 3]),))

    assert torch.autograd.gradcheck(vectors, tuple(profile.parameters()))


def test_dropout_leaves_out_whole_interactions_and_keeps_the_mean():
    torch.manual_seed(1)
    profile = filled(0.4, size=3)
    nn.init.zeros_(profile.weight)
    y = profile.other.weight.detach() / 3**0.5 / 0.6
    every = [
        sum((y[j] for j, kept in zip((1, 2, 4), pattern, strict=True) if kept), torch.zeros(3))
        for pattern in torch.cartesian_prod(*[torch.tensor([False, True])] * 3)
    ]
    drawn = torch.stack([profile(torch.tensor([1]))[0].detach() for _ in range(4000)])
    for vector in drawn[:50]:
        assert any(torch.allclose(vector, one.double()) for one in every)
    torch.testing.assert_close(drawn.mean(0), 0.6 * every[-1].double(), rtol=0, atol=0.05)
    profile.eval()
    torch.testing.assert_close(profile(torch.tensor([1]))[0], 0.6 * every[-1].double())


def test_a_newcomer_has_the_mean_vector_and_its_history():
    profile = filled()
    y, mean = profile.other.weight, profile.weight[1:].mean(0)
    actual = profile.newcomer(torch.tensor([2, 3]))
    torch.testing.assert_close(actual, (mean + (y[2] + y[3]) / 2**0.5)[None])
    assert Profile(4, 2).newcomer(torch.tensor([1])).shape == (1, 2)


@pytest.mark.parametrize("sizes", [(0, 4), (3, 0), (3, 4)])
def test_all_scored_at_once_equal_pairs_with_histories(sizes):
    torch.manual_seed(2)
    gmf, mlp = sizes
    by_item = RatingMatrix(
        torch.tensor([0, 0, 1, 2, 3, 4]), torch.tensor([1, 1, 2, 1]), torch.ones(4), n_columns=4
    )
    options = {"user_histories": HISTORIES, "item_histories": by_item, "initialisation": "xavier"}
    net = NCFNet(4, 5, gmf, mlp, [5, 3] if mlp else [], **options).double().eval()
    users, items = (x.ravel() for x in torch.meshgrid(torch.arange(4), torch.arange(5)))
    pairs = net(users, items).view(4, 5)
    actual = net.score_all(net.vectors("user", torch.arange(4)))
    torch.testing.assert_close(actual, pairs, rtol=0, atol=1e-6)
    actual = net.score_all(net.vectors("item", torch.arange(5)), of="item")
    torch.testing.assert_close(actual, pairs.T, rtol=0, atol=1e-6)


def test_histories_are_of_the_training_split_alone(ratings):
    run = runs.prepare("NCFMLP", history="both", **runs.SMALL["NCFMLP"])
    seen = {
        (int(u), int(i))
        for u, i in zip(
            *(run.train._dataset.inter_feat[f] for f in ("user_id", "item_id")), strict=True
        )
    }
    table = run.model.net.user_embedding.histories
    assert {(int(u), int(i)) for u, i in zip(table.row_of, table.columns, strict=True)} == seen
    table = run.model.net.item_embedding.histories
    assert {(int(u), int(i)) for i, u in zip(table.row_of, table.columns, strict=True)} == seen
    copied = copy.deepcopy(run.model.net)
    assert copied.user_embedding.histories is run.model.net.user_embedding.histories

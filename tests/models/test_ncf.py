import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from recbole_ext.models.ncf import net as ncf_net
from recbole_ext.models.ncf.net import NCFNet
from recbole_ext.models.ncf.objective import loss_function
from tests import runs


def test_a_hand_worked_tower():
    """E = 1, hidden [2, 1]: z = [p; q] -> ReLU(W1 z + b1) -> ReLU(W2 .) -> h . + c."""
    net = NCFNet(2, 2, 0, 1, [2, 1])
    first, second = (layer for layer in net.mlp_layers.mlp_layers if isinstance(layer, nn.Linear))
    with torch.no_grad():
        net.user_embedding.weight[1] = 2.0
        net.item_embedding.weight[1] = 3.0
        first.weight.copy_(torch.tensor([[1.0, -1.0], [0.5, 2.0]]))
        first.bias.copy_(torch.tensor([0.0, 1.0]))
        second.weight.copy_(torch.tensor([[4.0, 0.25]]))
        second.bias.copy_(torch.tensor([-1.0]))
        net.predict_layer.weight.fill_(2.0)
        net.predict_layer.bias.fill_(0.5)
    # W1 z + b1 = [2 - 3, 1 + 6 + 1] = [-1, 8] -> [0, 8]; W2: 2 - 1 = 1; 2 * 1 + 0.5
    assert net(torch.tensor([1]), torch.tensor([1])).item() == pytest.approx(2.5)
    assert net.score_all(net.vectors("user", torch.tensor([1])))[0, 1].item() == pytest.approx(2.5)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("hidden", [[5], [6, 4], [7, 5, 3]])
def test_all_items_scored_at_once_equal_pairs_scored_one_by_one(hidden, dropout, monkeypatch):
    torch.manual_seed(0)
    net = NCFNet(9, 11, 0, 4, hidden, dropout).double().eval()
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    monkeypatch.setattr(ncf_net, "_BLOCK", 2 * 11 * hidden[0])  # several blocks of users
    users = torch.tensor([0, 8, 3, 3, 1])
    with torch.no_grad():
        expected = torch.stack([net(u.repeat(11), torch.arange(11)) for u in users])
        torch.testing.assert_close(
            net.score_all(net.vectors("user", users)), expected, rtol=0, atol=1e-6
        )


def test_weights_start_as_in_the_post():
    torch.manual_seed(0)
    net = NCFNet(500, 500, 0, 64, [64, 32])
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif parameter.numel() > 1000:
            assert parameter.std().item() == pytest.approx(0.01, rel=0.1), name
            assert abs(parameter.mean().item()) < 0.001, name


LOGITS = st.lists(st.floats(-20, 20), min_size=1, max_size=8)


@given(LOGITS, st.data())
def test_losses_equal_their_formulas(logits, data):
    labels = data.draw(
        st.lists(st.sampled_from([0.0, 1.0]), min_size=len(logits), max_size=len(logits))
    )
    y = 1 / (1 + np.exp(-np.array(logits)))
    r = np.array(labels)
    log_likelihood = r * -np.logaddexp(0, -np.array(logits)) + (1 - r) * -np.logaddexp(0, logits)
    expected = {
        "BCE": -log_likelihood.mean(),
        "MSE": ((y - r) ** 2).mean(),
        "RMSE": np.sqrt(((y - r) ** 2).mean()),
    }
    for kind, value in expected.items():
        loss = loss_function(kind).error(
            torch.tensor(logits, dtype=torch.float64), torch.tensor(labels, dtype=torch.float64)
        )
        assert loss.item() == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", ["BCE", "MSE", "RMSE"])
def test_gradients_equal_finite_differences(kind):
    torch.manual_seed(1)
    logits = torch.randn(6, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([1.0, 0, 0, 1, 1, 0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss_function(kind).error(x, labels), logits)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 100))
def test_one_step_equals_numpy(seed):
    """A step of SGD on a tower of one hidden layer, against the derivatives written out."""
    torch.manual_seed(seed)
    net = NCFNet(3, 3, 0, 2, [4]).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    users, items = torch.tensor([1, 2, 1]), torch.tensor([2, 2, 1])
    labels = torch.tensor([1.0, 0, 1], dtype=torch.float64)
    first = net.mlp_layers.mlp_layers[1]
    p, q = (e.weight.detach().numpy().copy() for e in (net.user_embedding, net.item_embedding))
    w, b = first.weight.detach().numpy().copy(), first.bias.detach().numpy().copy()
    h = net.predict_layer.weight.detach().numpy().copy()[0]
    c = net.predict_layer.bias.item()

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss_function("BCE").error(net(users, items), labels).backward()
    optimizer.step()

    new_p, new_q, new_w, new_b, new_h, new_c = p.copy(), q.copy(), w.copy(), b.copy(), h.copy(), c
    for u, i, r in zip(users, items, labels.numpy(), strict=True):
        z = np.concatenate([p[u], q[i]])
        a = w @ z + b
        y = 1 / (1 + np.exp(-(h @ np.maximum(a, 0) + c)))
        slope = 0.1 * (y - r) / 3  # of the mean binary cross-entropy
        back = slope * h * (a > 0)
        new_h -= slope * np.maximum(a, 0)
        new_c -= slope
        new_w -= np.outer(back, z)
        new_b -= back
        new_p[u] -= (w.T @ back)[:2]
        new_q[i] -= (w.T @ back)[2:]
    for actual, expected in (
        (net.user_embedding.weight, new_p),
        (net.item_embedding.weight, new_q),
        (first.weight, new_w),
        (first.bias, new_b),
        (net.predict_layer.weight[0], new_h),
        (net.predict_layer.bias[0], new_c),
    ):
        np.testing.assert_allclose(actual.detach().numpy(), expected, atol=1e-9)


def test_scores_equal_recboles_neumf_with_the_same_weights(ratings):
    """NeuMF with mf_train: False is this model."""
    ours = runs.prepare("NCFMLP", embedding_size=16, mlp_hidden_size=[12, 6], dropout_prob=0.1)
    theirs = runs.prepare(
        "NeuMF",
        mlp_embedding_size=16,
        mlp_hidden_size=[12, 6],
        dropout_prob=0.1,
        mf_train=False,
        mlp_train=True,
    )
    net, neumf = ours.model.net.double().eval(), theirs.model.double().eval()
    neumf.user_mlp_embedding.load_state_dict(net.user_embedding.state_dict())
    neumf.item_mlp_embedding.load_state_dict(net.item_embedding.state_dict())
    neumf.mlp_layers.load_state_dict(net.mlp_layers.state_dict())
    neumf.predict_layer.load_state_dict(net.predict_layer.state_dict())
    n_users, n_items = ours.dataset.user_num, ours.dataset.item_num
    users = torch.arange(n_users).repeat_interleave(n_items)
    items = torch.arange(n_items).repeat(n_users)
    with torch.no_grad():
        expected = neumf(users, items)
        torch.testing.assert_close(net(users, items), expected, rtol=0, atol=1e-6)
        everything = net.score_all(net.vectors("user", torch.arange(n_users))).view(-1)
        torch.testing.assert_close(everything, expected, rtol=0, atol=1e-6)

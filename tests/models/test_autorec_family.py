"""AutoRec's descendants: depth, tied weights, classes, the observed pattern, averaging, kernels."""

import copy

import numpy as np
import pytest
import torch
from recbole.data.interaction import Interaction

from recbole_ext.errors import SettingError
from recbole_ext.models.autorec.heads import observed_cross_entropy
from recbole_ext.models.autorec.net import AutoRecNet
from tests import runs
from tests.gradients import central_differences

LEVELS = [1.0, 2.0, 3.5]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def small(**settings):
    return runs.prepare("AutoRec", **{**runs.SMALL["AutoRec"], **settings})


def all_rows(model):
    return torch.arange(model.ratings.n_rows)


# --- depth and tied weights -----------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
def test_deep_nets_equal_a_plain_loop(tied):
    torch.manual_seed(0)
    net = AutoRecNet(5, [4, 2, 4], "tanh", "sigmoid", tied=tied).double()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    rows = np.random.default_rng(0).random((3, 5))
    first, second = (net.hidden_layers[n].weight.detach().numpy() for n in (0, 1))
    third, last = (first, second), None
    if tied:
        third, last = second.T, first.T
        assert sum(p.numel() for p in net.parameters()) == 4 * 5 + 2 * 4 + 4 + 2 + 4 + 5
    else:
        third = net.hidden_layers[2].weight.detach().numpy()
        last = net.last_layer.weight.detach().numpy()
    biases = [layer.bias.detach().numpy() for layer in (*net.hidden_layers, net.last_layer)]
    for row, actual, code in zip(
        rows, net(torch.from_numpy(rows)), net.encode(torch.from_numpy(rows), 2), strict=True
    ):
        x = np.tanh(first @ row + biases[0])
        x = np.tanh(second @ x + biases[1])
        np.testing.assert_allclose(code.detach(), x, atol=1e-12)
        x = np.tanh(third @ x + biases[2])
        np.testing.assert_allclose(actual.detach(), sigmoid(last @ x + biases[3]), atol=1e-12)
    squares = [np.square(w).sum() for w in (first, second, third, last)]
    assert net.penalty().item() == pytest.approx(sum(squares))


def test_the_code_is_the_narrowest_layer():
    assert AutoRecNet(9, [5, 3, 3, 5]).code_depth == 2
    assert AutoRecNet(9, [5]).code_depth == 1


# --- ratings as classes ---------------------------------------------------------------------


def test_cross_entropy_by_hand():
    """Two rows of two columns; scores log 1, log 2, log 1: probabilities 1/4, 1/2, 1/4."""
    scores = torch.tensor([1.0, 2.0, 1.0]).log().expand(2, 2, 3)
    rows = torch.tensor([[2.0, 0.0], [3.5, 1.0]])
    observed = torch.tensor([[True, False], [True, True]])
    loss = observed_cross_entropy(scores, rows, observed, torch.tensor(LEVELS))
    assert loss.item() == pytest.approx((np.log(2) + np.log(4) + np.log(4)) / 2)
    net = AutoRecNet(2, [1], levels=torch.tensor(LEVELS))
    expected = 0.25 * 1 + 0.5 * 2 + 0.25 * 3.5
    torch.testing.assert_close(net.head.ratings(scores), torch.full((2, 2), expected))


def test_classes_equal_a_plain_loop_with_gradients():
    random = np.random.default_rng(2)
    torch.manual_seed(2)
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    net = AutoRecNet(4, [3], "sigmoid", levels=levels).double()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    observed = random.random((5, 4)) < 0.6
    rows = np.where(observed, random.choice(LEVELS, (5, 4)), 0)
    parameters = list(net.parameters())
    start = [parameter.detach().numpy().copy() for parameter in parameters]
    names = [name for name, _ in net.named_parameters()]

    def loop(values):
        at = dict(zip(names, values, strict=True))
        total = 0.0
        for row, seen in zip(rows, observed, strict=True):
            hidden = sigmoid(at["hidden_layers.0.weight"] @ row + at["hidden_layers.0.bias"])
            for c in np.flatnonzero(seen):
                units = [c * 3 + k for k in range(3)]
                scores = at["last_layer.weight"][units] @ hidden + at["last_layer.bias"][units]
                chances = np.exp(scores) / np.exp(scores).sum()
                total -= np.log(chances[LEVELS.index(row[c])])
        return total / len(rows)

    t_rows, t_observed = torch.from_numpy(rows), torch.from_numpy(observed)
    loss = observed_cross_entropy(net.outputs(net.encode(t_rows)), t_rows, t_observed, levels)
    assert loss.item() == pytest.approx(loop(start), abs=1e-10)
    loss.backward()
    for parameter, expected in zip(parameters, central_differences(loop, start), strict=True):
        np.testing.assert_allclose(parameter.grad, expected, atol=1e-7)


def test_classes_are_the_ratings_of_training(ratings):
    run = small(loss_type="CE")
    assert run.model.net.levels.tolist() == [1, 2, 3, 4, 5]
    run.fit()
    pairs = run.test.dataset.inter_feat
    with torch.no_grad():
        actual = run.model.eval().predict(pairs)
        logits = run.model.net.outputs(run.model.hidden())[pairs["item_id"], pairs["user_id"]]
    expected = logits.softmax(-1) @ torch.arange(1.0, 6.0)
    torch.testing.assert_close(actual, expected)


def test_the_head_has_the_classes_of_a_loaded_checkpoint(ratings):
    """The buffer that a checkpoint fills is the tensor that the head computes with."""
    model = small(loss_type="CE", ema_decay=0.5).model
    state = model.state_dict()
    for key in ("net.levels", "averaged.module.levels"):
        state[key] = torch.arange(2.0, 7.0)
    model.load_state_dict(state)
    logits = torch.zeros(3, 5)
    for net in (model.net, model.predictor, copy.deepcopy(model).predictor):
        torch.testing.assert_close(net.head.ratings(logits), torch.full((3,), 4.0))


# --- the observed pattern, averaging, a start -----------------------------------------------


def test_observed_input_is_the_ratings_and_their_pattern(ratings):
    run = small(mask_input_scale=2.0, centring="bias")
    inputs = run.model.batches.inputs(torch.tensor([2, 5]))
    stars, observed = run.model.ratings.dense(torch.tensor([2, 5]))
    n = run.model.ratings.n_columns
    assert inputs.shape == (2, 2 * n)
    baseline = run.model.baseline.at(torch.tensor([[2], [5]]), torch.arange(n))
    torch.testing.assert_close(inputs[:, :n], torch.where(observed, stars - baseline, 0.0))
    assert torch.equal(inputs[:, n:], 2 * observed.float())


@pytest.mark.parametrize("orientation", ["user", "item"])
def test_observed_output_adds_the_rows_a_column_is_rated_in(orientation, ratings):
    model = small(svdpp_scale=3.0, orientation=orientation).model.eval()
    last = model.net.last_layer
    torch.nn.init.normal_(last.y)
    _, observed = model.ratings.dense(all_rows(model))  # [rows, C]
    for column in (0, 3, 8):
        rated = observed[:, column].nonzero()[:, 0]
        added = sum(last.y[row] for row in rated) if len(rated) else torch.zeros(7)
        expected = last.inner.weight[column] + 3 * added / max(len(rated), 1) ** 0.5
        torch.testing.assert_close(last.matrix()[column], expected)
    squares = [3 * last.y, last.inner.weight, model.net.hidden_layers[0].weight]
    assert model.net.penalty().item() == pytest.approx(
        sum(weight.square().sum().item() for weight in squares), rel=1e-5
    )


def test_averaging_is_the_exponential_mean_of_the_steps(ratings):
    run = small(ema_decay=0.75, epochs=3, eval_step=0, train_batch_size=1000)
    seen = []
    on_step_end = run.model.on_step_end

    def remember():
        on_step_end()
        seen.append(run.model.net.last_layer.weight.detach().clone())

    run.model.on_step_end = remember
    run.fit()
    assert len(seen) == 3
    mean = seen[0]
    for weight in seen[1:]:
        mean = 0.75 * mean + 0.25 * weight
    torch.testing.assert_close(run.model.averaged.module.last_layer.weight, mean)
    assert run.model.predictor is run.model.averaged.module
    pairs = run.test.dataset.inter_feat
    with torch.no_grad():
        actual = run.model.eval().predict(pairs)
        whole = run.model.averaged.module(run.model.ratings.dense(all_rows(run.model))[0])
    torch.testing.assert_close(actual, whole[pairs["item_id"], pairs["user_id"]])


def test_pretrained_starts_from_the_weights_that_predicted(ratings):
    first = small(ema_decay=0.5, kernel_dim=2)
    first.fit()
    file = first.trainer.saved_model_file
    again = small(kernel_dim=2, global_kernel_size=3, pretrained=file, epochs=0)
    again.fit()
    first.trainer.evaluate(first.test)  # loads the best epoch
    ours, theirs = again.model.net, first.model.predictor
    torch.testing.assert_close(ours.hidden_layers[0].matrix(), theirs.hidden_layers[0].matrix())
    torch.testing.assert_close(ours.last_layer.bias, theirs.last_layer.bias)
    with torch.no_grad():
        means = theirs(first.model.ratings.dense(all_rows(first.model))[0]).mean(1)
    torch.testing.assert_close(ours.global_kernel.pooled, means)
    other = small(mlp_hidden_size=[9], pretrained=file)
    with pytest.raises(
        SettingError, match=r"pretrained: .*\.pth: expected .*\[9, .* found .*\[7, "
    ):
        other.fit()


def test_the_global_kernel_sees_the_whole_matrix(ratings):
    """In blocks of rows, the same as one convolution over all of them."""
    run = small(global_kernel_size=3)
    model = run.model.eval()
    stars, _ = model.ratings.dense(all_rows(model))
    weight = model.net.global_kernel.kernel()
    whole = torch.nn.functional.conv2d(stars[None, None], weight[None, None], padding=1)[0, 0]
    expected = model.net.encode(whole.relu())
    for block in (torch.tensor([0, 7, 3]), torch.tensor([model.ratings.n_rows - 1])):
        actual = model.net.encode(model.batches.inputs(block))
        torch.testing.assert_close(actual, expected[block])


# --- steps ----------------------------------------------------------------------------------


def test_a_step_with_refeeding_equals_two_steps_by_hand(ratings):
    options = {"dropout_prob": 0.0, "epochs": 1, "eval_step": 0, "train_batch_size": 1000}
    run = small(refeeding=1, learner="sgd", learning_rate=0.01, reg_weight=0.2, **options)
    other = small(learner="sgd", learning_rate=0.01, reg_weight=0.2, **options)
    other.model.load_state_dict(run.model.state_dict())
    run.fit()

    net = other.model.net
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    rows, observed = other.model.ratings.dense(all_rows(other.model)[1:])
    rebuilt = net(rows)
    (((rebuilt - rows)[observed] ** 2).sum() / len(rows) + 0.1 * net.penalty()).backward()
    optimizer.step()
    optimizer.zero_grad()
    fed = rebuilt.detach()
    per_cell = (net(fed) - fed).square().mean()
    (per_cell * observed.sum() / len(rows) + 0.1 * net.penalty()).backward()
    optimizer.step()
    for actual, expected in zip(run.model.net.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(actual, expected)


def test_lbfgs_reaches_the_optimum(ratings):
    """With identities this is a smooth function; its gradient vanishes where training ends."""
    options = {"hid_activation": "identity", "dropout_prob": 0.0, "reg_weight": 2.0}
    run = small(learner="lbfgs", learning_rate=1.0, train_batch_size=1000, **options, epochs=30)
    run.fit()
    run.model.train().zero_grad()
    run.model.calculate_loss(next(iter(run.train))).backward()
    assert max(p.grad.abs().max().item() for p in run.model.parameters()) < 0.05
    first, *_, last = run.trainer.train_loss_dict.values()
    assert last < first / 2


def test_the_first_step_of_rprop_is_the_sign_of_the_gradient(ratings):
    options = {"dropout_prob": 0.0, "epochs": 1, "eval_step": 0, "train_batch_size": 1000}
    run = small(learner="rprop", learning_rate=0.01, **options)
    before = [p.detach().clone() for p in run.model.parameters()]
    run.model.calculate_loss(next(iter(run.train))).backward()
    signs = [p.grad.sign() for p in run.model.parameters()]
    run.fit()
    for actual, start, sign in zip(run.model.parameters(), before, signs, strict=True):
        torch.testing.assert_close(actual.detach(), start - 0.01 * sign)


def test_lbfgs_draws_one_dropout_mask_a_step(ratings):
    """One evaluation of the loss twice in a step gives one value, in the next step another."""
    run = small(learner="lbfgs", dropout_prob=0.5, train_batch_size=1000, epochs=2, eval_step=0)
    masks = []
    run.model.net.dropout.register_forward_hook(lambda *call: masks.append(call[2] == 0))
    run.fit()
    drawn = {tuple(mask.ravel().tolist()) for mask in masks}
    assert len(masks) > 10
    assert len(drawn) == 4  # RecBole's own evaluation and that of the steps, twice


def test_a_step_is_one_step_after_another_optimiser_of_that_kind(ratings):
    """torch puts hooks on classes; ours run once a step all the same."""
    torch.optim.LBFGS([torch.zeros(1, requires_grad=True)])
    run = small(learner="lbfgs", train_batch_size=1000, epochs=3, eval_step=0)
    calls = []
    run.model.on_step_end = lambda: calls.append(1)
    run.fit()
    assert len(calls) == 3


# --- representations ------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"mask_input_scale": 2.0}, {"global_kernel_size": 3}])
def test_encode_takes_rows_of_any_origin(settings, ratings):
    model = small(**settings).model.eval()
    rows = torch.zeros(2, model.ratings.n_columns)
    rows[0, 3] = 5
    with torch.no_grad():
        code = model.encode(rows)
        same = model.encode(rows, observed=rows != 0)
        zeros = model.encode(torch.zeros_like(rows), observed=rows == 5)
    assert code.shape == (2, 7)
    assert torch.equal(code, same)
    if settings.get("mask_input_scale"):
        assert not torch.equal(zeros[0], zeros[1])  # a rating of 0 is a rating
    if not settings.get("global_kernel_size"):
        stars, observed = model.ratings.dense(all_rows(model))
        torch.testing.assert_close(model.encode(stars, observed), model.vectors("item"))


@pytest.mark.parametrize("orientation", ["user", "item"])
def test_vectors_are_codes_of_rows_and_weights_of_columns(orientation, ratings):
    model = small(orientation=orientation, loss_type="CE").model.eval()
    other = "item" if orientation == "user" else "user"
    with torch.no_grad():
        torch.testing.assert_close(model.vectors(orientation), model.hidden())
        columns = model.vectors(other)
    assert columns.shape == (model.ratings.n_columns, 5 * 7)
    torch.testing.assert_close(columns[4], model.net.last_layer.weight[20:25].ravel())


# --- settings that exclude each other -------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"tied": True, "mlp_hidden_size": [4, 3]},
            "tied: expected mlp_hidden_size that read the same",
        ),
        ({"tied": True, "loss_type": "CE"}, "tied: the first and the last layer"),
        ({"tied": True, "mask_input_scale": 2.0}, "tied: the first and the last layer"),
        ({"loss_type": "CE", "centring": "mean"}, "set centring: none, found mean"),
        ({"loss_type": "CE", "standardise": True}, "set standardise: False"),
        ({"loss_type": "CE", "out_activation": "relu"}, "out_activation: identity, found relu"),
        ({"loss_type": "CE", "refeeding": 1}, "refeeding: what is fed back are no ratings"),
        (
            {"mask_input_scale": 2.0, "refeeding": 1},
            "refeeding: what is fed back has no unobserved",
        ),
        ({"mask_input_scale": 2.0, "global_kernel_size": 3}, "global_kernel_size: the kernel is"),
        ({"loss_type": "CE", "svdpp_scale": 1}, "svdpp_scale: a column of a softmax"),
        ({"global_kernel_size": 2}, "global_kernel_size: expected 0 .* found 2"),
        ({"pretrained": "a.pth"}, "pretrained: expected the checkpoint of a run, found no file"),
        ({"mlp_hidden_size": []}, "mlp_hidden_size: expected a list, each .* found"),
        ({"learner": "adma"}, "learner: expected one of adam, .* lbfgs, rprop, found 'adma'"),
    ],
)
def test_settings_that_exclude_each_other(settings, message, ratings):
    with pytest.raises(SettingError, match=message):
        small(**settings)


@pytest.mark.parametrize("settings", [{"kernel_dim": 2}, {"tied": True}, {"loss_type": "CE"}])
def test_cells_equal_whole_rows(settings, ratings):
    model = small(**settings).model.eval()
    with torch.no_grad():
        whole = model.net.decode(model.hidden())
        rows, columns = torch.tensor([1, 4, 4]), torch.tensor([0, 7, 3])
        torch.testing.assert_close(
            model.net.decode_pairs(model.hidden()[rows], columns), whole[rows, columns]
        )
        torch.testing.assert_close(model.net.decode(model.hidden(), columns), whole[:, columns])
        pairs = Interaction({"item_id": rows, "user_id": columns})
        torch.testing.assert_close(model.predict(pairs), whole[rows, columns])

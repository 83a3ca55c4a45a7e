import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recbole.data.interaction import Interaction
from recbole.utils import get_trainer

from recbole_ext.evaluator.protocols import OF_TRAINED_MODELS
from recbole_ext.models.autorec.heads import observed_squared_error
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.trainer import single_run
from tests import runs
from tests.gradients import central_differences

ACTIVATIONS = {
    "identity": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "tanh": np.tanh,
}


def random_net(n_columns, hidden, g="sigmoid", f="identity", seed=0):
    torch.manual_seed(seed)
    net = AutoRecNet(n_columns, [hidden], g, f).double()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return net


def numbers(net):
    """V, mu, W, b as numpy."""
    return tuple(
        parameter.detach().numpy().copy()
        for parameter in (
            net.hidden_layers[0].weight,
            net.hidden_layers[0].bias,
            net.last_layer.weight,
            net.last_layer.bias,
        )
    )


def test_a_hand_worked_example():
    """Two rows, three columns, one hidden unit, identities: h = V r + mu, rebuilt = W h + b."""
    net = AutoRecNet(3, [1], "identity", "identity").double()
    with torch.no_grad():
        net.hidden_layers[0].weight.copy_(torch.tensor([[1.0, 0.5, 0.0]]))
        net.hidden_layers[0].bias.fill_(1.0)
        net.last_layer.weight.copy_(torch.tensor([[1.0], [2.0], [-1.0]]))
        net.last_layer.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))
    rows = torch.tensor([[2.0, 4.0, 0.0], [0.0, 0.0, 3.0]], dtype=torch.float64)
    observed = torch.tensor([[True, True, False], [True, False, True]])  # a rating of 0 in row 2
    rebuilt = net(rows)
    # h = 1 * 2 + 0.5 * 4 + 1 = 5 and 1
    assert rebuilt.tolist() == [[5, 11, -3], [1, 3, 1]]
    # (5-2)^2 + (11-4)^2 = 58; (1-0)^2 + (1-3)^2 = 5; mean over two rows
    assert observed_squared_error(rebuilt, rows, observed).item() == pytest.approx(63 / 2)
    assert net.penalty().item() == pytest.approx(1 + 0.25 + 1 + 4 + 1)


@pytest.mark.parametrize("g", ACTIVATIONS)
@pytest.mark.parametrize("f", ACTIVATIONS)
def test_loss_and_gradients_equal_a_plain_loop(g, f):
    """Over observed entries, in float64; the loop's gradient by central differences."""
    random = np.random.default_rng(3)
    net = random_net(6, 4, g, f)
    rows = random.integers(0, 6, size=(5, 6)).astype(float)
    observed = random.random((5, 6)) < 0.6
    rows[~observed] = 0
    weights = numbers(net)
    reg = 0.3

    def loop(v, mu, w, b):
        total = 0.0
        for r, seen in zip(rows, observed, strict=True):
            hidden = ACTIVATIONS[g](v @ r + mu)
            for c in range(6):
                if seen[c]:
                    total += (r[c] - ACTIVATIONS[f](w[c] @ hidden + b[c])) ** 2
        penalty = sum(x * x for matrix in (v, w) for x in matrix.ravel())
        return total / len(rows) + reg / 2 * penalty

    t_rows, t_observed = torch.from_numpy(rows), torch.from_numpy(observed)
    loss = observed_squared_error(net(t_rows), t_rows, t_observed) + reg / 2 * net.penalty()
    assert loss.item() == pytest.approx(loop(*weights), abs=1e-6)
    loss.backward()
    parameters = (
        net.hidden_layers[0].weight,
        net.hidden_layers[0].bias,
        net.last_layer.weight,
        net.last_layer.bias,
    )
    gradients = central_differences(lambda moved: loop(*moved), weights)
    for parameter, expected in zip(parameters, gradients, strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), expected, atol=1e-6)


def test_gradcheck():
    net = random_net(4, 3, "tanh", "sigmoid")
    rows = torch.rand(3, 4, dtype=torch.float64)
    observed = torch.rand(3, 4) < 0.5

    def loss(*weights):
        names = [name for name, _ in net.named_parameters()]
        values = dict(zip(names, weights, strict=True))
        rebuilt = torch.func.functional_call(net, values, (rows,))
        return observed_squared_error(rebuilt, rows, observed)

    assert torch.autograd.gradcheck(loss, tuple(net.parameters()))


@settings(deadline=None, max_examples=30)
@given(arrays(np.float64, (4, 5), elements=st.floats(-100, 100)), st.integers(0, 2**20 - 1))
def test_the_target_of_an_unobserved_cell_changes_nothing(noise, bits):
    observed = torch.tensor([bits >> n & 1 for n in range(20)]).bool().view(4, 5)
    rows = torch.arange(20, dtype=torch.float64).view(4, 5)
    other = torch.where(observed, rows, torch.from_numpy(noise))
    results = []
    for target in (rows, other):
        net = random_net(5, 3)
        loss = observed_squared_error(net(rows), target, observed)
        loss.backward()
        results.append([loss.detach(), *(parameter.grad for parameter in net.parameters())])
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_one_step_equals_numpy():
    net = random_net(5, 3)
    v, mu, w, b = numbers(net)
    rows = np.array([[5.0, 0, 3, 0, 1], [0, 4, 0, 0, 2]])
    observed = rows > 0
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    t_rows = torch.from_numpy(rows)
    optimizer.zero_grad()
    loss = observed_squared_error(net(t_rows), t_rows, torch.from_numpy(observed))
    (loss + 0.2 / 2 * net.penalty()).backward()
    optimizer.step()

    hidden = 1 / (1 + np.exp(-(rows @ v.T + mu)))
    error = np.where(observed, hidden @ w.T + b - rows, 0) * 2 / len(rows)
    back = (error @ w) * hidden * (1 - hidden)
    for actual, expected in (
        (net.last_layer.weight, w - 0.05 * (error.T @ hidden + 0.2 * w)),
        (net.last_layer.bias, b - 0.05 * error.sum(0)),
        (net.hidden_layers[0].weight, v - 0.05 * (back.T @ rows + 0.2 * v)),
        (net.hidden_layers[0].bias, mu - 0.05 * back.sum(0)),
    ):
        np.testing.assert_allclose(actual.detach().numpy(), expected, atol=1e-12)


def test_the_decoders_optimum_equals_the_closed_form():
    """With identities and the encoder held, each column is a ridge regression of its own."""
    random = np.random.default_rng(0)
    net = random_net(4, 2, "identity", "identity")
    rows = random.normal(size=(30, 4))
    observed = random.random((30, 4)) < 0.7
    reg = 0.1
    t_rows, t_observed = torch.from_numpy(rows), torch.from_numpy(observed)
    hidden = net.encode(t_rows).detach()
    optimizer = torch.optim.LBFGS(
        net.last_layer.parameters(),
        max_iter=1000,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        error = observed_squared_error(net.decode(hidden), t_rows, t_observed)
        loss = error + reg / 2 * net.last_layer.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    design = np.column_stack([hidden.numpy(), np.ones(30)])
    ridge = np.diag([reg / 2 * 30] * 2 + [0.0])  # the bias is free; the error is a mean over rows
    for column in range(4):
        seen = observed[:, column]
        a = design[seen]
        solution = np.linalg.solve(a.T @ a + ridge, a.T @ rows[seen, column])
        actual = [*net.last_layer.weight[column].tolist(), net.last_layer.bias[column].item()]
        np.testing.assert_allclose(actual, solution, atol=1e-6)


def test_cells_equal_whole_rows():
    net = random_net(6, 3, "tanh", "relu")
    hidden = net.encode(torch.rand(4, 6, dtype=torch.float64))
    columns = torch.tensor([5, 0, 3, 3])
    whole = net.decode(hidden)[torch.arange(4), columns]
    torch.testing.assert_close(net.decode_pairs(hidden, columns), whole)


def test_dropout_is_on_the_hidden_units_in_training_alone():
    net = AutoRecNet(3, [200], "sigmoid", "identity", dropout_prob=0.5).double()
    rows = torch.ones(1, 3, dtype=torch.float64)
    net.train()
    assert not torch.equal(net(rows), net(rows))
    net.eval()
    torch.testing.assert_close(net(rows), net.decode(net.encode(rows)))


def test_items_as_rows_are_users_as_rows_of_the_transposed_ratings(tmp_path):
    """The same weights on R by item and on R^T by user give the same predictions."""
    from recbole.data.interaction import Interaction

    runs.write_ratings(tmp_path / "dataset", "made")
    text = (tmp_path / "dataset" / "made" / "made.inter").read_text().splitlines()
    swapped = [line.split("\t") for line in text[1:]]
    runs.write_inter(
        tmp_path / "dataset", "turned", [(i, u, rating, time) for u, i, rating, time in swapped]
    )
    everything = {
        "eval_args": {
            "split": {"RS": [1.0, 0.0, 0.0]},
            "order": "RO",
            "group_by": None,
            "mode": "labeled",
        },
        "eval_step": 0,
        "dropout_prob": 0.0,
        "epochs": 3,
        "mlp_hidden_size": [5],
    }
    by_item = runs.prepare("AutoRec", "made", **everything, orientation="item")
    by_user = runs.prepare("AutoRec", "turned", **everything, orientation="user")
    by_item.fit()
    by_user.fit()
    assert by_item.trainer.train_loss_dict == pytest.approx(
        by_user.trainer.train_loss_dict, rel=1e-5
    )
    users, items = torch.arange(1, 11), torch.arange(1, 11)
    for run in (by_item, by_user):
        run.model.eval()
    with torch.no_grad():
        one = by_item.model.predict(Interaction({"user_id": users, "item_id": items}))
        two = by_user.model.predict(Interaction({"user_id": items, "item_id": users}))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("orientation", ["user", "item"])
def test_evaluated_rmse_equals_the_formula(orientation, ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], orientation=orientation)
    run.fit()
    result = run.trainer.evaluate(run.test)
    pairs = run.test._dataset.inter_feat
    run.model.eval()
    with torch.no_grad():
        error = run.model.predict(pairs) - pairs["rating"]
    assert pairs["rating"].max() == 5
    assert result["rmse"] == pytest.approx(error.square().mean().sqrt().item(), abs=1e-6)
    assert result["mae"] == pytest.approx(error.abs().mean().item(), abs=1e-6)


def test_input_dropout_is_on_the_row_in_training_alone():
    net = AutoRecNet(400, [1], "identity", "identity", input_dropout_prob=0.25).double()
    with torch.no_grad():
        net.hidden_layers[0].weight.fill_(1.0)
        net.last_layer.weight.fill_(1.0)
    rows = torch.ones(1, 400, dtype=torch.float64)
    kept = net.train()(rows)[0, 0].item() * 0.75  # dropout scales what it keeps
    assert kept == pytest.approx(round(kept))
    assert 250 < kept < 350
    assert net.eval()(rows)[0, 0].item() == pytest.approx(400)


@pytest.mark.parametrize(
    ("kind", "std"),
    [
        ("xavier", np.sqrt(2 / (300 + 200))),
        ("kaiming", np.sqrt(2 / 300)),  # of the encoder: 300 columns
        ("normal", 0.01),
    ],
)
def test_initialisation(kind, std):
    torch.manual_seed(0)
    net = AutoRecNet(300, [200], initialisation=kind)
    assert net.hidden_layers[0].weight.std().item() == pytest.approx(std, rel=0.02)
    assert net.hidden_layers[0].weight.mean().item() == pytest.approx(0, abs=0.01 * std)
    assert not net.hidden_layers[0].bias.any()
    assert not net.last_layer.bias.any()


@pytest.mark.parametrize("orientation", ["user", "item"])
def test_ratings_are_clipped_and_ranking_scores_are_not(orientation, ratings):
    settings = {**runs.SMALL["AutoRec"], "clip_ratings": True, "orientation": orientation}
    run = runs.prepare("AutoRec", **settings)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.zero_()
        run.model.net.last_layer.bias.copy_(
            torch.linspace(-2, 9, len(run.model.net.last_layer.bias))
        )
        pairs = run.test.dataset.inter_feat
        scores = run.model.eval().full_sort_predict(pairs).view(len(pairs), -1)
        raw = scores[torch.arange(len(pairs)), pairs["item_id"]]
        assert raw.min() < 1
        assert raw.max() > 5
        torch.testing.assert_close(run.model.predict(pairs), raw.clamp(1, 5))
        with run.model.for_ranking():
            torch.testing.assert_close(run.model.predict(pairs), raw)
        torch.testing.assert_close(run.model.predict(pairs), raw.clamp(1, 5))


def scores_beyond_the_scale(run):
    """[users, items], scores of a net of which most are beyond 1 and 5."""
    with torch.no_grad():
        run.model.net.last_layer.bias += 20 * torch.randn(len(run.model.net.last_layer.bias))
        users = torch.arange(run.dataset.user_num)
        run.model.net.last_layer.weight *= 50
        scores = run.model.eval().full_sort_predict(Interaction({"user_id": users}))
    return scores.view(len(users), -1)


UNI = {**runs.RANKING, "eval_args": {**runs.RANKING["eval_args"], "mode": "uni4"}, "topk": [3]}


@pytest.mark.parametrize("orientation", ["user", "item"])
@pytest.mark.parametrize("eval_batch_size", [7, 4096])
def test_drawn_candidates_are_ranked_by_scores_that_are_not_clipped(
    orientation, eval_batch_size, ratings
):
    settings = {**UNI, "metrics": ["MRR"], "valid_metric": "MRR@3", "clip_ratings": True}
    settings |= {"eval_batch_size": eval_batch_size, "orientation": orientation}
    run = runs.prepare("AutoRec", **{**runs.SMALL["AutoRec"], **settings})
    scores = scores_beyond_the_scale(run)
    candidates, deal = {}, run.test.collate_fn

    def recorded(index):
        batch = deal(index)
        users, items = batch[0]["user_id"].tolist(), batch[0]["item_id"].tolist()
        for user, item in zip(users, items, strict=True):
            candidates.setdefault(user, set()).add(item)
        return batch

    run.test.collate_fn = recorded
    metrics = run.trainer.evaluate(run.test, load_best_model=False)
    pairs = run.test._dataset.inter_feat
    held_out = set(zip(pairs["user_id"].tolist(), pairs["item_id"].tolist(), strict=True))
    reciprocal = []
    for user, items in candidates.items():
        ranking = sorted(items, key=lambda item, user=user: -scores[user, item])
        hits = [(user, item) in held_out for item in ranking[:3]]
        reciprocal.append(1 / (hits.index(True) + 1) if any(hits) else 0)
    assert metrics["mrr@3"] == pytest.approx(np.mean(reciprocal))
    assert metrics.ties.at_rank == {}


def test_ratings_stay_clipped_after_a_ranking_of_the_same_model(ratings):
    settings = {**UNI, "metrics": ["NDCG"], "valid_metric": "NDCG@3", "clip_ratings": True}
    run = runs.prepare("AutoRec", **{**runs.SMALL["AutoRec"], **settings})
    scores = scores_beyond_the_scale(run)
    run.trainer.evaluate(run.test, load_best_model=False)
    config = OF_TRAINED_MODELS["rating"].applied_to(run.config)
    test = single_run.load(config)[1][2]
    trainer = get_trainer(config["MODEL_TYPE"], "AutoRec")(config, run.model)
    pairs = test._dataset.inter_feat
    error = scores[pairs["user_id"], pairs["item_id"]].clamp(1, 5) - pairs["rating"]
    rmse = trainer.evaluate(test, load_best_model=False)["rmse"]
    assert rmse == pytest.approx(error.square().mean().sqrt().item(), rel=1e-5)


@pytest.mark.parametrize("orientation", ["user", "item"])
def test_the_papers_rule_for_what_training_has_not_seen(orientation, tmp_path):
    lines = [(f"u{u}", f"i{i}", 5, 1) for u in range(4) for i in range(4)]
    for part, rows in (
        ("train", lines),
        ("valid", lines[:1]),
        (
            "test",
            [("u0", "new", 1, 1), ("u9", "i0", 1, 1), ("u9", "new", 1, 1), ("u0", "i1", 1, 1)],
        ),
    ):
        runs.write_inter(tmp_path / "dataset", f"d.{part}", rows)
        place = tmp_path / "dataset" / "d"
        place.mkdir(exist_ok=True)
        (tmp_path / "dataset" / f"d.{part}" / f"d.{part}.inter").rename(place / f"d.{part}.inter")
    options = {"benchmark_filename": ["train", "valid", "test"], "orientation": orientation}
    run = runs.prepare("AutoRec", "d", **runs.SMALL["AutoRec"], **options, unseen_rating=3)
    pairs = run.test.dataset.inter_feat
    with torch.no_grad():
        actual = run.model.eval().predict(pairs).tolist()
    assert actual[:3] == [3, 3, 3]
    assert actual[3] != 3
    free = runs.prepare("AutoRec", "d", **runs.SMALL["AutoRec"], **options)
    with torch.no_grad():
        assert free.model.eval().predict(pairs)[0] != 3

"""NCF's loss over all items, estimated by items that are drawn for a batch."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from recbole_ext.data.rating_matrix import RatingMatrix
from recbole_ext.errors import SettingError
from recbole_ext.inference import trained_model
from recbole_ext.models.ncf import item_sample
from recbole_ext.models.ncf.class_loss import Classes
from recbole_ext.models.ncf.item_sample import ItemSample
from recbole_ext.models.ncf.net import NCFNet
from recbole_ext.models.ncf.objective import AllItems, SomeItems, loss_function
from recbole_ext.trainer import checkpoint
from tests import runs

KINDS = ["BCE", "MSE", "RMSE", "BPR", "hinge", "softmax", "CE"]
LEVELS = torch.tensor([1.0, 2.0])
RATED = {"load_col": {"inter": ["user_id", "item_id", "rating"]}}
# Users 0 (padding), 1, 2 and 3 with items {1, 3}, {2} and {}, of items 1 to 5; 0 is padding.
MATRIX = RatingMatrix(
    torch.tensor([0, 0, 2, 3, 3]), torch.tensor([1, 3, 2]), torch.tensor([2.0, 1.0, 2.0]), 6
)


def loss_of(kind):
    return loss_function(kind, 1.5, levels=LEVELS)


def small(name="NCFMLP", **settings):
    options = {"negatives": "all", "train_batch_size": 8, **settings}
    if name != "NCFGMF":
        options.setdefault("dropout_prob", 0.0)
    return runs.prepare(name, **{**runs.SMALL[name], **options})


def whole(matrix, users):
    """The ratings, and which there are, without the padding item."""
    return (x[:, 1:] for x in matrix.dense(users))


def random_case(kind, seed=0, n_items=6):
    """Three users with scores of all items; none has more than two interactions."""
    torch.manual_seed(seed)
    counts = torch.tensor([0, 2, 1, 0])
    columns = torch.cat([torch.randperm(n_items)[:n].sort().values + 1 for n in counts])
    values = torch.randint(1, 3, (3,)).float()
    matrix = RatingMatrix(starts(counts), columns, values, n_items + 1)
    shape = (3, n_items, 3) if kind == "CE" else (3, n_items)
    return matrix, torch.tensor([1, 2, 3]), torch.randn(shape, dtype=torch.float64)


def starts(counts):
    return torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])


def estimate(loss, matrix, users, scores, items):
    """The loss by drawn items, of scores of all of them."""
    sample = ItemSample.of(matrix, users, items)
    own = scores[sample.own.row, sample.own.columns - 1]
    return loss.some_items(own, scores[:, items - 1], sample)


# --- by hand --------------------------------------------------------------------------------

USERS, DRAWN = torch.tensor([1, 2]), torch.tensor([1, 4, 5])
OWN = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)  # user 1: items 1, 3; user 2: item 2
SCORES = torch.tensor([[2.0, 1.0, 0.0], [0.0, -1.0, 2.0]], dtype=torch.float64)
# N_1 = {2, 4, 5}, S_1 = {4, 5}; N_2 = {1, 3, 4, 5}, S_2 = {1, 4, 5}
W_1, W_2 = 3 / 2, 4 / 3


def by_hand(kind):
    return loss_of(kind).some_items(OWN, SCORES, ItemSample.of(MATRIX, USERS, DRAWN)).item()


def test_each_drawn_item_stands_for_some():
    sample = ItemSample.of(MATRIX, torch.tensor([1, 2, 3]), DRAWN)
    expected = torch.tensor([[0, W_1, W_1], [W_2] * 3, [5 / 3] * 3])
    torch.testing.assert_close(sample.weights, expected)
    assert sample.n_items == 5
    assert sample.own.row.tolist() == [0, 0, 1]
    assert sample.own.columns.tolist() == [1, 3, 2]


def test_pointwise_by_hand():
    y = 1 / (1 + np.exp(-np.array([2, 0, 1, 1, 0, 0, -1, 2.0])))
    weights = np.array([1, 1, 1, W_1, W_1, W_2, W_2, W_2])
    r = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    bce = weights @ -np.log(np.where(r, y, 1 - y)) / 10  # two users, five items
    mse = weights @ (r - y) ** 2 / 10
    assert by_hand("BCE") == pytest.approx(bce)
    assert by_hand("MSE") == pytest.approx(mse)
    assert by_hand("RMSE") == pytest.approx(np.sqrt(mse))


def test_pairs_by_hand():
    # user 1: 2 and 0 against 1 and 0, 2 x 3 pairs; user 2: 1 against 0, -1 and 2, 4 pairs
    first, second = np.array([1, 2, -1, 0.0]), np.array([1, 2, -1.0])
    hinge = W_1 * (1.5 - first).clip(0).sum() + W_2 * (1.5 - second).clip(0).sum()
    assert by_hand("hinge") == pytest.approx(hinge / 10)
    bpr = W_1 * np.log1p(np.exp(-first)).sum() + W_2 * np.log1p(np.exp(-second)).sum()
    assert by_hand("BPR") == pytest.approx(bpr / 10)


def test_softmax_by_hand():
    e = np.exp
    z_1 = e(2) + e(0) + W_1 * (e(1) + e(0))
    z_2 = e(1) + W_2 * (e(0) + e(-1) + e(2))
    expected = -(np.log(e(2) / z_1) + np.log(e(0) / z_1) + np.log(e(1) / z_2)) / 3
    assert by_hand("softmax") == pytest.approx(expected)


def test_classes_by_hand():
    own = torch.tensor([[1.0, 2, 5], [1, 1, 2], [1, 3, 4]], dtype=torch.float64)
    drawn = torch.tensor([[[1.0, 1, 1], [1, 2, 1], [1, 1, 1]], [[2.0, 1, 1]] * 3]).double()
    sample = ItemSample.of(MATRIX, USERS, DRAWN)
    # ratings 2, 1, 2: classes 2, 1, 2; the drawn ones have class 0
    actual = Classes(LEVELS).some_items(own.log(), drawn.log(), sample).item()
    likelihood = np.log([5 / 8, 1 / 4, 4 / 8]).sum()
    likelihood += W_1 * np.log([1 / 4, 1 / 3]).sum() + W_2 * 3 * np.log(2 / 4)
    assert actual == pytest.approx(-likelihood / 10)


# --- against the loss over all items --------------------------------------------------------


@pytest.mark.parametrize("n_drawn", [3, 4, 5])
@pytest.mark.parametrize("kind", ["BCE", "MSE", "BPR", "hinge", "CE"])
def test_the_mean_over_all_draws_is_the_loss_over_all_items(kind, n_drawn):
    matrix, users, scores = random_case(kind)
    ratings, seen = whole(matrix, users)
    expected = loss_of(kind).all_items(scores, ratings, seen, None)
    draws = [torch.tensor(c) + 1 for c in combinations(range(6), n_drawn)]
    estimates = [estimate(loss_of(kind), matrix, users, scores, items) for items in draws]
    assert np.mean(estimates) == pytest.approx(expected.item(), rel=1e-6)
    assert np.std(estimates) > 1e-3


def test_squared_rmse_has_the_mean_of_mse():
    matrix, users, scores = random_case("RMSE")
    ratings, seen = whole(matrix, users)
    expected = loss_of("MSE").all_items(scores, ratings, seen, None)
    draws = [torch.tensor(c) + 1 for c in combinations(range(6), 3)]
    squares = [estimate(loss_of("RMSE"), matrix, users, scores, items) ** 2 for items in draws]
    assert np.mean(squares) == pytest.approx(expected.item(), rel=1e-6)


def test_the_mean_of_softmaxs_denominator_is_that_of_all_items():
    """For one interaction, exp(loss) is Z / exp(s)."""
    matrix, users, scores = random_case("softmax")
    users, scores = users[1:2], scores[1:2]
    ratings, seen = whole(matrix, users)
    expected = loss_of("softmax").all_items(scores, ratings, seen, None).exp()
    draws = [torch.tensor(c) + 1 for c in combinations(range(6), 2)]
    ratios = [estimate(loss_of("softmax"), matrix, users, scores, items).exp() for items in draws]
    assert np.mean(ratios) == pytest.approx(expected.item(), rel=1e-6)


def test_softmax_tends_to_that_of_all_items():
    matrix, users, scores = random_case("softmax")
    ratings, seen = whole(matrix, users)
    expected = loss_of("softmax").all_items(scores, ratings, seen, None)
    biases = []
    for n_drawn in (3, 4, 5, 6):
        draws = [torch.tensor(c) + 1 for c in combinations(range(6), n_drawn)]
        estimates = [estimate(loss_of("softmax"), matrix, users, scores, d) for d in draws]
        biases.append(abs(np.mean(estimates) - expected.item()))
    assert sorted(biases, reverse=True) == biases
    assert biases[-1] < 1e-7 < biases[0]


@pytest.mark.parametrize("kind", KINDS)
def test_all_items_drawn_are_all_items(kind):
    for seed in range(5):
        matrix, users, scores = random_case(kind, seed)
        ratings, seen = whole(matrix, users)
        expected = loss_of(kind).all_items(scores, ratings, seen, None)
        actual = estimate(loss_of(kind), matrix, users, scores, torch.randperm(6) + 1)
        assert actual.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_finite_differences(kind):
    matrix, users, scores = random_case(kind)
    items = torch.tensor([4, 1, 6])
    assert torch.autograd.gradcheck(
        lambda s: estimate(loss_of(kind), matrix, users, s, items), scores.requires_grad_()
    )


# --- edges ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_whose_drawn_items_are_all_own_has_the_interactions_alone(kind):
    users, items = torch.tensor([1]), torch.tensor([3, 1])
    scores = torch.randn((1, 5, 3) if kind == "CE" else (1, 5), dtype=torch.float64)
    scores.requires_grad_()
    loss = estimate(loss_of(kind), MATRIX, users, scores, items)
    loss.backward()
    s = scores[0, [0, 2]].detach()  # of the items 1 and 3
    expected = {
        "BCE": -s.sigmoid().log().sum() / 5 if kind != "CE" else 0,
        "MSE": (1 - s.sigmoid()).square().sum() / 5,
        "RMSE": ((1 - s.sigmoid()).square().sum() / 5).sqrt(),
        "BPR": torch.tensor(0.0),
        "hinge": torch.tensor(0.0),
        "softmax": (s.exp().sum().log() - s).mean() if kind != "CE" else 0,
        "CE": -(s.log_softmax(-1)[[0, 1], [2, 1]]).sum() / 5 if kind == "CE" else 0,
    }
    assert loss.item() == pytest.approx(expected[kind].item())
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_users_without_interactions_are_no_error(kind):
    users, items = torch.tensor([3]), torch.tensor([5, 2])
    scores = torch.zeros((1, 5, 3) if kind == "CE" else (1, 5), dtype=torch.float64)
    ratings, seen = whole(MATRIX, users)
    expected = loss_of(kind).all_items(scores, ratings, seen, None)
    actual = estimate(loss_of(kind), MATRIX, users, scores, items)
    assert actual.item() == pytest.approx(expected.item(), rel=1e-6)


def test_items_are_drawn_uniformly_without_replacement():
    torch.manual_seed(0)
    draws = [item_sample.draw(MATRIX, USERS, 2).items for _ in range(2000)]
    pairs = {}
    for first, second in (sorted(d.tolist()) for d in draws):
        pairs[first, second] = pairs.get((first, second), 0) + 1
    assert set(pairs) == set(combinations(range(1, 6), 2))
    assert all(150 < count < 250 for count in pairs.values())  # 200 expected, deviation 13
    torch.manual_seed(0)
    assert torch.equal(item_sample.draw(MATRIX, USERS, 2).items, draws[0])


# --- scores ---------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["none", "layer"])
@pytest.mark.parametrize(("gmf", "mlp"), [(0, 4), (3, 0), (3, 4)])
@pytest.mark.parametrize("n_scores", [1, 3])
@pytest.mark.parametrize("histories", [False, True])
def test_scores_and_gradients_equal_those_of_all_items(norm, gmf, mlp, n_scores, histories):
    torch.manual_seed(0)
    by_item = RatingMatrix(
        torch.tensor([0, 0, 1, 2, 3, 3, 3]), torch.tensor([1, 2, 1]), torch.ones(3), 4
    )
    of_both = {"user_histories": MATRIX, "item_histories": by_item} if histories else {}
    hidden = [6, 5] if mlp else []
    net = NCFNet(4, 6, gmf, mlp, hidden, norm=norm, n_scores=n_scores, **of_both).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    users, items = torch.tensor([1, 3, 2]), torch.tensor([5, 1, 3])
    sample = ItemSample.of(MATRIX, users, items)
    own, drawn = SomeItems.scores(net, users, sample)
    (own.square().sum() + drawn.pow(3).sum()).backward()
    gradients = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    scores = net.score_all(net.vectors("user", users))
    own_of_all = scores[sample.own.row, sample.own.columns]
    torch.testing.assert_close(own, own_of_all, rtol=0, atol=1e-9)
    torch.testing.assert_close(drawn, scores[:, items], rtol=0, atol=1e-9)
    (own_of_all.square().sum() + scores[:, items].pow(3).sum()).backward()
    for actual, parameter in zip(gradients, net.parameters(), strict=True):
        torch.testing.assert_close(actual, parameter.grad, rtol=0, atol=1e-9)


def test_dropout_before_the_first_layer_falls_on_each_vector_once():
    """Without an activation s_ui = a_u + b_i: dropout on each pair anew would break that."""
    torch.manual_seed(0)
    net = NCFNet(4, 6, 0, 16, [5], 0.5, "none", initialisation="xavier").double().train()
    sample = ItemSample.of(MATRIX, torch.tensor([1, 2, 3]), torch.tensor([1, 2, 4, 5]))
    _, drawn = SomeItems.scores(net, torch.tensor([1, 2, 3]), sample)
    differences = drawn[1:] - drawn[:1]  # of a user from the first one: the same for every item
    torch.testing.assert_close(differences, differences[:, :1].expand(2, 4))
    _, again = SomeItems.scores(net, torch.tensor([1, 2, 3]), sample)
    assert (again != drawn).any()


def test_only_the_items_of_the_step_are_computed(ratings, monkeypatch):
    run = small(item_samples=3)
    batch = next(iter(run.train))[:2]
    computed = []
    item_embedding = run.model.net.item_embedding
    forward = item_embedding.forward
    monkeypatch.setattr(item_embedding, "forward", lambda ids: computed.append(ids) or forward(ids))
    run.model.calculate_loss(batch)
    own = set(run.model.objective.interactions.cells(batch["user_id"]).columns.tolist())
    (items,) = computed
    assert own <= set(items.tolist())
    assert len(items) == len(set(items.tolist())) <= len(own) + 3


# --- runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["NCFMLP", "NCFGMF", "NCFNeuMF"])
def test_as_many_as_there_are_is_all_items_bit_for_bit(name, ratings):
    losses = []
    for item_samples in (0, 20, 1000):  # there are 20 items
        run = small(name, item_samples=item_samples, history="both", eval_step=0)
        assert type(run.model.objective) is AllItems
        run.fit()
        losses.append(list(run.trainer.train_loss_dict.values()))
    assert losses[0] == losses[1] == losses[2]
    assert type(small(name, item_samples=19).model.objective) is SomeItems


@pytest.mark.parametrize("kind", KINDS)
def test_every_loss_trains(kind, ratings):
    options = {"loss_type": kind, "item_samples": 6, "learning_rate": 0.01, **RATED}
    run = small(**options, epochs=40, eval_step=0)
    run.fit()
    losses = list(run.trainer.train_loss_dict.values())
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_a_resumed_run_draws_what_the_undisturbed_one_does(ratings):
    settings = {"item_samples": 5, "history": "both", "learning_rate": 0.01}
    undisturbed = small(**settings, epochs=6)
    undisturbed.fit()
    part = small(**settings, epochs=3)
    part.trainer.saved_model_file = "part.pth"
    part.fit()
    rest = small(**settings, epochs=6, resume_from="part.pth")
    rest.fit()
    assert rest.trainer.train_loss_dict
    for epoch, loss in rest.trainer.train_loss_dict.items():
        assert loss == undisturbed.trainer.train_loss_dict[epoch]


def test_new_users_are_fitted_to_all_items(ratings):
    run, plain = small(item_samples=5), small()
    for parameter in run.model.net.parameters():
        nn.init.normal_(parameter, std=0.5)  # predictions that differ
    plain.model.load_state_dict(run.model.state_dict())
    interactions = torch.tensor([1, 4, 7])
    torch.testing.assert_close(run.model.fold_in(interactions), plain.model.fold_in(interactions))


def test_a_checkpoint_of_an_earlier_release_has_all_items(ratings):
    run = small("NCFGMF")
    run.fit()
    record = checkpoint.load(run.trainer.saved_model_file)
    del record["config"]["item_samples"]
    torch.save(record, "earlier.pth")
    assert trained_model.load("earlier.pth").model.settings.item_samples == 0


def test_without_all_items_it_is_refused(ratings):
    for negatives in ("sampled", "in_batch"):
        with pytest.raises(SettingError, match="item_samples: 5 is for negatives: all") as refused:
            small(negatives=negatives, item_samples=5)
        assert f"found negatives: {negatives}; set negatives: all" in str(refused.value)


def test_data_with_labels_of_its_own_is_refused(ratings):
    labels = {"threshold": {"rating": 3}, "train_neg_sample_args": None, **RATED}
    with pytest.raises(SettingError, match="labels of its own, label; set item_samples: 0"):
        small(item_samples=5, **labels)

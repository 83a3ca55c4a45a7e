"""NCF's losses, negatives, variants and new users."""

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from recbole_ext.errors import SettingError
from recbole_ext.models.ncf.class_loss import Classes
from recbole_ext.models.ncf.net import NCFNet
from recbole_ext.models.ncf.objective import loss_function
from tests import runs

RATED = {"load_col": {"inter": ["user_id", "item_id", "rating"]}}


def small(name="NCFMLP", **settings):
    return runs.prepare(name, **{**runs.SMALL[name], **settings})


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


# --- losses by hand -------------------------------------------------------------------------

POSITIVES = torch.tensor([2.0, 0.0], dtype=torch.float64)
OTHERS = torch.tensor([[1.0, 3.0], [0.0, -1.0]], dtype=torch.float64)
COUNTED = torch.tensor([[True, False], [True, True]])


def test_bpr_by_hand():
    leads = [[1.0, -1.0], [0.0, 1.0]]
    expected = -np.log(sigmoid(leads))
    actual = loss_function("BPR").contrast(POSITIVES, OTHERS, None)
    assert actual.item() == pytest.approx(expected.mean())
    actual = loss_function("BPR").contrast(POSITIVES, OTHERS, COUNTED)
    assert actual.item() == pytest.approx((expected[0, 0] + expected[1].sum()) / 3)


def test_hinge_by_hand():
    # margin 1.5: leads 1, -1, 0, 1 -> 0.5, 2.5, 1.5, 0.5
    actual = loss_function("hinge", 1.5).contrast(POSITIVES, OTHERS, None)
    assert actual.item() == pytest.approx(5 / 4)
    actual = loss_function("hinge", 1.5).contrast(POSITIVES, OTHERS, COUNTED)
    assert actual.item() == pytest.approx(2.5 / 3)


def test_softmax_by_hand():
    e = np.exp
    first = -np.log(e(2) / (e(2) + e(1) + e(3)))
    second = -np.log(e(0) / (e(0) + e(0) + e(-1)))
    actual = loss_function("softmax").contrast(POSITIVES, OTHERS, None)
    assert actual.item() == pytest.approx((first + second) / 2)
    actual = loss_function("softmax").contrast(POSITIVES, OTHERS, COUNTED)
    first = -np.log(e(2) / (e(2) + e(1)))
    assert actual.item() == pytest.approx((first + second) / 2)


def test_multinomial_by_hand():
    scores = torch.tensor([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    seen = torch.tensor([[True, False, True], [False, True, False]])
    total = np.exp([0, 1, 2]).sum()
    expected = -(np.log(1 / total) + np.log(np.exp(2) / total) + np.log(1 / 3)) / 3
    assert loss_function("softmax").all_items(scores, scores, seen, None).item() == pytest.approx(
        expected
    )
    counted = torch.tensor([[True, False, True], [True, True, False]])
    total = np.exp([0, 2]).sum()
    expected = -(np.log(1 / total) + np.log(np.exp(2) / total) + np.log(1 / 2)) / 3
    assert loss_function("softmax").all_items(
        scores, scores, seen, counted
    ).item() == pytest.approx(expected)


def test_rows_by_hand():
    scores = torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.5, 3.0]], dtype=torch.float64)
    seen = torch.tensor([[True, False, True], [False, True, False]])
    counted = torch.tensor([[True, True, True], [True, True, False]])
    # margin 1.5; leads of the first user -1 and 1, of the second -0.5, and -2.5 if all count
    actual = loss_function("hinge", 1.5).all_items(scores, scores, seen, counted)
    assert actual.item() == pytest.approx((2.5 + 0.5 + 2.0) / 3)
    actual = loss_function("hinge", 1.5).all_items(scores, scores, seen, None)
    assert actual.item() == pytest.approx((2.5 + 0.5 + 2.0 + 4.0) / 4)
    actual = loss_function("BPR").all_items(scores, scores, seen, counted)
    assert actual.item() == pytest.approx(-np.log(sigmoid([-1, 1, -0.5])).mean())
    y = sigmoid([0.0, 1.0, 2.0, 1.0, 0.5])
    squares = (np.array([1, 0, 1, 0, 1]) - y) ** 2
    actual = loss_function("RMSE").all_items(scores, scores, seen, counted)
    assert actual.item() == pytest.approx(np.sqrt(squares.mean()))


@pytest.mark.parametrize("kind", ["BPR", "hinge", "softmax"])
def test_rows_with_nothing_to_compare_have_no_loss(kind):
    scores = torch.randn(2, 3, requires_grad=True)
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    loss = loss_function(kind).all_items(scores, scores, nothing, None)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.isfinite().all()


def test_classes_by_hand():
    scores = torch.tensor([[1.0, 2.0, 1.0]], dtype=torch.float64).log().expand(2, 3)
    loss = Classes(torch.tensor([1.0, 2.0]))
    ratings = torch.tensor([2.0, 1.0])  # that of an item without an interaction does not matter
    actual = loss.sampled(scores, torch.tensor([0.0, 1.0]), ratings, 1)
    assert actual.item() == pytest.approx((np.log(4) + np.log(2)) / 2)


def test_a_batch_in_which_nobody_counts_has_no_loss():
    nobody = torch.zeros(2, 2, dtype=torch.bool)
    assert loss_function("BPR").contrast(POSITIVES, OTHERS, nobody).item() == 0
    assert loss_function("softmax").contrast(POSITIVES, OTHERS, nobody).item() == 0


@pytest.mark.parametrize("kind", ["BPR", "hinge", "softmax"])
@pytest.mark.parametrize("counted", [None, COUNTED])
def test_gradients_equal_finite_differences(kind, counted):
    def loss(positives, others):
        return loss_function(kind, 1.7).contrast(positives, others, counted)

    inputs = (POSITIVES.clone().requires_grad_(), OTHERS.clone().requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs)


def test_gradients_over_all_items_equal_finite_differences():
    torch.manual_seed(0)
    scores = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    seen = torch.tensor([[True, False, True, False], [False, True, False, False]])
    assert torch.autograd.gradcheck(
        lambda s: loss_function("softmax").all_items(s, s, seen, None), scores
    )
    loss = Classes(torch.tensor([1.0, 2.0, 3.0]))
    labels, ratings = torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0])
    assert torch.autograd.gradcheck(lambda s: loss.sampled(s, labels, ratings, 1), scores)


# --- what interactions are told from --------------------------------------------------------


def scores_of(run, users, items):
    with torch.no_grad():
        return run.model.net(users, items)


def histories(run):
    """Each user's items in the training split, as sets."""
    actual = {}
    pairs = run.train._dataset.inter_feat
    for user, item in zip(pairs["user_id"].tolist(), pairs["item_id"].tolist(), strict=True):
        actual.setdefault(user, set()).add(item)
    return actual


@pytest.mark.parametrize("kind", ["BPR", "hinge", "softmax"])
def test_drawn_items_are_compared_with_their_own_interaction(kind, ratings):
    drawn = {"distribution": "uniform", "sample_num": 3}
    run = small(loss_type=kind, train_neg_sample_args=drawn, dropout_prob=0.0, margin=0.5)
    for parameter in run.model.net.parameters():
        nn.init.normal_(parameter, std=0.5)  # scores that differ: their order matters
    batch = next(iter(run.train))
    n = len(batch) // 4
    users, items = batch["user_id"], batch["item_id"]
    assert batch["label"].tolist() == [1.0] * n + [0.0] * 3 * n
    seen = histories(run)
    scores = scores_of(run, users, items).tolist()
    total = []
    for b in range(n):
        others = [scores[b + k * n] for k in (1, 2, 3)]
        for k in (1, 2, 3):
            assert users[b + k * n] == users[b]
            assert items[b + k * n].item() not in seen[users[b].item()]
        if kind == "BPR":
            total += [-np.log(sigmoid(scores[b] - other)) for other in others]
        elif kind == "hinge":
            total += [max(0, 0.5 - scores[b] + other) for other in others]
        else:
            total.append(-np.log(np.exp(scores[b]) / np.exp([scores[b], *others]).sum()))
    assert run.model.calculate_loss(batch).item() == pytest.approx(np.mean(total), rel=1e-4)


@pytest.mark.parametrize("kind", ["BCE", "RMSE", "BPR", "softmax", "CE"])
def test_in_batch_equals_a_plain_loop(kind, ratings):
    run = small(loss_type=kind, negatives="in_batch", dropout_prob=0.0, **RATED)
    for parameter in run.model.net.parameters():
        nn.init.normal_(parameter, std=0.5)
    pairs = run.train._dataset.inter_feat
    pairs = pairs[torch.arange(0, len(pairs), len(pairs) // 9)[:9]]
    users, items = pairs["user_id"], pairs["item_id"]
    seen, stars = histories(run), {}
    whole = run.train._dataset.inter_feat
    for u, i, r in zip(whole["user_id"], whole["item_id"], whole["rating"], strict=True):
        stars[u.item(), i.item()] = r.item()
    counts = np.bincount(whole["item_id"], minlength=run.dataset.item_num)
    terms, squares = [], []
    for a in range(9):
        user = users[a].item()
        row = scores_of(run, users[a].repeat(9), items).numpy()
        others = [b for b in range(9) if items[b].item() not in seen[user]]
        if kind in ("BCE", "RMSE"):
            y = sigmoid(row)
            terms += [-np.log(y[a]), *(-np.log(1 - y[b]) for b in others)]
            squares += [(1 - y[a]) ** 2, *(y[b] ** 2 for b in others)]
        elif kind == "BPR":
            terms += [-np.log(sigmoid(row[a] - row[b])) for b in others]
        elif kind == "softmax":
            row = row - np.log(counts[items.numpy()] / counts.sum())
            terms.append(-np.log(np.exp(row[a]) / np.exp(row[[a, *others]]).sum()))
        else:
            for b in range(9):
                chances = np.exp(row[b]) / np.exp(row[b]).sum()
                terms.append(-np.log(chances[int(stars.get((user, items[b].item()), 0))]))
    expected = np.sqrt(np.mean(squares)) if kind == "RMSE" else np.mean(terms)
    assert run.model.calculate_loss(pairs).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["BCE", "MSE", "BPR", "hinge", "softmax", "CE"])
def test_all_items_equal_a_plain_loop(kind, ratings):
    run = small(loss_type=kind, negatives="all", dropout_prob=0.0, train_batch_size=8, **RATED)
    for parameter in run.model.net.parameters():
        nn.init.normal_(parameter, std=0.5)
    batch = next(iter(run.train))
    assert list(batch.columns) == ["user_id"]
    seen, whole = histories(run), run.train._dataset.inter_feat
    stars = {
        (u.item(), i.item()): int(r)
        for u, i, r in zip(whole["user_id"], whole["item_id"], whole["rating"], strict=True)
    }
    items = torch.arange(1, run.dataset.item_num)
    terms = []
    for user in batch["user_id"]:
        row = scores_of(run, user.repeat(len(items)), items).numpy()
        own = [item.item() in seen.get(user.item(), ()) for item in items]
        if kind == "softmax":
            terms += list(-np.log(np.exp(row) / np.exp(row).sum())[own])
        elif kind == "CE":
            chances = np.exp(row) / np.exp(row).sum(1, keepdims=True)
            classes = [stars.get((user.item(), item.item()), 0) for item in items]
            terms += [-np.log(chances[n, k]) for n, k in enumerate(classes)]
        elif kind in ("BPR", "hinge"):
            leads = [i - j for i in row[own] for j in row[~np.array(own)]]
            terms += [-np.log(sigmoid(x)) if kind == "BPR" else max(0, 1 - x) for x in leads]
        else:
            y, r = sigmoid(row), np.array(own, dtype=float)
            terms += list((r - y) ** 2 if kind == "MSE" else -np.log(np.where(own, y, 1 - y)))
    assert run.model.calculate_loss(batch).item() == pytest.approx(np.mean(terms), rel=1e-4)


def test_an_epoch_over_all_items_is_every_user_once(ratings):
    run = small(loss_type="softmax", negatives="all", train_batch_size=7)
    ids = torch.cat([batch["user_id"] for batch in run.train])
    assert sorted(ids.tolist()) == list(range(1, run.dataset.user_num))


@pytest.mark.parametrize("negatives", ["sampled", "in_batch", "all"])
@pytest.mark.parametrize("kind", ["BCE", "MSE", "RMSE", "BPR", "hinge", "softmax", "CE"])
def test_every_loss_trains(kind, negatives, ratings):
    options = {"loss_type": kind, "negatives": negatives, "train_batch_size": 32, **RATED}
    run = small(**options, epochs=30, learning_rate=0.01, eval_step=0)
    run.fit()
    trained = list(run.trainer.train_loss_dict.values())
    assert trained[-1] < trained[0]


# --- the tower ------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "leakyrelu", "none"])
@pytest.mark.parametrize(("gmf", "mlp"), [(0, 4), (3, 0), (3, 4)])
@pytest.mark.parametrize("n_scores", [1, 3])
def test_all_items_scored_at_once_equal_pairs(norm, activation, gmf, mlp, n_scores):
    torch.manual_seed(0)
    hidden = [6, 5] if mlp else []
    net = NCFNet(9, 11, gmf, mlp, hidden, 0.4, activation, norm, n_scores=n_scores).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    if norm == "batch" and mlp:
        net(torch.arange(9), torch.arange(9))  # running means that are not 0 and 1
    net.eval()
    users = torch.tensor([0, 8, 3])
    with torch.no_grad():
        expected = torch.stack([net(u.repeat(11), torch.arange(11)) for u in users])
        torch.testing.assert_close(
            net.score_all(net.vectors("user", users)), expected, rtol=0, atol=1e-6
        )
    kinds = {"none": 0, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
    actual = [m for m in net.modules() if norm != "none" and isinstance(m, kinds[norm])]
    assert len(actual) == (2 if mlp and norm != "none" else 0)


def test_gradients_of_all_items_equal_those_of_pairs():
    """Without dropout, the factorised first layer is the same function."""
    torch.manual_seed(0)
    net = NCFNet(5, 6, 3, 4, [5]).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    users, items = torch.tensor([1, 4]), torch.arange(6)
    weights = torch.randn(2, 6, dtype=torch.float64)
    (net.score_all(net.vectors("user", users)) * weights).sum().backward()
    factorised = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    pairs = net(users.repeat_interleave(6), items.repeat(2)).view(2, 6)
    (pairs * weights).sum().backward()
    for actual, parameter in zip(factorised, net.parameters(), strict=True):
        torch.testing.assert_close(actual, parameter.grad, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "embedding", "layer", "last"),
    [
        ("normal", 0.01, 0.01, 0.01),
        ("paper", 0.01, np.sqrt(2 / (200 + 300)), np.sqrt(1 / 400)),
        ("xavier", np.sqrt(2 / (500 + 100)), np.sqrt(2 / (200 + 300)), np.sqrt(2 / 402)),
        ("kaiming", np.sqrt(2 / 100), np.sqrt(2 / 200), np.sqrt(2 / 400)),
    ],
)
def test_initialisation(kind, embedding, layer, last):
    torch.manual_seed(0)
    net = NCFNet(500, 500, 0, 100, [300, 400], initialisation=kind, n_scores=2)
    first = net.mlp_layers.mlp_layers[1]
    assert net.user_embedding.weight.std().item() == pytest.approx(embedding, rel=0.02)
    assert first.weight.std().item() == pytest.approx(layer, rel=0.02)
    assert net.predict_layer.weight.std().item() == pytest.approx(last, rel=0.1)
    assert not first.bias.any()


# --- classes --------------------------------------------------------------------------------


def test_classes_predict_that_there_is_a_rating_or_which(ratings):
    options = {"loss_type": "CE", **RATED}
    run = small(**options)
    assert run.model.levels.tolist() == [1, 2, 3, 4, 5]
    pairs = run.test.dataset.inter_feat
    nn.init.normal_(run.model.net.predict_layer.bias)
    with torch.no_grad():
        chances = run.model.net(pairs["user_id"], pairs["item_id"]).softmax(-1)
        torch.testing.assert_close(run.model.eval().predict(pairs), chances[:, 1:].sum(1))
        other = small(**options, prediction="expectation")
        other.model.load_state_dict(run.model.state_dict())
        mean = (chances[:, 1:] * torch.arange(1.0, 6.0)).sum(1) / chances[:, 1:].sum(1)
        torch.testing.assert_close(other.model.eval().predict(pairs), mean)


def test_the_loss_has_the_classes_of_a_loaded_checkpoint(ratings):
    model = small(loss_type="CE", prediction="expectation", **RATED).model
    model.load_state_dict({**model.state_dict(), "levels": torch.arange(2.0, 7.0)})
    for one in (model, copy.deepcopy(model)):
        predictions = one.objective.loss.prediction(torch.zeros(3, 6))
        torch.testing.assert_close(predictions, torch.full((3,), 4.0))


# --- NeuMF ----------------------------------------------------------------------------------


def test_neumf_starts_from_its_parts(ratings):
    # a large step: the weights start as N(0, 0.01), where all scores are nearly 0
    gmf = small("NCFGMF", embedding_size=6, learning_rate=0.1)
    mlp = small("NCFMLP", learning_rate=0.1)
    files = {}
    for name, run in (("gmf", gmf), ("mlp", mlp)):
        run.fit()
        run.trainer.evaluate(run.valid)  # loads the best epoch, as the checkpoint has it
        files[name] = run.trainer.saved_model_file
    fused = small("NCFNeuMF", pretrain=files, alpha=0.3, epochs=0)
    fused.fit()
    users, items = torch.arange(1, 9), torch.arange(1, 9)
    with torch.no_grad():
        parts = [run.model.eval().net(users, items) for run in (gmf, mlp)]
        actual = fused.model.eval().net(users, items)
    torch.testing.assert_close(actual, 0.3 * parts[0] + 0.7 * parts[1])
    other = small("NCFNeuMF", pretrain=files, gmf_embedding_size=5)
    with pytest.raises(
        SettingError, match=r"pretrain: gmf: .* of shape \[21, 5\], found \[21, 6\]"
    ):
        other.fit()
    swapped = small("NCFNeuMF", pretrain={"gmf": files["mlp"], "mlp": files["gmf"]})
    with pytest.raises(SettingError, match=r"pretrain: gmf: .* found none; give .* of NCFGMF"):
        swapped.fit()


def test_scores_equal_recboles_neumf(ratings):
    ours = small("NCFNeuMF")
    theirs = runs.prepare(
        "NeuMF", mf_embedding_size=6, mlp_embedding_size=8, mlp_hidden_size=[6, 4]
    )
    net, neumf = ours.model.net.eval(), theirs.model.eval()
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    with torch.no_grad():
        for name in ("user", "item"):
            getattr(neumf, f"{name}_mf_embedding").weight.copy_(
                getattr(net, f"{name}_gmf_embedding").weight
            )
            getattr(neumf, f"{name}_mlp_embedding").weight.copy_(
                getattr(net, f"{name}_embedding").weight
            )
        neumf.mlp_layers.load_state_dict(net.mlp_layers.state_dict())
        neumf.predict_layer.load_state_dict(net.predict_layer.state_dict())
        users, items = torch.arange(1, 15), torch.arange(1, 15)
        torch.testing.assert_close(net(users, items), neumf(users, items))


def test_the_first_epochs_are_those_of_recboles_neumf(ratings):
    """The same weights, batches and BCE give the same losses and validation scores."""
    options = {**runs.RANKING, "epochs": 3, "learning_rate": 0.01, "dropout_prob": 0.1}
    size = {"mlp_hidden_size": [12, 6], "train_batch_size": 64}
    theirs = runs.prepare(
        "NeuMF", **options, **size, mlp_embedding_size=16, mf_train=False, mlp_train=True
    )
    ours = runs.prepare("NCFMLP", **options, **size, embedding_size=16)
    net, neumf = ours.model.net, theirs.model
    net.user_embedding.load_state_dict(neumf.user_mlp_embedding.state_dict())
    net.item_embedding.load_state_dict(neumf.item_mlp_embedding.state_dict())
    net.mlp_layers.load_state_dict(neumf.mlp_layers.state_dict())
    net.predict_layer.load_state_dict(neumf.predict_layer.state_dict())
    curves = []
    for run in (ours, theirs):
        curve = []
        torch.manual_seed(5)
        np.random.seed(5)
        run.trainer.fit(
            run.train,
            run.valid,
            verbose=False,
            callback_fn=lambda epoch, score, curve=curve: curve.append(score),
        )
        curves.append((curve, list(run.trainer.train_loss_dict.values())))
    (ours_scores, ours_losses), (their_scores, their_losses) = curves
    assert len(ours_scores) == 3
    assert ours_losses == pytest.approx(their_losses, abs=1e-4)
    assert ours_scores == pytest.approx(their_scores, abs=1e-4)


# --- new users ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "negatives"),
    [
        ("NCFMLP", "BCE", "sampled"),
        ("NCFGMF", "softmax", "all"),
        ("NCFNeuMF", "BPR", "sampled"),
    ],
)
@pytest.mark.parametrize("history", ["none", "both"])
def test_fold_in_ranks_what_held_out_users_like(name, kind, negatives, history, tmp_path):
    """Two tastes; users who are not in training are scored by half of their own."""
    random = np.random.default_rng(0)
    tastes = [range(0, 12), range(12, 24)]
    rows = []
    for user in range(60):
        for item in random.choice(tastes[user % 2], 8, replace=False):
            rows.append((f"u{user}", f"i{item}", 5, 1))
    runs.write_inter(tmp_path / "dataset", "made", rows)
    options = {
        "loss_type": kind,
        "negatives": negatives,
        "train_batch_size": 32,
        "dropout_prob": 0.0,
    }
    size = {"learning_rate": 0.02, "epochs": 15, "eval_step": 0, "initialisation": "xavier"}
    if name == "NCFGMF":
        del options["dropout_prob"]
    run = small(name, history=history, **options, **size)
    run.fit()
    tokens = run.dataset.field2token_id["item_id"]
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    for taste in tastes:
        liked = torch.tensor([tokens[f"i{item}"] for item in list(taste)[:5]])
        rest = [tokens[f"i{item}"] for item in list(taste)[5:]]
        others = [tokens[f"i{item}"] for item in range(24) if item not in taste]
        scores = run.model.fold_in(liked)
        assert scores.shape == (run.dataset.item_num,)
        labels = [1] * len(rest) + [0] * len(others)
        assert roc_auc_score(labels, scores[rest + others]) > 0.9
    fans = run.dataset.field2token_id["user_id"]  # of a new item: the users of one taste
    liked = torch.tensor([fans[f"u{user}"] for user in range(0, 20, 2)])
    rest = [fans[f"u{user}"] for user in range(20, 60)]
    scores = run.model.fold_in(liked, of="item")
    assert scores.shape == (run.dataset.user_num,)
    assert roc_auc_score([1, 0] * 20, scores[rest]) > 0.9
    for key, value in run.model.state_dict().items():
        assert torch.equal(before[key], value), key


def test_fold_in_of_a_known_user_finds_the_optimum(ratings):
    """The gradient of what is minimised vanishes at the embedding that is found."""
    run = small("NCFGMF", loss_type="BCE")
    nn.init.normal_(run.model.net.item_gmf_embedding.weight)
    nn.init.normal_(run.model.net.predict_layer.weight)
    items = torch.tensor([1, 4, 7])
    actual = run.model.fold_in(items, penalty=0.05, steps=200)
    logits = torch.logit(actual.double())
    mean = run.model.net.user_gmf_embedding.weight[1:].mean(0)
    design = (run.model.net.item_gmf_embedding.weight * run.model.net.predict_layer.weight).double()
    p = torch.linalg.lstsq(design, (logits - run.model.net.predict_layer.bias)[:, None]).solution
    y = torch.sigmoid(design @ p)[1:, 0].detach()
    seen = torch.zeros(len(design) - 1, dtype=torch.bool)
    seen[items - 1] = True
    slope = torch.where(seen, (y - 1) / 3, y / (~seen).sum()) / 2  # one drawn item an interaction
    gradient = design[1:].T @ slope + 2 * 0.05 * (p[:, 0] - mean)
    assert gradient.abs().max().item() < 1e-3


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("NCFMLP", {"loss_type": "CE"}, "loss_type: CE needs the ratings, found no column rating"),
        (
            "NCFMLP",
            {"loss_type": "BPR", "train_neg_sample_args": None},
            "loss_type: BPR compares with drawn items",
        ),
        (
            "NCFNeuMF",
            {"pretrain": {"gmf": "a"}},
            "pretrain: mlp: expected a str, found None",
        ),
        (
            "NCFNeuMF",
            {"pretrain": {"gmf": "a.pth", "mlp": "b.pth"}},
            "pretrain: gmf: expected the checkpoint of a run, found no file a.pth",
        ),
        ("NCFNeuMF", {"alpha": 1.5}, r"alpha: expected a number in \[0, 1\], found 1.5"),
        ("NCFMLP", {"loss_type": "bpr"}, "loss_type: expected one of BCE, MSE, RMSE, BPR"),
    ],
)
def test_settings_that_cannot_be_are_refused(name, settings, message, ratings):
    with pytest.raises(SettingError, match=message):
        small(name, **settings)

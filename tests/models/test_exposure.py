"""AutoRec's second head: its error, what it leaves alone, and what items are ranked by."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.interaction import Interaction

from recbole_ext.data.rating_matrix import Cells
from recbole_ext.errors import SettingError
from recbole_ext.evaluator import protocols
from recbole_ext.inference import trained_model
from recbole_ext.models.autorec import adapter
from recbole_ext.models.autorec.batches import CellBatch, DenseBatch
from recbole_ext.models.autorec.exposure import Exposure, RankingScore
from recbole_ext.models.autorec.net import AutoRecNet
from recbole_ext.trainer import checkpoint, single_run
from tests import runs
from tests.gradients import central_differences

LOSSES = ["multinomial", "logistic"]
HEADS = [(loss, by_user) for loss in LOSSES for by_user in (True, False)]
EXPOSED = {"exposure_weight": 0.5, "dropout_prob": 0.0}


def small(**settings):
    return runs.prepare("AutoRec", **{**runs.SMALL["AutoRec"], **settings})


def batches(observed, ratings=None):
    """The same batch by whole rows and by cells."""
    observed = torch.as_tensor(observed, dtype=torch.bool)
    row, columns = observed.nonzero(as_tuple=True)
    counts = observed.sum(1)
    rows = torch.zeros(observed.shape, dtype=torch.float64)
    rows[observed] = 1.0 if ratings is None else torch.as_tensor(ratings).double()[observed]
    cells = Cells(counts.cumsum(0) - counts, row, columns, rows[observed])
    return DenseBatch(rows, rows, observed, rows, rows), CellBatch(cells, cells)


def net_with_scores(weight, bias):
    """A net of one hidden unit whose exposure scores are ``weight * hidden + bias``."""
    net = AutoRecNet(len(bias), [1], exposure=True).double()
    with torch.no_grad():
        net.exposure_layer.weight.copy_(torch.tensor(weight).double()[:, None])
        net.exposure_layer.bias.copy_(torch.tensor(bias).double())
    return net


# --- the error ------------------------------------------------------------------------------

# two rows, three columns beside the padding id: of the first 1 and 2 are observed, of the other 3
OBSERVED = [[0, 1, 1, 0], [0, 0, 0, 1]]
LOG3 = float(np.log(3))


@pytest.mark.parametrize(
    ("loss", "by_user", "weight", "bias", "expected"),
    [
        # scores 0, log 2, 0: probabilities 1/4, 1/2, 1/4, whatever the score of the padding id
        ("multinomial", True, [0, 0, 0, 0], [9, 0, np.log(2), 0], [4, 2, 4]),
        # codes 0 and log 3, weights 1: of each column 1/4 in the first row, 3/4 in the other
        ("multinomial", False, [1, 1, 1, 1], [9, 0, 5, -2], [4, 4, 4 / 3]),
        # scores 0 in the first row and log 3 in the other: 1/2 and 3/4 for each cell
        ("logistic", True, [1, 1, 1, 1], [9, 0, 0, 0], [2, 2, 2, 4, 4, 4 / 3]),
        ("logistic", False, [1, 1, 1, 1], [9, 0, 0, 0], [2, 2, 2, 4, 4, 4 / 3]),
    ],
)
def test_a_hand_worked_example(loss, by_user, weight, bias, expected):
    """The error is the sum of the logs of 1 / probability, over two rows."""
    net = net_with_scores(weight, bias)
    hidden = torch.tensor([[0.0], [LOG3]], dtype=torch.float64)
    for batch in batches(OBSERVED):
        error = Exposure(loss, by_user).error(net, hidden, batch)
        assert error.item() == pytest.approx(np.log(expected).sum() / 2)


def by_loop(scores, observed, loss, by_user):
    """The same, cell by cell; column 0 is no column."""
    total = 0.0
    for r, c in np.ndindex(scores.shape):
        if c == 0:
            continue
        if loss == "logistic":
            chance = 1 / (1 + np.exp(-scores[r, c]))
            total -= np.log(chance if observed[r, c] else 1 - chance)
        elif observed[r, c]:
            rivals = scores[r, 1:] if by_user else scores[:, c]
            total -= np.log(np.exp(scores[r, c]) / np.exp(rivals).sum())
    return total / len(scores)


@pytest.mark.parametrize(("loss", "by_user"), HEADS)
def test_both_heads_equal_a_plain_loop_with_gradients(loss, by_user):
    """Of the whole loss, by central differences in float64."""
    random = np.random.default_rng(5)
    torch.manual_seed(5)
    net = AutoRecNet(5, [3], "sigmoid", "identity", exposure=True).double()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    observed = random.random((4, 5)) < 0.5
    observed[:, 0] = False
    rows = np.where(observed, random.integers(1, 6, (4, 5)), 0).astype(float)
    names = [name for name, _ in net.named_parameters()]
    start = [parameter.detach().numpy().copy() for parameter in net.parameters()]

    def loop(values):
        at = dict(zip(names, values, strict=True))
        hidden = 1 / (
            1 + np.exp(-(rows @ at["hidden_layers.0.weight"].T + at["hidden_layers.0.bias"]))
        )
        rebuilt = hidden @ at["last_layer.weight"].T + at["last_layer.bias"]
        scores = hidden @ at["exposure_layer.weight"].T + at["exposure_layer.bias"]
        error = np.square((rebuilt - rows)[observed]).sum() / len(rows)
        squares = sum(np.square(at[name]).sum() for name in names if name.endswith("weight"))
        return error + 0.7 * by_loop(scores, observed, loss, by_user) + 0.1 * squares

    for batch in batches(observed, rows):
        net.zero_grad()
        hidden = net.encode(batch.inputs)
        error = batch.error(net, batch.outputs(net, hidden))
        total = error + 0.7 * Exposure(loss, by_user).error(net, hidden, batch)
        total = total + 0.1 * net.penalty()
        assert total.item() == pytest.approx(loop(start), abs=1e-10)
        total.backward()
        for name, parameter, expected in zip(
            names, net.parameters(), central_differences(loop, start), strict=True
        ):
            np.testing.assert_allclose(parameter.grad, expected, atol=1e-7, err_msg=name)


@given(st.integers(0, 2**12 - 1), st.floats(-20, 20))
def test_a_multinomial_does_not_know_what_all_items_of_a_user_share(bits, shift):
    """And a score of 0 everywhere costs the log of the number of items for each observed one."""
    observed = torch.tensor([bits >> n & 1 for n in range(12)]).bool().view(3, 4)
    observed = torch.nn.functional.pad(observed, (1, 0))
    hidden = torch.zeros(3, 1, dtype=torch.float64)
    for by_user, n_items in ((True, 4), (False, 3)):
        for batch in batches(observed):
            net = net_with_scores([0.0] * 5, [shift] * 5)
            error = Exposure("multinomial", by_user).error(net, hidden, batch)
            expected = int(observed.sum()) * np.log(n_items) / 3
            assert error.item() == pytest.approx(expected, abs=1e-9)


def test_the_drawn_error_is_that_of_all_cells_in_the_mean(monkeypatch):
    """Over every draw of two of the three columns."""
    net = net_with_scores([1.0, 0.5, -1, 2], [0.0, 0.3, 0.1, -0.4])
    hidden = torch.tensor([[0.4], [-1.0]], dtype=torch.float64)
    for batch in batches(OBSERVED):
        errors = []
        for one in (1, 2, 3):
            for other in (1, 2, 3):
                drawn = torch.tensor([one, other])
                monkeypatch.setattr(torch, "randint", lambda *args, drawn=drawn, **kwargs: drawn)
                errors.append(Exposure("logistic", True, 2).error(net, hidden, batch).item())
        exact = Exposure("logistic", True).error(net, hidden, batch).item()
        assert np.mean(errors) == pytest.approx(exact)
        assert np.std(errors) > 0.1


def test_all_columns_but_the_padding_are_drawn():
    net = net_with_scores([0.0] * 4, [99.0, 0, 0, 0])
    hidden = torch.zeros(2, 1, dtype=torch.float64)
    torch.manual_seed(0)
    error = Exposure("logistic", True, 300).error(net, hidden, batches(OBSERVED)[0])
    assert error.item() == pytest.approx(6 * np.log(2) / 2)  # never the 99
    asked = []
    original = net.exposure
    net.exposure = lambda hidden, columns=None: (asked.append(columns), original(hidden, columns))[
        1
    ]
    Exposure("logistic", True, 300).error(net, hidden, batches(OBSERVED)[1])
    assert set(asked[0].tolist()) == {1, 2, 3}


# --- the model ------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"svdpp_scale": 1.0}, {"loss_type": "CE"}], ids=str)
def test_the_rating_head_starts_with_the_same_weights(settings, ratings):
    plain = small(**settings).model
    exposed = small(**settings, **EXPOSED).model
    own = exposed.state_dict()
    for name, weight in plain.state_dict().items():
        assert torch.equal(own.pop(name), weight)
    assert sorted(own) == ["net.exposure_layer.bias", "net.exposure_layer.weight"]


def test_without_a_weight_there_is_no_head_and_nothing_is_drawn_for_it(ratings):
    model = small(exposure_weight=0.0, dropout_prob=0.0, exposure_loss="logistic").model.train()
    before = torch.random.get_rng_state()
    batch = model.dense.batch(torch.tensor([3, 4]), "none", 0.0)
    expected = batch.error(model.net, model.net.outputs(model.net.encode(batch.inputs)))
    loss = model.calculate_loss({"item_id": torch.tensor([3, 4])})
    assert torch.equal(loss, expected + 0.05 * model.net.penalty())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert model.exposure is None
    assert model.net.exposure_layer is None


@pytest.mark.parametrize("orientation", ["user", "item"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_the_sum_of_its_parts(loss, orientation, ratings):
    model = small(orientation=orientation, exposure_loss=loss, **EXPOSED).model.train()
    ids = torch.tensor([5, 2, 9])
    stars, observed = model.ratings.dense(ids)
    hidden = model.net.encode(stars)
    scores = model.net.exposure(hidden).detach().double().numpy()
    error = ((model.net.decode(hidden) - stars)[observed] ** 2).sum() / 3
    expected = error + 0.05 * model.net.penalty()
    expected = expected.item() + 0.5 * by_loop(
        scores, observed.numpy(), loss, orientation == "user"
    )
    assert model.calculate_loss({model.row_field: ids}).item() == pytest.approx(expected, rel=1e-5)


VARIANTS = [
    {},
    {"ranking_rating_weight": 0.7},
    {"ranking_rating_weight": 0.7, "centring": "bias", "unseen_rating": 3.0},
    {"ranking_rating_weight": 0.7, "loss_type": "CE"},
    {"exposure_loss": "logistic", "mask_input_scale": 2.0, "ema_decay": 0.5},
    {"svdpp_scale": 2.0, "mlp_hidden_size": [6, 4]},
    {"tied": True, "kernel_dim": 2, "ranking_rating_weight": 2.0},
]


@pytest.mark.parametrize("orientation", ["user", "item"])
@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_items_are_ranked_by_the_formula(settings, orientation, ratings):
    run = small(orientation=orientation, **EXPOSED, **settings, clip_ratings=True)
    run.fit()
    model = run.model.eval()
    users = torch.arange(run.dataset.user_num)
    with torch.no_grad():
        scores = model.full_sort_predict(Interaction({"user_id": users})).view(len(users), -1)
        exposure = model.predictor.exposure(model.hidden())
        stars = model.scale.restore(
            model.predictor.decode(model.hidden()),
            torch.arange(model.ratings.n_rows)[:, None],
            torch.arange(model.ratings.n_columns),
        )
    if orientation == "item":
        exposure, stars = exposure.T, stars.T
    trained_on = run.train._dataset.inter_feat["rating"].double()
    weight = settings.get("ranking_rating_weight", 0.0)
    standardised = (stars - trained_on.mean()) / trained_on.std(correction=0)
    torch.testing.assert_close(
        scores, (exposure + weight * standardised).float(), rtol=1e-4, atol=1e-4
    )
    rows, items = torch.tensor([3, 1, 3]), torch.tensor([2, 5, 9])
    pairs = Interaction({"user_id": rows, "item_id": items})
    with torch.no_grad():
        torch.testing.assert_close(model.predict(pairs), stars[rows, items].clamp(1, 5))
        with model.unclipped():
            torch.testing.assert_close(model.predict(pairs), scores[rows, items])


def test_equal_ratings_have_no_deviation_to_divide_by():
    score = RankingScore.of(True, 2.0, torch.full((4,), 3.0))
    assert score.score(lambda: torch.ones(1), lambda: torch.tensor([4.0])).item() == 3


@pytest.mark.parametrize("orientation", ["user", "item"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("by_cells", [False, True])
def test_a_model_learns_what_users_have(loss, orientation, by_cells, tmp_path, monkeypatch):
    """Two groups of users, each with most of its own items; the stars say nothing."""
    monkeypatch.setattr(adapter, "_CELL_COST", 0 if by_cells else 10**6)
    random = np.random.default_rng(0)
    pairs = [
        (u, i) for u in range(24) for i in range(16) if u % 2 == i % 2 and random.random() < 0.7
    ]
    rows = [(f"u{u}", f"i{i}", random.integers(1, 6), n) for n, (u, i) in enumerate(pairs)]
    runs.write_inter(tmp_path / "dataset", "made", rows)
    run = small(
        orientation=orientation,
        exposure_weight=1.0,
        exposure_loss=loss,
        exposure_samples=0 if loss == "multinomial" else 5,
        train_batch_size=1000,
        learning_rate=0.05,
        input_dropout_prob=0.5,
        dropout_prob=0.0,
        reg_weight=0.03,
        epochs=60,
        eval_step=0,
    )
    run.fit()
    ids = [run.dataset.token2id("user_id", f"u{u}") for u in range(24)]
    columns = [run.dataset.token2id("item_id", f"i{i}") for i in range(16)]
    with torch.no_grad():
        scores = run.model.eval().full_sort_predict(Interaction({"user_id": torch.tensor(ids)}))
    scores = scores.view(24, -1)[:, columns]
    own = (torch.arange(24)[:, None] % 2) == (torch.arange(16) % 2)
    right = [
        (row[mine][:, None] > row[~mine]).float() for row, mine in zip(scores, own, strict=True)
    ]
    assert torch.stack(right).mean() > 0.85  # 0.5 by chance


# --- a new person ---------------------------------------------------------------------------


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_by_users_a_row_of_training_gets_its_scores(settings, ratings):
    run = small(orientation="user", **EXPOSED, **settings)
    run.fit()
    model = run.model.eval()
    start, end = model.ratings.starts[4:6]
    items, stars = model.ratings.columns[start:end], model.ratings.values[start:end]
    with torch.no_grad():
        expected = model.full_sort_predict(Interaction({"user_id": torch.tensor([4])}))
    torch.testing.assert_close(model.fold_in(items, stars), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_by_items_the_new_column_is_the_minimum(loss, ratings):
    """No step away from it makes the column's part of the loss smaller."""
    run = small(orientation="item", exposure_loss=loss, reg_weight=0.02, **EXPOSED)
    run.fit()
    model = run.model.eval()
    items = torch.tensor([2, 5, 11, 17])
    with torch.no_grad():
        hidden = model.hidden().double()
    scores = model.fold_in(items, torch.tensor([5.0, 1, 4, 4])).double()
    design = torch.cat([hidden, torch.ones(len(hidden), 1)], 1).double()
    column = torch.linalg.lstsq(design, scores[:, None]).solution[:, 0].numpy()
    design, chosen = design.numpy(), items.numpy()

    def part(column):
        s = (design @ column)[1:]
        error = np.logaddexp(0, s).sum() - s[chosen - 1].sum()
        if loss == "multinomial":
            error = len(chosen) * np.log(np.exp(s).sum()) - s[chosen - 1].sum()
        return 0.5 * error + len(s) * 0.02 / 2 * np.square(column[:-1]).sum()

    (gradient,) = central_differences(lambda at: part(at[0]), [column])
    np.testing.assert_allclose(gradient, 0, atol=2e-3)
    assert scores[items].min() > np.median(scores[1:])


def test_by_items_both_heads_say_what_a_person_is_recommended(ratings):
    alone = small(orientation="item", **EXPOSED)
    alone.fit()
    both = small(orientation="item", **EXPOSED, ranking_rating_weight=0.5)
    both.model.load_state_dict(alone.model.state_dict())
    rated = small(orientation="item", dropout_prob=0.0)
    weights = {k: v for k, v in alone.model.state_dict().items() if "exposure" not in k}
    rated.model.load_state_dict(weights)
    given = torch.tensor([2, 5, 11]), torch.tensor([5.0, 1, 4])
    exposure, mixed, stars = (run.model.eval().fold_in(*given) for run in (alone, both, rated))
    values = alone.model.ratings.values
    expected = exposure + 0.5 * (stars - values.mean()) / values.std(correction=0)
    torch.testing.assert_close(mixed, expected, rtol=1e-4, atol=1e-4)


# --- one model, both tables -----------------------------------------------------------------

BOTH = {**runs.RANKING, **EXPOSED, "valid_rmse_weight": 2.0}


@pytest.mark.parametrize("eval_batch_size", [7, 4096])
def test_training_stops_by_both_validation_metrics(eval_batch_size, ratings):
    run = small(**BOTH, metric_decimal_place=4, eval_batch_size=eval_batch_size, epochs=3)
    seen = []
    score, metrics = run.fit(watch=lambda epoch, value: seen.append(value))
    assert score == max(seen) == pytest.approx(metrics["ndcg@10"] - 2 * metrics["rmse"])
    run.trainer.evaluate(run.valid)  # loads the best epoch
    alone = protocols.RATING.applied_to(run.config)
    _, (_, valid, _) = single_run.load(alone)
    rated = type(run.trainer)(alone, run.model).evaluate(valid, load_best_model=False)
    assert rated["rmse"] == metrics["rmse"]
    assert rated["mae"] == metrics["mae"]


def test_both_metrics_need_a_ranking(ratings):
    with pytest.raises(SettingError, match=r"valid_rmse_weight: is taken .* found valid_metric: R"):
        small(valid_rmse_weight=1.0).fit()
    run = small(**BOTH)
    run.fit()
    rating = protocols.RATING.applied_to(run.config)  # a trained model is evaluated by either
    assert type(run.trainer)(rating, run.model) is not None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exposure_weight": 1.0, "refeeding": 1}, "refeeding: in what is fed back every cell"),
        ({"exposure_weight": 1.0, "global_kernel_size": 3}, "global_kernel_size: the kernel is"),
        ({"exposure_samples": 5}, "exposure_samples: a softmax is over all items"),
        ({"ranking_rating_weight": 1.0}, "ranking_rating_weight: without an exposure head"),
        ({"exposure_loss": "bce"}, "exposure_loss: expected one of multinomial, logistic"),
        ({"exposure_weight": -1.0}, "exposure_weight: expected a number at least 0"),
    ],
)
def test_settings_that_exclude_each_other(settings, message, ratings):
    with pytest.raises(SettingError, match=message):
        small(**settings)


def test_a_checkpoint_of_an_earlier_release_has_no_such_head(ratings):
    """Whose settings have no word of it."""
    run = small()
    run.fit()
    record = checkpoint.load(run.trainer.saved_model_file)
    for key in [key for key in record["config"] if "exposure" in key or "rmse" in key]:
        del record["config"][key]
    del record["config"]["ranking_rating_weight"]
    torch.save(record, "earlier.pth")
    model = trained_model.load("earlier.pth").model
    assert model.exposure is None

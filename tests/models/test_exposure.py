"""AutoRec's second head: its error, what it leaves alone, and what items are ranked by."""

from itertools import product

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
from recbole_ext.models.autorec.exposure import Exposure, Factors
from recbole_ext.trainer import checkpoint, single_run
from tests import runs
from tests.gradients import central_differences

LOSSES = ["multinomial", "logistic"]
HEADS = [(loss, orientation) for loss in LOSSES for orientation in ("user", "item")]
HEAD = ["layer.bias", "layer.weight", "tower.e", "tower.m", "tower.y"]
EXPOSED = {"exposure_weight": 0.5, "dropout_prob": 0.0}


def small(**settings):
    return runs.prepare("AutoRec", **{**runs.SMALL["AutoRec"], **settings})


def all_rows(model):
    return torch.arange(model.ratings.n_rows)


def observed_cells(observed):
    """The cells of a batch in which there is a rating."""
    return Cells.of_mask(torch.as_tensor(observed, dtype=torch.bool))


def test_cells_of_a_mask():
    """Also of a row without any."""
    cells = observed_cells([[0, 1, 1], [0, 0, 0], [1, 0, 0]])
    assert [part.tolist() for part in cells] == [[0, 2, 2], [0, 0, 2], [1, 2, 0], [1, 1, 1]]


def factors(rows, weight, bias):
    """Of one hidden unit: scores ``weight * row + bias``."""
    rows, weight, bias = (torch.as_tensor(x, dtype=torch.float64) for x in (rows, weight, bias))
    return Factors(rows[:, None], weight[:, None], bias)


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
    scores = factors([0, LOG3], weight, bias)
    error = Exposure(loss, by_user).error(scores, observed_cells(OBSERVED))
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


@pytest.mark.parametrize("by_cells", [False, True])
@pytest.mark.parametrize(("loss", "orientation"), HEADS)
def test_the_loss_equals_a_plain_loop_with_gradients(
    loss, orientation, by_cells, ratings, monkeypatch
):
    """Of both heads and the tower, by central differences in float64."""
    monkeypatch.setattr(adapter, "_CELL_COST", 0 if by_cells else 10**6)
    options = {**EXPOSED, "exposure_loss": loss, "exposure_hidden_size": 2, "mlp_hidden_size": [3]}
    more = {"orientation": orientation, "reg_weight": 0.2, "exposure_reg_weight": 0.3}
    model = small(**options, **more).model.double().train()
    matrix = model.ratings._replace(values=model.ratings.values.double())
    model.batches = model.batches._replace(ratings=matrix)
    by_user = orientation == "user"
    ids = torch.tensor([5, 2, 9])
    stars, observed = (x.numpy() for x in model.ratings.dense(ids))
    whole = model.ratings.dense(all_rows(model))[1].numpy()
    of_user = whole if by_user else whole.T  # [users, items]
    names = [name.removeprefix("net.") for name, _ in model.named_parameters()]
    start = [parameter.detach().numpy().copy() for parameter in model.parameters()]

    def loop(values):
        at = dict(zip(names, values, strict=True))
        code = stars @ at["hidden_layers.0.weight"].T + at["hidden_layers.0.bias"]
        code = 1 / (1 + np.exp(-code))
        rebuilt = code @ at["last_layer.weight"].T + at["last_layer.bias"]
        error = np.square((rebuilt - stars)[observed]).sum() / 3
        head = {name: at[f"exposure_head.{name}"] for name in HEAD}
        lengths = np.sqrt(np.maximum(of_user.sum(1, keepdims=True), 1))
        t = np.tanh(of_user / lengths @ head["tower.y"] + head["tower.m"])
        of_tower = t @ head["tower.e"].T  # [users, items]
        scores = code @ head["layer.weight"].T + head["layer.bias"]
        scores = scores + (of_tower if by_user else of_tower.T)[ids.numpy()]
        squares = [
            np.square(at[f"{name}.weight"]).sum() for name in ("hidden_layers.0", "last_layer")
        ]
        own = [np.square(head[name]).sum() for name in ("layer.weight", "tower.y", "tower.e")]
        of_head = by_loop(scores, observed, loss, by_user) + 0.15 * sum(own)
        return error + 0.1 * sum(squares) + 0.5 * of_head

    loss_of_model = model.calculate_loss({model.row_field: ids})
    assert loss_of_model.item() == pytest.approx(loop(start), abs=1e-7)
    loss_of_model.backward()
    gradients = central_differences(loop, start)
    for name, parameter, expected in zip(names, model.parameters(), gradients, strict=True):
        np.testing.assert_allclose(parameter.grad, expected, atol=1e-6, err_msg=name)


@given(st.integers(0, 2**12 - 1), st.floats(-20, 20))
def test_a_multinomial_does_not_know_what_all_items_of_a_user_share(bits, shift):
    """And a score of 0 everywhere costs the log of the number of items for each observed one."""
    observed = torch.tensor([bits >> n & 1 for n in range(12)]).bool().view(3, 4)
    observed = torch.nn.functional.pad(observed, (1, 0))
    for by_user, n_items in ((True, 4), (False, 3)):
        scores = factors([0.0] * 3, [0.0] * 5, [shift] * 5)
        error = Exposure("multinomial", by_user).error(scores, observed_cells(observed))
        expected = int(observed.sum()) * np.log(n_items) / 3
        assert error.item() == pytest.approx(expected, abs=1e-9)


def test_the_drawn_error_is_that_of_all_cells_in_the_mean(monkeypatch):
    """Over every draw of two of the three columns."""
    scores, observed = factors([0.4, -1], [1, 0.5, -1, 2], [0, 0.3, 0.1, -0.4]), OBSERVED
    errors = []
    for drawn in product((1, 2, 3), repeat=2):
        monkeypatch.setattr(torch, "randint", lambda *_, drawn=drawn, **__: torch.tensor(drawn))
        error = Exposure("logistic", True, 2).error(scores, observed_cells(observed))
        errors.append(error.item())
    exact = Exposure("logistic", True).error(scores, observed_cells(observed)).item()
    assert np.mean(errors) == pytest.approx(exact)
    assert np.std(errors) > 0.1


def test_all_columns_but_the_padding_are_drawn():
    torch.manual_seed(0)
    observed = observed_cells([[0, 0, 0, 0], [0, 0, 0, 0]])
    never = Exposure("logistic", True, 300).error(factors([0, 0], [0] * 4, [99, 0, 0, 0]), observed)
    assert never.item() == pytest.approx(3 * np.log(2))
    for column in (1, 2, 3):
        bias = [99.0 * (c == column) for c in range(4)]
        error = Exposure("logistic", True, 300).error(factors([0, 0], [0] * 4, bias), observed)
        assert error.item() == pytest.approx(99 + 2 * np.log(2), rel=0.3)


# --- the model ------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"svdpp_scale": 1.0}, {"loss_type": "CE"}], ids=str)
def test_the_rating_head_starts_with_the_same_weights(settings, ratings):
    plain = small(**settings).model
    exposed = small(**settings, **EXPOSED, exposure_hidden_size=4).model
    own = exposed.state_dict()
    for name, weight in plain.state_dict().items():
        assert torch.equal(own.pop(name), weight)
    assert sorted(own) == [f"net.exposure_head.{name}" for name in HEAD]


def test_without_a_weight_there_is_no_head_and_nothing_is_drawn_for_it(ratings):
    model = small(exposure_weight=0.0, dropout_prob=0.0, exposure_loss="logistic").model.train()
    before = torch.random.get_rng_state()
    batch = model.dense.batch(torch.tensor([3, 4]), "none", 0.0)
    expected = batch.error(model.net, model.net.outputs(model.net.encode(batch.inputs)))
    loss = model.calculate_loss({"item_id": torch.tensor([3, 4])})
    assert torch.equal(loss, expected + 0.05 * model.net.penalty())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert model.net.exposure_head is None


VARIANTS = [
    {},
    {"ranking_rating_weight": 0.7, "exposure_hidden_size": 5},
    {"ranking_rating_weight": 0.7, "centring": "bias", "unseen_rating": 3.0},
    {"ranking_rating_weight": 0.7, "loss_type": "CE"},
    {"exposure_loss": "logistic", "mask_input_scale": 2.0, "ema_decay": 0.5},
    {"svdpp_scale": 2.0, "mlp_hidden_size": [6, 4]},
    {"tied": True, "kernel_dim": 2, "exposure_hidden_size": 5},
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
        head = model.predictor.exposure_head
        exposure = model.hidden() @ head.layer.matrix().T + head.layer.bias
        stars = model.scale.restore(
            model.predictor.decode(model.hidden()),
            all_rows(model)[:, None],
            torch.arange(model.ratings.n_columns),
        )
        if orientation == "item":
            exposure, stars = exposure.T, stars.T
        if head.tower is not None:
            exposure = exposure + head.tower(model.ranker.baskets.cells(users)) @ head.tower.e.T
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
        with model.for_ranking():
            torch.testing.assert_close(model.predict(pairs), scores[rows, items])


def test_equal_ratings_have_no_deviation_to_divide_by(tmp_path):
    rows = [(f"u{u}", f"i{(u + n) % 9}", 3, n) for u in range(12) for n in range(5)]
    runs.write_inter(tmp_path / "dataset", "made", rows)
    model = small(**EXPOSED, ranking_rating_weight=2.0).model.eval()
    with torch.no_grad():
        assert model.full_sort_predict(Interaction({"user_id": torch.tensor([1])})).isfinite().all()


@pytest.mark.parametrize(
    ("loss", "orientation", "by_cells"),
    [
        ("multinomial", "user", False),
        ("multinomial", "item", True),
        ("logistic", "user", True),
        ("logistic", "item", False),
    ],
)
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
        exposure_hidden_size=4,
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


@pytest.mark.parametrize("has_tower", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_by_items_the_new_column_is_the_minimum(loss, has_tower, ratings):
    """No step away from it makes the column's part of the loss smaller."""
    more = {"exposure_reg_weight": 0.02, "exposure_hidden_size": 4 * has_tower}
    run = small(orientation="item", exposure_loss=loss, **EXPOSED, **more)
    run.fit()
    model = run.model.eval()
    items = torch.tensor([2, 5, 11, 17])
    scores = model.fold_in(items, torch.tensor([5.0, 1, 4, 4])).double()
    added = torch.zeros(len(scores), dtype=torch.float64)
    with torch.no_grad():
        hidden = model.hidden().double()
        if has_tower:
            tower = model.predictor.exposure_head.tower
            code = torch.tanh(tower.y[items].sum(0) / 2 + tower.m)  # of 4 items
            added = (tower.e @ code).double()
    scores = scores - added
    design = torch.cat([hidden, torch.ones(len(hidden), 1)], 1).double()
    column = torch.linalg.lstsq(design, scores[:, None]).solution[:, 0].numpy()
    design, chosen = design.numpy(), items.numpy()

    def part(column):
        s = (design @ column + added.numpy())[1:]
        error = np.logaddexp(0, s).sum() - s[chosen - 1].sum()
        if loss == "multinomial":
            error = len(chosen) * np.log(np.exp(s).sum()) - s[chosen - 1].sum()
        return error + len(s) * 0.02 / 2 * np.square(column[:-1]).sum()

    (gradient,) = central_differences(lambda at: part(at[0]), [column])
    np.testing.assert_allclose(gradient, 0, atol=2e-3)
    scores = scores + added
    assert scores[items].mean() > scores[1:].mean()


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
    tested = run.trainer.evaluate(run.test)  # by the best epoch
    for name in ("rating", "ranking"):
        config = protocols.OF_TRAINED_MODELS[name].applied_to(run.config)
        trainer, (_, valid, test) = single_run.evaluator(config, run.model)
        for part, shown in ((valid, metrics), (test, tested)):
            alone = trainer.evaluate(part, load_best_model=False)
            assert ("rmse" in alone, "ndcg@10" in alone) == (name == "rating", name == "ranking")
            both = alone.keys() & shown.keys()
            assert len(both) == 2
            assert {key: shown[key] for key in both} == {key: alone[key] for key in both}


def test_both_metrics_need_a_ranking(ratings):
    with pytest.raises(SettingError, match=r"valid_rmse_weight: is for .* found\s+valid_metric: R"):
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
        ({"exposure_hidden_size": 4}, "exposure_hidden_size: without an exposure head"),
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
    assert model.net.exposure_head is None

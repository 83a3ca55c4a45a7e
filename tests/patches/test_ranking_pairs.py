"""Scores of pairs from parts of users and of items: the recommended items are RecBole's."""

import copy
import random

import numpy as np
import pytest
import torch

from recbole_ext.patches.functions import near_ties
from recbole_ext.patches.functions.pairs import scores
from recbole_ext.patches.functions.pairs.rows import Pairs, Product, Rows, SharedRowsError
from tests import runs
from tests.patches.rankings import ranked
from tests.patches.switch import switched_off

USERS, ITEMS = 3, 5


def of(kind, *shape, seed=0):
    """Rows of users, of items or of pairs, and the same as an ordinary tensor."""
    sides = {"users": (USERS, 1), "items": (1, ITEMS), "pairs": (USERS, ITEMS)}[kind]
    random = torch.Generator().manual_seed(seed + len(kind))
    rows = Rows([torch.randn(*sides, *shape, generator=random)], Pairs(USERS, ITEMS))
    return rows, rows.plain()


def side_by_side(dim, *shapes):
    """Rows of users, items and users beside each other."""
    parts = [of(kind, *s, seed=n) for n, (kind, s) in enumerate(shapes)]
    return torch.cat([x for x, _ in parts], dim), torch.cat([x for _, x in parts], dim)


def plain(x):
    return x.plain() if isinstance(x, Rows) else x


WIDE = (("users", (4,)), ("items", (3,)), ("users", (2,)))
DEEP = (("users", (2, 6)), ("items", (1, 6)), ("users", (3, 6)))
LAYER = torch.nn.Linear(9, 7)
CONV, NORM = torch.nn.Conv1d(6, 4, 2), torch.nn.BatchNorm1d(9).eval()
NORM.running_mean.normal_()
OFFSETS = torch.arange(9.0)
WORK = [
    (WIDE, LAYER),
    (WIDE, lambda x: x @ LAYER.weight.T),
    (WIDE, lambda x: torch.relu(x) ** 2 - 1),
    (WIDE, lambda x: x + OFFSETS),
    (WIDE, lambda x: x * torch.arange(15.0)[:, None]),
    (WIDE, lambda x: x.sum(1)),
    (WIDE, lambda x: x.sum(0)),
    (WIDE, lambda x: x.sum()),
    (WIDE, lambda x: x.softmax(1)),
    (WIDE, lambda x: x.softmax(0)),
    (WIDE, lambda x: x.T),
    (WIDE, lambda x: x.mean(1, keepdim=True) / (1 + x.abs())),
    (WIDE, lambda x: x[:, 2:8].unsqueeze(2).expand(-1, -1, 4)),
    (WIDE, lambda x: x[3:7]),
    (WIDE, lambda x: x[x > 0]),
    (WIDE, lambda x: torch.where(x > 0, x, 2 * x)),
    (WIDE, NORM),
    (WIDE, lambda x: torch.nn.functional.batch_norm(x, None, None, training=True)),
    (WIDE, lambda x: x.sum(1) + x[:5, :1] * torch.ones(15)),
    (DEEP, lambda x: x.view(15, -1)),
    (DEEP, lambda x: x.view(-1, 9)),
    (DEEP, lambda x: x.sum(dim=1) ** 2 - (x**2).sum(dim=1)),
    (DEEP, lambda x: x.sum(dim=2)),
    (DEEP, lambda x: x.permute(0, 2, 1)),
    (DEEP, lambda x: x.permute(1, 0, 2)),
    (DEEP, lambda x: x.transpose(1, 2)),
    (DEEP, lambda x: x.transpose(0, 1)),
    (DEEP, lambda x: torch.bmm(x, x.transpose(1, 2))),
    (DEEP, lambda x: CONV(x.permute(0, 2, 1))),
    (DEEP, lambda x: torch.nn.functional.max_pool1d(x, 3)),
    (DEEP, lambda x: torch.cat([x, x], 2)),
    (DEEP, lambda x: torch.cat([x, x], 0)),
    (DEEP, lambda x: x.flatten(1) @ torch.ones(36, 1)),
]


@pytest.mark.parametrize("number", range(len(WORK)))
@torch.no_grad()
def test_operations_have_torchs_values(number):
    shapes, work = WORK[number]
    rows, expected = side_by_side(1, *shapes)
    assert len(rows.parts) == 3
    assert torch.equal(rows.plain(), expected)
    ours, theirs = plain(work(rows)), work(expected)
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs)


@torch.no_grad()
def test_products_of_users_and_items_are_not_multiplied_out():
    (p, plain_p), (q, plain_q) = of("users", 6), of("items", 6)
    for product, expected in ((p * q, plain_p * plain_q), (q * p, plain_q * plain_p)):
        assert isinstance(product.parts[0], Product)
        for work in (torch.relu, lambda x: x.sum(1), lambda x: x.sum(1, keepdim=True)):
            torch.testing.assert_close(plain(work(product)), work(expected))
        both, plain_both = torch.cat([product, p], 1), torch.cat([expected, plain_p], 1)
        for width in (1, 4):
            for layer in (torch.nn.Linear(12, width), torch.nn.Linear(12, width, bias=False)):
                torch.testing.assert_close(plain(layer(both)), layer(plain_both))
            alone = torch.nn.Linear(6, width)
            torch.testing.assert_close(plain(alone(product)), alone(expected))
    assert not isinstance((p * p).parts[0], Product)


@torch.no_grad()
def test_what_is_of_users_or_items_alone_is_computed_once_for_each():
    rows, _ = side_by_side(1, *WIDE)
    sizes = []
    table = torch.nn.Embedding(4, 8)
    ids = Rows([torch.tensor([[0], [3], [1]])], Pairs(USERS, ITEMS))
    for x in (torch.relu(rows), table(ids), torch.arange(8.0)[ids], rows.sum(1, keepdim=True)):
        sizes.append([tuple(part.shape[:2]) for part in x.parts])
    sides = [(USERS, 1), (1, ITEMS), (USERS, 1)]
    assert sizes == [sides, [(USERS, 1)], [(USERS, 1)], [(USERS, ITEMS)]]
    torch.testing.assert_close(table(ids).plain(), table(ids.plain()))


def test_rows_are_not_written_to():
    rows, _ = of("users", 4)
    before = rows.plain().clone()
    with pytest.raises(SharedRowsError, match="add_"):
        rows.add_(1)
    assert torch.equal(rows.plain(), before)


# --- rankings -------------------------------------------------------------------------------

CONTEXT = {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}
SETTINGS = {
    "NeuMF": {"mlp_hidden_size": [16, 8]},
    "NNCF": {"neigh_num": 8, "conv_kernel_size": 2, "pool_kernel_size": 2, "mlp_hidden_size": [8]},
    "FM": CONTEXT,
    "DeepFM": {"mlp_hidden_size": [8], **CONTEXT},
}


def prepare(model):
    run = runs.prepare(model, eval_batch_size=42, **SETTINGS.get(model, {}), **runs.RANKING)
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in run.model.parameters():
            weights.normal_(0, 0.5)
    return run


@pytest.mark.parametrize("model", SETTINGS)
def test_recommended_items_are_recboles(ratings, model, monkeypatch):
    monkeypatch.setattr(near_ties, "MOST", 1.0)
    run = prepare(model)
    ours, metrics, sizes = ranked(run, "predict")
    assert max(sizes) > 42
    with switched_off("ranking-pairs"):
        theirs, their_metrics, their_sizes = ranked(run, "predict")
    assert max(their_sizes) == 42
    assert metrics == their_metrics
    assert torch.equal(ours.topk(10)[1], theirs.topk(10)[1])
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.equal(ours.isinf(), theirs.isinf())


def test_neighbours_within_the_error_are_scored_as_recbole_scores_them(ratings, monkeypatch):
    """Our scores are wrong by up to 1e-6: items that are as close are in RecBole's order."""
    monkeypatch.setattr(near_ties, "MOST", 1.0)
    run = prepare("NeuMF")
    torch.manual_seed(3)
    with torch.no_grad():
        run.model.predict_layer.weight.mul_(1e-5)  # all scores are close together
    of_pairs = scores.PairRanking._of_pairs

    def inexact(self, rows):
        largest, values = of_pairs(self, rows)
        return largest, values + (torch.rand_like(values) - 0.5) * 2e-6

    monkeypatch.setattr(scores.PairRanking, "_of_pairs", inexact)
    monkeypatch.setattr(near_ties.State, "is_left", lambda _: False)  # it draws
    ours = ranked(run, "predict")[0]
    with switched_off("ranking-pairs"):
        theirs = ranked(run, "predict")[0]
    assert torch.equal(ours.topk(11)[1], theirs.topk(11)[1])


@pytest.mark.parametrize("fault", ["other values", "draws", "writes", "raises", "close"])
def test_a_model_that_rows_do_not_fit_is_scored_recboles_way(ratings, monkeypatch, fault):
    run = prepare("NeuMF")
    forward = run.model.forward

    def own(user, item):
        result = forward(user, item)
        if isinstance(user, Rows):
            if fault == "other values":
                return result * 1.01
            if fault == "raises":
                raise ValueError
        if fault == "draws":
            return result + 0 * torch.rand(1)
        return result.add_(1) if fault == "writes" else result

    run.model.forward = own
    if fault == "close":
        monkeypatch.setattr(near_ties, "MOST", -1.0)
    state = torch.get_rng_state()
    ours, metrics, _ = ranked(run, "predict")
    after, _ = torch.get_rng_state(), torch.set_rng_state(state)
    with switched_off("ranking-pairs"):
        theirs, their_metrics, _ = ranked(run, "predict")
    assert torch.equal(ours, theirs)
    assert metrics == their_metrics
    assert torch.equal(after, torch.get_rng_state())


def test_an_own_subclass_is_scored_by_its_own_code(ratings, monkeypatch):
    monkeypatch.setattr(near_ties, "MOST", 1.0)
    run = prepare("NeuMF")

    class Own(type(run.model)):
        def forward(self, user, item):
            return super().forward(user, item) * torch.cos(item.float()) - user

    run.model.__class__ = Own
    ours = ranked(run, "predict")[0]
    with switched_off("ranking-pairs"):
        theirs = ranked(run, "predict")[0]
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.equal(ours.topk(10)[1], theirs.topk(10)[1])


def test_what_rows_are_not_for_is_scored_recboles_way(ratings):
    def sizes(run, n_users, *, history):
        calls, predict = [], run.model.predict
        run.model.predict = lambda x: (calls.append(len(x)), predict(x))[1]
        users, *rest = next(iter(run.valid))
        kept = users[:n_users]
        none = torch.zeros(0, dtype=torch.int64)
        with torch.no_grad():
            run.trainer._full_sort_batch_eval((kept, (none, none) if history else None, *rest[1:]))
        del run.model.predict
        return calls

    run = prepare("NeuMF")
    run.trainer.evaluate(run.valid, load_best_model=False)
    assert max(sizes(run, 30, history=True)) > 42
    assert sizes(run, 30, history=False) == [42] * 15
    assert sizes(run, 2, history=True) == [42]
    setattr(run.trainer.eval_collector.register, "rec.meanrank", True)
    assert sizes(run, 30, history=True) == [42] * 15


# --- a small model --------------------------------------------------------------------------

N_USERS, STEP, N_BEST = 40, 1, 3


class Small(torch.nn.Module):
    """Scores 0, 1, 2, 3, 4 of the items of each user, in an order of the user's own."""

    def __init__(self, fault=None, dtype=torch.float32):
        super().__init__()
        self.fault, self.dtype, self.calls, self.last = fault, dtype, 0, None
        self.register_buffer("count", torch.zeros(1))

    def predict(self, pairs):
        user, item = pairs["user"], pairs["item"]
        scores = ((user + 2 * item) % 5).to(self.dtype)
        return (
            self.fault(self, scores, user, item, isinstance(user, Rows)) if self.fault else scores
        )


def ranked_by(model, n_users=N_USERS, step=STEP):
    """Our scores of all users and RecBole's."""
    from recbole.data.interaction import Interaction

    users = Interaction({"user": torch.arange(n_users)})
    items = Interaction({"item": torch.arange(5)})
    history = torch.tensor([0, 17]), torch.tensor([2, 1])

    def theirs(some):
        pairs = some.repeat_interleave(5)
        pairs.update(items.repeat(len(some)))
        values = model.predict(pairs).view(-1, 5)
        values[:, 0] = -torch.inf
        return values

    ours = scores.PairRanking(model, users, history, N_BEST, step, theirs, items).scores()
    all_of = torch.cat([theirs(users[start : start + step]) for start in range(0, n_users, step)])
    all_of[history] = -torch.inf
    return ours, all_of


def off_and_reversed(model, values, user, item, of_rows):
    """By more than rounding for the first user, where no order changes; for another, one does."""
    return torch.where(user == 37, -values, values + 0.01 * (user == 0)) if of_rows else values


def later_users(model, values, user, item, of_rows):
    return torch.where(user >= 32, -values, values) if of_rows else values


def no_number(model, values, user, item, of_rows):
    return torch.where((user == 20) & (item == 2), torch.nan, values)


def infinite(model, values, user, item, of_rows):
    return torch.where((user == 20) & (item > 2), torch.inf, values)


def minus_infinite(model, values, user, item, of_rows):
    return torch.where((user == 20) & (item > 2), -torch.inf, values)


def other_type(model, values, user, item, of_rows):
    return values.double() if of_rows else values


def counts_calls(model, values, user, item, of_rows):
    model.calls += 1
    return values


def counts_in_a_buffer(model, values, user, item, of_rows):
    model.count += 1
    return values


def has_another_buffer(model, values, user, item, of_rows):
    model.count = model.count + 1
    return values


def keeps(model, values, user, item, of_rows):
    model.last = user
    return values


def keeps_more(model, values, user, item, of_rows):
    model.another = user
    return values


def draws_of_python(model, values, user, item, of_rows):
    random.random()
    return values


def draws_of_numpy(model, values, user, item, of_rows):
    np.random.random(312)  # its state's place is the same then
    return values


def draws_of_torch(model, values, user, item, of_rows):
    torch.rand(1)
    return values


UNFIT = [
    *(off_and_reversed, later_users, no_number, infinite, minus_infinite, other_type),
    *(counts_calls, counts_in_a_buffer, has_another_buffer, keeps, keeps_more),
    *(draws_of_python, draws_of_numpy, draws_of_torch),
]


def state_of(model):
    drawn = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2:]
    buffer = float(model.count)
    return drawn, torch.get_rng_state().tolist(), model.calls, buffer, model.last, dir(model)


@pytest.mark.parametrize("fault", UNFIT)
def test_a_small_model_that_rows_do_not_fit_is_left_as_it_was(fault, monkeypatch):
    model = Small(fault)
    np.random.random(), torch.rand(1)
    before, after = state_of(model), []
    of_ranking = scores.PairRanking.scores
    monkeypatch.setattr(
        scores.PairRanking, "scores", lambda x: (of_ranking(x), after.append(state_of(model)))[0]
    )
    assert ranked_by(model)[0] is None
    assert after == [before]


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("n_users", [2, 4, 40, 100])
def test_a_small_models_scores_are_recboles(n_users, dtype, step):
    ours, theirs = ranked_by(Small(dtype=dtype), max(n_users, 18), step)
    assert torch.equal(ours, theirs)
    assert ours.dtype == dtype


def test_errors_are_larger_where_scores_are_larger():
    """A millionth of 10,000 may exchange items that are 0.004 apart; of 4, it may not."""

    def inexact(model, values, user, item, of_rows):
        values = torch.where(user == 20, 10_000 + values / 250, values)
        return values * (1 + 1e-6 * (item % 2 * 2 - 1)) if of_rows else values

    ours, theirs = ranked_by(Small(inexact))
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[20], theirs[20])
    assert not torch.equal(ours[21], theirs[21])
    assert torch.equal(ours.topk(N_BEST)[1], theirs.topk(N_BEST)[1])


def test_errors_of_later_users_count():
    """RecBole's scores of user 32 show that 0.0001 apart is too close; user 0's do not."""

    def inexact(model, values, user, item, of_rows):
        values = torch.where(user == 20, 1 + values / 10_000, values)
        off = 2e-4 * ((user == 32) & (item == 1)) + 6e-5 * (user == 20) * (item % 2 * 2 - 1)
        return values + off if of_rows else values

    ours, theirs = ranked_by(Small(inexact))
    assert torch.equal(ours[20], theirs[20])


def test_a_ranking_that_is_not_worth_it_is_given_up_after_few_users(monkeypatch):
    sizes, of_pairs = [], scores.PairRanking._of_pairs
    monkeypatch.setattr(
        scores.PairRanking,
        "_of_pairs",
        lambda self, rows: (sizes.append(rows.stop - rows.start), of_pairs(self, rows))[1],
    )
    ours, _ = ranked_by(Small(lambda model, values, *_: values * 0), 300)
    assert ours is None
    assert sizes == [1, near_ties.LOOK]
    sizes.clear()
    assert ranked_by(Small(), 300)[0] is not None
    assert sizes[:2] == [1, near_ties.LOOK]
    assert sizes[2] > 300


def test_what_is_not_an_operation_of_torch_sees_every_pair_or_fails():
    rows, expected = side_by_side(1, *WIDE)
    for work in (
        torch.Tensor.tolist,
        torch.Tensor.numpy,
        np.asarray,
        copy.deepcopy,
        lambda x: x.data.sum(),
        lambda x: torch.as_tensor(x).sum(),
        lambda x: x.sum().item(),
    ):
        try:
            value = work(rows)
        except Exception:
            continue
        value = torch.as_tensor(plain(value), dtype=torch.float32)
        torch.testing.assert_close(value, torch.as_tensor(work(expected), dtype=torch.float32))

"""Arrays in the place of RecBole's loops in its models: the same values, bit for bit."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_ext.patches.functions import model_arrays, sparse_products
from recbole_ext.patches.functions.sparse_products import Bags
from tests import runs
from tests.patches.switch import switched_off

# --- the graph of users and items -----------------------------------------------------------

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=40)


@given(PAIRS)
@settings(deadline=None, max_examples=60)
def test_the_graph_has_the_entries_of_recboles_dictionary_in_its_order(pairs):
    users, items = np.array(pairs).T
    interactions = sp.coo_matrix((np.ones(len(users)), (users, items)), shape=(6, 7))
    graph = model_arrays.adjacency(interactions)
    rows = {}
    for user, item in pairs:
        rows.setdefault(user, {}).setdefault(6 + item, 1.0)
        rows.setdefault(6 + item, {}).setdefault(user, 1.0)
    assert graph.shape == (13, 13)
    assert graph.dtype == np.float32
    for row in range(13):
        span = slice(graph.indptr[row], graph.indptr[row + 1])
        assert graph.indices[span].tolist() == list(rows.get(row, {}))
        assert graph.data[span].tolist() == list(rows.get(row, {}).values())


# --- histories ------------------------------------------------------------------------------


@given(PAIRS, st.integers(1, 9), st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_histories_are_filled_in_order_up_to_the_width(pairs, width, seed):
    rows, columns = np.array(pairs).T
    values = np.random.default_rng(seed).random(len(rows)).astype(np.float32)
    lengths = np.bincount(rows, minlength=8)
    matrix, weights, counts = model_arrays.padded_histories(rows, columns, values, lengths, width)
    expected = np.zeros((8, width)), np.zeros((8, width), np.float32), np.zeros(8, int)
    for row, column, value in zip(rows, columns, values, strict=True):
        if (place := expected[2][row]) < width:
            expected[0][row, place], expected[1][row, place] = column, value
            expected[2][row] += 1
    for tensor, array in zip((matrix, weights, counts), expected, strict=True):
        assert tensor.tolist() == array.tolist()
    assert [x.dtype for x in (matrix, weights, counts)] == [
        *(torch.int64, torch.float32, torch.int64)
    ]


@pytest.mark.parametrize("longest", [None, 3])
def test_recboles_histories_are_the_same(ratings, longest):
    def histories():
        torch.manual_seed(3)
        columns = {"inter": ["user_id", "item_id", "rating"]}
        data = runs.prepare("BPR", load_col=columns).train._dataset
        return [
            *data.history_item_matrix("rating", longest),
            *data.history_user_matrix(max_history_len=longest),
        ]

    ours = histories()
    with switched_off("padded-histories"):
        for one, other in zip(ours, histories(), strict=True):
            assert torch.equal(one, other)
            assert one.dtype == other.dtype


# --- products -------------------------------------------------------------------------------


@pytest.fixture
def all_matrices(monkeypatch):
    monkeypatch.setattr(sparse_products, "LEAST", 1)


def matrix(n_rows, n_columns, entries, sort, seed=0):
    random = torch.Generator().manual_seed(seed)
    rows = torch.randint(n_rows, (entries,), generator=random)
    columns = torch.randint(n_columns, (entries,), generator=random)
    order = rows.argsort(stable=True) if sort else slice(None)
    values = torch.randn(entries, generator=random)
    indices = torch.stack([rows, columns])[:, order]
    return torch.sparse_coo_tensor(indices, values, (n_rows, n_columns))


def products(of, multiply, k, times=3):
    """The product and the gradient of each of some embeddings."""
    random = torch.Generator().manual_seed(1)
    values = []
    for _ in range(times):
        dense = torch.randn(of.shape[1], k, generator=random, requires_grad=True)
        weights = torch.randn(of.shape[0], 2, k, generator=random)
        product = multiply(of, dense)
        # as the mean of LightGCN's layers: the gradient is a part of a larger tensor
        (torch.stack([product, product.sin()], 1) * weights).mean(1).sum().backward()
        values += [product.detach(), dense.grad]
    return values


def ours(of, dense):
    return sparse_products.mm(torch.sparse.mm.__wrapped__, None, (of, dense), {})


@pytest.mark.parametrize("k", [1, 5, 64, 100])
@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("shape", [(300, 300), (400, 70)])
def test_products_and_gradients_have_torchs_bits(all_matrices, shape, sort, k):
    of = matrix(*shape, 5000, sort)
    plain = products(of, torch.sparse.mm.__wrapped__, k)
    for one, other in zip(products(of, ours, k), plain, strict=True):
        assert torch.equal(one, other)
    graph = sparse_products._graphs[of]
    assert graph.exact
    assert graph.forward is not None
    assert graph.backward is not None


def test_a_product_by_bags_is_torchs_to_six_decimals(all_matrices):
    """Not compared with itself: the fallback would hide a wrong product."""
    of = matrix(50, 40, 600, sort=False)
    dense = torch.randn(40, 8)
    bags = Bags.of(*of._indices(), of._values(), 50)
    assert torch.allclose(bags.times(dense), of.to_dense() @ dense, atol=1e-6)
    transposed = sparse_products._transposed(bags, of)
    other = torch.randn(50, 8)
    assert torch.allclose(transposed.times(other), of.to_dense().T @ other, atol=1e-6)


def test_a_symmetric_graph_is_kept_once(all_matrices):
    half = matrix(60, 60, 500, sort=False).coalesce()
    whole = (half + half.t()).coalesce()
    products(whole, ours, 4)
    assert sparse_products._graphs[whole].backward is sparse_products._graphs[whole].forward
    products(half, ours, 4)
    assert sparse_products._graphs[half].backward is not sparse_products._graphs[half].forward


@pytest.mark.parametrize("sort", [True, False])  # in order, or copied into it
def test_values_that_change_are_seen(all_matrices, sort):
    of, dense = matrix(60, 60, 500, sort), torch.randn(60, 4)
    for _ in range(3):
        ours(of, dense)
    of._values().mul_(2)
    for _ in range(3):
        assert torch.equal(ours(of, dense), torch.sparse.mm.__wrapped__(of, dense))


def test_where_bits_differ_torchs_product_is_taken(all_matrices, monkeypatch):
    times = Bags.times
    monkeypatch.setattr(Bags, "times", lambda bags, dense: times(bags, dense) * 1.001)
    of = matrix(60, 60, 500, sort=True)
    plain = products(of, torch.sparse.mm.__wrapped__, 4)
    assert all(map(torch.equal, products(of, ours, 4), plain))
    assert not sparse_products._graphs[of].exact


def test_what_no_bag_is_for_is_torchs(all_matrices):
    of, dense = matrix(60, 60, 500, sort=True), torch.randn(60, 4)
    compressed = of.coalesce().to_sparse_csr()
    trained = of.detach().clone().requires_grad_()
    for left, right in (
        (of.double(), dense.double()),
        (compressed, dense),
        (of, dense.T.contiguous().T),
        (of, of),
        (trained, dense),
    ):
        for _ in range(3):
            one, other = ours(left, right), torch.sparse.mm.__wrapped__(left, right)
            assert torch.equal(*(x.to_dense() for x in (one, other)))
        assert left not in sparse_products._graphs
    assert of not in sparse_products._graphs


def test_a_matrix_that_is_gone_is_forgotten(all_matrices):
    of = matrix(60, 60, 500, sort=True)
    before = len(sparse_products._graphs)
    products(of, ours, 4)
    assert len(sparse_products._graphs) == before + 1
    del of
    assert len(sparse_products._graphs) == before


# --- full rankings --------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["BPR", "NeuMF", "NCEPLRec"])
def test_users_are_scored_as_recbole_scores_them(ratings, model):
    """Two users at a time, whose scores are ranked together; the types of scores stay."""

    def scored():
        run = runs.prepare(model, eval_batch_size=42, **runs.RANKING)
        sizes, scores = [], []
        predict = run.model.predict if model == "NeuMF" else run.model.full_sort_predict
        name = predict.__name__
        setattr(run.model, name, lambda part: (sizes.append(len(part)), predict(part))[1])
        collect = run.trainer.eval_collector.eval_batch_collect

        def kept(of, *rest):
            scores.append(of)
            return collect(of, *rest)

        run.trainer.eval_collector.eval_batch_collect = kept
        metrics = run.trainer.evaluate(run.valid, load_best_model=False)
        return sizes, torch.cat(scores), metrics, len(scores)

    with switched_off("ranking-pairs,ranking-blocks"):  # which score many users at a time
        sizes, scores, metrics, batches = scored()
    with switched_off("ranking-loader"):
        their_sizes, their_scores, their_metrics, their_batches = scored()
    assert (batches, their_batches) == (1, 15)
    assert sizes == their_sizes == [42 if model == "NeuMF" else 2] * 15
    assert torch.equal(scores, their_scores)
    assert scores.dtype == their_scores.dtype
    assert metrics == their_metrics


def test_gcmc_is_encoded_once_in_a_ranking_and_again_after_a_step(ratings, monkeypatch):
    run = runs.prepare("GCMC", eval_batch_size=42, **runs.RANKING)
    calls = []
    run.model.GcEncoder.sparse_dropout.register_forward_hook(lambda *_: calls.append(1))

    def ranked():
        calls.clear()
        metrics = run.trainer.evaluate(run.valid, load_best_model=False)
        return len(calls), metrics

    first = ranked()
    assert first[0] == 2  # of the users and of the items
    assert ranked() == (0, first[1])
    run.trainer._train_epoch(run.train, 0)
    second = ranked()
    assert second[0] == 2
    assert second[1] != first[1]
    with switched_off("encoded-once,ranking-blocks"):
        assert ranked() == (30, second[1])
    run.model.load_state_dict({k: v * 1.5 for k, v in run.model.state_dict().items()})
    assert ranked()[0] == 2

"""The mean of LightGCN's layers with less work: every bit of a run stays."""

import contextlib

import pytest
import torch

from recbole_ext.patches.functions import graph_layers, sparse_products
from tests import runs
from tests.patches.switch import switched_off


def trained(model, settings):
    run = runs.prepare(model, **runs.RANKING, train_batch_size=64, **settings)
    run.fit()
    metrics = run.trainer.evaluate(run.test, load_best_model=False)
    states = run.trainer.optimizer.state_dict()["state"].values()
    tensors = [*run.model.state_dict().values(), *(x for state in states for x in state.values())]
    return dict(run.trainer.train_loss_dict), dict(metrics), tensors


def assert_same_without(patch, model, **settings):
    ours = trained(model, {"epochs": 3, **settings})
    with switched_off(patch):
        losses, metrics, tensors = trained(model, {"epochs": 3, **settings})
    assert ours[:2] == (losses, metrics)
    assert len(ours[2]) == len(tensors)
    assert all(map(torch.equal, ours[2], tensors))


def mean_of_layers(mean, n, shape, dtype):
    """The mean, and the gradients of layers of which each is computed from the one before."""
    random = torch.Generator().manual_seed(n)
    first = torch.randn(shape, generator=random).to(dtype).requires_grad_()
    layers = [first]
    for _ in range(n - 1):
        layers.append((layers[-1] * 1.7).sin())
    for layer in layers:
        layer.retain_grad()
    product = mean(layers)
    (product * torch.randn(shape, generator=random).to(dtype)).sum().backward()
    return [product.detach(), *(layer.grad for layer in layers)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2625, 128), (51, 64), (300, 100), (7, 3), (40, 1), (1, 5)])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 9])
def test_the_mean_of_layers_and_its_gradients_have_torchs_bits(n, shape, dtype):
    ours = mean_of_layers(graph_layers.mean, n, shape, dtype)
    torchs = mean_of_layers(lambda layers: torch.stack(layers, 1).mean(1), n, shape, dtype)
    assert all(map(torch.equal, ours, torchs))


def test_the_mean_of_layers_is_that_of_hand():
    layers = [torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 0.0]]), torch.tensor([[1.0, 7.0]])]
    assert graph_layers.mean(layers).tolist() == [[2.0, 3.0]]
    assert [layer.tolist() for layer in layers] == [[[1.0, 2.0]], [[4.0, 0.0]], [[1.0, 7.0]]]


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("more", [{}, {"clip_grad_norm": {"max_norm": 0.01}, "require_pow": True}])
def test_lightgcn_is_trained_to_the_same_bits(layers, more, ratings, monkeypatch):
    monkeypatch.setattr(sparse_products, "LEAST", 1)
    assert_same_without("layer-mean", "LightGCN", n_layers=layers, **more)


@pytest.mark.parametrize("products", [True, False])
def test_lightgcn_without_the_patch_of_products_too(products, ratings, monkeypatch):
    monkeypatch.setattr(sparse_products, "LEAST", 1)
    with contextlib.nullcontext() if products else switched_off("graph-products"):
        assert_same_without("layer-mean", "LightGCN")

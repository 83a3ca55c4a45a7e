"""What every model of the registry must do; a new entry is tested by being there."""

import copy
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from recbole_ext.registry import models
from tests import runs

NAMES = sorted(models.MODELS)
DRAWN = {"distribution": "uniform", "sample_num": 3}
RATED = {"load_col": {"inter": ["user_id", "item_id", "rating"]}}
WEIGHTS = ("weight", "bias")
VARIANTS = [
    ("NCFMLP", {}),
    ("NCFMLP", {"loss_type": "RMSE", "dropout_prob": 0.2}),
    ("NCFMLP", {"loss_type": "softmax", "negatives": "all", "norm": "layer"}),
    ("NCFMLP", {"loss_type": "BPR", "norm": "batch", "train_neg_sample_args": DRAWN}),
    ("NCFMLP", {"loss_type": "CE", "initialisation": "paper", **RATED}),
    ("NCFMLP", {"negatives": "all", "history": "both", "ema_decay": 0.5}),
    ("NCFGMF", {"loss_type": "hinge", "negatives": "all"}),
    ("NCFMLP", {"history": "user", "history_dropout_prob": 0.0, "embedding_dropout_prob": 0.4}),
    ("NCFNeuMF", {"history": "item", "ema_decay": 0.5}),
    ("NCFNeuMF", {"history": "both", "learner": "sparse_adam"}),
    ("NCFGMF", {"loss_type": "hinge", "negatives": "in_batch"}),
    ("NCFGMF", {"loss_type": "softmax", "negatives": "in_batch", "initialisation": "xavier"}),
    ("NCFNeuMF", {"initialisation": "kaiming"}),
    ("NCFNeuMF", {"loss_type": "CE", "negatives": "all", "prediction": "expectation", **RATED}),
    ("AutoRec", {"orientation": "item"}),
    ("AutoRec", {"orientation": "item", "centring": "bias", "unseen_rating": 3.0}),
    ("AutoRec", {"orientation": "user", "corruption": "flip", "corruption_rate": 0.2}),
    ("AutoRec", {"orientation": "user", "hid_activation": "relu", "out_activation": "identity"}),
    ("AutoRec", {"orientation": "item", "mask_input_scale": 2.0, "ema_decay": 0.5}),
    (
        "AutoRec",
        {"orientation": "user", "mlp_hidden_size": [6, 4, 6], "tied": True, "refeeding": 1},
    ),
    ("AutoRec", {"orientation": "user", "svdpp_scale": 2.0, "ema_decay": 0.5, "tied": True}),
    ("AutoRec", {"orientation": "item", "kernel_dim": 2, "global_kernel_size": 3}),
    ("AutoRec", {"orientation": "user", "loss_type": "CE", "kernel_dim": 2}),
    ("AutoRec", {"orientation": "user", "exposure_weight": 0.5, "ranking_rating_weight": 0.5}),
    ("AutoRec", {"exposure_weight": 0.5, "exposure_loss": "logistic", "exposure_samples": 9}),
    ("AutoRec", {"exposure_weight": 0.5, "exposure_hidden_size": 4, "ema_decay": 0.5}),
]

each = pytest.mark.parametrize(("name", "settings"), VARIANTS)


def test_every_model_has_a_variant_here():
    assert {name for name, _ in VARIANTS} == set(NAMES)


def prepare(name, settings, **more):
    # a large step: what starts as N(0, 0.01) would hardly move in two epochs
    return runs.prepare(name, **{**runs.SMALL[name], "learning_rate": 0.1, **settings, **more})


def interaction(run, users, items):
    from recbole.data.interaction import Interaction

    return Interaction({"user_id": torch.as_tensor(users), "item_id": torch.as_tensor(items)})


@each
def test_the_loss_is_finite_and_reaches_every_parameter(name, settings, ratings):
    run = prepare(name, settings)
    loss = run.model.calculate_loss(next(iter(run.train)))
    assert loss.ndim == 0
    assert torch.isfinite(loss)
    loss.backward()
    trained = [(n, p) for n, p in run.model.named_parameters() if p.requires_grad]
    for parameter_name, parameter in trained:
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@each
def test_predict_is_full_sort_predict_gathered(name, settings, ratings):
    run = prepare(name, settings)
    run.fit()
    run.model.eval()
    users = torch.tensor([3, 1, 3, 7])
    items = torch.tensor([2, 5, 9, 0])
    with torch.no_grad():
        everything = run.model.full_sort_predict(interaction(run, users, items))
        with getattr(run.model, "unclipped", nullcontext)():  # AutoRec has ratings, too
            pairs = run.model.predict(interaction(run, users, items))
    assert everything.shape == (4 * run.dataset.item_num,)
    torch.testing.assert_close(everything.view(4, -1)[torch.arange(4), items], pairs)


@each
def test_scores_follow_the_weights(name, settings, ratings):
    """What an evaluation keeps is never stale: after a step, a load, or a write behind it."""
    run = prepare(name, settings)
    run.model.eval()
    pair = interaction(run, [3], [2])
    with torch.no_grad():
        untrained = run.model.full_sort_predict(pair)
        again = run.model.full_sort_predict(pair)
    torch.testing.assert_close(again, untrained)
    before = copy.deepcopy(run.model.state_dict())
    run.fit()
    run.model.eval()
    with torch.no_grad():
        trained = run.model.full_sort_predict(pair)
        assert not torch.allclose(trained, untrained)
        run.model.load_state_dict(before)
        torch.testing.assert_close(run.model.full_sort_predict(pair), untrained)
        for parameter in run.model.parameters():
            parameter.data.add_(0.1)  # torch does not count this write
        run.model.eval()
        assert not torch.allclose(run.model.full_sort_predict(pair), untrained)


@each
def test_the_same_seed_gives_the_same_result(name, settings, ratings):
    losses = []
    for seed in (2020, 2020, 2021):
        run = prepare(name, settings, seed=seed)
        run.fit()
        losses.append(run.trainer.train_loss_dict)
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


@each
def test_the_padding_id_is_harmless(name, settings, ratings):
    run = prepare(name, settings, **runs.RANKING)
    run.fit()
    run.model.eval()
    with torch.no_grad():
        assert torch.isfinite(run.model.predict(interaction(run, [0, 0], [0, 3]))).all()
    result = run.trainer.evaluate(run.test)
    assert 0 <= result["ndcg@10"] <= 1


@each
def test_a_copy_for_counting_operations_works_untrained(name, settings, ratings):
    from logging import getLogger

    from recbole.data.transform import construct_transform
    from recbole.utils import get_flops

    run = prepare(name, settings)
    operations = get_flops(
        run.model, run.dataset, run.config["device"], getLogger(), construct_transform(run.config)
    )
    assert operations >= 0


@pytest.mark.parametrize(
    ("name", "settings", "keys"),
    [
        (
            "NCFNeuMF",
            {"loss_type": "CE", "history": "user", **RATED},
            {
                "levels",
                "net.user_embedding.weight",
                "net.user_embedding.other.weight",
                "net.item_embedding.weight",
                "net.user_gmf_embedding.weight",
                "net.user_gmf_embedding.other.weight",
                "net.item_gmf_embedding.weight",
                *(f"net.mlp_layers.mlp_layers.{n}.{part}" for n in (1, 4) for part in WEIGHTS),
                *(f"net.predict_layer.{part}" for part in WEIGHTS),
            },
        ),
        (
            "AutoRec",
            {"loss_type": "CE", "ema_decay": 0.5, "kernel_dim": 2, "global_kernel_size": 3},
            {
                "averaged.n_averaged",
                *(
                    f"{net}.{key}"
                    for net in ("net", "averaged.module")
                    for key in (
                        "levels",
                        "global_kernel.kernels",
                        "global_kernel.pooled",
                        *(
                            f"{layer}.{part}"
                            for layer in ("hidden_layers.0", "last_layer")
                            for part in (*WEIGHTS, "kernel.u", "kernel.v")
                        ),
                    )
                ),
            },
        ),
        (
            "AutoRec",
            {"svdpp_scale": 2.0},
            {
                *(f"net.hidden_layers.0.{part}" for part in WEIGHTS),
                *(f"net.last_layer.inner.{part}" for part in WEIGHTS),
                "net.last_layer.bias",
                "net.last_layer.y",
            },
        ),
    ],
)
def test_names_in_a_checkpoint_stay(name, settings, keys, ratings):
    """Checkpoints of earlier releases load: a new name needs a translation."""
    assert set(prepare(name, settings).model.state_dict()) == keys


def write_checkerboard(folder, size=24):
    """Even users rate even items 5 and odd ones 1; odd users the other way round."""
    rows = [
        (f"u{u}", f"i{i}", 5 if u % 2 == i % 2 else 1, 1 + u * size + i)
        for u in range(size)
        for i in range(size)
        if (u + 2 * i) % 7 != 0  # withheld
    ]
    runs.write_inter(folder, "board", rows)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("NCFMLP", {"learning_rate": 0.01}),
        ("AutoRec", {"orientation": "item", "reg_weight": 0.001}),
        ("AutoRec", {"orientation": "user", "reg_weight": 0.001}),
    ],
)
def test_the_checkerboard_is_learnt(name, settings, tmp_path):
    """Withheld items of a user's own colour rank before those of the other colour."""
    write_checkerboard(tmp_path / "dataset")
    options = {
        "epochs": 150,
        "learning_rate": 0.02,
        "eval_step": 0,
        "mlp_hidden_size": [16],
        "dropout_prob": 0.0,
        "load_col": {"inter": ["user_id", "item_id", "rating"]},
        "eval_args": {
            "split": {"RS": [1.0, 0.0, 0.0]},
            "order": "RO",
            "group_by": None,
            "mode": "labeled",
        },
        **settings,
    }
    if name == "NCFMLP":  # implicit: only the own colour is an interaction
        options["val_interval"] = {"rating": "[5,5]"}
        options |= {"metrics": ["AUC"], "valid_metric": "AUC"}
        del options["mlp_hidden_size"]
    run = runs.prepare(name, "board", **{**runs.SMALL[name], **options})
    run.fit()
    run.model.eval()
    n_users, n_items = run.dataset.user_num - 1, run.dataset.item_num - 1
    users = torch.arange(1, n_users + 1)
    with torch.no_grad():
        scores = run.model.full_sort_predict(interaction(run, users, users))
    scores = scores.view(n_users, -1)[:, 1:].numpy()
    colour_u = np.array([int(t[1:]) % 2 for t in run.dataset.field2id_token["user_id"][1:]])
    colour_i = np.array([int(t[1:]) % 2 for t in run.dataset.field2id_token["item_id"][1:]])
    number_u = np.array([int(t[1:]) for t in run.dataset.field2id_token["user_id"][1:]])
    number_i = np.array([int(t[1:]) for t in run.dataset.field2id_token["item_id"][1:]])
    withheld = (number_u[:, None] + 2 * number_i) % 7 == 0
    own = colour_u[:, None] == colour_i
    right = total = 0
    for u in range(n_users):
        mine, others = scores[u][withheld[u] & own[u]], scores[u][withheld[u] & ~own[u]]
        right += (mine[:, None] > others).sum()
        total += len(mine) * len(others)
    assert n_items == 24
    assert total > 50
    assert right / total > 0.98


@each
def test_half_precision_learns_the_same(name, settings, ratings):
    """RecBole's ``enable_amp``, which on a CPU is bfloat16."""
    options = {**runs.SMALL[name], **settings, "epochs": 3, "eval_step": 0}
    trained = {}
    for amp in (False, True):
        run = runs.prepare(name, **options, enable_amp=amp)
        run.fit()
        trained[amp] = list(run.trainer.train_loss_dict.values())
        scores = run.model.full_sort_predict(next(iter(run.test))[0])
        assert scores.dtype == torch.float32
        assert scores.isfinite().all()
    assert trained[True] == pytest.approx(trained[False], rel=0.02)

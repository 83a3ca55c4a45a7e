"""What every model of the registry must do; a new entry is tested by being there."""

import copy

import pytest
import torch

from recbole_ext.registry import defaults
from recbole_ext.testing import ModelContract
from tests import runs

NAMES = sorted(defaults.names())
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
    ("NCFMLP", {"negatives": "all", "ease_weight": 2.0}),
    ("NCFMLP", {"negatives": "all", "item_samples": 7, "history": "both"}),
    ("NCFNeuMF", {"negatives": "all", "item_samples": 7, "loss_type": "softmax"}),
    ("AutoRec", {"exposure_weight": 0.5, "ease_weight": 2.0}),
    ("AutoRec", {"orientation": "user", "exposure_weight": 0.5, "ease_weight": 2.0}),
]

# Number of a variant -> how it learns the checkerboard; the others do not learn a board so small.
BOARD = {
    0: {"epochs": 150, "learning_rate": 0.01, "dropout_prob": 0.0, "mlp_hidden_size": [256, 64]},
    14: {"epochs": 150, "learning_rate": 0.02, "dropout_prob": 0.0, "reg_weight": 0.001},
    16: {"epochs": 150, "learning_rate": 0.02, "dropout_prob": 0.0, "reg_weight": 0.001},
}

each = pytest.mark.parametrize(("name", "settings"), VARIANTS)


class TestOurs(ModelContract):
    """The clauses of recbole_ext.testing, for each variant."""

    @pytest.fixture(autouse=True, params=VARIANTS)
    def _variant(self, request):
        self.model, settings = request.param
        self.ratings = self.model == "AutoRec"
        # a large step: what starts as N(0, 0.01) would hardly move in two epochs
        self.settings = {**runs.SMALL[self.model], "learning_rate": 0.1, **settings}
        self.settings.pop("load_col", None)
        self.checkerboard = BOARD.get(VARIANTS.index(request.param))


def test_every_model_has_a_variant_here():
    """An ensemble is not trained alone: tests/models/test_ensemble.py has its clauses."""
    assert {name for name, _ in VARIANTS} == set(NAMES) - {"Ensemble"}


def prepare(name, settings, **more):
    # a large step: what starts as N(0, 0.01) would hardly move in two epochs
    return runs.prepare(name, **{**runs.SMALL[name], "learning_rate": 0.1, **settings, **more})


def interaction(run, users, items):
    from recbole.data.interaction import Interaction

    return Interaction({"user_id": torch.as_tensor(users), "item_id": torch.as_tensor(items)})


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

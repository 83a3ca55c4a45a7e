"""RecBole 1.2.0 and 1.2.1: the same tests for both, each fails on 1.2.0 without its patch."""

import importlib
import logging
import math
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from recbole_ext.errors import RegistryError
from recbole_ext.patches.functions import release
from recbole_ext.patches.stand_ins import ImportedLater, StandInFinder
from recbole_ext.registry import keys, releases
from recbole_ext.trainer import tune_report
from tests import runs

RECBOLE = version("recbole")
NDCG = {"metrics": ["NDCG"], "topk": [3], "valid_metric": "NDCG@3"}
of_1_2_0 = pytest.mark.skipif(RECBOLE != "1.2.0", reason="about RecBole 1.2.0")
of_1_2_1 = pytest.mark.skipif(RECBOLE != "1.2.1", reason="compares with RecBole 1.2.1")

# --- stand-ins ------------------------------------------------------------------------------


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """`reader()` imports a module that imports `borrowed` at its head, among stand-ins."""
    text = "import sys\nimport borrowed\nduring = sys.modules['borrowed']\n"
    (tmp_path / "borrower.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    stand_in = ImportedLater("borrowed")
    finder = StandInFinder("borrower", lambda: {"borrowed": stand_in})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])

    def read():
        sys.modules.pop("borrower", None)
        return importlib.import_module("borrower")

    yield SimpleNamespace(read=read, stand_in=stand_in, folder=tmp_path)
    for name in ("borrower", "borrowed"):
        sys.modules.pop(name, None)


def test_a_stand_in_is_there_only_while_its_module_is_imported(reader):
    assert reader.read().during is reader.stand_in
    assert "borrowed" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("borrowed")


def test_a_real_module_that_was_imported_before_stays(reader, monkeypatch):
    real = ModuleType("borrowed")
    monkeypatch.setitem(sys.modules, "borrowed", real)
    assert reader.read().during is real
    assert sys.modules["borrowed"] is real


def test_a_real_module_that_is_imported_later_is_what_the_stand_in_gives(reader):
    (reader.folder / "borrowed.py").write_text("answer = 42\n")
    module = reader.read()
    assert "borrowed" not in sys.modules
    assert module.borrowed.answer == 42
    assert importlib.import_module("borrowed") is not reader.stand_in


def test_a_stand_in_goes_also_where_the_import_fails(reader):
    (reader.folder / "borrower.py").write_text("import borrowed\nraise RuntimeError\n")
    with pytest.raises(RuntimeError):
        reader.read()
    assert "borrowed" not in sys.modules


def test_recbole_needs_no_ray(tmp_path):
    """Nor kmeans_pytorch: neither can be imported here."""
    for name in ("ray", "kmeans_pytorch"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('a broken installation')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import recbole_ext\n"
        "from recbole.quick_start import quick_start\n"
        "from recbole.model.general_recommender import LDiffRec\n"
        "print('ray' in sys.modules, quick_start.tune.__name__)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split() == ["False", "ray.tune"], result.stderr


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python has distutils")
def test_flops_are_counted_without_distutils():
    code = (
        "import recbole_ext, importlib\n"
        "profile = importlib.import_module('thop.profile')\n"  # the name thop.profile: a function
        "print(profile.LooseVersion('2.13.0+cpu') > profile.LooseVersion('2.4.1'))\n"
        "import distutils"
    )
    # setuptools then lends Python no distutils of its own
    environment = {**os.environ, "SETUPTOOLS_USE_DISTUTILS": "stdlib"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.stdout == "True\n", result.stderr
    assert "No module named 'distutils'" in result.stderr


@pytest.mark.parametrize("as_dict", [True, False], ids=["Ray 2.60", "Ray 2.6.3"])
def test_metrics_are_reported_as_ray_takes_them(as_dict, monkeypatch):
    reports = []

    def new(metrics, *, checkpoint=None):
        reports.append(metrics)

    def old(_metric=None, **metrics):
        reports.append(metrics)

    ray, tune = ModuleType("ray"), ModuleType("ray.tune")
    ray.tune, tune.report = tune, new if as_dict else old
    ray.is_initialized = lambda: True
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.tune", tune)
    tune_report.report({"ndcg@10": 0.5})
    assert reports == [{"ndcg@10": 0.5}]
    ray.is_initialized = lambda: False  # the process of a search that Ray does not run
    tune_report.report({"ndcg@10": 0.5})
    assert len(reports) == 1


# --- which release --------------------------------------------------------------------------


@pytest.mark.parametrize("model", releases.MODELS_OF_1_2_1)
def test_a_model_of_1_2_1_alone_is_refused_in_one_line(model, monkeypatch):
    monkeypatch.setattr(releases, "installed", lambda: "1.2.0")
    monkeypatch.setattr(keys, "recbole_models", lambda: frozenset({"BPR"}))
    monkeypatch.setattr(releases, "WITHOUT_OLD_RAY", (3, 99))
    expected = f"{model}: RecBole 1.2.0 does not have this model, RecBole 1.2.1 has it; pip"
    with pytest.raises(RegistryError, match=expected):
        keys.check_model(model)
    monkeypatch.setattr(releases, "WITHOUT_OLD_RAY", (3, 0))
    with pytest.raises(RegistryError, match=r"use Python 3\.10 or 3\.11 and pip"):
        release.get_model(None, None, (model,), {})


@of_1_2_0
def test_recbole_says_which_release_has_a_model():
    from recbole.utils import get_model

    with pytest.raises(RegistryError, match=r"AsymKNN: RecBole .* does not have this model"):
        get_model("AsymKNN")
    assert get_model("BPR").__name__ == "BPR"


@of_1_2_1
def test_models_of_1_2_1_are_there():
    assert set(releases.MODELS_OF_1_2_1) <= set(keys.known_models())
    assert releases.advice_for_model("AsymKNN") == ""


DOCTOR = {
    "1.2.1": ("1.2.1", (3, 99), "2.6.3", "requires ray<=2.6.3", "requires ray<=2.6.3"),
    "1.2.0 alone": (
        "1.2.0",
        (3, 0),
        "none",
        "1.2.1 requires ray<=2.6.3, which",
        "has no ray 2.6.3",
    ),
    "1.2.0 and Ray": ("1.2.0", (3, 0), "2.60.0", "which Python", "for --ray and run_hyper"),
    "by choice": ("1.2.0", (3, 99), "none", "requires no Ray; 1.2.1", "needs none; pip install"),
}


@pytest.mark.parametrize("case", DOCTOR.values(), ids=DOCTOR)
def test_the_doctor_says_why(case, monkeypatch):
    installed, python, ray, recbole_reason, ray_reason = case
    monkeypatch.setattr(releases, "installed", lambda: installed)
    monkeypatch.setattr(releases, "WITHOUT_OLD_RAY", python)
    assert recbole_reason in releases.reason_for_recbole()
    assert ray_reason in releases.reason_for_ray(ray)


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("ItemKNN", {"knn_method": "item"}),
        ("S3Rec", {"aap_weight": 0.2, "mip_weight": 1.0, "save_step": 50}),
        ("SimpleX", {"dropout_prob": 0.1}),
    ],
)
def test_models_have_the_defaults_of_1_2_1(model, expected):
    from recbole.config import Config

    loss = {"train_neg_sample_args": None} if model == "S3Rec" else {}
    config = Config(model, "ml-100k", config_dict=loss)
    assert {key: config[key] for key in expected} == expected
    assert set(expected) <= keys.own_keys(model)
    assert set(expected) <= keys.all_keys()
    others = {key: "user" if isinstance(expected[key], str) else 0.7 for key in expected}
    changed = Config(model, "ml-100k", config_dict={**loss, **others})
    assert {key: changed[key] for key in expected} == others


# --- data -----------------------------------------------------------------------------------

TIME_SPLIT = {
    "eval_args": {"split": {"TS": [0.6, 0.2, 0.2]}, "group_by": "user", "order": "TO"},
    "load_col": {"inter": ["user_id", "item_id", "rating", "timestamp"]},
}


def test_a_split_by_time(ratings):
    run = runs.prepare("BPR", **TIME_SPLIT)
    times = [part._dataset.inter_feat["timestamp"] for part in (run.train, run.valid, run.test)]
    assert min(times[2]) > max(max(times[0]), max(times[1]))
    assert sum(map(len, times)) == run.dataset.inter_num
    n = run.dataset.inter_num  # no two rows have the same time: the quantile of 0.8 is between two
    assert len(times[2]) == sum(row > 0.8 * (n - 1) for row in range(n))
    users = [part._dataset.inter_feat["user_id"].tolist() for part in (run.train, run.valid)]
    for user in {*users[0], *users[1]}:
        train, valid = (
            [t for t, u in zip(*of, strict=True) if u == user]
            for of in zip(times[:2], users, strict=True)
        )
        assert len(train) == int((len(train) + len(valid)) * 0.75)
        assert not train or not valid or max(train) < min(valid)


@of_1_2_1
def test_our_split_by_time_is_that_of_1_2_1(ratings):
    dataset = runs.prepare("BPR", **TIME_SPLIT).dataset
    for ratios in ([0.6, 0.2, 0.2], [0.8, 0.1, 0.1], [2, 1, 3]):
        theirs = dataset.time_based_split(ratios, "user_id")
        ours = release.time_based_split(dataset, ratios, "user_id")
        for one, other in zip(theirs, ours, strict=True):
            assert one.inter_feat.interaction.keys() == other.inter_feat.interaction.keys()
            for field in one.inter_feat.interaction:
                assert torch.equal(one.inter_feat[field], other.inter_feat[field])


@pytest.mark.parametrize(
    ("mode", "name"), [("full", "FullSortEvalDataLoader"), ("uni5", "NegSampleEvalDataLoader")]
)
def test_an_evaluation_that_would_shuffle_only_warns(mode, name, ratings, monkeypatch):
    from recbole.data.dataloader import general_dataloader

    warnings = []
    monkeypatch.setattr(logging.Logger, "warning", lambda _, text: warnings.append(text))
    loader = runs.prepare("BPR", eval_args={"mode": mode}, **NDCG).test
    cls = getattr(general_dataloader, name)
    rebuilt = cls(loader.config, loader._dataset, loader._sampler, shuffle=True)
    assert warnings == [f"{name} can't shuffle"]
    assert rebuilt.shuffle is False


# --- models ---------------------------------------------------------------------------------

RANKING = {**NDCG, "eval_args": {"mode": "uni5"}}
DIFFUSION = {"dims_dnn": [8], "embedding_size": 4, "steps": 3, "sampling_noise": False}


def pairs(run):
    """A batch of a user with three items, and another user with two of them."""
    from recbole.data.interaction import Interaction

    return Interaction(
        {"user_id": torch.tensor([1, 1, 1, 2, 2]), "item_id": torch.tensor([4, 5, 6, 6, 5])}
    )


@pytest.mark.parametrize("model", ["DiffRec", "LDiffRec"])
def test_diffusion_models_score_pairs(model, ratings):
    settings = {"train_neg_sample_args": None, "train_batch_size": 8, **RANKING, **DIFFUSION}
    own = {"n_cate": 1, "in_dims": [6], "out_dims": []} if model == "LDiffRec" else {}
    run = runs.prepare(model, **settings, **own)
    run.model.eval()
    batch = pairs(run)
    torch.manual_seed(1)
    everything = run.model.full_sort_predict(batch)
    torch.manual_seed(1)
    scores = run.model.predict(batch)
    assert scores.shape == (5,)
    expected = [everything[row, item] for row, item in enumerate(batch["item_id"])]
    torch.testing.assert_close(scores, torch.stack(expected))


def test_diffusion_without_noise(ratings):
    settings = {"train_neg_sample_args": None, "train_batch_size": 8, **RANKING, **DIFFUSION}
    run = runs.prepare("DiffRec", noise_scale=0.0, reweight=True, **settings)
    assert run.model.reweight is False
    run.fit()
    assert all(map(math.isfinite, run.trainer.train_loss_dict.values()))


@pytest.mark.parametrize("model", ["ADMMSLIM", "SLIMElastic", "Random"])
def test_scores_are_where_the_model_is(model, ratings):
    run = runs.prepare(model, **RANKING)
    assert run.model.predict(pairs(run)).shape == (5,)
    run.model.device = torch.device("meta")
    assert run.model.predict(pairs(run)).device.type == "meta"


@pytest.mark.parametrize("method", ["item", "user"])
def test_itemknn_has_neighbours_of_either_kind(method, ratings):
    """The matrix by hand: cosine similarity of rows, k largest of each, summed over neighbours."""
    k = 25  # more than there are items, fewer than users
    run = runs.prepare("ItemKNN", knn_method=method, k=k, **RANKING)
    assert run.model.method == method
    matrix = run.train._dataset.inter_matrix(form="csr").toarray().astype(np.float64)
    rows = matrix if method == "user" else matrix.T
    lengths = np.sqrt((rows**2).sum(1))
    similarity = rows @ rows.T / (np.outer(lengths, lengths) + 1e-6)
    np.fill_diagonal(similarity, 0)
    cut = np.sort(similarity, axis=1)[:, ::-1][:, min(k, len(rows)) - 1]
    kept = np.where(similarity >= cut[:, None], similarity, 0)
    expected = kept @ matrix if method == "user" else matrix @ kept.T
    found = run.model.pred_mat.toarray()
    ties = (similarity == cut[:, None]).sum(1) > 1
    if method == "user":
        clear = ~ties
        assert clear.sum() > 10
        np.testing.assert_allclose(found[clear], expected[clear], rtol=1e-4, atol=1e-6)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_ngcf_drops_nothing_out_of_an_evaluation(ratings):
    run = runs.prepare("NGCF", message_dropout=0.5, hidden_size_list=[8], **RANKING)
    run.model.eval()
    with torch.no_grad():
        first, second = run.model.forward()[1], run.model.forward()[1]
        assert torch.equal(first, second)
        run.model.train()
        assert not torch.equal(first, run.model.forward()[1])


def test_gru4reckg_drops_nothing_out_of_an_evaluation():
    from recbole.model.sequential_recommender.gru4reckg import GRU4RecKG

    torch.manual_seed(0)
    model = GRU4RecKG.__new__(GRU4RecKG)
    torch.nn.Module.__init__(model)
    model.dropout = 0.5
    model.item_emb_dropout = model.entity_emb_dropout = torch.nn.Dropout(0.5)
    model.item_embedding = model.entity_embedding = torch.nn.Embedding(6, 4)
    model.item_gru_layers = model.entity_gru_layers = torch.nn.GRU(4, 4, batch_first=True)
    model.dense_layer = torch.nn.Linear(8, 4)
    model.gather_indexes = lambda output, positions: output[:, 0]
    sequences, lengths = torch.tensor([[1, 2, 3], [4, 5, 0]]), torch.tensor([3, 2])
    model.eval()
    assert torch.equal(model.forward(sequences, lengths), model.forward(sequences, lengths))
    first = model.train().forward(sequences, lengths)
    assert not torch.equal(first, model.forward(sequences, lengths))


def test_simplex_has_its_dropout(ratings):
    assert runs.prepare("SimpleX", dropout_prob=0.3, **RANKING).model.dropout.p == 0.3


def test_fearec_ends_where_equal_sequences_lead_to_an_item(tmp_path):
    rows = [(f"u{u}", f"i{i}", 5, 100 + i) for u in range(4) for i in range(6)]
    runs.write_inter(tmp_path / "dataset", "equal", rows)
    run = runs.prepare(
        "FEARec",
        "equal",
        load_col={"inter": ["user_id", "item_id", "timestamp"]},
        eval_args={"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
        epochs=1,
        train_neg_sample_args=None,
        MAX_ITEM_LIST_LENGTH=5,
        **{"n_layers": 2, "n_heads": 1, "hidden_size": 8, "inner_size": 8, **NDCG},
    )
    run.fit()
    assert math.isfinite(run.trainer.train_loss_dict[0])


@pytest.fixture
def repeatnet(monkeypatch):
    from recbole.model.sequential_recommender import repeatnet

    if hasattr(repeatnet, "build_map"):  # dense: 1.2.0 alone has it
        monkeypatch.setattr(repeatnet, "build_map", None)
    return repeatnet


SEQUENCES = torch.tensor([[3, 4, 3, 0], [1, 2, 5, 4]])


def test_repeatnet_sums_the_repeats_of_an_item(repeatnet):
    torch.manual_seed(0)
    decoder = repeatnet.Repeat_Recommendation_Decoder("cpu", 8, 4, 7, 0.0).eval()
    memory, last = torch.randn(2, 4, 8), torch.randn(2, 8)
    found = decoder(memory, last, SEQUENCES, mask=SEQUENCES == 0)
    hidden = torch.tanh(decoder.Wr(last).unsqueeze(1) + decoder.Ur(memory))
    weights = decoder.Vr(hidden).squeeze(2).masked_fill(SEQUENCES == 0, -1e9).softmax(-1)
    expected = torch.zeros(2, 7)
    for row, sequence in enumerate(SEQUENCES):
        for position, item in enumerate(sequence):
            expected[row, item] += weights[row, position]
    torch.testing.assert_close(found, expected)


def test_repeatnet_explores_no_item_of_the_sequence(repeatnet):
    torch.manual_seed(0)
    decoder = repeatnet.Explore_Recommendation_Decoder(8, 4, 7, "cpu", 0.0).eval()
    found = decoder(torch.randn(2, 4, 8), torch.randn(2, 8), SEQUENCES, mask=SEQUENCES == 0)
    assert (found == 0).tolist() == [
        [item in sequence and item > 0 for item in range(7)] for sequence in SEQUENCES.tolist()
    ]
    torch.testing.assert_close(found.sum(1), torch.ones(2))


def test_the_page_names_every_patch_of_the_group():
    from recbole_ext.patches.table import TABLE

    page = (Path(__file__).parents[2] / "docs" / "recbole_1.2.0.md").read_text()
    names = [patch.name for patch in TABLE if patch.group == "release"]
    assert all(f"`{name}`" in page for name in names)

"""Exported files: their scores, their ids, and what is refused in one line."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import recbole_ext
from recbole_ext.cli import main
from recbole_ext.errors import SettingError
from recbole_ext.inference import export, export_formats, inner_products

pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = Path(__file__).parents[2]


def invoke(*words: Path | str) -> Any:
    return CliRunner().invoke(main.main, [str(word) for word in words], catch_exceptions=False)


# --- onnx -----------------------------------------------------------------------------------


def session_of(recommender, path: Path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    result = export.export(recommender.trained, "onnx", path)
    assert result.difference <= 1e-5
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def ids_of(session, entity: str) -> list[str]:
    return json.loads(session.get_modelmeta().custom_metadata_map[f"{entity}_ids"])


AUTOREC = {
    "by users": {},
    "centred by biases": {"centring": "bias", "damping": 3.0},
    "standardised": {"centring": "bias", "standardise": True},
    "with a mask, the mean": {"mask_input_scale": 0.7, "centring": "mean"},
    "of classes": {"loss_type": "CE"},
    "of several layers": {"mlp_hidden_size": [7, 4, 7], "hid_activation": "selu", "tied": True},
    "with kernels": {"kernel_dim": 2, "global_kernel_size": 3, "hid_activation": "tanh"},
    "averaged, with SVD++": {"ema_decay": 0.9, "svdpp_scale": 0.3, "out_activation": "relu"},
    "with a rating for the unseen": {"unseen_rating": 3.0},
}


@pytest.mark.parametrize("kind", AUTOREC)
def test_autorec_by_users_gives_what_recommend_for_gives(kind, load, tmp_path):
    """On 1,000 random rows, which the export does not know; batches of 1 and of many."""
    recommender = load("AutoRec", orientation="user", **AUTOREC[kind])
    session = session_of(recommender, tmp_path / "a.onnx")
    items = ids_of(session, "item")
    assert items == recommender.items.tolist()
    random = np.random.default_rng(7)
    rows = random.integers(1, 6, (1000, len(items))).astype(np.float32)
    rows[random.random(rows.shape) < 0.6] = np.nan
    rows[:, 3] = 4.0
    (scores,) = session.run(["scores"], {"ratings": rows})
    numbers = torch.arange(1, len(items) + 1)
    for row, values in zip(rows[:20], scores, strict=False):
        there = torch.from_numpy(~np.isnan(row))
        fold_in = recommender.trained.model.fold_in
        expected = fold_in(numbers[there], torch.from_numpy(row)[there])[1:]
        np.testing.assert_allclose(values, expected.numpy(), atol=1e-5)
    model = recommender.trained.model
    whole = torch.nn.functional.pad(torch.from_numpy(rows), (1, 0), value=torch.nan)
    from recbole_ext.models.autorec import fold_in as folding

    with torch.no_grad():
        expected = folding.of_rows(
            model.predictor, model.dense, model.scale, whole.nan_to_num(), ~whole.isnan()
        )[0][:, 1:]
    np.testing.assert_allclose(scores, expected.numpy(), atol=1e-5)
    (one,) = session.run(["scores"], {"ratings": rows[:1]})
    np.testing.assert_allclose(one[0], scores[0], atol=1e-5)


def test_autorec_by_items_takes_rows_of_items(load, tmp_path):
    """The row of an item of training gives what the model predicts of it for each user."""
    recommender = load("AutoRec", orientation="item")
    session = session_of(recommender, tmp_path / "a.onnx")
    users, items = ids_of(session, "user"), ids_of(session, "item")
    rows = np.full((len(items), len(users)), np.nan, dtype=np.float32)
    model = recommender.trained.model
    rows[model.ratings.row_of - 1, model.ratings.columns - 1] = model.ratings.values
    (scores,) = session.run(["scores"], {"ratings": rows})
    for user in ("u3", "u28"):
        expected = recommender.predict(user, items)["score"]
        np.testing.assert_allclose(scores[:, users.index(user)], expected, atol=1e-5)


NCF = {
    "NCFMLP": {"history": "both"},
    "NCFGMF": {},
    "NCFNeuMF": {"norm": "batch", "hid_activation": "leakyrelu"},
    "NCFMLP, layers": {"norm": "layer", "hid_activation": "tanh", "ema_decay": 0.5},
    "NCFNeuMF, the linear": {"hid_activation": "none"},
    "NCFMLP of classes": {"loss_type": "CE"},
    "NCFGMF of ratings": {"loss_type": "CE", "prediction": "expectation"},
}
RATED = {"load_col": {"inter": ["user_id", "item_id", "rating"]}, "normalize_all": False}


@pytest.mark.parametrize("kind", NCF)
def test_ncf_gives_what_predict_gives(kind, load, tmp_path):
    """On 1,000 random pairs; batches of 1 and of many."""
    model = re.split(r"\W", kind)[0]
    settings = RATED if NCF[kind].get("loss_type") == "CE" else {}
    recommender = load(model, epochs=2, **NCF[kind], **settings)
    session = session_of(recommender, tmp_path / "n.onnx")
    users, items = ids_of(session, "user"), ids_of(session, "item")
    random = np.random.default_rng(7)
    pairs = {"user": random.integers(30, size=1000), "item": random.integers(20, size=1000)}
    (scores,) = session.run(["scores"], pairs)
    expected = recommender.predict(
        [users[n] for n in pairs["user"]], [items[n] for n in pairs["item"]]
    )["score"]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    (one,) = session.run(["scores"], {name: numbers[:1] for name, numbers in pairs.items()})
    np.testing.assert_allclose(one, scores[:1], atol=1e-6)


def test_the_graph_is_of_an_old_opset_and_says_what_it_takes(load, tmp_path):
    onnx = pytest.importorskip("onnx")
    session = session_of(load("AutoRec", orientation="user"), tmp_path / "a.onnx")
    model = onnx.load(tmp_path / "a.onnx")
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("ratings", ["batch", 20])]
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["inputs"].startswith("ratings [batch, 20]: a row is the ratings of a person")
    assert metadata["model"] == "AutoRec"


def test_a_graph_that_differs_is_not_written(load, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    recommender = load("NCFGMF", epochs=1)
    loss = type(recommender.trained.model.objective.loss)
    monkeypatch.setattr(loss, "prediction", lambda self, scores: torch.sigmoid(scores) + 1e-4)
    with pytest.raises(SettingError, match=r"differ from those of NCFGMF by 0\.0001"):
        export.export(recommender.trained, "onnx", tmp_path / "n.onnx")
    assert not (tmp_path / "n.onnx").exists()


def example() -> str:
    """The program that docs/export.md shows for ONNX."""
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    return re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)


# what the program may not import
HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "recbole", "recbole_ext", "pandas", "scipy"):
            raise ImportError(name)

sys.meta_path.insert(0, Hidden())
"""


def test_the_example_of_the_page_needs_neither_torch_nor_recbole(load, tmp_path):
    """`python -m tests.serving` runs it where neither is installed."""
    ratings = {"50": 5.0, "181": 4.0, "172": 5.0}
    text = example()
    recommender = load("AutoRec", orientation="user", epochs=3)
    session_of(recommender, tmp_path / "autorec.onnx")
    ids = {"50": "i5", "181": "i1", "172": "i7"}
    for item, other in ids.items():
        text = text.replace(f'"{item}"', f'"{other}"')
    (tmp_path / "serve.py").write_text(HIDE + text)
    lines = subprocess.run(
        [sys.executable, "serve.py"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    frame = recommender.recommend_for({ids[item]: stars for item, stars in ratings.items()})
    assert [line.split()[0] for line in lines] == frame["item_id"].tolist()
    scores = [float(line.split()[1]) for line in lines]
    np.testing.assert_allclose(scores, frame["score"], atol=6e-5)


# --- safetensors ----------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["BPR", "AutoRec", "EASE", "ItemKNN"])
def test_safetensors_hold_all_that_the_checkpoint_holds(model, load, tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    from safetensors import safe_open

    recommender = load(model)
    export.export(recommender.trained, "safetensors", tmp_path / "m.safetensors")
    tensors = numpy.load_file(tmp_path / "m.safetensors")
    net = recommender.trained.model
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(tensors[name], tensor.numpy())
    with safe_open(tmp_path / "m.safetensors", "np") as stream:
        metadata = stream.metadata()
    items = json.loads(metadata["item_ids"])
    assert items[1:] == recommender.items.tolist()
    assert json.loads(metadata["user_ids"])[1:] == recommender.users.tolist()
    assert json.loads(metadata["settings"])["model"] == model
    if model == "BPR":
        user = json.loads(metadata["user_ids"]).index("u3")
        score = tensors["user_embedding.weight"][user] @ tensors["item_embedding.weight"].T
        expected = recommender.predict("u3", items[1:])["score"]
        np.testing.assert_allclose(score[1:], expected, atol=1e-5)
    if model == "EASE":
        np.testing.assert_array_equal(tensors["item_similarity"], np.asarray(net.item_similarity))
    if model == "ItemKNN":
        assert tensors["w.indptr"][-1] == len(tensors["w.data"]) == net.w.nnz


def test_a_model_that_keeps_nothing_is_refused(load, tmp_path):
    pytest.importorskip("safetensors")
    with pytest.raises(SettingError, match="Random keeps no numbers in its checkpoint"):
        export.export(load("Random").trained, "safetensors", tmp_path / "m.safetensors")


# --- embeddings -----------------------------------------------------------------------------

INNER = {
    "BPR": {},
    "NCFGMF": {"history": "user", "epochs": 2},
    "LightGCN": {"embedding_size": 8},
    "LINE": {"embedding_size": 8},
    "NCEPLRec": {"rank": 4},
    "AutoRec": {"orientation": "item", "centring": "bias", "svdpp_scale": 0.2, "standardise": True},
    "AutoRec by users": {"orientation": "user", "centring": "mean"},
}


@pytest.mark.parametrize("kind", INNER)
def test_inner_products_are_the_scores(kind, load, tmp_path):
    recommender = load(kind.split()[0], **INNER[kind])
    result = export.export(recommender.trained, "embeddings", tmp_path / "e.npz")
    assert result.difference <= 1e-5
    with np.load(tmp_path / "e.npz") as file:
        users, items = file["user_ids"].tolist(), file["item_ids"].tolist()
        scores = file["user_vectors"] @ file["item_vectors"].T
        link = str(file["link"])
    assert (users, items) == (recommender.users.tolist(), recommender.items.tolist())
    assert link == ("sigmoid" if kind == "NCFGMF" else "identity")
    if link == "sigmoid":
        scores = 1 / (1 + np.exp(-scores))
    for user in ("u3", "u28"):
        expected = recommender.predict(user, items)["score"]
        np.testing.assert_allclose(scores[users.index(user)], expected, atol=2e-5)


def test_parquet_holds_the_same(place, tmp_path):
    from pyarrow import parquet

    recommender = recbole_ext.load(place / "BPR.pth")
    for ending in ("npz", "parquet"):
        export.export(recommender.trained, "embeddings", tmp_path / f"e.{ending}")
    table = parquet.read_table(tmp_path / "e.parquet")
    assert table.schema.metadata[b"link"] == b"identity"
    rows = table.to_pylist()
    with np.load(tmp_path / "e.npz") as file:
        for entity in ("user", "item"):
            own = [row for row in rows if row["entity"] == entity]
            assert [row["id"] for row in own] == file[f"{entity}_ids"].tolist()
            vectors = [row["vector"] for row in own]
            np.testing.assert_array_equal(vectors, file[f"{entity}_vectors"])


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("NeuMF", {"mlp_hidden_size": [8]}),
        ("ENMF", {}),  # a weight for each dimension
        ("NCFMLP", {"epochs": 1}),
        ("EASE", {}),
        ("AutoRec", {"out_activation": "sigmoid"}),
    ],
)
def test_scores_that_are_no_inner_products_are_refused(model, settings, load, tmp_path):
    recommender = load(model, **settings)
    with pytest.raises(SettingError, match=f"the scores of {model} are no inner products"):
        export.export(recommender.trained, "embeddings", tmp_path / "e.npz")
    assert not list(tmp_path.glob("*.npz"))


# --- the command ----------------------------------------------------------------------------


def test_the_command_says_what_it_has_written(place, tmp_path):
    result = invoke("export", place / "BPR.pth", "--format", "embeddings", "--output", "e.npz")
    assert result.exit_code == 0, result.output
    assert "e.npz: a vector of 64 numbers for each user and item" in result.stdout
    assert re.search(r"scores differ from the model's by \S+ at most", result.stdout)
    words = ("export", place / "BPR.pth", "--format", "embeddings", "--output", "e.parquet")
    content = json.loads(invoke(*words, "--json").stdout)
    assert content["output"] == "e.parquet"
    assert 0 <= content["largest_difference"] <= 1e-5


def test_the_command_names_the_refit(place):
    shutil.copy(place / "BPR.pth", "b.pth")
    words = ("export", "b.pth", "--format", "embeddings", "--output", "e.npz")
    assert invoke(*words).stderr == ""
    shutil.copy(place / "BPR.pth", "b-refit.pth")
    assert invoke(*words).stderr == "note: b-refit.pth is this model trained on all data\n"


REFUSED = {
    "another ending": (["--format", "onnx", "--output", "a.pt"], "ends in .onnx, found .pt"),
    "no ending": (["--format", "embeddings", "--output", "a"], "ends in .npz or .parquet"),
    "a missing folder": (["--format", "embeddings", "--output", "no/a.npz"], "no folder no"),
    "a full disk": (["--format", "embeddings", "--output", "full.npz"], "no space left on device"),
    "no graph": (["--format", "onnx", "--output", "a.onnx"], "expected AutoRec, NCFMLP"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_line(case, place):
    if case == "no graph":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    if case == "a full disk":
        Path("full.npz").symlink_to("/dev/full")
    words, message = REFUSED[case]
    before = sorted(Path().rglob("*"))
    result = invoke("export", place / "BPR.pth", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert sorted(Path().rglob("*")) == before


def test_a_missing_library_is_named(place, monkeypatch):
    monkeypatch.setattr(export_formats, "find_spec", lambda name: None)
    result = invoke("export", place / "BPR.pth", "--format", "onnx", "--output", "a.onnx")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: --format onnx needs onnx and onnxruntime; pip install 'recbole-ext[export]'\n"
    )


def test_a_difference_is_relative_above_1():
    assert inner_products.difference(np.array([100.001]), np.array([100.0])) == pytest.approx(1e-5)
    assert inner_products.difference(np.array([0.1]), np.array([0.3])) == pytest.approx(0.2)

"""Runs on a GPU, beside the same on the CPU.

    RECBOLE_EXT_TEST_GPU=1 python -m pytest tests/test_gpu.py

Without that variable the tests do not see the GPU (conftest.py), and these are skipped.

Both start from the same weights and see the same batches, which numpy draws; without dropout the
losses differ by the order of sums alone.
"""

import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from recbole.utils import init_seed

import recbole_ext
from recbole_ext.registry import defaults
from recbole_ext.testing import scored
from tests import runs
from tests.models import test_contract
from tests.models.test_contract import RATED, VARIANTS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

BUILT_IN = [
    ("BPR", {}),
    ("LightGCN", {}),
    ("NGCF", {"node_dropout": 0.0, "message_dropout": 0.0}),
    ("NeuMF", {"dropout_prob": 0.0}),
    ("DMF", RATED),
    ("MultiDAE", {"dropout_prob": 0.0, "train_batch_size": 64}),
    ("EASE", {}),
    ("ItemKNN", {}),
    ("Pop", {}),
]
CASES = [*VARIANTS, *BUILT_IN]
CERTAIN = {
    "dropout_prob": 0.0,
    "history_dropout_prob": 0.0,
    "embedding_dropout_prob": 0.0,
    "corruption": "none",
    "corruption_rate": 0.0,
}

each = pytest.mark.parametrize(
    ("name", "settings"), CASES, ids=[f"{n}-{name}" for n, (name, _) in enumerate(CASES)]
)


@pytest.fixture(scope="module", autouse=True)
def _begun():
    torch.cuda.init()  # before a run on the CPU hides the GPU from this process


def prepare(name, settings, **more):
    small = runs.SMALL.get(name, {})
    return runs.prepare(name, **{**small, **settings, **more})


def without_chance(name, settings):
    """The settings with no random numbers that each device would draw by itself."""
    if name not in defaults.names():
        return settings
    keys = {field for cls in defaults.setting_classes(name) for field in cls.__struct_fields__}
    return {**settings, **{key: value for key, value in CERTAIN.items() if key in keys}}


def on_both(name, settings, **more):
    gpu = prepare(name, settings, **more)
    cpu = prepare(name, settings, use_gpu=False, **more)
    assert (gpu.config["device"].type, cpu.config["device"].type) == ("cuda", "cpu")
    return gpu, cpu


@each
def test_the_same_training(name, settings, ratings):
    settings = without_chance(name, settings)
    gpu, cpu = on_both(name, settings)
    if any(True for _ in cpu.model.parameters()):
        gpu.model.load_state_dict(cpu.model.state_dict())
    losses = []
    for run in (gpu, cpu):
        init_seed(0, reproducibility=True)
        run.fit(saved=False)
        losses.append([*run.trainer.train_loss_dict.values()])
    for on_gpu, on_cpu in zip(*losses, strict=True):
        assert math.isfinite(on_gpu)
        assert on_gpu == pytest.approx(on_cpu, rel=2e-3, abs=1e-5)


@each
def test_the_same_scores_and_metrics_of_the_same_weights(name, settings, ratings):
    from recbole.data.interaction import Interaction

    gpu, cpu = on_both(name, settings)
    torch.manual_seed(0)
    for parameter in cpu.model.parameters():  # large ones: scores that are not nearly tied
        parameter.data.normal_(0, 0.3)
    if any(True for _ in cpu.model.parameters()):
        gpu.model.load_state_dict(cpu.model.state_dict())
    scores, metrics = [], []
    for run in (gpu, cpu):
        run.model.eval()
        users = torch.arange(1, 8).repeat_interleave(5)
        items = torch.arange(1, 6).repeat(7)
        pairs = Interaction({"user_id": users, "item_id": items}).to(run.config["device"])
        with torch.no_grad():
            scores.append(torch.as_tensor(run.model.predict(pairs)).cpu().double())
        found = run.trainer.evaluate(run.test, load_best_model=False)
        metrics.append({key: float(value) for key, value in found.items()})
    torch.testing.assert_close(*scores, rtol=1e-3, atol=1e-4, check_device=False)
    gaps = scored.scores(cpu)[:, 1:].sort(dim=1).values.diff(dim=1)
    if gaps.min() > 1e-4:  # of equal scores, each device takes another first
        assert metrics[0] == pytest.approx(metrics[1], rel=1e-6)


@pytest.mark.parametrize("name", ["NCFMLP", "NCFNeuMF", "AutoRec", "BPR", "LightGCN"])
def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(name, ratings, tmp_path):
    whole = prepare(name, {}, epochs=4, checkpoint_dir=str(tmp_path / "a"), eval_step=1)
    whole.fit()
    half = prepare(name, {}, epochs=2, checkpoint_dir=str(tmp_path / "b"), eval_step=1)
    half.fit()
    file = half.trainer.saved_model_file
    rest = prepare(name, {}, epochs=4, checkpoint_dir=str(tmp_path / "b"), eval_step=1)
    rest.trainer.resume_checkpoint(file)
    rest.fit()
    for key, loss in rest.trainer.train_loss_dict.items():
        assert loss == pytest.approx(whole.trainer.train_loss_dict[key], rel=1e-4), key


@pytest.mark.parametrize("name", ["NCFMLP", "NCFNeuMF", "AutoRec", "BPR", "EASE"])
def test_a_checkpoint_of_a_gpu_answers_where_there_is_none(name, ratings, tmp_path):
    run = prepare(name, {}, checkpoint_dir=str(tmp_path / "saved"))
    run.fit()
    file = Path(run.trainer.saved_model_file)
    here = recbole_ext.load(file).recommend(["u3"], k=5)
    code = (
        "import sys, torch\n"
        "torch.cuda.is_available = lambda: False\n"
        "import recbole_ext\n"
        "print(*recbole_ext.load(sys.argv.pop()).recommend(['u3'], k=5)['item_id'])"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == list(here["item_id"])


@pytest.mark.parametrize("name", ["NCFMLP", "AutoRec"])
def test_mixed_precision(name, ratings):
    run = prepare(name, {}, enable_amp=True, enable_scaler=True)
    run.fit(saved=False)
    assert all(math.isfinite(loss) for loss in run.trainer.train_loss_dict.values())


class TestContract(test_contract.TestOurs):
    """The clauses of recbole_ext.testing; that a board is learnt is a matter of epochs."""

    def test_the_checkerboard_is_learnt(self):
        pytest.skip("the same on every device")


PERSON = {"i1": 5.0, "i2": 1.0, "i5": 4.0}
NEW_PEOPLE = ["NCFMLP", "NCFGMF", "NCFNeuMF", "AutoRec", "EASE", "ItemKNN", "MultiDAE"]


def answers(file, model):
    """Frames of all that a trained model can be asked."""
    trained = recbole_ext.load(file)
    users, items = ["u3", "u4", "u5"], ["i2", "i7", "i9"]
    yield trained.recommend(users, k=5)
    yield trained.recommend(users, k=5, exclude=None, among=["i1", "i2", "i3", "i4"])
    yield trained.predict(users, items)
    yield trained.history("u3")
    if model in NEW_PEOPLE:
        yield trained.recommend_for(PERSON, k=5)
        yield trained.explain("u3", items)
        yield trained.explain_for(PERSON, items)
    if model.startswith(("NCF", "AutoRec")):
        yield trained.similar_items(items, k=4)


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        *((model, {}) for model in ("NCFMLP", "NCFGMF", "NCFNeuMF", "BPR", "EASE", "ItemKNN")),
        ("NCFMLP", {"history": "both"}),
        ("AutoRec", {"orientation": "user"}),
        ("AutoRec", {"orientation": "item"}),
        ("AutoRec", {"orientation": "item", "centring": "bias", "svdpp_scale": 0.1}),
        ("AutoRec", {"orientation": "user", "loss_type": "CE"}),
        ("MultiDAE", {"train_batch_size": 64}),
        ("LightGCN", {}),
    ],
)
def test_a_trained_model_gives_the_answers_of_the_cpu(
    model, settings, ratings, tmp_path, monkeypatch
):
    run = prepare(model, settings, checkpoint_dir=str(tmp_path / "saved"), learning_rate=0.05)
    run.fit()
    file = run.trainer.saved_model_file
    on_gpu = [*answers(file, model)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for gpu, cpu in zip(on_gpu, answers(file, model), strict=True):
        # contributions are differences of scores, of people whose vectors are fitted
        pd.testing.assert_frame_equal(gpu, cpu, check_exact=False, rtol=1e-2, atol=1e-3)


CLI = ("-m", "recbole_ext.cli.main")
COMMANDS = ["evaluate", "recommend --user u3", "similar --item i3", "refit", "explore"]
COMMANDS += ["recommend --all --output all.csv", "recommend --for i1=5,i2=1 --explain"]
FILES = {"safetensors": "a.safetensors", "onnx": "a.onnx", "embeddings": "a.npz"}
COMMANDS += [f"export --format {kind} --output {file}" for kind, file in FILES.items()]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("model", ["NCFMLP", "AutoRec"])
def test_commands(model, command, ratings, tmp_path):
    if "embeddings" in command:
        model = "BPR"  # its scores are inner products
    run = prepare(model, {}, checkpoint_dir=str(tmp_path / "saved"))
    run.fit()
    name, *words = command.split()
    ended = subprocess.run(
        [sys.executable, *CLI, name, str(run.trainer.saved_model_file), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr

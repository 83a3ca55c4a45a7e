import os
import re
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ext.errors import CheckpointError
from recbole_ext.trainer import checkpoint, plain_values, same_run, single_run
from recbole_ext.trainer.identity import RunIdentity
from tests import commands, runs
from tests.limits import file_size_limit

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back(value):
    assert plain_values.decode(plain_values.encode(value)) == value


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint32", "uint8", "bool"])
def test_arrays_come_back(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = plain_values.decode(plain_values.encode(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert isinstance(plain_values.decode(plain_values.encode(np.asmatrix(array))), np.matrix)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok"])
def test_sparse_matrices_come_back(form):
    matrix = scipy.sparse.random(5, 4, density=0.4, random_state=0, format=form)
    back = plain_values.decode(plain_values.encode(matrix))
    assert back.format == form
    np.testing.assert_array_equal(back.toarray(), matrix.toarray())


def test_numpy_numbers_become_numbers():
    assert type(plain_values.encode(np.float64(0.5))) is float
    assert type(plain_values.encode({np.int64(3): np.int32(4)})[3]) is int


def test_a_value_without_a_plain_form_is_named():
    with pytest.raises(CheckpointError, match=r"config\['hook'\]: .*found builtins\.object"):
        plain_values.encode({"hook": object()}, "config")


# --- what runs write ------------------------------------------------------------------------

# Models that keep numpy, scipy or torch values beside their parameters, and ours.
WRITERS = ["NCFMLP", "AutoRec", "BPR", "EASE", "ItemKNN", "Pop", "LightGCN", "DMF", "NeuMF"]


def scores(run: single_run.Run) -> torch.Tensor:
    from recbole.data.interaction import Interaction

    users = torch.arange(1, run.dataset.user_num).repeat_interleave(5)
    items = torch.arange(1, 6).repeat(run.dataset.user_num - 1)
    pairs = Interaction({"user_id": users, "item_id": items}).to(run.config["device"])
    run.model.eval()
    with torch.no_grad():
        return torch.as_tensor(run.model.predict(pairs))


@pytest.mark.parametrize("model", WRITERS)
def test_checkpoints_are_plain_and_give_the_same_scores(model, ratings):
    from recbole.quick_start import load_data_and_model

    settings = {
        "load_col": {"inter": ["user_id", "item_id", "rating"]},
        **runs.SMALL.get(model, {}),
    }
    if model == "DMF":
        settings["inter_matrix_type"] = "01"
    run = runs.prepare(model, **settings)
    run.fit()
    file = run.trainer.saved_model_file
    run.trainer.evaluate(run.test, load_best_model=True)
    expected = scores(run)

    record = torch.load(file, weights_only=True)
    assert record["config"]["model"] == model
    assert record["format"] == checkpoint.FORMAT

    config, restored, dataset, train, valid, test = load_data_and_model(file)
    again = single_run.Run(config, dataset, train, valid, test, restored, run.trainer)
    torch.testing.assert_close(scores(again), expected)
    assert len(test._dataset) == len(run.test._dataset)
    assert config["MODEL_TYPE"] is run.config["MODEL_TYPE"]
    assert config["epochs"] == 2


def test_a_module_beside_the_parameters_keeps_its_weights(tmp_path):
    """SASRecF lists a submodule as a parameter of its own; its weights are in the state."""
    runs.write_ratings(tmp_path / "dataset", "made")
    place = tmp_path / "dataset" / "made" / "made.item"
    place.write_text(
        "item_id:token\tkind:token\n" + "".join(f"i{i}\tk{i % 3}\n" for i in range(20))
    )
    settings = {
        "load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "kind"]},
        "selected_features": ["kind"],
        "train_neg_sample_args": None,
        "inner_size": 8,
        "MAX_ITEM_LIST_LENGTH": 5,
    }
    run = runs.prepare("SASRecF", **settings, epochs=1)
    run.fit()
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    fresh = runs.prepare("SASRecF", **settings, epochs=1, seed=7)
    fresh.trainer.resume_checkpoint(run.trainer.saved_model_file)
    assert isinstance(fresh.model.feature_embed_layer, torch.nn.Module)
    for name, value in fresh.model.state_dict().items():
        torch.testing.assert_close(value, before[name])


# --- resuming -------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["NCFMLP", "AutoRec"])
def test_a_resumed_run_goes_on_as_the_undisturbed_one(model, ratings):
    """Bit for bit: shuffling, dropout and negative samples included."""
    settings = {**runs.SMALL[model], "dropout_prob": 0.3, "learning_rate": 0.01}
    whole = runs.prepare(model, **settings, epochs=6)
    whole.fit()

    part = runs.prepare(model, **settings, epochs=3)
    part.trainer.saved_model_file = str(Path("part.pth").absolute())
    part.fit()
    saved_epoch = torch.load("part.pth", weights_only=True)["epoch"]
    rest = runs.prepare(model, **settings, epochs=6, seed=2020, resume_from="part.pth")
    rest.fit()
    assert min(rest.trainer.train_loss_dict) == saved_epoch + 1
    for epoch, loss in rest.trainer.train_loss_dict.items():
        assert loss == whole.trainer.train_loss_dict[epoch]
    assert rest.trainer.best_valid_score == whole.trainer.best_valid_score


def test_resuming_a_complete_run_keeps_its_checkpoint_and_result(ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    score, result = run.fit()
    file = run.trainer.saved_model_file
    epoch = torch.load(file, weights_only=True)["epoch"]
    again = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], epochs=epoch + 1, resume_from=file)
    score_again, result_again = again.fit()
    assert torch.load(file, weights_only=True)["epoch"] == epoch
    assert score_again == score
    assert result_again == result


def test_a_write_that_fails_leaves_the_last_checkpoint(ratings, monkeypatch):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    run.fit()
    file = Path(run.trainer.saved_model_file)
    before = file.read_bytes()

    def fail(record, stream):
        stream.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="no space"):
        run.trainer._save_checkpoint(5)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_full_disk_at_any_byte_is_an_error_of_the_system(tmp_path):
    """torch's zip writer hides it behind a RuntimeError of its own, by the place."""
    weights = {"one": torch.zeros(2000), "two": torch.ones(1000)}
    state = {"config": SimpleNamespace(final_config_dict={"seed": 1}), "state_dict": weights}
    file = tmp_path / "model.pth"
    checkpoint.save(state, file, SimpleNamespace())
    before = file.read_bytes()
    for limit in range(0, len(before), 509):
        with file_size_limit(limit), pytest.raises(OSError, match="File too large") as caught:
            checkpoint.save(state, file, SimpleNamespace())
        assert caught.value.filename == str(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
def test_killed_in_training_and_resumed(tmp_path, forks):
    words = ("--model=AutoRec", "--show_progress=False", "--verbose")
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    saved = []
    deadline = time.monotonic() + 120
    with commands.started("-m", "recbole_ext.cli.run", *words, **silent) as first:
        while time.monotonic() < deadline:
            saved = list(tmp_path.glob("saved/*.pth"))
            if saved and torch.load(saved[0], weights_only=True)["epoch"] >= 3:
                break
            time.sleep(0.05)
        first.kill()
    epoch = torch.load(saved[0], weights_only=True)["epoch"]
    assert epoch >= 3
    more = ("--resume", str(saved[0]), f"--epochs={epoch + 3}")
    second = forks.run("run_recbole", *words, *more)
    assert second.returncode == 0, second.stderr
    assert f"Resume training from epoch {epoch + 1}" in second.stderr
    assert f"epoch {epoch + 1} training" in second.stderr
    assert f"epoch {epoch} training" not in second.stderr
    assert "AutoRec on ml-100k" in second.stdout


# --- what cannot be loaded ------------------------------------------------------------------


def test_a_pickle_is_refused_unless_trusted(ratings):
    """A checkpoint as plain RecBole writes it: with a Config inside."""
    run = runs.prepare("BPR")
    run.fit()
    state = torch.load(run.trainer.saved_model_file, weights_only=True)
    torch.save({**state, "config": run.config}, "plain.pth", pickle_protocol=4)
    with pytest.raises(
        CheckpointError, match=r"plain\.pth: holds pickled objects.*--trust-checkpoint"
    ):
        checkpoint.load("plain.pth")
    with checkpoint.trusted():
        record = checkpoint.load("plain.pth")
        assert checkpoint.restore_config(record["config"])["model"] == "BPR"
        run.trainer.resume_checkpoint("plain.pth")
    with pytest.raises(CheckpointError):
        checkpoint.load("plain.pth")


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("boom"),)


def test_loading_executes_nothing():
    torch.save({"state_dict": {}, "bomb": Bomb()}, "bomb.pth")
    with pytest.raises(CheckpointError, match="may execute code"):
        checkpoint.load("bomb.pth")
    assert not Path("boom").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such checkpoint"),
        (b"", "not a checkpoint, or a damaged one"),
        (b"hello", "not a checkpoint, or a damaged one"),
        ("half", "not a checkpoint, or a damaged one"),
        ("list", r"not a checkpoint of a recommender \(expected an entry state_dict"),
    ],
)
def test_other_files_are_refused(content, message):
    file = Path("file.pth")
    if content == "list":
        torch.save([1, 2], file)
    elif content == "half":
        torch.save({"state_dict": {"w": torch.zeros(100)}}, file)
        file.write_bytes(file.read_bytes()[:300])
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"file\.pth: {message}"):
        checkpoint.load(file)


@pytest.mark.parametrize(
    ("model", "name"), [("AutoRec", "mlp_hidden_size"), ("GRU4Rec", "hidden_size")]
)
def test_old_names_are_those_of_our_models_alone(model, name):
    """Of RecBole's own models some read a setting of that name."""
    torch.save({"state_dict": {}, "config": {"model": model, "hidden_size": 8}}, "model.pth")
    assert checkpoint.load("model.pth")["config"] == {"model": model, name: 8}


def test_a_checkpoint_of_another_run_is_refused(ratings):
    run = runs.prepare("AutoRec", **runs.SMALL["AutoRec"], epochs=1)
    run.fit()
    file = run.trainer.saved_model_file
    same_run.check_resumable(file, RunIdentity.of_run(run.config))
    for key, value in (("mlp_hidden_size", [9]), ("seed", 7), ("reg_weight", 0.5)):
        before = run.config[key]
        run.config[key] = value
        message = re.escape(f"{key} was {before!r}, is now {value!r}")
        with pytest.raises(CheckpointError, match=message):
            same_run.check_resumable(file, RunIdentity.of_run(run.config))
        run.config[key] = before
    run.config["epochs"] = 9  # a run may go on for longer
    same_run.check_resumable(file, RunIdentity.of_run(run.config))


def test_a_flipped_bit_is_not_read_as_a_weight():
    weights = torch.arange(1000, dtype=torch.float32)
    torch.save({"state_dict": {"w": weights}}, "whole.pth")
    content = bytearray(Path("whole.pth").read_bytes())
    place = content.index(weights.numpy().tobytes()) + 2000
    content[place] ^= 1
    Path("flipped.pth").write_bytes(content)
    assert torch.equal(checkpoint.load("whole.pth")["state_dict"]["w"], weights)
    with pytest.raises(CheckpointError, match=r"flipped\.pth: a damaged checkpoint: the checksum"):
        checkpoint.load("flipped.pth")


def test_runs_of_the_same_second_have_checkpoints_of_their_own(ratings, monkeypatch):
    import recbole.utils
    import torch.distributed

    monkeypatch.setattr(recbole.utils, "get_local_time", lambda: "now")
    one = runs.prepare("BPR")
    assert Path(one.trainer.saved_model_file).name == f"BPR-now-{os.getpid()}.pth"
    monkeypatch.setattr(os, "getpid", lambda: 7)  # another process
    assert Path(runs.prepare("BPR").trainer.saved_model_file).name == "BPR-now-7.pth"

    # the processes of one run share the file of the first, whatever their own clocks say
    def broadcast(names, src):
        assert src == 0
        names[0] = "before-1"

    monkeypatch.setattr(torch.distributed, "broadcast_object_list", broadcast)
    assert checkpoint.name_of_run({"single_spec": False}) == "before-1"

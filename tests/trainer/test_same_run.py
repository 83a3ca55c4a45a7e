"""A number says what it is of: another seed, split or data set is refused, both values named."""

import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from recbole_ext.cli import main, run
from recbole_ext.errors import CheckpointError
from recbole_ext.trainer import checkpoint, identity, same_run
from recbole_ext.trainer.identity import RunIdentity
from tests import runs

SMALL = runs.SMALL["AutoRec"]


@pytest.fixture
def trained(ratings):
    prepared = runs.prepare("AutoRec", **SMALL, epochs=1)
    prepared.fit()
    return prepared


def resume(file, **changed):
    settings = {**SMALL, "epochs": 2, "resume_from": str(Path(file).absolute()), **changed}
    return runs.prepare("AutoRec", **settings).fit()


def test_a_checkpoint_keeps_the_identity_of_its_run(trained):
    saved = same_run.identity_of(checkpoint.load(trained.trainer.saved_model_file))
    assert saved.settings["seed"] == 2020
    assert saved.settings["mlp_hidden_size"] == [7]
    assert set(saved.splits) == {"train", "valid", "test"}
    assert len(set(saved.splits.values())) == 3
    assert re.fullmatch("[0-9a-f]{16}", saved.data)
    assert set(saved.versions) >= {"recbole", "torch", "numpy"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 7}, "seed was 2020, is now 7"),
        ({"eval_args": {"split": {"RS": [0.7, 0.1, 0.2]}, "mode": "labeled"}}, "eval_args was "),
        ({"reg_weight": 0.3}, "reg_weight was 0.1, is now 0.3"),
    ],
)
def test_another_run_does_not_go_on(trained, changed, message):
    """With another seed it would train on what it then tests."""
    with pytest.raises(CheckpointError, match=re.escape(message)):
        resume(trained.trainer.saved_model_file, **changed)


def test_the_same_run_goes_on_for_longer(trained):
    resume(trained.trainer.saved_model_file, metrics=["MAE", "RMSE"], stopping_step=3)


def change_data():
    """Move the first row of the data set to its end."""
    file = Path("dataset/made/made.inter")
    header, first, *others = file.read_text().splitlines()
    file.write_text("\n".join([header, *others, first]) + "\n")


def test_changed_data_is_not_trained_on(trained):
    change_data()
    with pytest.raises(CheckpointError, match=r"the data files was '[0-9a-f]{16}', is now "):
        resume(trained.trainer.saved_model_file)


def test_changed_data_is_not_evaluated(trained):
    file = trained.trainer.saved_model_file
    before = CliRunner().invoke(main.main, ["evaluate", file])
    assert before.exit_code == 0, before.output
    change_data()
    refused = CliRunner().invoke(main.main, ["evaluate", file])
    assert refused.exit_code == 2
    assert "the data files" in refused.stderr
    assert "not those that the model was trained with" in refused.stderr
    allowed = CliRunner().invoke(main.main, ["evaluate", file, "--allow-changed-data"])
    assert allowed.exit_code == 0, allowed.output
    assert allowed.stdout.splitlines()[-1].endswith("; the metrics are of the changed data")


def test_a_changed_split_alone_is_named(trained, monkeypatch):
    """A library may draw another split from the same data and the same seed."""
    original = identity.split_hashes
    monkeypatch.setattr(
        identity, "split_hashes", lambda parts: {**original(parts), "test": "another"}
    )
    today = RunIdentity.of_run(trained.config, {"train": trained.train._dataset})
    with pytest.raises(CheckpointError, match="the interactions of test are not those"):
        same_run.check_same_data(trained.trainer.saved_model_file, today)


def test_a_checkpoint_of_an_earlier_release_is_compared_by_its_settings(trained):
    record = torch.load(trained.trainer.saved_model_file, weights_only=True)
    del record["identity"]
    torch.save(record, "old.pth")
    with pytest.raises(CheckpointError, match="seed was 2020, is now 7"):
        resume("old.pth", seed=7)
    resume("old.pth")


def test_what_a_user_has_below_data_path_is_what_a_run_reads(tmp_path):
    """RecBole reads its own ml-100k; `data describe` would describe the user's."""
    command = ["--model=Pop", "--dataset=ml-100k", "--epochs=1", "--show_progress=False"]
    carried = CliRunner().invoke(run.main, command)
    assert carried.exit_code == 0, carried.output
    assert "Pop on ml-100k (RecBole's own copy), seed 2020" in carried.stdout
    runs.write_ratings(tmp_path / "dataset", "ml-100k")
    own = CliRunner().invoke(run.main, command)
    assert own.exit_code == 0, own.output
    assert "Pop on ml-100k (dataset/ml-100k), seed 2020" in own.stdout
    described = CliRunner().invoke(main.main, ["data", "describe", "ml-100k"])
    assert re.search(r"users +30\n", described.stdout)

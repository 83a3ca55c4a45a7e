"""What group ``output`` changes: the log on the terminal, bars, and the record of a run."""

import io
import logging
import os
import sys
from pathlib import Path

import pytest
import recbole.trainer.trainer as recbole_trainer
import recbole.utils
import torch
from recbole.config import Config
from recbole.quick_start import quick_start

from recbole_ext.patches.functions import bugs, output
from recbole_ext.trainer import terminal
from recbole_ext.trainer.identity import settings_of
from tests import runs

QUICK = {"data_path": "dataset", "epochs": 3, "show_progress": False}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def log_of(kind, monkeypatch):
    """RecBole's logger of a run that shows ``kind``, after some messages.

    Returns:
        what a terminal gets on standard error, the text of the log file, and whether standard
        error is still the terminal itself.
    """
    stream, root = Terminal(), logging.getLogger()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(root, "handlers", [])  # as in a new process
    monkeypatch.setattr(root, "level", root.level)
    with terminal.shows(kind):
        recbole.utils.init_logger(Config("BPR", "made", config_dict=QUICK))
        root.info(recbole.utils.set_color("a setting", "pink"))
        for _ in range(2):
            root.warning(recbole.utils.set_color("caf\u00e9 is empty", "red"))
        root.error("no rows")
    for handler in root.handlers:
        handler.close()
    (file,) = Path("log/BPR").glob("*.log")
    return stream.getvalue(), file.read_text(encoding="utf-8"), sys.stderr is stream


# --- the log --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["progress", "nothing"])
def test_the_terminal_gets_warnings_once_and_the_file_everything(kind, ratings, monkeypatch):
    shown, file, is_bare = log_of(kind, monkeypatch)
    assert is_bare  # RecBole's colours do not wrap it
    assert shown == "warning: caf\u00e9 is empty\nerror: no rows\n"
    assert [line[line.index(":") + 7 :] for line in file.splitlines()] == [
        "INFO  a setting",
        "WARNING  caf\u00e9 is empty",
        "WARNING  caf\u00e9 is empty",
        "ERROR  no rows",
    ]


@pytest.mark.parametrize("colours", [True, False])
def test_recboles_own_output_stays_but_for_its_colours(colours, ratings, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "" if colours else "1")
    shown, file, is_bare = log_of("log", monkeypatch)
    assert not is_bare
    lines = shown.removesuffix("\x1b[0m").splitlines()
    assert len(lines) == 4
    assert "a setting" in lines[0]
    assert ("\x1b[" in lines[0]) == colours
    assert len(file.splitlines()) == 4
    assert "\x1b[" not in file


def test_a_log_of_another_encoding_holds_every_name(ratings, monkeypatch):
    init = logging.FileHandler.__init__
    monkeypatch.setattr(
        logging.FileHandler, "__init__", lambda self, file: init(self, file, encoding="ascii")
    )
    shown, file, _ = log_of("nothing", monkeypatch)
    assert "caf\u00e9" in file
    assert "Logging error" not in shown


# --- bars -----------------------------------------------------------------------------------


def bars(kind, stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(output, "BAR_DELAY", 0.0)
    with terminal.shows(kind):
        label = recbole.utils.set_color("Train     4", "pink")
        assert list(recbole_trainer.tqdm([1, 2], total=2, ncols=60, desc=label)) == [1, 2]
    return stream.getvalue()


def test_a_bar_is_gone_when_it_has_ended(monkeypatch):
    shown = bars("progress", Terminal(), monkeypatch)
    assert shown.startswith("\repoch 5:   0%|")
    assert shown.split("\r")[-2].strip() == ""
    assert "\n" not in shown


@pytest.mark.parametrize(("kind", "stream"), [("progress", io.StringIO), ("nothing", Terminal)])
def test_no_bar_without_a_terminal_or_a_reader(kind, stream, monkeypatch):
    assert bars(kind, stream(), monkeypatch) == ""


def test_recboles_own_bar_stays(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;35mTrain     4\x1b[0m: 100%" in bars("log", io.StringIO(), monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\rTrain     4: 100%" in bars("log", io.StringIO(), monkeypatch)


@pytest.mark.parametrize(
    ("label", "ours"),
    [("Train     0", "epoch 1"), ("Evaluate   ", "evaluation"), ("", ""), ("other", "other")],
)
def test_labels_count_epochs_from_one(label, ours):
    assert output.bar_label(recbole.utils.set_color(label, "pink")) == ours


# --- the record -----------------------------------------------------------------------------


def test_a_run_has_its_record(ratings, capfd):
    settings = {**QUICK, "eval_step": 2, "epochs": 5, "stopping_step": 10}
    result = quick_start.run_recbole("BPR", "made", config_dict=settings)
    record = result.record
    assert (record.counts.users, record.counts.items) == (30, 20)
    assert record.counts.interactions == sum(record.counts.parts.values())
    assert record.counts.parts == {"train": 239, "valid": 30, "test": 30}
    assert record.epochs == 5
    assert record.best_epoch in (2, 4)
    file = Path(record.checkpoint)
    assert file.parent == Path("saved")
    assert torch.load(file, weights_only=True)["epoch"] == record.best_epoch - 1
    assert record.identity.settings["seed"] == 2020
    assert 0 < record.seconds < 60
    shown = capfd.readouterr()
    assert "epoch 1:" not in shown.err  # RecBole's Python API shows what RecBole shows
    resumed = {**settings, "epochs": 6, "resume_from": str(file.absolute())}
    again = quick_start.run_recbole("BPR", "made", config_dict=resumed).record
    assert again.epochs == 6
    assert again.best_epoch in (2, 4, 6)
    assert Path(again.checkpoint).samefile(file)


def test_without_validation_there_is_no_best_epoch(ratings):
    settings = {**QUICK, "eval_step": 0}
    record = quick_start.run_recbole("BPR", "made", config_dict=settings).record
    assert (record.epochs, record.best_epoch) == (3, 0)


def test_an_unsaved_run_has_no_checkpoint(ratings):
    record = quick_start.run_recbole("Pop", "made", config_dict=QUICK, saved=False).record
    assert (record.epochs, record.best_epoch, record.checkpoint) == (1, 1, "")


# --- what the log said wrongly --------------------------------------------------------------


def test_metrics_are_plain_floats(ratings):
    settings = {"metrics": ["NDCG", "Hit", "GAUC", "ItemCoverage"], "valid_metric": "NDCG@10"}
    run = runs.prepare("BPR", **settings)
    score, valid = run.fit()
    assert {type(value) for value in [score, *valid.values()]} == {float}
    assert "np." not in repr(valid)


def test_use_gpu_false_is_the_cpu(ratings, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    config = Config("BPR", "made", config_dict={**QUICK, "use_gpu": False, "gpu_id": "0"})
    assert (config["gpu_id"], os.environ["CUDA_VISIBLE_DEVICES"]) == ("", "")
    assert (config["device"].type, config["use_gpu"]) == ("cpu", False)


@pytest.mark.parametrize(
    ("settings", "visible"), [({}, "2"), ({"gpu_id": "0"}, "0"), ({"gpu_id": 3}, "3")]
)
def test_the_gpus_of_the_environment_hold_unless_gpu_id_is_given(
    settings, visible, ratings, monkeypatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    monkeypatch.setattr(bugs, "_VISIBLE_GPUS", "2")
    config = Config("BPR", "made", config_dict={**QUICK, **settings})
    assert (config["gpu_id"], os.environ["CUDA_VISIBLE_DEVICES"]) == (visible, visible)


def test_the_settings_say_which_device_is_in_use(ratings):
    config = Config("BPR", "made", config_dict=QUICK)
    assert config["use_gpu"] == (config["device"].type == "cuda")
    assert "use_gpu" not in settings_of(config)

"""What a command leaves of its log, its curves and their folders."""

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner
from recbole.utils import get_tensorboard

from recbole_ext.cli import main, run
from recbole_ext.errors import file_error
from recbole_ext.trainer import checkpoint, outputs
from tests import runs

SMALL = ("--epochs=1", "--show_progress=False", "--data_path=dataset", "--dataset=made")
REFUSED = ("--model=BPR", *SMALL, "--user_inter_num_interval=[1000,inf)")  # no user is left


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """The root logger, as in a new process."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(outputs, "_begun", outputs._Begun())
    yield root
    for handler in root.handlers:
        handler.close()


def invoke(*words, entry=run.main):
    logging.getLogger().handlers.clear()  # pytest's, with which RecBole adds none
    return CliRunner().invoke(entry, list(words), catch_exceptions=False)


def content():
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in Path().rglob("*")}


def begin_run(root, log="log/BPR/a.log"):
    """Begin a log and curves, as RecBole does; the folder of the curves."""
    outputs.begin("saved/deep", "BPR")
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    root.addHandler(logging.FileHandler(log))
    outputs.log_begun()
    root.error("a setting")
    Path("saved/deep").mkdir(parents=True, exist_ok=True)
    return Path(get_tensorboard(root).log_dir)


def test_a_run_that_is_refused_leaves_nothing(ratings, root):
    before = content()
    result = invoke(*REFUSED)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert "log:" not in result.stderr
    logging.getLogger().error("a line that comes late")
    assert content() == before


def test_what_was_begun_is_removed(root):
    assert begin_run(root) == Path("log_tensorboard/a")
    assert len([name for name in content() if Path(name).is_file()]) == 2
    outputs.remove_untrained()
    root.error("a line that comes late")
    assert content() == {}


def test_what_others_have_written_stays(root):
    others = [
        "log/BPR/other.log",
        "log_tensorboard/a/events.out.tfevents.1.host.1.0",
        "saved/x.pth",
    ]
    for file in others:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("mine")
    Path("log/Pop").mkdir()
    before = content()
    begin_run(root)
    outputs.remove_untrained()
    assert content() == before


def test_a_log_that_another_run_writes_to_stays(root):
    Path("log/BPR").mkdir(parents=True)
    Path("log/BPR/a.log").write_text("mine\n")
    begin_run(root)
    outputs.remove_untrained()
    assert Path("log/BPR/a.log").read_text() == "mine\na setting\n"


def test_a_run_that_was_trained_is_kept_and_its_log_is_named(ratings, monkeypatch):
    def full_disk(*_):
        raise file_error(OSError(28, "No space left on device", "saved/x.pth"))

    monkeypatch.setattr(checkpoint, "save", full_disk)
    result = invoke("--model=BPR", *SMALL)
    assert result.exit_code == 2
    (log,) = Path("log/BPR").glob("*.log")
    line = result.stderr.splitlines()[-1]
    assert line.startswith("error: saved/x.pth: ")
    assert line.endswith(f"; log: {log}")
    assert "epoch 0 training" in log.read_text()
    assert len(list(Path("log_tensorboard").glob("*/events*"))) == 1


def test_the_next_run_of_a_process_begins_anew(root):
    begin_run(root)
    outputs.trained()
    assert outputs.trained_log() == "log/BPR/a.log"
    outputs.begin("saved", "BPR")
    assert outputs.trained_log() == ""


@pytest.mark.parametrize(
    "words",
    [("evaluate",), ("similar", "--item=i1"), ("similar", "--item=no"), ("project",)],
    ids=" ".join,
)
def test_a_command_that_reads_a_model_leaves_no_log(words, ratings):
    prepared = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    prepared.fit()
    before = content()
    command, *more = words
    result = invoke(command, prepared.trainer.saved_model_file, *more, entry=main.main)
    assert result.exit_code == (2 if "--item=no" in words else 0), result.output
    new = content().keys() - before.keys()
    assert {name for name in new if not name.startswith("projector")} == set()


def test_a_checkpoint_is_saved_though_its_folder_has_been_removed(ratings):
    prepared = runs.prepare("AutoRec", **runs.SMALL["AutoRec"])
    Path(prepared.config["checkpoint_dir"]).rmdir()  # by a run that was refused
    prepared.fit()
    assert Path(prepared.trainer.saved_model_file).is_file()

"""The lines of a run's progress, and the record of the run."""

import math
import os
import pickle
from dataclasses import replace

import pytest

from recbole_ext.trainer import progress, terminal
from recbole_ext.trainer.identity import RunIdentity
from recbole_ext.trainer.progress import Counts, Progress, RunRecord, RunResult, score_name

COUNTS = Counts(943, 1682, 100_000, {"train": 80_808, "valid": 9_596, "test": 9_596})


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands at 0 until a test moves it."""
    hands = {"now": 0.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: hands["now"])
    return hands


def lines(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


# --- which epochs have a line ---------------------------------------------------------------


def test_the_score_is_named_by_what_epochs_are_chosen_by():
    assert score_name({"valid_metric": "NDCG@10"}) == "ndcg@10"
    both = {"valid_metric": "NDCG@10", "valid_rmse_weight": 0.5}
    assert score_name(both) == "ndcg@10 - 0.5 rmse"
    assert score_name({**both, "valid_rmse_weight": 0.0}) == "ndcg@10"


def test_of_fast_epochs_those_of_one_digit_and_zeros_are_shown():
    shown = [epoch for epoch in range(1, 1001) if progress.has_a_line(epoch, 0.1)]
    assert shown == [*range(1, 11), *range(20, 101, 10), *range(200, 1001, 100)]


def test_a_slow_epoch_is_always_shown():
    assert progress.has_a_line(37, 10.0)
    assert not progress.has_a_line(37, 9.99)


def test_slow_epochs_are_counted_from_the_last_line(clock, capsys):
    run = Progress(COUNTS, "rmse")
    with terminal.shows("progress"):
        for epoch in range(41, 48):  # of a resumed run: its first epoch has a line
            clock["now"] += 4.0
            run.trained(epoch, 1.0, 3.0)
            run.validated(0.5, 1.0)
    assert [line.split(":")[0] for line in lines(capsys)] == ["epoch 41", "epoch 44", "epoch 47"]
    assert run.seconds == 28.0


# --- what a line says -----------------------------------------------------------------------


def test_lines_of_epochs(clock, capsys):
    run = Progress(COUNTS, "ndcg@10", loss_digits=2)
    with terminal.shows("progress"):
        run.trained(1, 12.345, 0.75, is_validated=False)
        assert lines(capsys) == ["epoch 1: loss 12.35, 0.8 s"]
        run.trained(2, (1.0, 0.125), 0.5)
        assert lines(capsys) == []  # its score is still to come
        run.validated(0.26181, 0.25)
        assert lines(capsys) == ["epoch 2: loss 1.00 + 0.12, ndcg@10 0.2618, 0.8 s"]
        run.trained(3, 1.0, 0.5)  # a pre-training, which is never validated
        run.trained(4, 1.0, 0.5)
        run.flush()
        run.flush()
        assert lines(capsys) == ["epoch 3: loss 1.00, 0.5 s", "epoch 4: loss 1.00, 0.5 s"]
    assert (run.epoch, run.validated_epoch, run.seconds) == (4, 2, 2.5)


def test_a_model_without_a_loss_shows_its_score_alone(clock, capsys):
    run = Progress(COUNTS, "mrr@10", metric_digits=3, has_loss=False)
    with terminal.shows("progress"):
        run.trained(1, 0.0, 1.0)
        run.validated(0.42013, 0.04)
        run.trained(2, 0.0, 1.0, is_validated=False)
    assert lines(capsys) == ["epoch 1: mrr@10 0.420, 1.0 s"]


def test_trees_are_validated_alone(clock, capsys):
    run = Progress(COUNTS, "auc")
    with terminal.shows("progress"):
        run.validated(0.5, 1.0)
        run.validated(0.6, 1.0)
    assert lines(capsys) == ["epoch 1: auc 0.5000, 1.0 s", "epoch 2: auc 0.6000, 1.0 s"]


@pytest.mark.parametrize("kind", ["log", "nothing"])
def test_nothing_is_said_where_progress_is_not_shown(kind, capsys):
    run = Progress(COUNTS, "rmse")
    with terminal.shows(kind):
        run.trained(1, 1.0, 1.0)
        run.validated(1.0, 1.0)
    assert lines(capsys) == []
    assert run.validated_epoch == 1


def test_counts_are_a_line():
    assert str(COUNTS) == (
        "943 users, 1,682 items, 100,000 interactions (80,808 train, 9,596 valid, 9,596 test)"
    )
    assert str(replace(COUNTS, parts={})) == "943 users, 1,682 items, 100,000 interactions ()"


# --- the terminal ---------------------------------------------------------------------------


def test_what_is_shown_ends_with_the_block(monkeypatch):
    monkeypatch.delenv(terminal.VARIABLE, raising=False)
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    before = dict(os.environ)
    assert terminal.output() == "log"
    with terminal.shows("progress"):
        with terminal.shows("nothing"):
            assert terminal.output() == "nothing"
        assert os.environ[terminal.VARIABLE] == "progress"  # for processes that start now
        assert terminal.output() == "progress"
    assert dict(os.environ) == before
    monkeypatch.setenv(terminal.VARIABLE, "anything")
    assert terminal.output() == "log"


def test_a_closed_standard_error_is_nobodys(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    with terminal.shows("progress"):
        terminal.say("epoch 1")
    assert not terminal.is_terminal()
    monkeypatch.undo()
    assert lines(capsys) == []


# --- the result -----------------------------------------------------------------------------


def test_a_result_is_recboles_dict_with_a_record():
    identity = RunIdentity({"seed": 1}, "d", {"train": "t"}, {"torch": "2"})
    record = RunRecord(identity, COUNTS, 57, 47, 13.25, "saved/a.pth", "log/a.log")
    plain = {"best_valid_score": 0.5, "test_result": {"rmse": math.pi}}
    result = RunResult(plain, record)
    assert result == plain
    assert repr(result) == repr(plain)
    copy = pickle.loads(pickle.dumps(result))  # as it comes from another process
    assert (copy, copy.record) == (plain, record)

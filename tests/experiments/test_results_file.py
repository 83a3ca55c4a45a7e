"""Results that only grow."""

import os

import pytest

from recbole_ext.experiments import results_file


def test_a_line_without_an_end_is_not_read_and_is_cut_when_asked(tmp_path):
    file = tmp_path / "results"
    assert results_file.read(file) == []
    results_file.cut(file)
    assert not file.exists()
    with results_file.adding_to(file) as stream:
        stream.write("one\ntwo\n")
    assert results_file.read(file) == ["one", "two"]
    with file.open("a") as stream:
        stream.write("thr")
    assert results_file.read(file) == ["one", "two"]
    assert file.read_text() == "one\ntwo\nthr"
    results_file.cut(file)
    assert file.read_text() == "one\ntwo\n"
    with results_file.adding_to(file) as stream:
        stream.write("three\n")
    assert results_file.read(file) == ["one", "two", "three"]


def test_nothing_but_an_unfinished_line(tmp_path):
    file = tmp_path / "results"
    file.write_text("on")
    assert results_file.read(file) == []
    results_file.cut(file)
    assert file.read_text() == ""


def test_a_kill_while_a_line_is_cut_loses_no_other(tmp_path, monkeypatch):
    file = tmp_path / "results"
    file.write_text("one\ntwo\nthr")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "truncate", killed)
        with pytest.raises(KeyboardInterrupt):
            results_file.cut(file)
    assert file.read_text() == "one\ntwo\nthr"
    results_file.cut(file)
    assert file.read_text() == "one\ntwo\n"


def test_a_line_may_end_within_a_letter(tmp_path):
    file = tmp_path / "results"
    file.write_bytes("één\ntwéé".encode()[:-1])
    assert results_file.read(file) == ["één"]
    results_file.cut(file)
    assert file.read_text(encoding="utf-8") == "één\n"

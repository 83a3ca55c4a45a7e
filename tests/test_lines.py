"""Results that only grow."""

from recbole_ext import lines


def test_a_line_without_an_end_is_not_read_and_is_cut_when_asked(tmp_path):
    file = tmp_path / "results"
    assert lines.read(file) == []
    lines.cut(file)
    assert not file.exists()
    with lines.adding_to(file) as stream:
        stream.write("one\ntwo\n")
    assert lines.read(file) == ["one", "two"]
    with file.open("a") as stream:
        stream.write("thr")
    assert lines.read(file) == ["one", "two"]
    assert file.read_text() == "one\ntwo\nthr"
    lines.cut(file)
    assert file.read_text() == "one\ntwo\n"
    with lines.adding_to(file) as stream:
        stream.write("three\n")
    assert lines.read(file) == ["one", "two", "three"]


def test_nothing_but_an_unfinished_line(tmp_path):
    file = tmp_path / "results"
    file.write_text("on")
    assert lines.read(file) == []
    lines.cut(file)
    assert file.read_text() == ""

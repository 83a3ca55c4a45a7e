import functools
import traceback

import pytest

from recbole_ext.patches.rewriting import PatchError, rewrite


def test_the_object_stays_and_every_reference_sees_the_change():
    def double(x, times=2):
        return x * times

    alias = double
    rewrite(double, {"x * times": "x + times"})
    assert alias is double
    assert alias(5) == 7
    assert alias(5, times=10) == 15


def test_changes_add_up_and_repeat_harmlessly():
    def line(x):
        return 2 * x + 1

    rewrite(line, {"2 * x": "3 * x"})
    rewrite(line, {"+ 1": "+ 5"})
    rewrite(line, {"2 * x": "3 * x"})
    assert line(10) == 35


def test_super_still_finds_its_class():
    class Base:
        def name(self):
            return "base"

    class Child(Base):
        def name(self):
            return super().name() + "!"

    rewrite(Child.name, {'"!"': '"?"'})
    assert Child().name() == "base?"


def test_a_decorated_function_is_changed_inside():
    def loud(function):
        @functools.wraps(function)
        def call():
            return function().upper()

        return call

    @loud
    def word():
        return "old"

    rewrite(word, {"old": "new"})
    assert word() == "NEW"


def test_tracebacks_keep_their_line():
    def fail():
        raise ValueError("before")

    line = fail.__code__.co_firstlineno + 1
    rewrite(fail, {"before": "after"})
    with pytest.raises(ValueError, match="after") as caught:
        fail()
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno) == (__file__, line)


def test_another_text_is_refused():
    def something():
        return 1

    with pytest.raises(PatchError, match=r"does not contain 'return 2'.*1\.2\.1"):
        rewrite(something, {"return 2": "return 3"})

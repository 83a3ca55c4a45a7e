import functools
import inspect
import linecache
import traceback

import pytest

from recbole_ext.patches.patch import Edit, PatchError
from recbole_ext.patches.source import edit, edited_name, original_source, source_hash


def rewrite(function, changes):
    edit(function, [Edit(old, new) for old, new in changes.items()])


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


def test_a_traceback_shows_the_code_that_ran():
    def fail():
        raise ValueError("before")

    line = fail.__code__.co_firstlineno + 1
    rewrite(fail, {'"before"': '"after"'})
    rewrite(fail, {"ValueError": "KeyError"})
    with pytest.raises(KeyError) as caught:
        fail()
    linecache.checkcache()  # as the traceback module does; it forgets files that are gone
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno) == (edited_name(fail), line)
    assert frame.line == 'raise KeyError("after")'
    text = "".join(traceback.format_exception(caught.value))
    assert "edited by recbole_ext>" in text
    assert 'raise KeyError("after")' in text
    assert 'return ValueError("before")' not in text


def test_the_original_source_is_still_known():
    def add(x):
        return x + 1

    before = source_hash(add)
    rewrite(add, {"x + 1": "x + 2"})
    assert original_source(add) == "def add(x):\n    return x + 1\n"
    assert source_hash(add) == before
    assert "x + 2" in inspect.getsource(add)


@pytest.mark.parametrize(("old", "times"), [("return 2", 1), ("1", 2), ("x", 1)])
def test_another_number_of_occurrences_is_refused(old, times):
    def something(x):
        return x + 1

    with pytest.raises(PatchError, match=f"expected '{old}' {times} times, found it"):
        edit(something, [Edit(old, "y", times)])
    assert something(1) == 2

"""The page of RecBole's own tests: what it counts, and when it complains."""

import re
from pathlib import Path

import pytest
import yaml

from tests.recbole_suite import page
from tests.recbole_suite.page import ALONE, OFF, WITH, Outcome

PAGE = Path(__file__).parents[2] / "docs" / "recbole_tests.md"
JUNIT = """<?xml version="1.0"?><testsuites><testsuite name="pytest">
<testcase classname="tests.a.test_a.TestA" name="test_one"/>
<testcase classname="tests.a.test_a.TestA" name="test_two">
  <failure message="ValueError: no&#10;second line">text</failure></testcase>
{error}</testsuite></testsuites>"""
ERROR = """<testcase classname="" name="tests.a.test_a"><error message="collection failure">x = y
E   while this
E   AttributeError: no y</error></testcase>"""
PART = "a/test_a.py::TestA"


@pytest.fixture
def reasons(tmp_path, monkeypatch):
    """`write(tests)`: a reasons.yaml that has a reason for these tests of the part."""
    monkeypatch.setattr(page, "REASONS", tmp_path / "reasons.yaml")

    def write(*tests):
        ids = [f"{PART}::{test}" for test in tests]
        reason = {"tests": ids, "whose": "check", "why": "Nobody reads it."}
        page.REASONS.write_text(yaml.safe_dump([reason]))

    return write


def outcomes():
    return {
        PART: {
            ALONE: {"": Outcome(False, "AttributeError: no y")},
            WITH: {
                "test_one": Outcome(True, ""),
                "test_two": Outcome(False, "ValueError: no"),
                "test_three": Outcome(False, "KeyError: x"),
            },
            OFF: {"test_two": Outcome(True, ""), "test_three": Outcome(False, "KeyError: x")},
        }
    }


def test_a_junit_file_is_read(tmp_path):
    file = tmp_path / "x.xml"
    file.write_text(JUNIT.format(error=ERROR))
    assert page.read_junit(file) == {
        "test_one": Outcome(True, ""),
        "test_two": Outcome(False, "ValueError: no"),
        "": Outcome(False, "AttributeError: no y"),
    }


def test_the_page_counts_tests_and_shows_whose_a_failure_is(reasons):
    reasons("test_two", "test_three")
    text, complaints = page.write(outcomes())
    assert complaints == []
    assert f"| `{PART}` | 3 | 0 | 1 | 2 check |" in text
    assert "| all | 3 | 0 | 1 | 2 check |" in text
    assert "| `test_two`, `test_three` | check | Nobody reads it. | fails, passes |" in text


def test_a_failure_without_a_reason_and_a_reason_without_a_failure_are_complaints(reasons):
    reasons("test_one", "test_two")
    text, complaints = page.write(outcomes())
    assert "| `test_one`, `test_two` | check | Nobody reads it. | ?, passes |" in text
    assert complaints == [
        f"{PART}::test_one has a reason and has not failed",
        f"{PART}::test_three has no reason: KeyError: x",
    ]


def test_the_page_in_docs_has_the_reasons_of_today():
    text = PAGE.read_text(encoding="utf-8")
    for reason in yaml.safe_load(page.REASONS.read_text(encoding="utf-8")):
        assert reason["whose"] in page.OWNERS
        names = ", ".join(f"`{test.rsplit('::', 1)[1]}`" for test in reason["tests"])
        assert re.search(f"^{re.escape(f'| {names} | ')}.*{re.escape(reason['why'])}", text, re.M)

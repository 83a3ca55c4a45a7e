"""All inputs of the tables, by the script that prints them; see `python -m tests.inputs`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.inputs import tables
from tests.inputs.case import WORKS, Input
from tests.inputs.verdict import judge

EVERY = 3
ROOT = Path(__file__).parents[2]


def test_there_are_400_inputs_with_names_of_their_own():
    cases = tables.all_inputs()
    assert len(cases[::EVERY]) >= 400
    assert len({case.name for case in cases}) == len(cases)
    assert len({case.typed for case in cases if not (case.files or case.prepare)}) >= 200
    assert {*tables.OPEN} <= {case.name for case in cases}


@pytest.mark.slow
def test_every_third_input_ends_as_it_should():
    """All of them take minutes; the script runs them."""
    command = [sys.executable, "-m", "tests.inputs", "--failed", "--known", f"--every={EVERY}"]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


# --- the verdict ----------------------------------------------------------------------------

MISTAKE = Input("m", "run BPR tiny", 2, "epochs ... found -1")
LINE = "error: epochs: expected 1, found -1\n"


def test_one_line_that_says_it_is_well():
    assert judge(MISTAKE, 2, "", "warning: x\n" + LINE, {"a": "1"}, {"a": "1"}) == ()
    usage = "Usage: x\n       y\nTry 'x --help' for help.\n\nError: epochs, found -1\n"
    assert judge(MISTAKE, 2, "", usage, {}, {}) == ()
    assert judge(Input("w", "run BPR tiny", WORKS, "test"), 0, "test", "", {}, {"log": "x"}) == ()


@pytest.mark.parametrize(
    ("ended", "problem"),
    [
        ((None, "", LINE, {}, {}), "hangs"),
        ((1, "", LINE, {}, {}), "status 1, expected 2"),
        ((-11, "", LINE, {}, {}), "status -11, expected 2"),
        ((2, "Traceback (most recent call last)", LINE, {}, {}), "a traceback"),
        ((2, "", LINE + "more\n", {}, {}), "2 lines of error"),
        ((2, "", LINE[7:], {}, {}), "a line that does not begin with error:"),
        ((2, "", "error: found -1\n", {}, {}), "does not say 'epochs'"),
        ((2, "", "error: found -1 epochs\n", {}, {}), "does not say 'found -1'"),
        ((2, "", LINE, {}, {"log": "a folder"}), "leaves log"),
        ((2, "", LINE, {"a": "1"}, {"a": "2"}), "leaves a"),
        ((2, "", LINE, {"a": "1"}, {}), "leaves a"),
    ],
)
def test_what_is_wrong(ended, problem):
    assert judge(MISTAKE, *ended) == (problem,)


def test_what_works_leaves_nothing_unfinished():
    works = Input("w", "run BPR tiny", WORKS)
    assert judge(works, 0, "", "", {}, {"saved/.x.part": "1"}) == ("leaves saved/.x.part",)

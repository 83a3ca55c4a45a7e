"""All inputs of the tables, by the script that prints them; see `python -m tests.inputs`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.inputs import processes, run_all, tables, workplace
from tests.inputs.case import WORKS, Input, python
from tests.inputs.verdict import Outcome, judge

EVERY = 9
ROOT = Path(__file__).parents[2]


def test_there_are_400_inputs_with_names_of_their_own():
    cases = tables.all_inputs()
    assert len(cases) >= 1200
    assert len({case.name for case in cases}) == len(cases)
    assert len({case.typed for case in cases if not (case.files or case.prepare)}) >= 200


@pytest.mark.slow
def test_every_ninth_input_ends_as_it_should():
    """All of them take minutes; the script runs them."""
    command = [sys.executable, "-m", "tests.inputs", "--failed", f"--every={EVERY}"]
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


# --- processes ------------------------------------------------------------------------------


def outcome_of(tmp_path: Path, code: str, limit: float = 60.0, **more: object) -> Outcome:
    """The outcome of a line of Python, which should work."""
    case = Input("a line of Python", python(code), WORKS, process=True, **more)  # type: ignore[arg-type]
    folder = tmp_path / "0" / "here"
    (tmp_path / "template").mkdir()
    folder.parent.mkdir()
    workplace.prepare(case, tmp_path / "template", folder)
    running = processes.start(case, folder)
    while (outcome := run_all.look(running, workplace.snapshot(folder), limit)) is None:
        time.sleep(0.01)
    return outcome


def test_what_a_process_prints_and_its_status_are_kept(tmp_path):
    outcome = outcome_of(
        tmp_path, "import sys; print('yes'); print('no', file=sys.stderr); exit(3)"
    )
    assert (outcome.status, outcome.stdout, outcome.stderr) == (3, "yes\n", "no\n")
    assert outcome.problems == ("status 3, expected 0",)


def test_a_process_that_hangs_is_ended(tmp_path):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    outcome = outcome_of(tmp_path, code, limit=10)
    assert outcome.problems == ("hangs",)
    with pytest.raises(ProcessLookupError):
        os.kill(int(outcome.stdout), 0)


def test_a_process_gets_its_signal_once_the_file_is_there(tmp_path):
    code = "open('a.pth', 'w').close(); import time; time.sleep(600)"
    outcome = outcome_of(tmp_path, code, signal=(signal.SIGTERM, "*.pth"))
    assert outcome.status == -signal.SIGTERM


@pytest.mark.parametrize(
    ("limits", "code", "error"),
    [
        ({"powerless": True, "prepare": lambda x: x.chmod(0o555)}, "open('a', 'w')", "Permission"),
        ({"most_bytes": 4000}, "open('a', 'w', 1).write('x' * 9000 + '\\n')", "File too large"),
        ({"output": "full"}, "print('x', flush=True)", "No space left"),
        ({"output": "closed"}, "print('x', flush=True)", "Broken pipe"),
    ],
)
def test_what_an_input_may_not_have_is_taken_from_it(limits, code, error, tmp_path):
    outcome = outcome_of(tmp_path, code, **limits)
    assert error in outcome.stderr
    assert "a traceback" in outcome.problems

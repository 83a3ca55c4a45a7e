"""RecBole's own tests, with recbole_ext and without it, as the page docs/recbole_tests.md.

    git clone --branch v1.2.1 https://github.com/RUCAIBox/RecBole CHECKOUT
    python -m tests.recbole_suite CHECKOUT RESULTS > docs/recbole_tests.md

RESULTS is a folder that gets one JUnit file for each part of the suite. A part whose file is there
is not run again: an interrupted run goes on, and a deleted file is run once more. Words after
RESULTS run only the parts whose names contain one of them, and print no page. Packages that models
import on demand, and that are worth installing: see ``PACKAGES``.

A test that fails needs a line in reasons.yaml, which says whose fault it is and why. The exit
status is 1 where a line is missing, or where one is about a test that passes.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.recbole_suite import page
from tests.recbole_suite.page import ALONE, OFF, WITH, Outcomes

LIMIT = 300  # seconds a test
CONFTEST = f"""
import signal
import sys

import pytest

sys.argv = sys.argv[:1]  # RecBole's Config reads pytest's options otherwise


def too_long(*_):
    pytest.fail("ran for {LIMIT} seconds")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm({LIMIT})
    try:
        return (yield)
    finally:
        signal.alarm(0)
"""
# tests/config/test_command_line.py is a script; this is how RecBole's run_test.sh calls it
SCRIPT_TEST = """
import runpy
import sys


def test_script(monkeypatch):
    options = "--use_gpu=False --valid_metric=Recall@10 --metrics=['Recall'] --epochs=200"
    options += " --learning_rate=0.3"
    monkeypatch.setattr(sys, "argv", ["test_command_line.py", *options.split()])
    runpy.run_path("tests/config/test_command_line.py", run_name="__main__")
"""
SCRIPT = "config/test_command_line_script.py"
# The last line of RecBole's test data has a column too many, which RecBole passes over and our
# reader refuses. Every model's test would fail by it.
TEST_DATA, LAST_LINE, MENDED = "test_data/test/test.inter", "876250746\t1", "876250746"


def parts_of(tests: Path) -> list[str]:
    """The parts that are run by one process each: ``folder/file.py::Class``, of all test files."""
    parts = []
    for path in sorted(tests.rglob("test_*.py")):
        name = path.relative_to(tests).as_posix()
        classes = re.findall(r"^class (Test\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        parts += [f"{name}::{cls}" for cls in classes if cls != "TestCases"]
    return [*parts, SCRIPT]


def run(mode: str, ids: list[str], checkout: Path, file: Path) -> None:
    """Run some tests by one process in a scratch folder, which writes a JUnit file.

    Args:
        mode: RecBole alone, with recbole_ext, or with its corrections switched off.
        ids: parts or tests, of one file.
        checkout: RecBole's repository.
        file: the JUnit file.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("tests", "dataset"):  # not recbole: the installed one is tested
            shutil.copytree(checkout / name, folder / name)
        data = folder / "tests" / TEST_DATA
        text = data.read_text(encoding="utf-8")
        data.write_text(text.replace(LAST_LINE, MENDED), encoding="utf-8")
        imports = "" if mode == ALONE else "import recbole_ext\n"
        (folder / "conftest.py").write_text(imports + CONFTEST, encoding="utf-8")
        (folder / "tests" / SCRIPT).write_text(SCRIPT_TEST, encoding="utf-8")
        switch = {"RECBOLE_EXT_DISABLE": "bugs"} if mode == OFF else {}
        options = ["-q", "--tb=line", "-p", "no:cacheprovider", f"--junitxml={folder / 'x.xml'}"]
        subprocess.run(
            [sys.executable, "-m", "pytest", *options, *(f"tests/{name}" for name in ids)],
            cwd=folder,
            env=os.environ | switch,
            stdout=sys.stderr,
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / "x.xml", file)


def main() -> None:
    checkout, results, *words = sys.argv[1:]
    root, kept = Path(checkout).absolute(), Path(results).absolute()
    outcomes: Outcomes = {}
    for part in parts_of(root / "tests"):
        if words and not any(word in part for word in words):
            continue
        outcomes[part] = {}
        for mode in (WITH, OFF, ALONE):
            ids = [part]
            if mode == OFF:  # is a failure that of a correction?
                ids = page.failed(outcomes[part][WITH], part)
            file = kept / mode / (re.sub(r"\W+", "-", part) + ".xml")
            if ids and not file.exists():
                print(mode, part, file=sys.stderr, flush=True)
                run(mode, ids, root, file)
            outcomes[part][mode] = page.read_junit(file) if ids else {}
    if words:
        return
    text, complaints = page.write(outcomes)
    print(text, end="")
    print(*complaints, sep="\n", file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()

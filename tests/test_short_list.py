""".ci/short, the short list on another Python, with a Python and programs that only pretend."""

import os
import subprocess
from pathlib import Path

import pytest

SHORT = Path(__file__).parents[1] / ".ci" / "short"
PROGRAMS = ("pip", "python", "run_recbole", "recbole-ext")


def tried(folder: Path, venv: str = "", **failures: str) -> tuple[int, str]:
    """Status and last line of the list.

    Args:
        venv: what Python says where it makes no virtual environment.
        failures: name of a program in the environment -> what it says when it fails.
    """
    ready = folder / "ready"
    ready.mkdir()
    for name in PROGRAMS:
        text = failures.get(name.replace("-", "_"))
        (ready / name).write_text(f"#!/bin/sh\necho '{text}'\nexit {1 if text else 0}\n")
        (ready / name).chmod(0o755)
    made = f"echo '{venv}'; exit 1" if venv else f'mkdir -p "$3" && cp -r "{ready}" "$3/bin"'
    python = folder / "python3.99"
    python.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo Python 3.99.0; else {made}; fi\n'
    )
    python.chmod(0o755)
    run = subprocess.run(
        [SHORT, python], capture_output=True, text=True, env={**os.environ, "TMPDIR": str(folder)}
    )
    assert not list(folder.glob("tmp.*")), "the environment is left behind"
    return run.returncode, run.stdout.splitlines()[-1]


def test_all_steps_pass(tmp_path):
    status, line = tried(tmp_path)
    assert status == 0
    assert line.startswith("passed on Python 3.99.0 in ")


def test_all_steps_are_tried_and_those_that_fail_are_named(tmp_path):
    failures = {"run_recbole": "a traceback", "recbole_ext": "no"}
    assert tried(tmp_path, **failures) == (1, "failed on Python 3.99.0: AutoRec, NCFMLP, doctor")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERROR: ResolutionImpossible", (1, "failed on Python 3.99.0: pip install")),
        (
            "Connection broken: ConnectionResetError",
            (3, "not tried on Python 3.99.0: pip got no packages"),
        ),
        ("No space left on device", (3, "not tried on Python 3.99.0: pip got no packages")),
    ],
)
def test_where_pip_fails(tmp_path, text, expected):
    assert tried(tmp_path, pip=text) == expected


def test_where_python_makes_no_virtual_environment(tmp_path):
    expected = (3, "not tried on Python 3.99.0: no virtual environment")
    assert tried(tmp_path, venv="ensurepip is not available") == expected

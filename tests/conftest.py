import copy
import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

# The expected numbers of most tests are the CPU's, and most make their tensors there.
#     RECBOLE_EXT_TEST_GPU=1 python -m pytest tests/test_gpu.py
if "RECBOLE_EXT_TEST_GPU" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

import recbole_ext  # noqa: F401
from recbole_ext.experiments import processes
from recbole_ext.registry import models
from tests import jobs, runs
from tests.forks import Forks

# A busy machine is slow; no test here is about how long an example takes.
hypothesis.settings.register_profile("recbole_ext", deadline=None)
hypothesis.settings.load_profile("recbole_ext")


@pytest.fixture(scope="session", autouse=True)
def _defaults_are_parsed_once() -> Iterator[None]:
    """Each of thousands of Configs parses RecBole's files of defaults, the same ones again."""
    parse = functools.cache(yaml.load)

    def load(stream: Any, Loader: Any) -> Any:  # noqa: N803  PyYAML's name
        if Loader is yaml.FullLoader and isinstance(stream, str):
            return copy.deepcopy(parse(stream, Loader))
        return parse.__wrapped__(stream, Loader)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "load", load)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_power_fails() -> Iterator[None]:
    """What is written need not reach the disk itself; test_atomic_write sees that it is told to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RecBole's Config reads sys.argv, and a run writes log/ and saved/ where it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])


@pytest.fixture(autouse=True)
def _only_declared_models() -> Iterator[None]:
    """A model that a test has registered is not there for the next one."""
    yield
    models.forget()


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """The folder of a made data set `made`: 30 users, 20 items, ratings 1 to 5."""
    return runs.write_ratings(tmp_path / "dataset", "made")


@pytest.fixture
def runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs of a benchmark or search are made in this process, see ``jobs.run_here``."""
    monkeypatch.setattr(processes, "run_all", jobs.run_here)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Commands that start at once, see ``Forks``."""
    running = Forks()
    yield running
    running.close()

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# The expected numbers of most tests are the CPU's, and most make their tensors there.
#     RECBOLE_EXT_TEST_GPU=1 python -m pytest tests/test_gpu.py
if "RECBOLE_EXT_TEST_GPU" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

import recbole_ext  # noqa: F401
from recbole_ext.registry import models
from tests import runs

# A busy machine is slow; no test here is about how long an example takes.
hypothesis.settings.register_profile("recbole_ext", deadline=None)
hypothesis.settings.load_profile("recbole_ext")


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

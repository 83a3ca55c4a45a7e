import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _unimported(tmp_path: Path) -> Iterator[None]:
    """Modules that a test has imported from its folder are not there for the next one."""
    path = [*sys.path]
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
